//! What comes in: offering it to the session, and heeding what the session says.

use std::mem;
use std::panic::{self, AssertUnwindSafe};
use std::time::Instant;

use super::{Connection, HELD, Phase};
use crate::context::TOO_LARGE;
use crate::framing::OVERHEAD_MAX;
use crate::marks::Marks;
use crate::unread::Unread;
use crate::{Context, Ending, Flow, Input, Output, Session};

/// How often input is offered in one step. A peer that sends thousands of requests at once to a
/// session that takes one for each call would keep other peers of its loop waiting for all of them.
const OFFERS_MOST: u32 = 16;

/// What came of a call of the session.
struct Reply {
    /// `None`: it panicked.
    flow: Option<Flow>,
    /// How many bytes it did not take.
    left: usize,
    /// How many of those hold no line feed; [`TOO_LARGE`] if they begin a request that is.
    searched: usize,
}

impl Connection {
    /// Its session: for [`Session::prefetch`], because everything else is the connection's to call.
    #[inline]
    pub fn session(&self) -> &dyn Session {
        &*self.session
    }

    /// The peer sent `bytes`. `room` holds what earlier calls wrote there and no carrier has reported
    /// to [`sent`](Connection::sent) yet, as little as the socket may have taken: nothing, or the
    /// output of this very connection.
    pub fn received(&mut self, bytes: &[u8], now: Instant, room: &mut Vec<u8>) {
        if self.plain() {
            self.received_while_plain(bytes, now, room);
        } else {
            self.received_more(bytes, now, room);
        }
    }

    /// The peer, which is [`plain`](Connection::plain), sent `bytes`; whether it is plain still.
    #[inline(always)]
    pub fn received_while_plain(&mut self, bytes: &[u8], now: Instant, room: &mut Vec<u8>) -> bool {
        debug_assert!(self.plain());
        self.received += bytes.len() as u64;
        self.active = now;
        let terms = &*self.terms;
        let mut context = Context {
            input: Input::new(bytes, 0, terms, false),
            output: Output { bytes: room, sent: 0, terms },
            vitals: &mut self.vitals,
            now,
        };
        let Reply { flow, left, searched } =
            raw_call(&mut *self.session, &mut context, |session, peer| session.received(peer));
        // Nothing left and nothing marked, in one comparison.
        let unusual = left | self.vitals.marks.bits();
        if flow == Some(Flow::Continue) && unusual == 0 {
            return true;
        }
        self.received_on(bytes, flow, left, searched, self.active, room);
        self.plain()
    }

