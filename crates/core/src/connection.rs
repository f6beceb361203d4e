//! One peer of an event-style service: how far it is.
//!
//! A carrier hands in the bytes that came and the time; it takes the bytes to send, and asks what
//! comes next. The carrier also lends `room`, one buffer for all its peers: a session writes there
//! while nothing is unsent, and only what the socket does not take is copied into the connection.

use std::mem;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::time::Instant;

use crate::context::TOO_LARGE;
use crate::framing::OVERHEAD_MAX;
use crate::marks::Marks;
use crate::unread::Unread;
use crate::{Context, Ending, Endpoint, Flow, Input, Limits, Output, PeerInfo, Session};

/// What is known about a peer, apart from its bytes.
pub(crate) struct Vitals {
    pub(crate) id: u64,
    pub(crate) address: Endpoint,
    pub(crate) deadline: Option<Instant>,
    pub(crate) marks: Marks,
    /// Here rather than in the connection for its size: it fits where there would be padding.
    phase: Phase,
}

/// One peer: its session, unread input, unsent output, deadlines and closing.
pub struct Connection {
    session: Box<dyn Session>,
    vitals: Vitals,
    limits: Arc<Limits>,
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
    /// Our side is closed; the peer's last bytes are read and dropped.
    Lingering(Ending),
    Over(Ending),
}

