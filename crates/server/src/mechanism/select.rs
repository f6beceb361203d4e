//! select(2): three sets of bits, one bit for each descriptor number, rebuilt for every wait.
//!
//! `FD_SETSIZE` (1,024) is a constant of the C library, not of the kernel, which takes sets of any
//! size; `fd-set-size` raises it. It bounds the descriptor's number, not how many are watched.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use rustix::event::{
    FdSetElement, FdSetIter, fd_set_insert, fd_set_num_elements, fd_set_remove, select,
};
use rustix::io::Errno;

use super::table::{self, Table};
use super::{Interest, Key, Mechanism, Ready, timespec};
use crate::model::{Kind, Run, loop_model, settings};
use crate::reactor;

/// What is watched (`read` and `write`; the third set is `read` again, for urgent data), and the
/// sets that a wait overwrites.
pub(crate) struct Select {
    size: usize,
    table: Table,
    read: Vec<FdSetElement>,
    write: Vec<FdSetElement>,
    found: [Vec<FdSetElement>; 3],
    /// One more than the highest descriptor that is watched.
    end: i32,
}

impl Select {
    pub(super) fn new(size: u64) -> Select {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let end = i32::try_from(size).unwrap_or(i32::MAX);
        let empty = vec![FdSetElement::default(); fd_set_num_elements(0, end)];
        Select {
            size,
            table: Table::default(),
            read: empty.clone(),
            write: empty.clone(),
            found: [empty.clone(), empty.clone(), empty],
            end: 0,
        }
    }

    fn set(&mut self, fd: i32, interest: Interest) {
        for (set, wanted) in
            [(&mut self.read, interest.read()), (&mut self.write, interest.write())]
        {
            match wanted {
                true => fd_set_insert(set, fd),
                false => fd_set_remove(set, fd),
            }
        }
    }
}

impl Mechanism for Select {
    const CALL: &'static str = "select";

    fn add(&mut self, fd: BorrowedFd<'_>, key: Key, interest: Interest) -> io::Result<()> {
        let index = table::index(fd);
        if index >= self.size {
            return Err(io::Error::new(
                io::ErrorKind::QuotaExceeded,
                format!(
                    "select can watch descriptors below {} only; raise it with select:fd-set-size=N",
                    self.size
                ),
            ));
        }
        self.end = self.end.max(fd.as_raw_fd() + 1);
        self.change(fd, key, interest)
    }

    fn change(&mut self, fd: BorrowedFd<'_>, key: Key, interest: Interest) -> io::Result<()> {
        self.table.set(fd, key, interest);
        self.set(fd.as_raw_fd(), interest);
        Ok(())
    }

    fn remove(&mut self, fd: BorrowedFd<'_>) -> io::Result<()> {
        self.table.unset(fd);
        self.set(fd.as_raw_fd(), Interest::NONE);
        while self.end > 0 && self.table.get(self.end as usize - 1).is_none() {
            self.end -= 1;
        }
        Ok(())
    }

    type Told = Vec<Ready>;

    fn wait(&mut self, timeout: Option<Duration>, told: &mut Vec<Ready>) -> io::Result<()> {
        told.clear();
        let words = fd_set_num_elements(0, self.end);
        let [read, write, urgent] = &mut self.found;
        read[..words].copy_from_slice(&self.read[..words]);
        write[..words].copy_from_slice(&self.write[..words]);
        urgent[..words].copy_from_slice(&self.read[..words]);
        // SAFETY: the three sets have `words` elements, room for `end` bits, and every descriptor
        // in them is open: it is removed before it is closed (the contract of `Mechanism`).
        let result = unsafe {
            select(
                self.end,
                Some(&mut read[..words]),
                Some(&mut write[..words]),
                Some(&mut urgent[..words]),
                timespec(timeout).as_ref(),
            )
        };
        match result {
            Ok(0) | Err(Errno::INTR) => return Ok(()),
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        self.collect(words, told);
        Ok(())
    }

    fn ready(told: &Vec<Ready>) -> impl ExactSizeIterator<Item = Ready> {
        told.iter().copied()
    }
}

impl Select {
    /// Turns the three sets into entries: one for each bit, so that a descriptor that is both
    /// readable and writable has two.
    fn collect(&self, words: usize, told: &mut Vec<Ready>) {
        for (kind, set) in self.found.iter().enumerate() {
            for fd in FdSetIter::new(&set[..words]) {
                let watched = usize::try_from(fd).ok().and_then(|fd| self.table.get(fd));
                let Some((key, _)) = watched else { continue };
                told.push(match kind {
                    0 => Ready::to_read(key),
                    1 => Ready::to_write(key),
                    _ => Ready::nothing(key).with_urgent(),
                });
            }
        }
    }
}

/// The model on select(2).
pub(crate) const MODEL: Kind = Kind {
    name: "select",
    summary: "one loop; three sets of descriptor numbers below 1,024",
    source: "reactor on select(2)",
    settings: &[
        &settings::ACCEPT,
        &settings::FD_SET_SIZE,
        &settings::PROCESSES,
        &settings::STACK,
        &settings::LOOPS,
        &settings::WORKERS,
    ],
    peers_max: |model| Some(model.number("fd-set-size") * model.given("processes").unwrap_or(1)),
    run: Run::Loop(|station, model| {
        reactor::run(station, Select::new(model.number("fd-set-size")))
    }),
    ..loop_model()
};
