//! One peer of an event-style service: how far it is.
//!
//! A carrier hands in the bytes that came and the time; it takes the bytes to send, and asks what
//! comes next. The carrier also lends `room`, one buffer for all its peers: a session writes there
//! while nothing is unsent, and only what the socket does not take is copied into the connection.

mod apart;
mod jobs;
mod mail;
mod receiving;
mod sending;

pub use apart::Call;

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::time::Instant;

use crate::mail::OwnMailbox;
use crate::marks::Marks;
use crate::unread::Unread;
use crate::{Ending, Endpoint, PeerInfo, Session, Terms};

/// How often the wait for a closed peer's last bytes is prolonged while the kernel still holds bytes
/// for it: a minute, with the default limits.
const LINGERS_MOST: u8 = 60;

/// What keeps an open peer from being between requests.
const BEGUN: Marks = Marks::UNREAD
    .or(Marks::KEPT)
    .or(Marks::MORE)
    .or(Marks::OFFLOADED)
    .or(Marks::PAUSED)
    .or(Marks::ENGAGED);

/// What keeps an open peer's bytes waiting in the kernel.
const UNWANTED: Marks = Marks::INPUT_ENDED.or(HELD);

/// What keeps input from being offered, however much there is, and the peer's end from being told.
const HELD: Marks = Marks::STALLED.or(Marks::MORE).or(Marks::OFFLOADED).or(Marks::PAUSED);

/// What is known about a peer, apart from its bytes.
pub(crate) struct Vitals {
    pub(crate) id: u64,
    pub(crate) address: Endpoint,
    pub(crate) deadline: Option<Instant>,
    pub(crate) marks: Marks,
    /// If its session has taken one.
    pub(crate) mail: Option<OwnMailbox>,
    /// Here rather than in the connection for its size: it fits where there would be padding.
    phase: Phase,
}

/// One peer: its session, unread input, unsent output, deadlines and closing.
pub struct Connection {
    session: Box<dyn Session>,
    vitals: Vitals,
    terms: Arc<Terms>,
    unread: Unread,
    /// Output that the socket did not take.
    kept: Vec<u8>,
    /// How much of `kept` has been sent since.
    kept_sent: usize,
    /// When a byte moved last, in either direction; in `Lingering`, when that began.
    active: Instant,
    received: u64,
    sent: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    /// What is unsent is still sent.
    Closing(Ending),
    /// Our side is closed; the peer's last bytes are read and dropped. How often the wait for them
    /// was prolonged.
    Lingering(Ending, u8),
    /// This is a stand-in: the connection is where its session is called.
    Away,
    Over(Ending),
}

impl Vitals {
    /// The session closes, and says how its peer is counted.
    pub(crate) fn close_as(&mut self, ending: Ending) {
        self.phase = match ending {
            Ending::Closed | Ending::Left | Ending::Drained | Ending::Error => {
                Phase::Closing(ending)
            }
            ending => Phase::Over(ending),
        };
        self.marks.put(Marks::CLOSING, true);
    }
}

/// What the carrier does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Send what is unsent, receive if [`Connection::wants_input`].
    Go,
    /// Shut the sending side down, then say [`Connection::half_closed`].
    HalfClose,
    /// Close the socket.
    Over(Ending),
}
impl Connection {
    /// A peer that has just come. Call [`open`](Connection::open) before anything else.
    pub fn new(
        session: Box<dyn Session>,
        info: &PeerInfo,
        terms: Arc<Terms>,
        now: Instant,
    ) -> Connection {
        let vitals = Vitals {
            id: info.id,
            address: info.address.clone(),
            deadline: None,
            marks: Marks::default(),
            mail: None,
            phase: Phase::Open,
        };
        Connection {
            session,
            vitals,
            terms,
            unread: Unread::default(),
            kept: Vec::new(),
            kept_sent: 0,
            active: now,
            received: 0,
            sent: 0,
        }
    }

    /// Lets the session greet.
    pub fn open(&mut self, now: Instant, room: &mut Vec<u8>) {
        self.call(&[], 0, now, room, |session, peer| session.opened(peer));
        self.proceed(now, room);
    }

    /// Whether nothing is unusual: the peer is open, nothing is unread or unsent, no deadline is
    /// set. Then the next thing to do is to receive.
    #[inline]
    pub fn plain(&self) -> bool {
        self.vitals.marks.none()
    }

    /// The peer sent its last byte.
    pub fn ended(&mut self, now: Instant, room: &mut Vec<u8>) {
        self.vitals.marks.put(Marks::INPUT_ENDED, true);
        self.vitals.marks.put(Marks::HUNGRY, false);
        match self.vitals.phase {
            Phase::Open => self.proceed(now, room),
            Phase::Lingering(ending, _) => self.enter(Phase::Over(ending)),
            Phase::Closing(_) | Phase::Away | Phase::Over(_) => {}
        }
    }

