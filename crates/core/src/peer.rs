//! The straight-line style: a peer that is read from and written to.

mod mail;
mod requests;
mod stream;

use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::framing::OVERHEAD_MAX;
use crate::unread::Unread;
use crate::{Ending, Endpoint, PeerInfo, Reading, Terms, Wait, Wire, offload};

/// Spare bytes of the first read; it grows with what comes, up to [`READ_MOST`]: an idle peer of a
/// thread owns one small buffer, a busy one reads in large pieces.
const READ_LEAST: usize = 2 << 10;
const READ_MOST: usize = 64 << 10;

pub use mail::Heard;

/// One peer of a straight-line service: `BufRead + Write`, and what a protocol needs besides.
///
/// Output is gathered: it leaves before a read that would wait, at [`flush`](std::io::Write::flush), at the
/// end of the handler, or above the high mark. So a `writeln!` with five arguments is one system
/// call. Every wait is bounded by the idle limit and by [`set_deadline`](Peer::set_deadline).
#[repr(C)]
pub struct Peer<'a> {
    // What each read and write touches lies together, in this order.
    wire: &'a mut dyn Wire,
    unread: Unread,
    unsent: Vec<u8>,
    terms: Arc<Terms>,
    deadline: Option<Instant>,
    read_size: usize,
    /// What is written goes to the wire at once, while that has room.
    gathers: bool,
    /// The peer sent its last byte, or the drain says so.
    ended: bool,
    /// A read that gathers a request outside `unread` is under way.
    mid_request: bool,
    /// What ended the peer, if anything has; from then on every call fails.
    fate: Option<Ending>,
    info: PeerInfo,
}

/// What a timed read found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// There are bytes in [`fill_buf`](std::io::BufRead::fill_buf) that were not there before.
    Bytes,
    /// The peer sent its last byte.
    Ended,
    /// The time passed.
    Elapsed,
}

