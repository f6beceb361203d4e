//! The carrier for sockets that never block: it does what can be done now, and returns.

use std::os::fd::OwnedFd;

use rustix::io::Errno;
use switchboard_core::{Call, Connection, Ending};

use super::calls::{receive, send};
use super::turn::{BUDGET, CALL_MOST, Came, Hand, Manner, Moves, Turn, Work, work};
use crate::mechanism::Ready;

/// The path of nearly every message: one read, one answer, one write. Only for a peer with nothing
/// unusual about it, of which the mechanism tells that it can be read and nothing else. `None`:
/// that was all, and nothing is unusual now.
#[inline(always)]
pub(crate) fn answer(
    socket: &OwnedFd,
    connection: &mut Connection,
    manner: Manner,
    hand: &mut Hand,
) -> Option<Turn> {
    let result = receive(socket, &mut hand.buffer);
    hand.stats.receives += 1;
    let count = result.unwrap_or(0);
    if count == 0 {
        return Some(unanswered(socket, connection, manner, result.err(), hand));
    }
    hand.stats.received += count as u64;
    let bytes = &hand.buffer[..count];
    let plain = connection.received_while_plain(bytes, hand.now, &mut hand.room);
    if !plain || (manner == Manner::Empty && count == hand.buffer.len()) {
        return Some(go_on(socket, connection, manner, hand));
    }
    if hand.room.is_empty() {
        return None;
    }
    hand.stats.sends += 1;
    match send(socket, &hand.room) {
        Ok(count) if count == hand.room.len() => {
            hand.stats.sent += count as u64;
            connection.answered(&mut hand.room);
            return None;
        }
        Ok(count) => sent(connection, count, hand),
        Err(error) => not_sent(connection, error, hand),
    }
    Some(go_on(socket, connection, manner, hand))
}

/// The rest of a turn whose read brought no bytes: the end, or an error.
#[cold]
fn unanswered(
    socket: &OwnedFd,
    connection: &mut Connection,
    manner: Manner,
    error: Option<Errno>,
    hand: &mut Hand,
) -> Turn {
    brings(connection, error.map_or(Ok(0), Err), hand);
    go_on(socket, connection, manner, hand)
}

/// One peer's turn: sends what is unsent, receives if `ready` says so, and lets the session answer.
pub(crate) fn turn(
    socket: &OwnedFd,
    connection: &mut Connection,
    ready: Ready,
    manner: Manner,
    hand: &mut Hand,
) -> Turn {
    let readable = ready.read() || manner == Manner::Drain;
    let reads = if manner == Manner::Once { 1 } else { BUDGET };
    let exhaustive = ready.hangup() || ready.urgent() || manner == Manner::Drain;
    let failed = ready.failed();
    work(&mut Calls, socket, connection, Work { readable, reads, exhaustive, failed, manner }, hand)
}

/// The rest of a turn that has read once.
#[cold]
fn go_on(socket: &OwnedFd, connection: &mut Connection, manner: Manner, hand: &mut Hand) -> Turn {
    let reads = if manner == Manner::Once { 0 } else { BUDGET };
    let left = Work { readable: true, reads, exhaustive: false, failed: false, manner };
    work(&mut Calls, socket, connection, left, hand)
}

/// The carrier's system calls.
struct Calls;

impl Moves for Calls {
    /// Sends until nothing is unsent or the socket takes no more; whether it would take more.
    fn send(&mut self, socket: &OwnedFd, connection: &mut Connection, hand: &mut Hand) -> bool {
        loop {
            let unsent = connection.unsent(&hand.room);
            if unsent.is_empty() {
                return true;
            }
            hand.stats.sends += 1;
            match send(socket, unsent) {
                Ok(count) => sent(connection, count, hand),
                Err(Errno::INTR) => {}
                Err(error) => {
                    not_sent(connection, error, hand);
                    return false;
                }
            }
        }
    }

    fn holds(&self, _: &Hand) -> bool {
        false
    }

    /// One read; whether there may be more to read.
    ///
    /// A read that leaves room in the buffer has taken all there was (epoll(7), question 9), except
    /// where it stopped for another reason: before the peer's end, or at the mark of urgent data.
    fn receive(
        &mut self,
        socket: &OwnedFd,
        connection: &mut Connection,
        exhaustive: bool,
        hand: &mut Hand,
    ) -> bool {
        hand.stats.receives += 1;
        let result = receive(socket, &mut hand.buffer);
        brings(connection, result, hand) && (exhaustive || result == Ok(hand.buffer.len()))
    }

    /// One read for a session that is called elsewhere: what it is to be told, if anything.
    fn receive_for_call(
        &mut self,
        socket: &OwnedFd,
        connection: &mut Connection,
        hand: &mut Hand,
    ) -> Option<Call> {
        hand.stats.receives += 1;
        let came = match receive(socket, &mut hand.buffer[..CALL_MOST]) {
            Ok(0) => Came::End,
            Ok(count) => Came::Bytes(&hand.buffer[..count]),
            Err(Errno::INTR | Errno::WOULDBLOCK) => return None,
            Err(error) => Came::Failed(error),
        };
        came.call(connection, &mut hand.stats)
    }

    fn exhausted(&self, _: &OwnedFd, _: &mut Hand) -> bool {
        true
    }

    fn forget(&mut self, hand: &mut Hand) {
        hand.room.clear();
    }
}

/// Takes off what was sent, and keeps what was not.
#[cold]
fn sent(connection: &mut Connection, count: usize, hand: &mut Hand) {
    let (id, of) = (connection.identity().0, connection.unsent(&hand.room).len());
    tracing::debug!("peer {id}: sent {count} of {of} bytes");
    hand.stats.sent += count as u64;
    connection.sent(count, hand.now, &mut hand.room);
}

/// Keeps what is unsent, unless the peer is gone.
#[cold]
fn not_sent(connection: &mut Connection, error: Errno, hand: &mut Hand) {
    match error {
        Errno::WOULDBLOCK | Errno::INTR => connection.sent(0, hand.now, &mut hand.room),
        error => {
            tracing::debug!("peer {}: {error}", connection.identity().0);
            hand.room.clear();
            connection.fail(Ending::Reset);
        }
    }
}

/// What a read brought; whether another makes sense now.
fn brings(connection: &mut Connection, result: Result<usize, Errno>, hand: &mut Hand) -> bool {
    let came = match result {
        Ok(0) => Came::End,
        Ok(count) => Came::Bytes(&hand.buffer[..count]),
        Err(Errno::INTR) => return true,
        Err(Errno::WOULDBLOCK) => return false,
        Err(error) => Came::Failed(error),
    };
    let more = matches!(came, Came::Bytes(_));
    came.tell(connection, &mut hand.stats, hand.now, &mut hand.room);
    more
}
