//! The carrier for sockets that never block: it does what can be done now, and returns.

use std::os::fd::OwnedFd;
use std::time::Instant;

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, Shutdown, recv, send, shutdown};
use switchboard_core::{Call, Connection, Ending, Next};

use super::delivered;
use crate::counters::Stats;
use crate::mechanism::Ready;

/// Reads, or fillings of an endless reply, after which other peers get their turn.
const BUDGET: u32 = 16;

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
const CALL_MOST: usize = 16 << 10;

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
    let result = read(socket, &mut hand.buffer);
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
    match send(socket, &hand.room, SendFlags::NOSIGNAL) {
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
    work(socket, connection, Work { readable, reads, exhaustive, failed, manner }, hand)
}

/// The rest of a turn that has read once.
#[cold]
fn go_on(socket: &OwnedFd, connection: &mut Connection, manner: Manner, hand: &mut Hand) -> Turn {
    let reads = if manner == Manner::Once { 0 } else { BUDGET };
    let left = Work { readable: true, reads, exhaustive: false, failed: false, manner };
    work(socket, connection, left, hand)
}

/// What a turn may still do.
struct Work {
    /// There may be something to read.
    readable: bool,
    /// So many reads at most.
    reads: u32,
    /// A read that leaves room in the buffer may not have taken all there was.
    exhaustive: bool,
    /// The socket failed: who neither reads nor writes it must be told, or would be told for ever.
    failed: bool,
    manner: Manner,
}

/// Does whatever can be done.
fn work(socket: &OwnedFd, connection: &mut Connection, mut work: Work, hand: &mut Hand) -> Turn {
    let mut fillings = BUDGET;
    loop {
        let open = flush(socket, connection, hand);
        match connection.next(&hand.room) {
            Next::Go => {}
            Next::HalfClose => {
                half_close(socket, connection, hand.now);
                work.readable = true;
                continue;
            }
            Next::Over(ending) => {
                hand.room.clear();
                return Turn::Over(ending);
            }
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
            if work.manner == Manner::Drain && hand.apart && connection.converses() {
                return match connection.between_requests() {
                    true => hand.calls(Call::LetGo { delivered: delivered(socket) }),
                    false => Turn::Rest,
                };
            }
            if work.manner == Manner::Drain
                && connection.let_go(delivered(socket), hand.now, &mut hand.room)
            {
                continue;
            }
            return Turn::Rest;
        }
        if work.reads == 0 {
            return if work.manner == Manner::Once { Turn::Rest } else { Turn::Again };
        }
        work.reads -= 1;
        if hand.apart && connection.converses() {
            match receive_for_call(socket, connection, hand) {
                Some(call) => return hand.calls(call),
                None => work.readable = false,
            }
            continue;
        }
        work.readable = receive(socket, connection, work.exhaustive, hand);
    }
}

/// Sends until nothing is unsent or the socket takes no more; whether it would take more.
fn flush(socket: &OwnedFd, connection: &mut Connection, hand: &mut Hand) -> bool {
    loop {
        let unsent = connection.unsent(&hand.room);
        if unsent.is_empty() {
            return true;
        }
        hand.stats.sends += 1;
        match send(socket, unsent, SendFlags::NOSIGNAL) {
            Ok(count) => sent(connection, count, hand),
            Err(Errno::INTR) => {}
            Err(error) => {
                not_sent(connection, error, hand);
                return false;
            }
        }
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

/// One read; whether there may be more to read.
///
/// A read that leaves room in the buffer has taken all there was (epoll(7), question 9), except
/// where it stopped for another reason: before the peer's end, or at the mark of urgent data.
fn receive(
    socket: &OwnedFd,
    connection: &mut Connection,
    exhaustive: bool,
    hand: &mut Hand,
) -> bool {
    hand.stats.receives += 1;
    let result = read(socket, &mut hand.buffer);
    brings(connection, result, hand) && (exhaustive || result == Ok(hand.buffer.len()))
}

/// One read for a session that is called elsewhere: what it is to be told, if anything.
fn receive_for_call(
    socket: &OwnedFd,
    connection: &mut Connection,
    hand: &mut Hand,
) -> Option<Call> {
    let id = connection.identity().0;
    hand.stats.receives += 1;
    match read(socket, &mut hand.buffer[..CALL_MOST]) {
        Ok(0) => {
            tracing::debug!("peer {id}: the end");
            Some(Call::Ended)
        }
        Ok(count) => {
            tracing::debug!("peer {id}: received {count} bytes");
            hand.stats.received += count as u64;
            Some(Call::Received(hand.buffer[..count].to_vec()))
        }
        Err(Errno::INTR | Errno::WOULDBLOCK) => None,
        Err(error) => {
            tracing::debug!("peer {id}: {error}");
            connection.fail(Ending::Reset);
            None
        }
    }
}

/// recv(2), which takes a shorter way through the kernel than read(2): 4% of its time for 64 bytes.
#[inline(always)]
fn read(socket: &OwnedFd, into: &mut [u8]) -> Result<usize, Errno> {
    recv(socket, into, RecvFlags::empty()).map(|(count, _)| count)
}

/// What a read brought; whether another makes sense now.
fn brings(connection: &mut Connection, result: Result<usize, Errno>, hand: &mut Hand) -> bool {
    let id = connection.identity().0;
    match result {
        Ok(0) => {
            tracing::debug!("peer {id}: the end");
            connection.ended(hand.now, &mut hand.room);
            false
        }
        Ok(count) => {
            tracing::debug!("peer {id}: received {count} bytes");
            hand.stats.received += count as u64;
            connection.received(&hand.buffer[..count], hand.now, &mut hand.room);
            true
        }
        Err(Errno::INTR) => true,
        Err(Errno::WOULDBLOCK) => false,
        Err(error) => {
            tracing::debug!("peer {id}: {error}");
            connection.fail(Ending::Reset);
            false
        }
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