impl<'a> Peer<'a> {
    /// A peer on `wire`; for carriers and tests.
    pub fn new(wire: &'a mut dyn Wire, info: PeerInfo, terms: Arc<Terms>) -> Peer<'a> {
        Peer {
            gathers: wire.gathers(),
            wire,
            info,
            terms,
            unread: Unread::default(),
            unsent: Vec::new(),
            deadline: None,
            read_size: READ_LEAST,
            ended: false,
            mid_request: false,
            fate: None,
        }
    }

    /// Runs `handler` on this peer, sends what it left unsent, and says how the peer ended.
    /// An error of the handler's own comes with it.
    pub fn serve(
        mut self,
        handler: &dyn Fn(&mut Peer<'_>) -> io::Result<()>,
    ) -> (Ending, Option<io::Error>) {
        let result = panic::catch_unwind(AssertUnwindSafe(|| handler(&mut self)));
        let Ok(result) = result else { return (Ending::Panicked, None) };
        let sent = self.send_unsent();
        match (self.fate, result, sent) {
            (Some(fate), _, _) => (fate, None),
            (None, Ok(()), Err(error)) => (Ending::of_io(&error), None),
            (None, Ok(()), Ok(())) => (self.in_order(), None),
            (None, Err(error), _) if error.kind() == io::ErrorKind::UnexpectedEof && self.ended => {
                (self.in_order(), None)
            }
            (None, Err(error), _) => (Ending::Error, Some(error)),
        }
    }

    /// Where the peer speaks from.
    pub fn address(&self) -> Endpoint {
        self.info.address.clone()
    }

    /// Unlike that of any other peer of this server.
    pub fn id(&self) -> u64 {
        self.info.id
    }

    /// What has come and was not taken, without waiting for more. [`consume`](std::io::BufRead::consume) takes it.
    pub fn unread(&self) -> &[u8] {
        self.unread.bytes()
    }

    /// Waits up to `wait` for bytes beyond those already unread. That the time passed is no error
    /// and does not end the peer.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] if more is unread than a request may have.
    pub fn read_for(&mut self, wait: Duration) -> io::Result<Arrival> {
        self.more(Some(wait))
    }

    /// Sends what was gathered, then does nothing for this long.
    ///
    /// # Errors
    /// [`io::ErrorKind::TimedOut`] if the deadline comes first.
    pub fn sleep(&mut self, wait: Duration) -> io::Result<()> {
        self.send_unsent()?;
        self.alive()?;
        let bounded = self.bounded(Some(wait), None)?.limit.unwrap_or(wait);
        let slept = self.wire.sleep(bounded);
        self.note(slept)?;
        match bounded < wait {
            true => Err(self.missed(Ending::TimedOut)),
            false => Ok(()),
        }
    }

    /// Sends what was gathered, then has `job` run where it holds up no other peer, and gives its
    /// value: on a loop model by one of the threads that the server has for jobs, elsewhere by this
    /// one. That is no wait with a bound: a deadline that passes meanwhile is noticed by the next.
    ///
    /// # Errors
    /// [`JobPanicked`](crate::JobPanicked), as [`io::ErrorKind::Other`], if the job panics; the peer
    /// can be served on. Any other means that the peer is over.
    pub fn offload<T: Send + 'static>(
        &mut self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<T> {
        self.send_unsent()?;
        self.alive()?;
        let (job, mut value) = offload::job(job);
        let waited = self.wire.offload(job);
        self.note(waited)?;
        let done = value.take().expect("a wire waits until the job is done");
        done.map_err(io::Error::other)
    }

    /// Every later wait fails with [`io::ErrorKind::TimedOut`] once `instant` has passed; `None`
    /// leaves only the idle limit.
    pub fn set_deadline(&mut self, instant: Option<Instant>) {
        self.deadline = instant;
    }

    /// The time, by the carrier's clock.
    pub fn now(&self) -> Instant {
        self.wire.now()
    }

    /// Whether the server is stopping: finish what was begun, begin nothing.
    pub fn draining(&self) -> bool {
        self.wire.draining()
    }

    /// Waits for input, of which none is unread: how much of it is in `into`. The rest is unread.
    fn fill(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let usual = self.unsent.is_empty()
            && self.deadline.is_none()
            && self.fate.is_none()
            && !self.ended
            && !self.mid_request;
        if !usual {
            return match self.more(None)? {
                Arrival::Elapsed => Err(self.missed(Ending::TimedOut)),
                Arrival::Bytes | Arrival::Ended => Ok(self.unread.take_into(into)),
            };
        }
        let (beyond, room) = (self.unread.tail(), self.read_size);
        match self.wire.receive_next(into, beyond, self.terms.idle, room) {
            Ok(count) => {
                self.arrived(count);
                Ok(count.min(into.len()))
            }
            Err(error) => self.note(Err(error)),
        }
    }

    /// A read has brought so many bytes.
    #[inline]
    fn arrived(&mut self, count: usize) -> Arrival {
        if count == 0 {
            self.ended = true;
            return Arrival::Ended;
        }
        if count >= self.read_size {
            self.read_size = (self.read_size * 4).min(READ_MOST);
        }
        Arrival::Bytes
    }

    /// Sends what was gathered and waits for more input: at most `asked`, the idle limit, and the
    /// time left until the deadline. Only `asked` may pass without ending the peer.
    #[inline]
    fn more(&mut self, asked: Option<Duration>) -> io::Result<Arrival> {
        self.more_or_note(asked, false)
    }

    /// As [`more`](Peer::more); with `notes`, [`io::ErrorKind::Interrupted`] when there is one.
    fn more_or_note(&mut self, asked: Option<Duration>, notes: bool) -> io::Result<Arrival> {
        self.send_unsent()?;
        self.alive()?;
        if self.ended {
            return Ok(Arrival::Ended);
        }
        if self.unread.len() > self.terms.request_max + OVERHEAD_MAX {
            return Err(self.missed(Ending::TooLarge));
        }
        let wait = self.bounded(asked, self.terms.idle)?;
        let between_requests = self.unread.is_empty() && !self.mid_request;
        let room = self.read_size;
        let reading = Reading { wait, notes, between_requests, room };
        let came = self.wire.receive(self.unread.tail(), reading);
        match came {
            Ok(count) => Ok(self.arrived(count)),
            Err(error) if error.kind() == io::ErrorKind::TimedOut && wait.limit == asked => {
                Ok(Arrival::Elapsed)
            }
            Err(error) if notes && error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => self.note(Err(error)),
        }
    }

    /// The least of `asked`, `limit` (which is the idle limit, if any) and the time left.
    #[inline]
    fn bounded(&mut self, asked: Option<Duration>, limit: Option<Duration>) -> io::Result<Wait> {
        match (asked, self.deadline) {
            (None, None) => Ok(Wait { limit, idle: true }),
            _ => self.bounded_more(asked, limit),
        }
    }

    #[cold]
    fn bounded_more(
        &mut self,
        asked: Option<Duration>,
        limit: Option<Duration>,
    ) -> io::Result<Wait> {
        let mut wait = Wait { limit, idle: true };
        let mut bound = |bound: Duration| {
            if wait.limit.is_none_or(|limit| bound <= limit) {
                wait = Wait { limit: Some(bound), idle: false };
            }
        };
        if let Some(asked) = asked {
            bound(asked);
        }
        if let Some(deadline) = self.deadline {
            let left = deadline.saturating_duration_since(self.wire.now());
            if left.is_zero() {
                return Err(self.missed(Ending::TimedOut));
            }
            bound(left);
        }
        Ok(wait)
    }

    /// Keeps what was written until it is sent.
    fn gather(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.alive()?;
        self.unsent.extend_from_slice(bytes);
        if self.unsent.len() >= self.terms.high_mark {
            self.send_unsent()?;
        }
        Ok(bytes.len())
    }

    /// Hands what was gathered to the wire.
    #[inline]
    fn send_unsent(&mut self) -> io::Result<()> {
        if self.unsent.is_empty() { Ok(()) } else { self.send_gathered() }
    }

    fn send_gathered(&mut self) -> io::Result<()> {
        self.alive()?;
        let mut sent = 0;
        while sent < self.unsent.len() {
            let wait = self.bounded(None, self.terms.idle)?;
            let result = self.wire.send(&self.unsent[sent..], wait);
            sent += self.note(result)?;
        }
        self.unsent.clear();
        Ok(())
    }

    /// Fails once the peer's fate is sealed.
    #[inline]
    fn alive(&self) -> io::Result<()> {
        match self.fate {
            None => Ok(()),
            Some(fate) => Err(error_of(fate)),
        }
    }

    /// Remembers what an error of the wire means for the peer.
    #[inline]
    fn note<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        result.inspect_err(|error| self.failed(error))
    }

    #[cold]
    fn failed(&mut self, error: &io::Error) {
        self.unsent.clear();
        self.fate = Some(match error.kind() {
            io::ErrorKind::ConnectionAborted if self.wire.draining() => Ending::CutOff,
            _ => Ending::of_io(error),
        });
    }

    fn missed(&mut self, fate: Ending) -> io::Error {
        self.fate = Some(fate);
        error_of(fate)
    }

    fn in_order(&self) -> Ending {
        match self.ended {
            true if self.wire.draining() => Ending::Drained,
            true => Ending::Left,
            false => Ending::Closed,
        }
    }
}

/// The error that a handler sees for what ended its peer.
#[cold]
fn error_of(fate: Ending) -> io::Error {
    let kind = match fate {
        Ending::TimedOut => io::ErrorKind::TimedOut,
        Ending::TooLarge => io::ErrorKind::InvalidData,
        Ending::CutOff => io::ErrorKind::ConnectionAborted,
        _ => io::ErrorKind::ConnectionReset,
    };
    io::Error::new(kind, format!("the peer's connection is over: {fate}"))
}
