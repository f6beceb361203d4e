//! The carrier for sockets that a ring moves the bytes of: what has come is here already, and what is
//! written leaves with the loop's next wait.

use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use switchboard_core::{Call, Connection};

use super::turn::{BUDGET, CALL_MOST, Came, Hand, Manner, Moves, Turn, Work, work};
use crate::mechanism::Key;
use crate::ring::{Input, Ring};

/// Output of one peer that leaves before more input is taken from it.
const ROOM_MOST: usize = 64 << 10;

/// One peer's turn: takes what has come, and lets the session answer. What it writes is in the hand's
/// room afterwards, or in the connection if it kept some before.
pub(crate) fn turn(
    (key, socket, connection): (Key, &OwnedFd, &mut Connection),
    manner: Manner,
    ring: &mut Ring,
    hand: &mut Hand,
) -> Turn {
    let readable = ring.has_input(key) || manner == Manner::Drain;
    let left = Work { readable, reads: BUDGET, exhaustive: false, failed: false, manner };
    work(&mut Completions { ring, key }, socket, connection, left, hand)
}

/// What a ring has for one peer.
struct Completions<'r> {
    ring: &'r mut Ring,
    key: Key,
}

impl Moves for Completions<'_> {
    fn send(&mut self, _: &OwnedFd, connection: &mut Connection, _: &mut Hand) -> bool {
        // What the socket has taken is known when the loop has waited.
        connection.unsent(&[]).is_empty()
    }

    fn holds(&self, hand: &Hand) -> bool {
        hand.room.len() >= ROOM_MOST || (hand.apart && !hand.room.is_empty())
    }

    fn receive(
        &mut self,
        _: &OwnedFd,
        connection: &mut Connection,
        _: bool,
        hand: &mut Hand,
    ) -> bool {
        let key = self.key;
        let took = self.ring.input(key, usize::MAX, |input| {
            let Hand { stats, now, room, .. } = &mut *hand;
            Came::from(input).tell(connection, stats, *now, room);
        });
        took.is_some() && self.ring.has_input(key)
    }

    fn receive_for_call(
        &mut self,
        _: &OwnedFd,
        connection: &mut Connection,
        hand: &mut Hand,
    ) -> Option<Call> {
        self.ring.input(self.key, CALL_MOST, |input| {
            Came::from(input).call(connection, &mut hand.stats)
        })?
    }

    /// What has come, and was not received, lies in the socket: a completion will tell of it.
    fn exhausted(&self, socket: &OwnedFd, hand: &mut Hand) -> bool {
        hand.stats.receives += 1;
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        matches!(recv(socket, &mut [0; 1][..], flags), Err(Errno::WOULDBLOCK))
    }

    fn forget(&mut self, hand: &mut Hand) {
        hand.room.truncate(self.ring.sends.before);
    }
}

impl<'b> From<Input<'b>> for Came<'b> {
    fn from(input: Input<'b>) -> Came<'b> {
        match input {
            Input::Bytes(bytes) => Came::Bytes(bytes),
            Input::End(0) => Came::End,
            Input::End(error) => Came::Failed(Errno::from_raw_os_error(-error)),
        }
    }
}
