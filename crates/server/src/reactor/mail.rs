//! Mail for a loop's peers.

use switchboard_core::Call;

use super::{Engine, Letter, Reactor};
use crate::mechanism::{Key, Ready};

impl<E: Engine> Reactor<'_, E> {
    /// A session has taken a mailbox: its mail comes to this loop, under its peer's key.
    #[cold]
    pub(super) fn mail_comes_here(&mut self, key: Key) {
        let Some(slot) = self.peers.get(key) else { return };
        if slot.connection.mail_comes_to(key.0) {
            // In its turn, like all other mail.
            self.station.letters.put(Letter::Mail(key));
        }
    }

    /// There is mail for this peer, if it is still there.
    pub(super) fn mail(&mut self, key: Key) {
        if self.defers_mail(key) {
            return;
        }
        let Some(slot) = self.peers.get(key) else { return };
        if self.hand.apart && slot.connection.converses() {
            return self.call_apart(key, Call::Mail);
        }
        self.engine.lend(key, &mut self.hand);
        slot.connection.mail(self.hand.now, &mut self.hand.room);
        self.turn(Ready::to_write(key));
        let Reactor { engine, peers, hand, .. } = self;
        if let Err(error) = engine.relieve(peers, hand) {
            tracing::warn!("{} cannot send what peers were sent: {error}", E::CALL);
        }
    }
}
