//! Mappings of this process: how many threads it may have, each of which needs four.

use std::fs;

/// A thread's stack and the stack for its signals, each with a guard page. The standard library
/// ends the process when the system refuses the latter two (`RUST_MIN_STACK` changes none of that).
const EACH: usize = 4;

/// How many mappings a process may have (`vm.max_map_count`, proc_sys_vm(5)); `None`: not known here,
/// or without a limit.
pub(crate) fn limit() -> Option<usize> {
    fs::read_to_string("/proc/sys/vm/max_map_count").ok()?.trim().parse().ok()
}

/// How many threads can be started beside what is mapped now, if one part in `spare` of the limit is
/// kept free for what the allocator maps for them.
pub(crate) fn threads_that_fit(spare: usize) -> usize {
    that_fit(EACH, spare)
}

/// How many things with so many mappings `each` fit beside what is mapped now, if one part in
/// `spare` of the limit is kept free.
pub(crate) fn that_fit(each: usize, spare: usize) -> usize {
    let Some(limit) = limit() else { return usize::MAX };
    let used = fs::read_to_string("/proc/self/maps").map_or(0, |maps| maps.lines().count());
    ((limit - limit / spare).saturating_sub(used) / each).max(1)
}
