//! How a loop stops: first it lets go, then it cuts off.

use std::io;
use std::time::Instant;

use switchboard_core::{Ending, Next};

use super::{Engine, Reactor};
use crate::mechanism::{Key, Ready};

impl<E: Engine> Reactor<'_, E> {
    pub(super) fn drain_deadline(&self) -> Option<Instant> {
        if self.draining { self.site.drain_deadline() } else { None }
    }

    pub(super) fn must_cut(&self) -> bool {
        let passed = self.drain_deadline().is_some_and(|deadline| deadline <= self.hand.now);
        self.draining && (passed || self.site.stop.cutting())
    }

    /// The first stage of stopping: the backlog is taken in, the listeners go, and so do the peers
    /// that are between requests.
    pub(super) fn drain(&mut self) -> io::Result<()> {
        if std::mem::replace(&mut self.draining, true) {
            return Ok(());
        }
        self.engine.remove(self.site.stop.drain_fd(), Key::STOP)?;
        self.begin_to_close();
        for key in self.peers.keys() {
            let Some(slot) = self.peers.get(key) else { continue };
            slot.connection.drain();
            self.turn(Ready::to_all(key));
        }
        Ok(())
    }

    /// The second stage.
    pub(super) fn cut_off_all(&mut self) {
        self.refuse_rest();
        for key in self.peers.keys() {
            let Some(slot) = self.peers.get(key) else { continue };
            if slot.connection.away() {
                continue;
            }
            slot.connection.fail(Ending::CutOff);
            let ending = match slot.connection.next(&[]) {
                Next::Over(ending) => ending,
                Next::Go | Next::HalfClose => Ending::CutOff,
            };
            self.close(key, ending);
        }
        self.cut_off_away();
    }
}
