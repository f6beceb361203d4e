//! Turns: what is done for one peer before the next, and what that leaves behind.

use std::os::fd::AsFd;

use switchboard_core::Ending;

use super::{Engine, Reactor};
use crate::carrier::turn::{Manner, Turn};
use crate::mechanism::{Interest, Key, Ready};

impl<E: Engine> Reactor<'_, E> {
    #[cold]
    pub(super) fn urgent(&mut self, key: Key) {
        self.hand.stats.urgent += 1;
        if let Some(slot) = self.peers.get(key) {
            tracing::debug!("peer {}: urgent data", slot.connection.identity().0);
        }
    }

    /// One peer's turn, if it is still there.
    pub(super) fn turn(&mut self, event: Ready) {
        if !self.must_wait(event) && !self.awaits_jobs(event) {
            self.turn_now(event, true);
        }
    }

    /// `releasable`: in the drain it may be let go, if it is between requests.
    pub(super) fn turn_now(&mut self, event: Ready, releasable: bool) {
        let Some(slot) = self.peers.get(event.key) else { return };
        let drains = self.draining && releasable;
        let manner = match (drains && !self.engine.amid(), E::EDGE) {
            (true, _) => Manner::Drain,
            (false, true) => Manner::Empty,
            (false, false) => Manner::Once,
        };
        if drains && manner != Manner::Drain && !std::mem::replace(&mut slot.queued, true) {
            self.again.push(event.key);
        }
        let peer = (event.key, &slot.socket, &mut slot.connection);
        let turn = self.engine.turn(peer, event, manner, &mut self.hand);
        self.settle(event.key, turn);
    }

    /// What an unusual turn leaves behind: an interest, a deadline, a place on the list, nothing.
    #[cold]
    pub(super) fn settle(&mut self, key: Key, turn: Turn) {
        let Some(slot) = self.peers.get(key) else { return };
        if let Turn::Over(ending) = turn {
            return self.close(key, ending);
        }
        if slot.connection.took_mailbox() {
            self.mail_comes_here(key);
            return self.settle(key, turn);
        }
        if turn == Turn::Call {
            // Its interest and its deadline are looked after when it comes back.
            let call = self.hand.call.take().expect("a turn that ends with a call has one");
            return self.call_apart(key, call);
        }
        if turn == Turn::Again && !slot.queued {
            slot.queued = true;
            self.again.push(key);
        }
        let connection = &slot.connection;
        let wanted = Interest::of(connection.wants_input(), !connection.unsent(&[]).is_empty());
        if wanted != slot.interest && !slot.unwatched {
            tracing::debug!("peer {}: interest is now {wanted}", connection.identity().0);
            slot.interest = wanted;
            self.hand.stats.arms += E::ARMS;
            if let Err(error) = self.engine.change(slot.socket.as_fd(), key, wanted) {
                tracing::warn!("{} cannot watch a peer any longer: {error}", E::CALL);
                return self.close(key, Ending::Error);
            }
        }
        let (awaits, id) = (slot.connection.awaits_jobs(), slot.connection.identity().0);
        if awaits {
            self.jobs.insert(id, key);
        }
        // A deadline may have been set, or taken back, which brings the idle limit closer.
        self.arm(key);
    }

    /// Sees to it that the peer's deadline has an entry that is not too late.
    pub(super) fn arm(&mut self, key: Key) {
        let Some(slot) = self.peers.get(key) else { return };
        let Some(deadline) = slot.connection.deadline() else { return };
        let deadline = self.deadlines.tick(deadline);
        if slot.armed.is_none_or(|armed| deadline < armed) {
            slot.armed = Some(deadline);
            self.deadlines.add(deadline, key);
        }
    }
}
