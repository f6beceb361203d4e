//! Jobs that the session has offloaded: meanwhile it is left alone, afterwards it is woken.

use std::time::Instant;

use super::{Connection, Phase};
use crate::marks::Marks;

impl Connection {
    /// Whether a job of its session's is under way, after which [`job_done`](Connection::job_done)
    /// is to be called. How many there are is known to who runs them.
    pub fn awaits_jobs(&self) -> bool {
        self.has(Marks::OFFLOADED) && self.vitals.phase == Phase::Open
    }

    /// At least one more job of its session's is done, and if it was the `last`, none is under way:
    /// wakes the session, and then goes on with what waited for its jobs. For a peer that is closing
    /// or over, nothing is called.
    pub fn job_done(&mut self, last: bool, now: Instant, room: &mut Vec<u8>) {
        if last {
            // Before the call, which may begin another.
            self.vitals.marks.put(Marks::OFFLOADED, false);
        }
        if self.vitals.phase == Phase::Open {
            self.wake(now, room);
            self.proceed(now, room);
        }
    }

    /// Where nobody runs jobs, those of the call before are done: wakes the session. What it does
    /// next is the next step's, for it may have a job in each call.
    pub(super) fn done_in_place(&mut self, now: Instant, room: &mut Vec<u8>) {
        if self.awaits_jobs() && self.terms.offload.is_none() {
            self.vitals.marks.put(Marks::OFFLOADED, false);
            self.wake(now, room);
            self.vitals.marks.put(Marks::MORE, true);
        }
    }

    /// Wakes the session, which is then offered again what it left.
    pub(super) fn wake(&mut self, now: Instant, room: &mut Vec<u8>) {
        self.active = now;
        self.call_unread(now, room, |session, peer| session.woken(peer));
        self.vitals.marks.put(Marks::HUNGRY, false);
    }
}
