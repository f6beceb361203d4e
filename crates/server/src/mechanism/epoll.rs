//! epoll(7): the kernel remembers what is watched, and only what is ready costs anything.
//!
//! Level-triggered (`epoll`), a socket is told of as long as it is ready; edge-triggered
//! (`epoll-et`), once for each change, so that it must be read until nothing is left.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;

use super::{Interest, Key, Mechanism, Ready, timespec};
use crate::model::{Kind, Run, loop_model, loops};
use crate::reactor;

/// Events taken from the kernel at a time.
const BATCH: usize = 1024;

/// An epoll instance.
pub(crate) struct Epoll<const EDGE: bool> {
    epoll: OwnedFd,
}

impl<const EDGE: bool> Epoll<EDGE> {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Epoll { epoll: epoll::create(CreateFlags::CLOEXEC)? })
    }

    /// Listeners and the other few descriptors of the server stay level-triggered: they are not
    /// always drained, and there is one of each.
    fn flags(key: Key, interest: Interest) -> EventFlags {
        if key.listener_index().is_some() && interest == Interest::READ {
            // Of several loops that share it, not all are woken for one peer (epoll_ctl(2)).
            return EventFlags::IN | EventFlags::EXCLUSIVE;
        }
        let mut flags = EventFlags::empty();
        if interest.read() {
            flags |= EventFlags::IN | EventFlags::PRI;
            if EDGE {
                flags |= EventFlags::RDHUP;
            }
        }
        if interest.write() {
            flags |= EventFlags::OUT;
        }
        if EDGE && key.is_peer() {
            flags |= EventFlags::ET;
        }
        flags
    }
}

impl<const EDGE: bool> Mechanism for Epoll<EDGE> {
    const CALL: &'static str = "epoll_wait";
    const ARMS: u64 = 1;
    const EDGE: bool = EDGE;
    const EXCLUSIVE: bool = true;

    fn add(&mut self, fd: BorrowedFd<'_>, key: Key, interest: Interest) -> io::Result<()> {
        let data = EventData::new_u64(key.0);
        Ok(epoll::add(&self.epoll, fd, data, Self::flags(key, interest))?)
    }

    fn change(&mut self, fd: BorrowedFd<'_>, key: Key, interest: Interest) -> io::Result<()> {
        let data = EventData::new_u64(key.0);
        Ok(epoll::modify(&self.epoll, fd, data, Self::flags(key, interest))?)
    }

    fn remove(&mut self, fd: BorrowedFd<'_>) -> io::Result<()> {
        Ok(epoll::delete(&self.epoll, fd)?)
    }

    type Told = Vec<Event>;

    fn wait(&mut self, timeout: Option<Duration>, told: &mut Vec<Event>) -> io::Result<()> {
        told.clear();
        told.reserve(BATCH);
        let timeout = timespec(timeout);
        match epoll::wait(&self.epoll, spare_capacity(told), timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    #[inline]
    fn ready(told: &Vec<Event>) -> impl ExactSizeIterator<Item = Ready> {
        told.iter().map(|event| {
            let Event { flags, data } = *event;
            Ready::new(Key(data.u64()), flags.bits())
        })
    }
}

/// Level-triggered.
pub(crate) const LEVEL: Kind = Kind {
    name: "epoll",
    summary: "one loop for all peers; the kernel tells which are ready",
    source: "reactor on epoll(7)",
    run: Run::Loop(|station, _| reactor::run(station, Epoll::<false>::new()?)),
    descriptors: |model| loops::descriptors(model, 1),
    ..loop_model()
};

/// Edge-triggered.
pub(crate) const EDGE: Kind = Kind {
    name: "epoll-et",
    summary: "as epoll, but told once for each change",
    source: "reactor on epoll(7), EPOLLET",
    run: Run::Loop(|station, _| reactor::run(station, Epoll::<true>::new()?)),
    descriptors: |model| loops::descriptors(model, 1),
    ..loop_model()
};
