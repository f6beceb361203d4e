//! The crate `polling`: epoll here, kqueue, event ports or IOCP elsewhere, behind one interface.
//!
//! It is the answer to "every system's epoll is different". What it tells of is told once and must
//! be armed again (oneshot), one more system call for each event where the kernel's own interface
//! would need none.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use polling::{Event, Events, Poller};

use super::table::{self, Table};
use super::{Interest, Key, Mechanism, Ready};
use crate::model::{Kind, Run, loop_model, loops};
use crate::reactor;

/// A poller; the descriptors that it told of and that must be armed again before the next wait.
pub(crate) struct Portable {
    poller: Poller,
    events: Events,
    table: Table,
    fired: Vec<usize>,
}

impl Portable {
    pub(super) fn new() -> io::Result<Portable> {
        Ok(Portable {
            poller: Poller::new()?,
            events: Events::new(),
            table: Table::default(),
            fired: Vec::new(),
        })
    }

    /// Arms what was told of, unless it has been removed or changed since.
    fn rearm(&mut self) -> io::Result<()> {
        for index in self.fired.drain(..) {
            let Some((_, interest)) = self.table.get(index) else { continue };
            let number = i32::try_from(index).expect("a descriptor is an i32");
            // SAFETY: the table holds open descriptors only: a descriptor is removed from it
            // before it is closed (the contract of `Mechanism`).
            let fd = unsafe { BorrowedFd::borrow_raw(number) };
            self.poller.modify(fd, event(fd, interest))?;
        }
        Ok(())
    }
}

impl Mechanism for Portable {
    const CALL: &'static str = "poller";
    const ARMS: u64 = 1;

    fn add(&mut self, fd: BorrowedFd<'_>, key: Key, interest: Interest) -> io::Result<()> {
        // SAFETY: the loop removes a descriptor before it closes it (the contract of `Mechanism`),
        // which is what `Poller::add` asks for.
        unsafe { self.poller.add(&fd, event(fd, interest))? };
        self.table.set(fd, key, interest);
        Ok(())
    }

    fn change(&mut self, fd: BorrowedFd<'_>, key: Key, interest: Interest) -> io::Result<()> {
        self.table.set(fd, key, interest);
        self.poller.modify(fd, event(fd, interest))
    }

    fn remove(&mut self, fd: BorrowedFd<'_>) -> io::Result<()> {
        self.table.unset(fd);
        self.poller.delete(fd)
    }

    type Told = Vec<Ready>;

    fn wait(&mut self, timeout: Option<Duration>, told: &mut Vec<Ready>) -> io::Result<()> {
        told.clear();
        self.rearm()?;
        self.events.clear();
        match self.poller.wait(&mut self.events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            other => other?,
        };
        for event in self.events.iter() {
            let Some((key, _)) = self.table.get(event.key) else { continue };
            self.fired.push(event.key);
            let mut ready = Ready::nothing(key);
            if event.readable {
                ready = Ready::to_read(key);
            }
            if event.writable {
                ready = ready.with_room();
            }
            if event.is_priority() {
                ready = ready.with_urgent();
            }
            if event.is_err().unwrap_or(false) || event.is_interrupt() {
                ready = ready.with_hangup();
            }
            told.push(ready);
        }
        Ok(())
    }

    fn ready(told: &Vec<Ready>) -> impl ExactSizeIterator<Item = Ready> {
        told.iter().copied()
    }
}

/// Events carry the descriptor; the table tells whose it is. Both are looked up before anything
/// that the same wait told of can be closed.
fn event(fd: BorrowedFd<'_>, interest: Interest) -> Event {
    let event = Event::new(table::index(fd), interest.read(), interest.write());
    if interest.read() { event.with_priority() } else { event }
}

/// The model on the crate `polling`.
pub(crate) const MODEL: Kind = Kind {
    name: "portable",
    summary: "one loop on whatever this system has: epoll, kqueue, event ports or IOCP",
    source: "reactor on the crate polling",
    run: Run::Loop(|station, _| reactor::run(station, Portable::new()?)),
    // Its poller has an epoll, a timer and a bell.
    descriptors: |model| loops::descriptors(model, 3),
    ..loop_model()
};
