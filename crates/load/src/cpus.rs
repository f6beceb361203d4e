//! Which processors a process may run on.

use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_getaffinity};

/// Those that this process may run on, by number.
pub(crate) fn own() -> Vec<u32> {
    of(None)
}

/// Those that a process may run on; none if it has gone.
pub(crate) fn of(pid: Option<Pid>) -> Vec<u32> {
    let Ok(set) = sched_getaffinity(pid) else { return Vec::new() };
    let numbers = 0..CpuSet::MAX_CPU;
    numbers.filter(|number| set.is_set(*number)).map(|number| number as u32).collect()
}

/// How many of this machine are switched on.
pub(crate) fn online() -> u32 {
    let list = std::fs::read_to_string("/sys/devices/system/cpu/online").unwrap_or_default();
    counted(list.trim()).unwrap_or_else(|| own().len() as u32)
}

/// How many numbers a list such as `0-3,8` has.
fn counted(list: &str) -> Option<u32> {
    list.split(',').try_fold(0, |sum, range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        Some(sum + last.checked_sub(first)? + 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_processors_is_counted() {
        assert_eq!(counted("0"), Some(1));
        assert_eq!(counted("0-3,8"), Some(5));
        assert_eq!(counted(""), None);
        assert_eq!(counted("3-1"), None);
    }

    /// Kills: numbers that are off by one; an empty set taken for an answer.
    #[test]
    fn this_process_may_run_somewhere() {
        assert!(!own().is_empty());
        assert!(online() >= own().len() as u32);
        assert_eq!(of(Some(rustix::process::getpid())), own());
    }
}
