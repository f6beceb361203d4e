//! Descriptors of this process: how many it may have and how many it has.

use std::fs;
use std::io;
use std::os::fd::RawFd;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Kept free for what a service or the runtime opens for itself.
const SPARE: u64 = 16;

/// Raises the soft limit to the hard one; returns the limit in force.
pub(crate) fn raise_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            tracing::debug!("the descriptor limit stays as it is: {error}");
        }
    }
    limit_now()
}

/// The soft limit on descriptors (getrlimit(2), `RLIMIT_NOFILE`).
pub(crate) fn limit_now() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// How many peers fit beside what is open now: one descriptor each.
pub(crate) fn peers_that_fit() -> usize {
    let free = limit_now().saturating_sub(in_use()).saturating_sub(SPARE).max(1);
    usize::try_from(free).unwrap_or(usize::MAX)
}

/// How many descriptors this process has open.
pub(crate) fn in_use() -> u64 {
    // What cannot be known is taken for what every process has.
    open_now().map_or(3, |open| open.len() as u64)
}

/// The descriptors that this process has open, in ascending order.
///
/// # Errors
/// If the system does not list them.
pub(crate) fn open_now() -> io::Result<Vec<RawFd>> {
    let entries = fs::read_dir("/proc/self/fd").or_else(|_| fs::read_dir("/dev/fd"))?;
    let numbers: Vec<RawFd> =
        entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    // One of them was the directory's own.
    // SAFETY: asks about a number, whatever is or is not open there.
    let is_open = |fd: &RawFd| unsafe { libc::fcntl(*fd, libc::F_GETFD) } != -1;
    let mut open: Vec<RawFd> = numbers.into_iter().filter(is_open).collect();
    open.sort_unstable();
    Ok(open)
}
