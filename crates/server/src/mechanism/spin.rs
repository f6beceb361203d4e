//! No waiting at all: every socket is tried, over and over, a whole core for nothing.
//!
//! It exists to be measured: the cost of a message grows with the number of peers that are silent,
//! and an idle server is as busy as a busy one.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use super::poll::Poll;
use super::table::Places;
use super::{Interest, Key, Mechanism, Ready};
use crate::model::{Kind, Run, loop_model};
use crate::reactor;

/// Peers and listeners, which are tried blindly; the few descriptors that are not read until they are
/// ready (the stop, the letters) are asked after.
#[derive(Default)]
pub(crate) struct Spin {
    tried: Vec<(Key, Interest)>,
    places: Places,
    asked: Poll,
}

impl Mechanism for Spin {
    const CALL: &'static str = "scan";
    const WAITS: bool = false;

    fn add(&mut self, fd: BorrowedFd<'_>, key: Key, interest: Interest) -> io::Result<()> {
        if !key.is_peer() && key.listener_index().is_none() {
            return self.asked.add(fd, key, interest);
        }
        self.places.push(fd);
        self.tried.push((key, interest));
        Ok(())
    }

    fn change(&mut self, fd: BorrowedFd<'_>, key: Key, interest: Interest) -> io::Result<()> {
        match self.places.get(fd) {
            Some(place) => self.tried[place] = (key, interest),
            None => self.asked.change(fd, key, interest)?,
        }
        Ok(())
    }

    fn remove(&mut self, fd: BorrowedFd<'_>) -> io::Result<()> {
        match self.places.swap_remove(fd) {
            Some(place) => drop(self.tried.swap_remove(place)),
            None => self.asked.remove(fd)?,
        }
        Ok(())
    }

    type Told = Vec<Ready>;

    fn wait(&mut self, _: Option<Duration>, told: &mut Vec<Ready>) -> io::Result<()> {
        self.asked.wait(Some(Duration::ZERO), told)?;
        let tried = self.tried.iter().filter(|(_, interest)| *interest != Interest::NONE);
        told.extend(tried.map(|(key, interest)| match (interest.read(), interest.write()) {
            (true, true) => Ready::to_read(*key).with_room(),
            (true, false) => Ready::to_read(*key),
            (false, _) => Ready::to_write(*key),
        }));
        Ok(())
    }

    fn ready(told: &Vec<Ready>) -> impl ExactSizeIterator<Item = Ready> {
        told.iter().copied()
    }
}

/// The model that never waits.
pub(crate) const MODEL: Kind = Kind {
    name: "spin",
    summary: "one thread tries every peer's socket without ever waiting",
    source: "non-blocking scan",
    run: Run::Loop(|station, _| reactor::run(station, Spin::default())),
    ..loop_model()
};
