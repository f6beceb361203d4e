//! The jobs that a loop's sessions have offloaded.

use std::sync::Arc;

use switchboard_core::Call;

use super::{Engine, Letter, Letters, Reactor, Station};
use crate::mechanism::{Key, Ready};
use crate::offload::{Desk, Hears};

/// Where a loop's peers hand in their jobs; it learns by letter that one is done.
pub(super) fn desk(station: &Station) -> Arc<Desk> {
    Arc::new(Desk::new(&station.site.jobs, station.letters()))
}

impl Hears for Arc<Letters> {
    fn job_done(&self, peer: u64) {
        self.put(Letter::JobDone(peer));
    }

    fn mail(&self, _: u64, place: u64, _: bool) {
        // Where it is 0, nobody has said yet where mail comes to: whoever does will look.
        if place != 0 {
            self.put(Letter::Mail(Key(place)));
        }
    }
}

impl<E: Engine> Reactor<'_, E> {
    /// Whether a peer must wait for its jobs before it is told that its socket has failed: whoever
    /// sent a request and closed is answered, in vain, and has left in order.
    pub(super) fn awaits_jobs(&mut self, event: Ready) -> bool {
        let Some(slot) = self.peers.get(event.key) else { return false };
        let waits = event.failed() && slot.connection.awaits_jobs();
        if waits {
            self.unwatch(event.key);
        }
        waits
    }

    /// One of this peer's jobs is done, of which its session is told.
    pub(super) fn job_done(&mut self, id: u64) {
        let Some(key) = self.jobs.get(&id).copied() else { return };
        if self.defers_job(key) {
            return;
        }
        let Some(last) = self.desk.take_done(id) else { return };
        if last && self.apart.is_none() {
            self.jobs.remove(&id);
        }
        let Some(slot) = self.peers.get(key) else { return };
        if self.hand.apart && slot.connection.converses() {
            return self.call_apart(key, Call::JobDone { last });
        }
        self.engine.lend(key, &mut self.hand);
        slot.connection.job_done(last, self.hand.now, &mut self.hand.room);
        // Its socket may have failed meanwhile, or brought what no mechanism tells of again.
        let all = (last && self.watch_again(key)) || E::EDGE;
        self.turn(if all { Ready::to_all(key) } else { Ready::to_write(key) });
    }

    /// A peer has gone: nobody is told of its jobs any more.
    pub(super) fn forget_jobs(&mut self, id: u64) {
        if self.jobs.remove(&id).is_some() {
            self.desk.forget(id);
        }
    }
}
