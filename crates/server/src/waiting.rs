//! Waiting for a handful of descriptors, by threads that do not serve a loop of peers.

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// Waits until one of `fds` is readable or `timeout` has passed (`None`: for ever), through any
/// signals; the places of those that are.
pub(crate) fn until_readable(fds: &[BorrowedFd<'_>], timeout: Option<Duration>) -> Vec<usize> {
    let mut list: Vec<PollFd<'_>> = fds.iter().map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
    // A timeout beyond what the clock can say is none.
    let end = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    loop {
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        let left = left.and_then(|left| Timespec::try_from(left).ok());
        match poll(&mut list, left.as_ref()) {
            Ok(_) => break,
            Err(Errno::INTR) => {}
            Err(error) => {
                tracing::warn!("poll failed: {error}");
                return Vec::new();
            }
        }
    }
    let ready = list.iter().enumerate().filter(|(_, entry)| !entry.revents().is_empty());
    ready.map(|(index, _)| index).collect()
}
