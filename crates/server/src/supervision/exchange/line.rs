//! One line of the exchange: what its process asks for, and what it is owed because it has not read it.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use switchboard_core::topics::Op;

/// What is owed to a process beyond which its line is full: bytes, and packets, because it takes as
/// long to hear a short one as a long one.
const BYTES_FULL: usize = 1 << 20;
const PACKETS_FULL: usize = 512;

/// The part of that at which it is full no longer.
const AGAIN: usize = 4;

/// So many times that much, and its line is overfull.
const OVERFULL: usize = 4;

/// How long a process may read nothing while its line is full.
pub(super) const NOTHING: Duration = Duration::from_secs(2);

/// How long its line may stay full, however little it reads now and then.
pub(super) const SLOW: Duration = Duration::from_secs(10);

/// The exchange's end of a line.
pub(super) struct Line {
    pub(super) socket: OwnedFd,
    /// Packets for which there was no room.
    owed: VecDeque<Bytes>,
    owed_bytes: usize,
    /// When it took something last, while something is owed.
    took: Instant,
    /// Since when it is full.
    full: Option<Instant>,
    /// The full line because of which this one is not read.
    pub(super) held_by: Option<usize>,
    /// Its process has closed its end: nothing is told there any more, but what it has said before
    /// can still be read.
    pub(super) closed: bool,
    /// It is closed, or of no use: the process is gone or about to be.
    pub(super) over: bool,
}

/// Why a process is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hopeless {
    /// It has read nothing for 2 seconds.
    Nothing,
    /// It has read too little for 10 seconds.
    TooLittle,
    /// Its line failed.
    Failed,
}

impl Line {
    pub(super) fn new(socket: OwnedFd, now: Instant) -> Line {
        Line {
            socket,
            owed: VecDeque::new(),
            owed_bytes: 0,
            took: now,
            full: None,
            held_by: None,
            closed: false,
            over: false,
        }
    }

    /// What its process asks for next; `None`: nothing now. `packet` has room for any.
    pub(super) fn next_op(&self, packet: &mut [u8]) -> io::Result<Option<Op>> {
        loop {
            match recv(&self.socket, &mut *packet, RecvFlags::DONTWAIT) {
                Ok((0, _)) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok((count, _)) => {
                    let packet = Bytes::copy_from_slice(&packet[..count]);
                    let op = Op::unpacked(packet);
                    return op.ok_or_else(|| io::ErrorKind::InvalidData.into()).map(Some);
                }
                Err(Errno::WOULDBLOCK) => return Ok(None),
                // Said once, before anything else, of a process that has closed its end with news
                // unread in it. What it had asked for is still there to be read, then the end
                // (net/unix/af_unix.c, `unix_release_sock`).
                Err(Errno::INTR | Errno::CONNRESET) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Whether something is owed.
    pub(super) fn owes(&self) -> bool {
        !self.owed.is_empty()
    }

    /// Tells its process, if nothing is owed and there is room; whether it did.
    pub(super) fn tell(&self, packet: &Bytes) -> Result<bool, Errno> {
        if self.owes() { Ok(false) } else { self.send(packet) }
    }

    /// Keeps what there was no room for. Whether the line has just become full.
    pub(super) fn owe(&mut self, packet: Bytes, now: Instant) -> bool {
        if !self.owes() {
            self.took = now;
        }
        self.owed_bytes += packet.len();
        self.owed.push_back(packet);
        let fills = self.full.is_none() && self.exceeds(1);
        if fills {
            self.full = Some(now);
        }
        fills
    }

    /// Tells what is owed, `most` packets of it, as far as there is room; how many it told.
    pub(super) fn pay(&mut self, most: usize, now: Instant) -> Result<usize, Errno> {
        let mut told = 0;
        while told < most
            && let Some(packet) = self.owed.front()
            && self.send(packet)?
        {
            told += 1;
            self.took = now;
            self.owed_bytes -= packet.len();
            self.owed.pop_front();
        }
        Ok(told)
    }

    /// Nothing is owed any more. Whether something was.
    pub(super) fn forgive(&mut self) -> bool {
        self.owed_bytes = 0;
        !std::mem::take(&mut self.owed).is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.full.is_some()
    }

    /// Even what all processes have to know is too much for it.
    pub(super) fn is_overfull(&self) -> bool {
        self.exceeds(OVERFULL)
    }

    /// Whether it was full, and so much of what was owed has been read that it is not any more.
    pub(super) fn is_relieved(&mut self) -> bool {
        let few = self.owed_bytes <= BYTES_FULL / AGAIN && self.owed.len() <= PACKETS_FULL / AGAIN;
        few && self.full.take().is_some()
    }

    /// Whether others have waited for its process long enough.
    pub(super) fn hopeless(&self, now: Instant) -> Option<Hopeless> {
        let full = self.full?;
        match (self.took + NOTHING <= now, full + SLOW <= now) {
            (true, _) => Some(Hopeless::Nothing),
            (false, true) => Some(Hopeless::TooLittle),
            (false, false) => None,
        }
    }

    /// When it will be hopeless if nothing changes.
    pub(super) fn hopeless_at(&self) -> Option<Instant> {
        self.full.map(|full| (self.took + NOTHING).min(full + SLOW))
    }

    fn exceeds(&self, times: usize) -> bool {
        self.owed_bytes > times * BYTES_FULL || self.owed.len() > times * PACKETS_FULL
    }

    /// Whether there was room.
    fn send(&self, packet: &Bytes) -> Result<bool, Errno> {
        loop {
            match send(&self.socket, packet, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
                Ok(_) => return Ok(true),
                Err(Errno::WOULDBLOCK) => return Ok(false),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// What is said of the process.
impl fmt::Display for Hopeless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Hopeless::Nothing => "hears nothing",
            Hopeless::TooLittle => "hears too slowly what others say",
            Hopeless::Failed => "cannot be reached any more",
        })
    }
}
