//! An event-style peer on a thread of its own: what its connection wants is done, and waited for.

use std::io;
use std::time::{Duration, Instant};

use switchboard_core::{Connection, Ending, Limits, Next, Reading, Wait, Wire};

use super::{BlockingWire, READ_LEAST, READ_MOST};

/// What a thread lends to one event-style peer after another; it need not have any room yet.
#[derive(Default)]
pub(crate) struct Buffers {
    /// Where it reads to.
    input: Vec<u8>,
    /// Where its session writes to.
    room: Vec<u8>,
}

impl Buffers {
    /// For short messages, nothing has to be allocated.
    pub(crate) fn ready() -> Buffers {
        Buffers { input: Vec::with_capacity(READ_LEAST), room: Vec::with_capacity(READ_LEAST) }
    }
}

/// Serves an event-style peer on this thread, from its opening to its end.
pub(crate) fn converse(
    connection: &mut Connection,
    wire: &mut BlockingWire<'_>,
    limits: Limits,
    Buffers { input, room }: &mut Buffers,
) -> Ending {
    room.clear();
    let ending = converse_in(connection, wire, limits, (input, room));
    // One peer's long reply is not kept for all who come after it.
    room.clear();
    room.shrink_to(READ_MOST);
    ending
}

fn converse_in(
    connection: &mut Connection,
    wire: &mut BlockingWire<'_>,
    Limits { idle, linger, .. }: Limits,
    (buffer, room): (&mut Vec<u8>, &mut Vec<u8>),
) -> Ending {
    let mut size = READ_LEAST;
    if wire.draining() {
        connection.drain();
    }
    connection.open(wire.now(), room);
    loop {
        if connection.took_mailbox() {
            connection.mail_comes_to(0);
            if let Err(error) = wire.hear_mail() {
                connection.fail(ending_of(wire, &error));
            }
        }
        if wire.hears_mail {
            connection.mail(wire.now(), room);
        }
        send_all(connection, wire, room, idle);
        if wire.draining() {
            connection.drain();
        }
        match connection.next(room) {
            Next::Go => {}
            Next::HalfClose => {
                wire.linger(linger);
                connection.half_closed(wire.now());
                connection.fail(Ending::Reset);
                continue;
            }
            Next::Over(ending) => return ending,
        }
        if connection.resumable(room) {
            connection.resume(wire.now(), room);
            continue;
        }
        let wait = match connection.hurries() || !connection.wants_input() {
            true => connection.deadline().map(|end| end.saturating_duration_since(wire.now())),
            false => idle,
        };
        if connection.awaits_jobs() {
            match wire.await_job(wait) {
                Ok(Some(last)) => connection.job_done(last, wire.now(), room),
                Ok(None) => settle(connection, wire, Ok(None), buffer, room),
                Err(error) => connection.fail(ending_of(wire, &error)),
            }
            continue;
        }
        if !connection.wants_input() {
            let drained = wire.draining();
            if drained && connection.let_go(!wire.holds(), wire.now(), room) {
                continue;
            }
            let slept = wire.rest(wait.unwrap_or(Duration::MAX), drained);
            if wire.draining() != drained {
                continue;
            }
            settle(connection, wire, slept.map(|()| None), buffer, room);
            continue;
        }
        buffer.clear();
        let between_requests = connection.between_requests();
        let reading = Reading { wait: until(wait), notes: false, between_requests, room: size };
        let came = match wire.receive_or_hear(buffer, reading) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            came => came,
        };
        if came.as_ref().is_ok_and(|count| *count >= size) {
            size = (size * 4).min(READ_MOST);
        }
        settle(connection, wire, came.map(Some), buffer, room);
    }
}

/// Hands the connection what a wait brought: bytes, the end, a deadline, a failure.
fn settle(
    connection: &mut Connection,
    wire: &BlockingWire<'_>,
    came: io::Result<Option<usize>>,
    buffer: &[u8],
    room: &mut Vec<u8>,
) {
    let now = wire.now();
    if wire.draining() {
        connection.drain();
    }
    match came {
        // The peer's end, or the drain's, which must not lose what the kernel still holds.
        Ok(Some(0)) if wire.draining() && !connection.lingers() => {
            if !connection.let_go(!wire.holds(), now, room) {
                connection.ended(now, room);
            }
        }
        Ok(Some(0)) => connection.ended(now, room),
        Ok(Some(_)) => {
            connection.received(buffer, now, room);
        }
        Ok(None) => connection.expired(now, room),
        Err(error) if error.kind() == io::ErrorKind::TimedOut => {
            expire(connection, now, room);
        }
        Err(error) => connection.fail(ending_of(wire, &error)),
    }
}

fn send_all(
    connection: &mut Connection,
    wire: &mut BlockingWire<'_>,
    room: &mut Vec<u8>,
    idle: Option<Duration>,
) {
    loop {
        let unsent = connection.unsent(room);
        if unsent.is_empty() {
            return;
        }
        let wait = match connection.hurries() {
            true => connection.deadline().map(|end| end.saturating_duration_since(wire.now())),
            false => idle,
        };
        let sent = wire.send(unsent, until(wait));
        let now = wire.now();
        match sent {
            Ok(count) => connection.sent(count, now, room),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                connection.sent(0, now, room);
                expire(connection, now, room);
            }
            Err(error) => {
                room.clear();
                return connection.fail(ending_of(wire, &error));
            }
        }
    }
}

fn until(limit: Option<Duration>) -> Wait {
    Wait { limit, idle: false }
}

/// A wait for the deadline is over. The kernel's clock may ring a tick before ours.
fn expire(connection: &mut Connection, now: Instant, room: &mut Vec<u8>) {
    let due = connection.deadline().map_or(now, |deadline| deadline.max(now));
    connection.expired(due, room);
}

fn ending_of(wire: &BlockingWire<'_>, error: &io::Error) -> Ending {
    match wire.cut() {
        Ok(()) => Ending::of_io(error),
        Err(_) => Ending::CutOff,
    }
}
