//! Naps: every socket is asked after by itself, and when none has anything to say, the loop sleeps
//! for a millisecond. A system call for each socket and nap, and a millisecond before an answer.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use crate::mechanism::{Interest, Key, Mechanism, Ready, timespec};
use crate::model::{Kind, Run, loop_model};
use crate::reactor;

/// How long it sleeps before it asks again.
const NAP: Duration = Duration::from_millis(1);

/// What is watched, by descriptor.
#[derive(Default)]
pub(crate) struct Nap {
    watched: BTreeMap<RawFd, (Key, Interest)>,
}

impl Mechanism for Nap {
    const CALL: &'static str = "nap";

    fn add(&mut self, fd: BorrowedFd<'_>, key: Key, interest: Interest) -> io::Result<()> {
        self.watched.insert(fd.as_raw_fd(), (key, interest));
        Ok(())
    }

    fn change(&mut self, fd: BorrowedFd<'_>, key: Key, interest: Interest) -> io::Result<()> {
        let entry = self.watched.get_mut(&fd.as_raw_fd()).ok_or(io::ErrorKind::NotFound)?;
        *entry = (key, interest);
        Ok(())
    }

    fn remove(&mut self, fd: BorrowedFd<'_>) -> io::Result<()> {
        let known = self.watched.remove(&fd.as_raw_fd());
        known.map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    type Told = Vec<Ready>;

    fn wait(&mut self, timeout: Option<Duration>, told: &mut Vec<Ready>) -> io::Result<()> {
        told.clear();
        // An end that no clock can say is none.
        let end = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            for (fd, (key, interest)) in &self.watched {
                let found = ask(*fd, *interest)?;
                if !found.is_empty() {
                    told.push(Ready::new(*key, found.bits().into()));
                }
            }
            let left = end.map_or(NAP, |end| end.saturating_duration_since(Instant::now()));
            if !told.is_empty() || left.is_zero() || !sleep(left.min(NAP))? {
                return Ok(());
            }
        }
    }

    fn ready(told: &Vec<Ready>) -> impl ExactSizeIterator<Item = Ready> {
        told.iter().copied()
    }
}

/// What one socket has to say now.
fn ask(fd: RawFd, interest: Interest) -> io::Result<PollFlags> {
    let mut asked = PollFlags::empty();
    asked.set(PollFlags::IN | PollFlags::PRI, interest.read());
    asked.set(PollFlags::OUT, interest.write());
    // SAFETY: a descriptor is removed before it is closed (the contract of `Mechanism`), so one that
    // is watched is open.
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    let mut entry = [PollFd::from_borrowed_fd(fd, asked)];
    match poll(&mut entry, timespec(Some(Duration::ZERO)).as_ref()) {
        Ok(_) => Ok(entry[0].revents()),
        Err(Errno::INTR) => Ok(PollFlags::empty()),
        Err(error) => Err(error.into()),
    }
}

/// Whether it slept to the end: a signal ends a nap early.
fn sleep(nap: Duration) -> io::Result<bool> {
    match poll(&mut [], timespec(Some(nap)).as_ref()) {
        Ok(_) => Ok(true),
        Err(Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The model that naps.
pub(crate) const MODEL: Kind = Kind {
    name: "nap",
    summary: "one loop; asks each socket by itself, and sleeps for a millisecond in between",
    source: "polling at intervals",
    run: Run::Loop(|station, _| reactor::run(station, Nap::default())),
    ..loop_model()
};
