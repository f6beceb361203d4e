//! A turn of one peer on a socket that never blocks: whatever can be done now, in its order. How bytes
//! come and go is the carrier's: see [`Moves`].

use std::os::fd::OwnedFd;
use std::time::Instant;

use rustix::io::Errno;
use rustix::net::{Shutdown, shutdown};
use switchboard_core::{Call, Connection, Ending, Next};

use super::delivered;
use crate::counters::Stats;

/// Reads, or fillings of an endless reply, after which other peers get their turn.
pub(super) const BUDGET: u32 = 16;

/// What a loop lends to each of its peers in turn.
pub(crate) struct Hand {
    /// Where bytes are received.
    pub(crate) buffer: Box<[u8]>,
    /// Where output is gathered; empty before and after each turn.
    pub(crate) room: Vec<u8>,
    pub(crate) stats: Stats,
    /// When the last wait returned.
    pub(crate) now: Instant,
    /// Each step is told of (`-vv`).
    pub(crate) narrated: bool,
    /// Sessions are called elsewhere: a turn ends where one is to be called.
    pub(crate) apart: bool,
    /// What it is to be told, after [`Turn::Call`].
    pub(crate) call: Option<Call>,
}

/// The most that is read for one call elsewhere: others wait while it lasts.
pub(super) const CALL_MOST: usize = 16 << 10;

/// How far a turn goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// One read: if there is more, the mechanism tells of it again.
    Once,
    /// Until nothing is left: the mechanism does not tell of it again.
    Empty,
    /// Until nothing is left, and then the peer is let go if it is between requests.
    Drain,
}

/// How a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Nothing can be done until the socket changes.
    Rest,
    /// There is more to do; the budget is spent.
    Again,
    /// The peer is over: close its socket.
    Over(Ending),
    /// The session is to be called elsewhere, as [`Hand::call`] says.
    Call,
}

impl Hand {
    /// Ends a turn with a call elsewhere.
    fn calls(&mut self, call: Call) -> Turn {
        self.call = Some(call);
        Turn::Call
    }
}

/// How a carrier moves the bytes of one socket, without ever waiting.
pub(super) trait Moves {
    /// Sends what is unsent, as far as that can be done now; whether more may be written.
    fn send(&mut self, socket: &OwnedFd, connection: &mut Connection, hand: &mut Hand) -> bool;

    /// Whether what is in the room must go before anything else is done.
    fn holds(&self, hand: &Hand) -> bool;

    /// Takes once what the peer has sent, and tells the connection; whether there may be more.
    /// `exhaustive`: see [`Work`].
    fn receive(
        &mut self,
        socket: &OwnedFd,
        connection: &mut Connection,
        exhaustive: bool,
        hand: &mut Hand,
    ) -> bool;

    /// The same for a session that is called elsewhere: what it is to be told, if anything.
    fn receive_for_call(
        &mut self,
        socket: &OwnedFd,
        connection: &mut Connection,
        hand: &mut Hand,
    ) -> Option<Call>;

    /// Whether nothing more has come, after a [`receive`](Moves::receive) that brought nothing.
    fn exhausted(&self, socket: &OwnedFd, hand: &mut Hand) -> bool;

    /// The peer is over: drops what it wrote in this turn.
    fn forget(&mut self, hand: &mut Hand);
}

/// What a turn may still do.
pub(super) struct Work {
    /// There may be something to read.
    pub(super) readable: bool,
    /// So many reads at most.
    pub(super) reads: u32,
    /// A read that leaves room in the buffer may not have taken all there was.
    pub(super) exhaustive: bool,
    /// The socket failed: who neither reads nor writes it must be told, or would be told for ever.
    pub(super) failed: bool,
    pub(super) manner: Manner,
}

