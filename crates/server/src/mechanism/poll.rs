//! poll(2): the whole list goes to the kernel and is scanned there and here on every wait.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use super::table::Places;
use super::{Interest, Key, Mechanism, Ready, timespec};
use crate::model::{Kind, Run, loop_model};
use crate::reactor;

/// The list of descriptors, and beside it their keys.
#[derive(Default)]
pub(crate) struct Poll {
    list: Vec<PollFd<'static>>,
    keys: Vec<Key>,
    places: Places,
}

impl Mechanism for Poll {
    const CALL: &'static str = "poll";

    fn add(&mut self, fd: BorrowedFd<'_>, key: Key, interest: Interest) -> io::Result<()> {
        self.places.push(fd);
        self.list.push(watched(fd, interest));
        self.keys.push(key);
        Ok(())
    }

    fn change(&mut self, fd: BorrowedFd<'_>, key: Key, interest: Interest) -> io::Result<()> {
        let place = self.places.get(fd).ok_or(io::ErrorKind::NotFound)?;
        self.list[place] = watched(fd, interest);
        self.keys[place] = key;
        Ok(())
    }

    fn remove(&mut self, fd: BorrowedFd<'_>) -> io::Result<()> {
        let place = self.places.swap_remove(fd).ok_or(io::ErrorKind::NotFound)?;
        self.list.swap_remove(place);
        self.keys.swap_remove(place);
        Ok(())
    }

    type Told = Vec<Ready>;

    fn wait(&mut self, timeout: Option<Duration>, told: &mut Vec<Ready>) -> io::Result<()> {
        told.clear();
        let mut left = match poll(&mut self.list, timespec(timeout).as_ref()) {
            Ok(count) => count,
            Err(Errno::INTR) => 0,
            Err(error) => return Err(error.into()),
        };
        for (entry, key) in self.list.iter().zip(&self.keys) {
            if left == 0 {
                break;
            }
            let found = entry.revents();
            if found.is_empty() {
                continue;
            }
            left -= 1;
            told.push(Ready::new(*key, u32::from(found.bits())));
        }
        Ok(())
    }

    fn ready(told: &Vec<Ready>) -> impl ExactSizeIterator<Item = Ready> {
        told.iter().copied()
    }
}

fn watched(fd: BorrowedFd<'_>, interest: Interest) -> PollFd<'static> {
    let mut flags = PollFlags::empty();
    if interest.read() {
        flags |= PollFlags::IN | PollFlags::PRI;
    }
    if interest.write() {
        flags |= PollFlags::OUT;
    }
    // SAFETY: a descriptor is removed from the list before it is closed (the contract of
    // `Mechanism`), so it stays open for as long as it is borrowed here.
    let fd = unsafe { BorrowedFd::borrow_raw(fd.as_raw_fd()) };
    PollFd::from_borrowed_fd(fd, flags)
}

/// The model on poll(2).
pub(crate) const MODEL: Kind = Kind {
    name: "poll",
    summary: "one loop; the list of all peers goes to the kernel on every wait",
    source: "reactor on poll(2)",
    run: Run::Loop(|station, _| reactor::run(station, Poll::default())),
    ..loop_model()
};
