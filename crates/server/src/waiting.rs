//! Waiting for a handful of descriptors, by threads that do not serve a loop of peers.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

#[cfg(target_os = "linux")]
pub(crate) use watch::Watch;

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

#[cfg(target_os = "linux")]
mod watch {
    use std::os::fd::OwnedFd;

    use rustix::buffer::spare_capacity;
    use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};

    use super::*;

    /// Descriptors that one thread waits for again and again: an epoll set.
    pub(crate) struct Watch {
        epoll: OwnedFd,
        told: Vec<Event>,
    }

    impl Watch {
        pub(crate) fn new() -> io::Result<Watch> {
            Ok(Watch { epoll: epoll::create(CreateFlags::CLOEXEC)?, told: Vec::with_capacity(64) })
        }

        /// Watches `fd`, under a name of the caller's. Of those who watch one descriptor
        /// `exclusive`ly, the kernel wakes at least one, not all (epoll_ctl(2), `EPOLLEXCLUSIVE`).
        pub(crate) fn add(&self, fd: impl AsFd, name: u64, exclusive: bool) -> io::Result<()> {
            let mut flags = EventFlags::IN;
            flags.set(EventFlags::EXCLUSIVE, exclusive);
            Ok(epoll::add(&self.epoll, fd, EventData::new_u64(name), flags)?)
        }

        /// Watches whether `fd` takes more.
        pub(crate) fn add_writable(&self, fd: impl AsFd, name: u64) -> io::Result<()> {
            Ok(epoll::add(&self.epoll, fd, EventData::new_u64(name), EventFlags::OUT)?)
        }

        /// Watches `fd` no longer.
        pub(crate) fn remove(&self, fd: impl AsFd) {
            if let Err(error) = epoll::delete(&self.epoll, fd) {
                tracing::warn!("epoll cannot let go of a descriptor: {error}");
            }
        }

        /// Waits until one is readable or `timeout` has passed; a signal may end it early.
        pub(crate) fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
            self.told.clear();
            let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
            match epoll::wait(&self.epoll, spare_capacity(&mut self.told), timeout.as_ref()) {
                Ok(_) | Err(Errno::INTR) => Ok(()),
                Err(error) => Err(error.into()),
            }
        }

        /// How many the last wait found.
        pub(crate) fn len(&self) -> usize {
            self.told.len()
        }

        /// The name of one of them.
        pub(crate) fn ready_at(&self, place: usize) -> u64 {
            let Event { data, .. } = self.told[place];
            data.u64()
        }

        /// The names of those that are readable now, without waiting.
        pub(crate) fn ready_now(&mut self) -> io::Result<Vec<u64>> {
            self.wait(Some(Duration::ZERO))?;
            Ok((0..self.len()).map(|place| self.ready_at(place)).collect())
        }
    }

    /// Readable when one of those that it watches is (epoll(7)).
    impl AsFd for Watch {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.epoll.as_fd()
        }
    }
}