    /// The peer sent `bytes`, and something is unusual already.
    #[cold]
    fn received_more(&mut self, bytes: &[u8], now: Instant, room: &mut Vec<u8>) {
        if self.away() {
            return;
        }
        self.received += bytes.len() as u64;
        if self.has(Marks::CLOSING) {
            return;
        }
        self.active = now;
        if !self.has(Marks::UNREAD.or(HELD)) {
            let (left, searched) = self.call_received(bytes, 0, now, room);
            return self.received_on(bytes, Some(Flow::Continue), left, searched, now, room);
        }
        self.unread.push(bytes);
        self.vitals.marks.put(Marks::UNREAD, true);
        self.vitals.marks.put(Marks::HUNGRY, false);
        self.offer_unread(now, room);
        if self.has(Marks::WANTS_ROOM.or(Marks::OFFLOADED)) {
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
        self.heed(&Reply { flow, left, searched });
        let taken = bytes.len() - left;
        let (taken, searched) = self.offer_on(bytes, taken, searched, now, room);
        if taken < bytes.len() && self.vitals.phase == Phase::Open {
            self.unread.push(&bytes[taken..]);
            self.unread.searched = searched;
            self.vitals.marks.put(Marks::UNREAD, true);
            self.check_size();
        }
        if self.has(Marks::WANTS_ROOM.or(Marks::OFFLOADED)) {
            self.proceed(now, room);
        }
    }

    pub(super) fn offer_unread(&mut self, now: Instant, room: &mut Vec<u8>) {
        if !self.has(Marks::UNREAD) || self.has(HELD.or(Marks::HUNGRY).or(Marks::CLOSING)) {
            return;
        }
        let mut unread = mem::take(&mut self.unread);
        let bytes = unread.bytes();
        let (left, searched) = self.call_received(bytes, unread.searched, now, room);
        let (taken, searched) = self.offer_on(bytes, bytes.len() - left, searched, now, room);
        unread.take(taken);
        unread.searched = searched;
        unread.release();
        self.set_unread(unread);
        self.check_size();
    }

    /// Goes on after the first offer of `bytes`, of which `taken` were taken: offers the rest again
    /// while the session takes something, leaves something, offloads nothing, and output is below
    /// the high mark.
    fn offer_on(
        &mut self,
        bytes: &[u8],
        mut taken: usize,
        mut searched: usize,
        now: Instant,
        room: &mut Vec<u8>,
    ) -> (usize, usize) {
        let mut took = taken;
        let mut offers = 1;
        // Whoever calls a session that is apart watches the time between two calls.
        let most = if self.has(Marks::APART) { 1 } else { OFFERS_MOST };
        loop {
            let stalled = self.unsent(room).len() >= self.terms.high_mark;
            self.vitals.marks.put(Marks::STALLED, stalled);
            self.vitals.marks.put(Marks::HUNGRY, took == 0 && taken < bytes.len());
            if taken == bytes.len() || took == 0 || self.has(HELD.or(Marks::CLOSING)) {
                return (taken, searched);
            }
            if offers == most {
                self.vitals.marks.put(Marks::MORE, true);
                return (taken, searched);
            }
            offers += 1;
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

    fn check_size(&mut self) {
        if self.has(Marks::HUNGRY)
            && self.unread.len() > self.terms.request_max + OVERHEAD_MAX
            && self.vitals.phase == Phase::Open
        {
            self.over(Ending::TooLarge);
        }
    }

    /// A call that may also take what is unread.
    pub(super) fn call_unread(
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
    pub(super) fn call(
        &mut self,
        bytes: &[u8],
        searched: usize,
        now: Instant,
        room: &mut Vec<u8>,
        event: impl FnOnce(&mut dyn Session, &mut Context<'_>) -> Flow,
    ) -> (usize, usize) {
        let terms = &*self.terms;
        let (buffer, sent) = match self.vitals.marks.has(Marks::KEPT) {
            false => (room, 0),
            true => (&mut self.kept, self.kept_sent),
        };
        let mut context = Context {
            input: Input::new(bytes, searched, terms, self.vitals.marks.has(Marks::INPUT_ENDED)),
            output: Output { bytes: buffer, sent, terms },
            vitals: &mut self.vitals,
            now,
        };
        let reply = raw_call(&mut *self.session, &mut context, event);
        self.heed(&reply);
        (reply.left, reply.searched)
    }

    /// Closes if the session said so, or if it must not go on.
    fn heed(&mut self, reply: &Reply) {
        match reply.flow {
            None => self.over(Ending::Panicked),
            Some(Flow::Close) => match self.vitals.phase {
                Phase::Closing(_) => {}
                Phase::Over(ending) => self.over(ending),
                _ => self.enter(Phase::Closing(Ending::Closed)),
            },
            Some(Flow::Continue) if reply.left > 0 && reply.searched == TOO_LARGE => {
                self.over(Ending::TooLarge);
            }
            Some(Flow::Continue) => {}
        }
    }

    pub(super) fn set_unread(&mut self, unread: Unread) {
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
) -> Reply {
    let mut flow = None;
    // A panic leaves `None`; its message has been printed by the panic hook.
    let _ = panic::catch_unwind(AssertUnwindSafe(|| flow = Some(event(session, context))));
    Reply { flow, left: context.input.len(), searched: context.input.searched() }
}
