//! The carrier for sockets that never block: it does what can be done now, and returns.

use std::os::fd::OwnedFd;
use std::time::Instant;

use rustix::io::{Errno, read};
use rustix::net::{SendFlags, Shutdown, send, shutdown};
use switchboard_core::{Connection, Ending, Next};

use crate::counters::Stats;
use crate::mechanism::Ready;

/// Reads, or fillings of an endless reply, after which other peers get their turn.
const BUDGET: u32 = 16;

/// What a loop lends to each of its peers in turn.
pub(crate) struct Hand<'a> {
    /// Where bytes are received.
    pub(crate) buffer: &'a mut [u8],
    /// Where output is gathered; empty before and after each turn.
    pub(crate) room: &'a mut Vec<u8>,
    pub(crate) stats: &'a mut Stats,
    pub(crate) now: Instant,
    /// Whether each step is told of (`-vv`).
    pub(crate) narrated: bool,
}

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
}

/// One peer's turn: sends what is unsent, receives if `ready` says so, and lets the session answer.
#[inline]
pub(crate) fn turn(
    socket: &OwnedFd,
    connection: &mut Connection,
    ready: Ready,
    manner: Manner,
    hand: &mut Hand<'_>,
) -> Turn {
    if manner == Manner::Once && connection.plain() && ready.read() {
        // The path of nearly every message: one read, one answer, one write.
        receive(socket, connection, ready, manner, hand);
        if !hand.room.is_empty() {
            send_once(socket, connection, hand);
        }
        if connection.plain() {
            return Turn::Rest;
        }
        return go_on(socket, connection, ready, manner, 0, hand);
    }
    let reads = if manner == Manner::Once { 1 } else { BUDGET };
    go_on(socket, connection, ready, manner, reads, hand)
}

/// Does whatever can be done, with at most `reads` reads.
fn go_on(
    socket: &OwnedFd,
    connection: &mut Connection,
    ready: Ready,
    manner: Manner,
    mut reads: u32,
    hand: &mut Hand<'_>,
) -> Turn {
    let mut readable = ready.read() || manner == Manner::Drain;
    let mut fillings = BUDGET;
    loop {
        let open = flush(socket, connection, hand);
        match connection.next(hand.room) {
            Next::Go => {}
            Next::HalfClose => {
                half_close(socket, connection, hand.now);
                readable = true;
                continue;
            }
            Next::Over(ending) => {
                hand.room.clear();
                return Turn::Over(ending);
            }
        }
        if open && connection.resumable(hand.room) {
            if fillings == 0 {
                return Turn::Again;
            }
            fillings -= 1;
            connection.resume(hand.now, hand.room);
            continue;
        }
        if !connection.wants_input() {
            return Turn::Rest;
        }
        if !readable {
            if manner != Manner::Drain || !connection.let_go(hand.now, hand.room) {
                return Turn::Rest;
            }
            continue;
        }
        if reads == 0 {
            return if manner == Manner::Once { Turn::Rest } else { Turn::Again };
        }
        reads -= 1;
        readable = receive(socket, connection, ready, manner, hand);
    }
}

/// Sends until nothing is unsent or the socket takes no more; whether it would take more.
fn flush(socket: &OwnedFd, connection: &mut Connection, hand: &mut Hand<'_>) -> bool {
    while !connection.unsent(hand.room).is_empty() {
        if !send_once(socket, connection, hand) {
            return false;
        }
    }
    true
}

/// One write of what is unsent; whether the socket may take more.
#[inline]
fn send_once(socket: &OwnedFd, connection: &mut Connection, hand: &mut Hand<'_>) -> bool {
    let unsent = connection.unsent(hand.room);
    match send(socket, unsent, SendFlags::NOSIGNAL) {
        Ok(sent) => {
            if hand.narrated {
                tell_sent(connection, sent, unsent.len());
            }
            hand.stats.sent += sent as u64;
            connection.sent(sent, hand.now, hand.room);
            true
        }
        Err(error) => not_sent(connection, error, hand),
    }
}

/// Keeps what is unsent; whether another try makes sense now.
#[cold]
fn not_sent(connection: &mut Connection, error: Errno, hand: &mut Hand<'_>) -> bool {
    match error {
        Errno::INTR => return true,
        Errno::WOULDBLOCK => connection.sent(0, hand.now, hand.room),
        error => {
            tracing::debug!("peer {}: {error}", connection.identity().0);
            hand.room.clear();
            connection.fail(Ending::Reset);
        }
    }
    false
}

/// One read; whether there may be more to read.
///
/// A read that leaves room in the buffer has taken all there was (epoll(7), question 9), except
/// where it stopped for another reason: before the peer's end, or at the mark of urgent data.
#[inline]
fn receive(
    socket: &OwnedFd,
    connection: &mut Connection,
    ready: Ready,
    manner: Manner,
    hand: &mut Hand<'_>,
) -> bool {
    match read(socket, &mut *hand.buffer) {
        Ok(count) if count > 0 => {
            if hand.narrated {
                tell_received(connection, count);
            }
            hand.stats.received += count as u64;
            connection.received(&hand.buffer[..count], hand.now, hand.room);
            count == hand.buffer.len()
                || ready.hangup()
                || ready.urgent()
                || manner == Manner::Drain
        }
        Ok(_) => {
            tracing::debug!("peer {}: the end", connection.identity().0);
            connection.ended(hand.now, hand.room);
            false
        }
        Err(error) => not_received(connection, error),
    }
}

/// Whether another try makes sense now.
#[cold]
fn not_received(connection: &mut Connection, error: Errno) -> bool {
    match error {
        Errno::INTR => return true,
        Errno::WOULDBLOCK => {}
        error => {
            tracing::debug!("peer {}: {error}", connection.identity().0);
            connection.fail(Ending::Reset);
        }
    }
    false
}

#[cold]
fn tell_sent(connection: &Connection, sent: usize, of: usize) {
    tracing::debug!("peer {}: sent {sent} of {of} bytes", connection.identity().0);
}

#[cold]
fn tell_received(connection: &Connection, count: usize) {
    tracing::debug!("peer {}: received {count} bytes", connection.identity().0);
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