    /// From now on [`Context::draining`](crate::Context::draining) is true.
    pub fn drain(&mut self) {
        self.vitals.marks.put(Marks::DRAINING, true);
    }

    /// Whether the peer has nothing begun: nothing unread, nothing unsent, no deadline that its
    /// session waits for, no job under way, no call that is due; or only its last bytes are still awaited.
    pub fn between_requests(&self) -> bool {
        match self.vitals.phase {
            Phase::Open => !self.has(BEGUN) && !self.waits_for_itself(),
            Phase::Lingering(..) => true,
            Phase::Closing(_) | Phase::Away | Phase::Over(_) => false,
        }
    }

    /// Whether its session has set a deadline, other than for its peer.
    fn waits_for_itself(&self) -> bool {
        self.has(Marks::DEADLINE) && !self.has(Marks::AWAITS_PEER)
    }

    /// The server is draining, and nothing more has come from the peer: if it is between requests,
    /// it is let go as if it had sent its last byte. `delivered`: the kernel has brought it all that
    /// it was sent; if not, its socket is half-closed and stays until that is so. Whether that
    /// changed anything.
    pub fn let_go(&mut self, delivered: bool, now: Instant, room: &mut Vec<u8>) -> bool {
        match self.vitals.phase {
            Phase::Lingering(ending, _) if delivered => self.enter(Phase::Over(ending)),
            Phase::Open if !self.between_requests() || !room.is_empty() => return false,
            Phase::Open if !self.has(Marks::INPUT_ENDED) => {
                self.vitals.marks.put(Marks::UNDELIVERED, !delivered);
                self.ended(now, room);
            }
            // It stayed after its peer's end, of which it is told once more, now with `draining`.
            Phase::Open if !self.has(Marks::WANTS_ROOM) => {
                self.call_unread(now, room, |session, peer| session.ended(peer));
                if let Phase::Open | Phase::Closing(Ending::Closed) = self.vitals.phase {
                    self.enter(Phase::Closing(Ending::Drained));
                }
            }
            _ => return false,
        }
        true
    }