/// What came of a call of the session.
struct Call {
    /// `None`: it panicked.
    flow: Option<Flow>,
    /// How many bytes it did not take.
    left: usize,
    /// How many of those hold no line feed; [`TOO_LARGE`] if they begin a request that is.
    searched: usize,
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
        limits: Arc<Limits>,
        now: Instant,
    ) -> Connection {
        let vitals = Vitals {
            id: info.id,
            address: info.address.clone(),
            deadline: None,
            marks: Marks::default(),
            phase: Phase::Open,
        };
        Connection {
            session,
            vitals,
            limits,
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

    /// The peer sent `bytes`.
    pub fn received(&mut self, bytes: &[u8], now: Instant, room: &mut Vec<u8>) {
        if self.plain() {
            self.received_while_plain(bytes, now, room);
        } else {
            self.received += bytes.len() as u64;
            self.received_more(bytes, now, room);
        }
    }

    /// The peer, which is [`plain`](Connection::plain), sent `bytes`; whether it is plain still.
    #[inline(always)]
    pub fn received_while_plain(&mut self, bytes: &[u8], now: Instant, room: &mut Vec<u8>) -> bool {
        debug_assert!(self.plain());
        self.received += bytes.len() as u64;
        self.active = now;
        let limits = &*self.limits;
        let mut context = Context {
            input: Input::new(bytes, 0, limits, false),
            output: Output { bytes: room, sent: 0, limits },
            vitals: &mut self.vitals,
            now,
        };
        let Call { flow, left, searched } =
            raw_call(&mut *self.session, &mut context, |session, peer| session.received(peer));
        // Nothing left and nothing marked, in one comparison.
        let unusual = left | self.vitals.marks.bits();
        if flow == Some(Flow::Continue) && unusual == 0 && room.len() < self.limits.high_mark {
            return true;
        }
        self.received_on(bytes, flow, left, searched, self.active, room);
        self.plain()
    }

    /// The peer sent `bytes`, and something is unusual already.
    #[cold]
    fn received_more(&mut self, bytes: &[u8], now: Instant, room: &mut Vec<u8>) {
        if self.has(Marks::CLOSING) {
            return;
        }
        self.active = now;
        if self.has(Marks::UNREAD.or(Marks::STALLED)) {
            self.unread.push(bytes);
            self.vitals.marks.put(Marks::UNREAD, true);
            self.vitals.marks.put(Marks::HUNGRY, false);
            self.offer_unread(now, room);
        } else {
            let (left, searched) = self.call_received(bytes, 0, now, room);
            self.received_on(bytes, Some(Flow::Continue), left, searched, now, room);
        }
        if self.has(Marks::WANTS_ROOM) {
            self.proceed(now, room);
        }
    }

    /// Goes on after the first call for `bytes`. (Its parts are passed one by one: a struct would
    /// be built in memory on the short path too.)
    #[cold]
    fn received_on(
        &mut self,
        bytes: &[u8],
        flow: Option<Flow>,
        left: usize,
        searched: usize,
        now: Instant,
        room: &mut Vec<u8>,
    ) {
        let call = Call { flow, left, searched };
        self.heed(&call);
        let taken = bytes.len() - call.left;
        let (taken, searched) = self.offer_on(bytes, taken, taken, call.searched, now, room);
        if taken < bytes.len() && self.vitals.phase == Phase::Open {
            self.unread.push(&bytes[taken..]);
            self.unread.searched = searched;
            self.vitals.marks.put(Marks::UNREAD, true);
            self.check_size();
        }
        if self.has(Marks::WANTS_ROOM) {
            self.proceed(now, room);
        }
    }

    /// The peer sent its last byte.
    pub fn ended(&mut self, now: Instant, room: &mut Vec<u8>) {
        self.vitals.marks.put(Marks::INPUT_ENDED, true);
        self.vitals.marks.put(Marks::HUNGRY, false);
        match self.vitals.phase {
            Phase::Open => self.proceed(now, room),
            Phase::Lingering(ending) => self.enter(Phase::Over(ending)),
            Phase::Closing(_) | Phase::Over(_) => {}
        }
    }

    /// From now on [`Context::draining`] is true.
    pub fn drain(&mut self) {
        self.vitals.marks.put(Marks::DRAINING, true);
    }

    /// Whether the peer has nothing begun: nothing unread, nothing unsent; or only its last bytes
    /// are still awaited.
    pub fn between_requests(&self) -> bool {
        match self.vitals.phase {
            Phase::Open => !self.has(Marks::UNREAD.or(Marks::KEPT)),
            Phase::Lingering(_) => true,
            Phase::Closing(_) | Phase::Over(_) => false,
        }
    }

    /// The server is draining, and nothing more has come from the peer: if it is between requests,
    /// it is let go as if it had sent its last byte. Whether that changed anything.
    pub fn let_go(&mut self, now: Instant, room: &mut Vec<u8>) -> bool {
        let idle = self.between_requests() && room.is_empty() && !self.has(Marks::INPUT_ENDED);
        match self.vitals.phase {
            Phase::Open if idle => self.ended(now, room),
            Phase::Lingering(ending) => self.enter(Phase::Over(ending)),
            _ => return false,
        }
        true
    }

    /// The bytes to send next); `room` is the buffer that was lent to the calls before.
    #[inline]
    pub fn unsent<'a>(&'a self, room: &'a [u8]) -> &'a [u8] {
        if self.has(Marks::KEPT) { &self.kept[self.kept_sent..] } else { room }
    }

    /// The socket took the first `count` unsent bytes; what is left of `room` is kept here.
    #[inline]
    pub fn sent(&mut self, count: usize, now: Instant, room: &mut Vec<u8>) {
        if count < room.len() || self.has(Marks::KEPT) {
            return self.sent_some(count, now, room);
        }
        self.active = now;
        self.sent += count as u64;
        room.clear();
    }

    /// The socket took all of `room` as the answer to what was just
    /// [`received`](Connection::received).
    #[inline]
    pub fn answered(&mut self, room: &mut Vec<u8>) {
        self.sent += room.len() as u64;
        room.clear();
    }

    #[cold]
    fn sent_some(&mut self, count: usize, now: Instant, room: &mut Vec<u8>) {
        if count > 0 {
            self.active = now;
            self.sent += count as u64;
        }
        if self.has(Marks::KEPT) {
            self.kept_sent += count;
            if self.kept_sent == self.kept.len() {
                self.forget_kept();
            } else if self.kept_sent >= self.kept.len() / 2 {
                self.kept.drain(..mem::take(&mut self.kept_sent));
            }
        } else {
            self.kept = room[count..].to_vec();
            self.vitals.marks.put(Marks::KEPT, true);
            room.clear();
        }
    }

    fn forget_kept(&mut self) {
        self.kept = Vec::new();
        self.kept_sent = 0;
        self.vitals.marks.put(Marks::KEPT, false);
    }

    /// Goes on with what waited for output to fall: unread input, the peer's end, `writable`.
    #[inline]
    pub fn resume(&mut self, now: Instant, room: &mut Vec<u8>) {
        if self.has(Marks::STALLED.or(Marks::WANTS_ROOM)) {
            self.proceed(now, room);
        }
    }

    /// Whether [`resume`](Connection::resume) has something to go on with now.
    #[inline]
    pub fn resumable(&self, room: &[u8]) -> bool {
        self.has(Marks::STALLED.or(Marks::WANTS_ROOM))
            && self.vitals.phase == Phase::Open
            && self.unsent(room).len() <= self.limits.low_mark
    }

    /// The instant by which [`expired`](Connection::expired) is to be called.
    pub fn deadline(&self) -> Option<Instant> {
        let idle = self.limits.idle.map(|limit| self.active + limit);
        match self.vitals.phase {
            // A session that set a deadline waits for that, not for its peer.
            Phase::Open if !self.has(Marks::KEPT) => self.vitals.deadline.or(idle),
            Phase::Open => match (idle, self.vitals.deadline) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            },
            Phase::Closing(_) => idle,
            Phase::Lingering(_) => Some(self.active + self.limits.linger),
            Phase::Over(_) => None,
        }
    }

    /// Whether [`deadline`](Connection::deadline) may have come closer since it was last asked
    /// for: the session set one, or the peer is being closed. Idleness only moves it away.
    #[inline]
    pub fn hurries(&self) -> bool {
        self.has(Marks::DEADLINE.or(Marks::CLOSING))
    }

    /// Time has passed: ends the peer if it was silent too long, wakes its session if it asked.
    pub fn expired(&mut self, now: Instant, room: &mut Vec<u8>) {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return;
        }
        if let Phase::Lingering(ending) = self.vitals.phase {
            self.enter(Phase::Over(ending));
            return;
        }
        if self.vitals.phase == Phase::Open
            && self.vitals.deadline.is_some_and(|deadline| deadline <= now)
        {
            self.active = now;
            self.vitals.deadline = None;
            self.vitals.marks.put(Marks::DEADLINE, false);
            self.call_unread(now, room, |session, peer| session.woken(peer));
            self.vitals.marks.put(Marks::HUNGRY, false);
            self.proceed(now, room);
            return;
        }
        self.over(Ending::TimedOut);
    }

    /// The socket failed, or the server gives this peer up.
    pub fn fail(&mut self, ending: Ending) {
        match self.vitals.phase {
            // Everything was sent: how the peer's own last bytes end is its own affair.
            Phase::Lingering(ending) => self.enter(Phase::Over(ending)),
            Phase::Over(_) => {}
            Phase::Open | Phase::Closing(_) => self.over(ending),
        }
    }

    /// Whether bytes from the peer are wanted now. While output is above its mark they are not:
    /// what the peer sends then waits in the kernel, and pushes back on the peer.
    #[inline]
    pub fn wants_input(&self) -> bool {
        match self.vitals.phase {
            Phase::Open => !self.has(Marks::INPUT_ENDED) && !self.has(Marks::STALLED),
            Phase::Lingering(_) => true,
            Phase::Closing(_) | Phase::Over(_) => false,
        }
    }

    /// What the carrier does next, after it has sent what it could.
    #[inline]
    pub fn next(&self, room: &[u8]) -> Next {
        match self.vitals.phase {
            Phase::Open | Phase::Lingering(_) => Next::Go,
            Phase::Over(ending) => Next::Over(ending),
            Phase::Closing(_) if !self.unsent(room).is_empty() => Next::Go,
            Phase::Closing(ending) if self.has(Marks::INPUT_ENDED) => Next::Over(ending),
            Phase::Closing(_) => Next::HalfClose,
        }
    }

    /// Our sending side is shut.
    pub fn half_closed(&mut self, now: Instant) {
        if let Phase::Closing(ending) = self.vitals.phase {
            self.enter(Phase::Lingering(ending));
            self.active = now;
        }
    }

    /// The last step: tells the session, gives the bytes received and sent.
    pub fn close(mut self, ending: Ending) -> (u64, u64) {
        // A panic here has no peer left to end.
        let _ = panic::catch_unwind(AssertUnwindSafe(|| self.session.closed(ending)));
        (self.received, self.sent)
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
        if self.has(Marks::STALLED) && self.unsent(room).len() <= self.limits.low_mark {
            self.vitals.marks.put(Marks::STALLED, false);
        }
        self.offer_unread(now, room);
        if self.has(Marks::INPUT_ENDED)
            && !self.has(Marks::END_TOLD)
            && self.vitals.phase == Phase::Open
            && !self.has(Marks::STALLED)
        {
            self.vitals.marks.put(Marks::END_TOLD, true);
            let ending = if self.has(Marks::DRAINING) { Ending::Drained } else { Ending::Left };
            self.call_unread(now, room, |session, peer| session.ended(peer));
            if let Phase::Closing(_) = self.vitals.phase {
                self.enter(Phase::Closing(ending));
            }
        }
        if self.has(Marks::WANTS_ROOM)
            && self.vitals.phase == Phase::Open
            && self.unsent(room).len() <= self.limits.low_mark
        {
            self.vitals.marks.put(Marks::WANTS_ROOM, false);
            self.call_unread(now, room, |session, peer| session.writable(peer));
        }
    }

    fn offer_unread(&mut self, now: Instant, room: &mut Vec<u8>) {
        if !self.has(Marks::UNREAD) || self.has(Marks::STALLED.or(Marks::HUNGRY).or(Marks::CLOSING))
        {
            return;
        }
        let mut unread = mem::take(&mut self.unread);
        let (taken, searched) = self.offer(unread.bytes(), unread.searched, now, room);
        unread.take(taken);
        unread.searched = searched;
        unread.release();
        self.set_unread(unread);
        self.check_size();
    }

    /// Offers `bytes`, and offers the rest again while the session takes something, leaves
    /// something, and output is below the high mark.
    fn offer(
        &mut self,
        bytes: &[u8],
        searched: usize,
        now: Instant,
        room: &mut Vec<u8>,
    ) -> (usize, usize) {
        let (left, searched) = self.call_received(bytes, searched, now, room);
        let taken = bytes.len() - left;
        self.offer_on(bytes, taken, taken, searched, now, room)
    }

    /// Goes on offering: `taken` so far, `took` by the last call.
    fn offer_on(
        &mut self,
        bytes: &[u8],
        mut taken: usize,
        mut took: usize,
        mut searched: usize,
        now: Instant,
        room: &mut Vec<u8>,
    ) -> (usize, usize) {
        loop {
            let stalled = self.unsent(room).len() >= self.limits.high_mark;
            self.vitals.marks.put(Marks::STALLED, stalled);
            self.vitals.marks.put(Marks::HUNGRY, took == 0 && taken < bytes.len());
            if taken == bytes.len() || took == 0 || stalled || self.vitals.phase != Phase::Open {
                return (taken, searched);
            }
            let (left, now_searched) = self.call_received(&bytes[taken..], searched, now, room);
            took = bytes.len() - left - taken;
            taken += took;
            searched = now_searched;
        }
    }

    fn call_received(
        &mut self,
        bytes: &[u8],
        searched: usize,
        now: Instant,
        room: &mut Vec<u8>,
    ) -> (usize, usize) {
        self.call(bytes, searched, now, room, |session, peer| session.received(peer))
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

    fn check_size(&mut self) {
        if self.has(Marks::HUNGRY)
            && self.unread.len() > self.limits.request_max + OVERHEAD_MAX
            && self.vitals.phase == Phase::Open
        {
            self.over(Ending::TooLarge);
        }
    }

    /// A call that may also take what is unread.
    fn call_unread(
        &mut self,
        now: Instant,
        room: &mut Vec<u8>,
        event: impl FnOnce(&mut dyn Session, &mut Context<'_>) -> Flow,
    ) {
        let mut unread = mem::take(&mut self.unread);
        let (left, searched) = self.call(unread.bytes(), unread.searched, now, room, event);
        unread.take(unread.len() - left);
        unread.searched = searched;
        unread.release();
        self.set_unread(unread);
    }

    /// One call of the session: how many bytes it left, how many of those hold no line feed.
    fn call(
        &mut self,
        bytes: &[u8],
        searched: usize,
        now: Instant,
        room: &mut Vec<u8>,
        event: impl FnOnce(&mut dyn Session, &mut Context<'_>) -> Flow,
    ) -> (usize, usize) {
        let limits = &*self.limits;
        let (buffer, sent) = match self.vitals.marks.has(Marks::KEPT) {
            false => (room, 0),
            true => (&mut self.kept, self.kept_sent),
        };
        let mut context = Context {
            input: Input::new(bytes, searched, limits, self.vitals.marks.has(Marks::INPUT_ENDED)),
            output: Output { bytes: buffer, sent, limits },
            vitals: &mut self.vitals,
            now,
        };
        let call = raw_call(&mut *self.session, &mut context, event);
        self.heed(&call);
        (call.left, call.searched)
    }

    /// Closes if the session said so, or if it must not go on.
    fn heed(&mut self, call: &Call) {
        match call.flow {
            None => self.over(Ending::Panicked),
            Some(Flow::Close) => self.enter(Phase::Closing(Ending::Closed)),
            Some(Flow::Continue) if call.left > 0 && call.searched == TOO_LARGE => {
                self.over(Ending::TooLarge);
            }
            Some(Flow::Continue) => {}
        }
    }

    #[cold]
    fn over(&mut self, ending: Ending) {
        self.enter(Phase::Over(ending));
        self.forget_kept();
        self.set_unread(Unread::default());
    }

    fn set_unread(&mut self, unread: Unread) {
        self.vitals.marks.put(Marks::UNREAD, !unread.is_empty());
        self.unread = unread;
    }
}

/// One call of a session, whatever comes of it; [`Connection::heed`] is next.
#[inline(always)]
fn raw_call(
    session: &mut dyn Session,
    context: &mut Context<'_>,
    event: impl FnOnce(&mut dyn Session, &mut Context<'_>) -> Flow,
) -> Call {
    let mut flow = None;
    // A panic leaves `None`; its message has been printed by the panic hook.
    let _ = panic::catch_unwind(AssertUnwindSafe(|| flow = Some(event(session, context))));
    Call { flow, left: context.input.len(), searched: context.input.searched() }
}