/// Does whatever can be done.
pub(super) fn work(
    moves: &mut impl Moves,
    socket: &OwnedFd,
    connection: &mut Connection,
    mut work: Work,
    hand: &mut Hand,
) -> Turn {
    let mut fillings = BUDGET;
    loop {
        let open = moves.send(socket, connection, hand);
        match connection.next(&hand.room) {
            Next::Go => {}
            Next::HalfClose => {
                half_close(socket, connection, hand.now);
                work.readable = true;
                continue;
            }
            Next::Over(ending) => {
                moves.forget(hand);
                return Turn::Over(ending);
            }
        }
        if moves.holds(hand) {
            return Turn::Rest;
        }
        if open && connection.resumable(&hand.room) {
            if fillings == 0 {
                return Turn::Again;
            }
            fillings -= 1;
            if hand.apart {
                return hand.calls(Call::Resume);
            }
            connection.resume(hand.now, &mut hand.room);
            continue;
        }
        if !connection.wants_input() {
            if open && std::mem::take(&mut work.failed) {
                connection.fail(Ending::Reset);
                continue;
            }
            work.readable = false;
        }
        if !work.readable {
            if work.manner != Manner::Drain
                || (connection.wants_input() && !moves.exhausted(socket, hand))
            {
                return Turn::Rest;
            }
            if hand.apart && connection.converses() {
                return match connection.between_requests() {
                    true => hand.calls(Call::LetGo { delivered: delivered(socket) }),
                    false => Turn::Rest,
                };
            }
            if connection.let_go(delivered(socket), hand.now, &mut hand.room) {
                continue;
            }
            return Turn::Rest;
        }
        if work.reads == 0 {
            return if work.manner == Manner::Once { Turn::Rest } else { Turn::Again };
        }
        work.reads -= 1;
        if hand.apart && connection.converses() {
            match moves.receive_for_call(socket, connection, hand) {
                Some(call) => return hand.calls(call),
                None => work.readable = false,
            }
            continue;
        }
        work.readable = moves.receive(socket, connection, work.exhaustive, hand);
    }
}

/// What a carrier has of a peer.
pub(super) enum Came<'b> {
    Bytes(&'b [u8]),
    /// Its last byte was sent.
    End,
    Failed(Errno),
}

impl Came<'_> {
    /// Says it, at `-vv`, and counts it.
    fn note(&self, connection: &Connection, stats: &mut Stats) {
        let id = connection.identity().0;
        match self {
            Came::Bytes(bytes) => {
                tracing::debug!("peer {id}: received {} bytes", bytes.len());
                stats.received += bytes.len() as u64;
            }
            Came::End => tracing::debug!("peer {id}: the end"),
            Came::Failed(error) => tracing::debug!("peer {id}: {error}"),
        }
    }

    /// Tells the connection.
    pub(super) fn tell(
        self,
        connection: &mut Connection,
        stats: &mut Stats,
        now: Instant,
        room: &mut Vec<u8>,
    ) {
        self.note(connection, stats);
        match self {
            Came::Bytes(bytes) => connection.received(bytes, now, room),
            Came::End => connection.ended(now, room),
            Came::Failed(_) => connection.fail(Ending::Reset),
        }
    }

    /// What a session that is called elsewhere is to be told, if anything.
    pub(super) fn call(self, connection: &mut Connection, stats: &mut Stats) -> Option<Call> {
        self.note(connection, stats);
        match self {
            Came::Bytes(bytes) => Some(Call::Received(bytes.to_vec())),
            Came::End => Some(Call::Ended),
            Came::Failed(_) => {
                connection.fail(Ending::Reset);
                None
            }
        }
    }
}

/// The peer's deadline has come, or is later than it was. One that lingers is waited for while the
/// kernel holds bytes for it.
pub(crate) fn expire(socket: &OwnedFd, connection: &mut Connection, hand: &mut Hand) {
    let due = connection.deadline().is_some_and(|deadline| deadline <= hand.now);
    let held = due && connection.lingers() && !delivered(socket);
    if !held || !connection.linger_on(hand.now) {
        connection.expired(hand.now, &mut hand.room);
    }
}

fn half_close(socket: &OwnedFd, connection: &mut Connection, now: Instant) {
    match shutdown(socket, Shutdown::Write) {
        Ok(()) => connection.half_closed(now),
        // The peer is gone already (ENOTCONN): there is no one to be polite to.
        Err(_) => {
            connection.half_closed(now);
            connection.fail(Ending::Reset);
        }
    }
}