    /// The instant by which [`expired`](Connection::expired) is to be called.
    pub fn deadline(&self) -> Option<Instant> {
        // A limit beyond what the clock can say is none.
        let idle = self.terms.idle.and_then(|limit| self.active.checked_add(limit));
        match self.vitals.phase {
            // A session that set a deadline waits for that, or for a job, not for its peer.
            Phase::Open if self.has(Marks::OFFLOADED) && !self.has(Marks::KEPT) => {
                self.vitals.deadline
            }
            Phase::Open if !self.has(Marks::KEPT.or(Marks::AWAITS_PEER)) => {
                self.vitals.deadline.or(idle)
            }
            Phase::Open => match (idle, self.vitals.deadline) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            },
            Phase::Closing(_) => idle,
            // The drain looks more often: it ends when all has been delivered.
            Phase::Lingering(..) if self.has(Marks::DRAINING) => {
                Some(self.active + self.terms.linger / 20)
            }
            Phase::Lingering(..) => Some(self.active + self.terms.linger),
            Phase::Away | Phase::Over(_) => None,
        }
    }

    /// Whether [`deadline`](Connection::deadline) is another than the idle limit's: the session set
    /// one or offloaded a job, or the peer is being closed.
    #[inline]
    pub fn hurries(&self) -> bool {
        self.has(Marks::DEADLINE.or(Marks::OFFLOADED).or(Marks::CLOSING))
    }

    /// Time has passed: ends the peer if it was silent too long, wakes its session if it asked.
    pub fn expired(&mut self, now: Instant, room: &mut Vec<u8>) {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return;
        }
        if let Phase::Lingering(ending, _) = self.vitals.phase {
            self.enter(Phase::Over(ending));
            return;
        }
        if self.vitals.phase == Phase::Open
            && self.vitals.deadline.is_some_and(|deadline| deadline <= now)
        {
            self.vitals.deadline = None;
            self.vitals.marks.put(Marks::DEADLINE.or(Marks::AWAITS_PEER), false);
            self.wake(now, room);
            self.proceed(now, room);
            return;
        }
        self.over(Ending::TimedOut);
    }

    /// The socket failed, or the server gives this peer up.
    pub fn fail(&mut self, ending: Ending) {
        let overrun = self.vitals.mail.as_ref().is_some_and(OwnMailbox::is_overrun);
        // Its socket may have been shut for that.
        let ending = if ending == Ending::Reset && overrun { Ending::TooSlow } else { ending };
        match self.vitals.phase {
            // Everything was sent: how the peer's own last bytes end is its own affair.
            Phase::Lingering(ending, _) => self.enter(Phase::Over(ending)),
            Phase::Over(_) => {}
            Phase::Open | Phase::Closing(_) | Phase::Away => self.over(ending),
        }
    }

    /// Whether bytes from the peer are wanted now. While output is above its mark they are not, nor
    /// while calls are due for those that came or a job is under way: what the peer sends then waits
    /// in the kernel, and pushes back on the peer.
    #[inline]
    pub fn wants_input(&self) -> bool {
        match self.vitals.phase {
            Phase::Open => !self.has(UNWANTED),
            Phase::Lingering(..) => true,
            Phase::Closing(_) | Phase::Away | Phase::Over(_) => false,
        }
    }

    /// What the carrier does next, after it has sent what it could.
    #[inline]
    pub fn next(&self, room: &[u8]) -> Next {
        match self.vitals.phase {
            Phase::Open | Phase::Lingering(..) | Phase::Away => Next::Go,
            Phase::Over(ending) => Next::Over(ending),
            Phase::Closing(_) if !self.unsent(room).is_empty() => Next::Go,
            Phase::Closing(ending)
                if self.has(Marks::INPUT_ENDED) && !self.has(Marks::UNDELIVERED) =>
            {
                Next::Over(ending)
            }
            Phase::Closing(_) => Next::HalfClose,
        }
    }

    /// Our sending side is shut.
    pub fn half_closed(&mut self, now: Instant) {
        if let Phase::Closing(ending) = self.vitals.phase {
            self.enter(Phase::Lingering(ending, 0));
            self.active = now;
        }
    }

    /// The kernel still holds bytes for the peer of a closed connection when the wait for its end is
    /// over: waits once more, up to 60 times, and in the drain for as long as that lasts. Whether it
    /// does.
    pub fn linger_on(&mut self, now: Instant) -> bool {
        match self.vitals.phase {
            Phase::Lingering(ending, times)
                if times < LINGERS_MOST || self.has(Marks::DRAINING) =>
            {
                self.enter(Phase::Lingering(ending, times.saturating_add(1)));
                self.active = now;
                true
            }
            _ => false,
        }
    }

    /// Whether our side is closed and the peer's is awaited.
    pub fn lingers(&self) -> bool {
        matches!(self.vitals.phase, Phase::Lingering(..))
    }

    /// The last step: tells the session, and lets go of it. How the peer ended: as given, unless
    /// the session panics even now.
    pub fn close(self, ending: Ending) -> Ending {
        let mut session = self.session;
        let last = AssertUnwindSafe(move || {
            session.closed(ending);
            drop(session);
        });
        panic::catch_unwind(last).map_or(Ending::Panicked, |()| ending)
    }

    /// What is known about the peer: id and address.
    pub fn identity(&self) -> (u64, &Endpoint) {
        (self.vitals.id, &self.vitals.address)
    }

    /// Bytes received and sent so far.
    pub fn traffic(&self) -> (u64, u64) {
        (self.received, self.sent)
    }

    /// Everything that can be done without more bytes from the peer, in its order.
    fn proceed(&mut self, now: Instant, room: &mut Vec<u8>) {
        if self.has(Marks::STALLED) && self.unsent(room).len() <= self.terms.low_mark {
            self.vitals.marks.put(Marks::STALLED, false);
        }
        if self.has(Marks::MAIL) && self.unsent(room).len() <= self.terms.low_mark {
            self.mail(now, room);
        }
        self.offer_unread(now, room);
        self.done_in_place(now, room);
        if self.has(Marks::INPUT_ENDED)
            && !self.has(Marks::END_TOLD)
            && self.vitals.phase == Phase::Open
            && !self.has(HELD)
        {
            self.vitals.marks.put(Marks::END_TOLD, true);
            let ending = if self.has(Marks::DRAINING) { Ending::Drained } else { Ending::Left };
            self.call_unread(now, room, |session, peer| session.ended(peer));
            if let Phase::Closing(Ending::Closed) = self.vitals.phase {
                self.enter(Phase::Closing(ending));
            }
            self.done_in_place(now, room);
        }
        if self.has(Marks::WANTS_ROOM)
            && self.vitals.phase == Phase::Open
            && self.unsent(room).len() <= self.calm_mark()
        {
            self.vitals.marks.put(Marks::WANTS_ROOM.or(Marks::FLUSHES), false);
            self.call_unread(now, room, |session, peer| session.writable(peer));
            self.done_in_place(now, room);
        }
    }

    #[inline]
    fn has(&self, marks: Marks) -> bool {
        self.vitals.marks.has(marks)
    }

    /// Enters another phase than `Open`.
    #[cold]
    fn enter(&mut self, phase: Phase) {
        self.vitals.phase = phase;
        self.vitals.marks.put(Marks::CLOSING, true);
    }

    #[cold]
    fn over(&mut self, ending: Ending) {
        self.enter(Phase::Over(ending));
        self.forget_kept();
        self.set_unread(Unread::default());
    }
}
