//! What goes out: first from the buffer that is lent, then from what the socket did not take.

use std::mem;
use std::time::Instant;

use super::{Connection, Phase};
use crate::marks::Marks;

impl Connection {
    /// The bytes to send next; `room` is the buffer that was lent to the calls before.
    #[inline]
    pub fn unsent<'a>(&'a self, room: &'a [u8]) -> &'a [u8] {
        match self.has(Marks::KEPT.or(Marks::CLOSING)) {
            false => room,
            true => self.unsent_unusually(room),
        }
    }

    #[cold]
    fn unsent_unusually<'a>(&'a self, room: &'a [u8]) -> &'a [u8] {
        match self.vitals.phase {
            // What was written just before a panic or a failure is not for the peer; what is written
            // while it is away comes with it.
            Phase::Over(_) | Phase::Away => &[],
            _ if self.has(Marks::KEPT) => &self.kept[self.kept_sent..],
            _ => room,
        }
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
            // The short path does not ask: what the socket takes at once stalls nobody.
            if self.kept.len() >= self.terms.high_mark {
                self.vitals.marks.put(Marks::STALLED, true);
            }
            room.clear();
        }
    }

    pub(super) fn forget_kept(&mut self) {
        self.kept = Vec::new();
        self.kept_sent = 0;
        self.vitals.marks.put(Marks::KEPT, false);
    }

    /// Goes on with what waited for output to fall, or for others to have had their turn: unread
    /// input, the peer's end, `writable`.
    #[inline]
    pub fn resume(&mut self, now: Instant, room: &mut Vec<u8>) {
        if self.resumable(room) {
            self.vitals.marks.put(Marks::MORE, false);
            self.proceed(now, room);
        }
    }

    /// Whether [`resume`](Connection::resume) has something to go on with now. Nothing else makes it
    /// go on: a carrier asks after each step, and comes back to a peer that it leaves resumable.
    #[inline]
    pub fn resumable(&self, room: &[u8]) -> bool {
        self.has(Marks::STALLED.or(Marks::WANTS_ROOM).or(Marks::MORE).or(Marks::MAIL))
            && self.vitals.phase == Phase::Open
            && self.unsent(room).len() <= self.calm_mark()
    }

    /// Unsent output at which it goes on with what waited for output to fall.
    pub(super) fn calm_mark(&self) -> usize {
        if self.has(Marks::FLUSHES) { 0 } else { self.terms.low_mark }
    }
}
