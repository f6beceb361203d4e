//! What a driver does with one connection: send what is due, take what comes, lose it.

use rustix::event::epoll::EventFlags;

use super::Driver;
use crate::clock::{self, MILLISECOND};
use crate::conversation::{Conversation, Failure};
use crate::errors::ErrorKind;
use crate::schedule::{Rate, Schedule};
use crate::socket;
use crate::watch::Phase;

/// Messages of an open loop that are sent before replies are looked at again.
const AT_A_TIME: usize = 32;
/// Connections that are asked whether they can take a message of an open loop.
const ASKED: usize = 64;
/// Until a connection of `--short` that failed is replaced by the next.
pub(super) const PAUSE: u64 = 100 * MILLISECOND;

impl Driver<'_> {
    /// Something happened to the socket at `place`.
    #[inline]
    pub(super) fn event(&mut self, place: usize, flags: EventFlags) {
        if self.crowd.is_connecting(place) {
            let now = clock::now();
            if self.crowd.arrive(place, now, &mut self.record) && self.crowd.talks(place) {
                self.open_up(place, now);
            }
            self.bury();
            return;
        }
        if self.is_bad(place) {
            return self.bad_event(place, flags);
        }
        if self.scripted.is_some() && self.crowd.talks(place) {
            return self.scripted_event(place, flags);
        }
        if flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) {
            self.receive(place);
        }
        if flags.contains(EventFlags::OUT) && self.crowd.is_open(place) {
            self.transmit(place, clock::now());
        }
    }

    /// A connection is open: in a closed loop it begins to send.
    pub(super) fn open_up(&mut self, place: usize, now: u64) {
        if self.is_bad(place) {
            return self.begin_badly(place);
        }
        if self.scripted.is_some() {
            return self.begin_dialogue(place, now);
        }
        if matches!(self.phase, Phase::Connecting | Phase::Finishing) && !self.plan.short {
            return;
        }
        if let Schedule::Closed { pipeline } = self.plan.schedule {
            let missing = pipeline as usize - self.conversations[place].in_flight();
            if self.crowd.is_open(place) || self.plan.short {
                self.fill(place, missing, now);
            }
        }
        self.transmit(place, now);
    }

    /// Makes as many messages due as are wanted and left.
    #[inline]
    fn fill(&mut self, place: usize, wanted: usize, now: u64) {
        for _ in 0..wanted {
            if self.left == 0 || now >= self.end() {
                return;
            }
            self.left -= 1;
            self.outstanding += 1;
            self.conversations[place].due(now);
        }
    }

    /// When nothing is sent any more.
    #[inline]
    pub(super) fn end(&self) -> u64 {
        if self.phase == Phase::Measuring { self.until } else { u64::MAX }
    }

    /// When the warm-up ends, if it goes on: what is due then is sent in the measurement.
    fn warm_until(&self) -> u64 {
        if self.phase == Phase::WarmUp { self.until } else { u64::MAX }
    }

    /// Sends what the connection at `place` has to send, as far as the kernel takes it.
    #[inline]
    pub(super) fn transmit(&mut self, place: usize, now: u64) {
        let conversation = &mut self.conversations[place];
        if !conversation.wants_to_send() {
            return self.crowd.watch_for_room(place, false);
        }
        let Some(socket) = self.crowd.socket(place) else {
            if self.plan.short && self.crowd.is_absent(place) {
                self.crowd.open_again(place, now, 0);
            }
            return;
        };
        let most = match self.plan.short {
            true if conversation.is_waiting() => return,
            true => 1,
            false => usize::MAX,
        };
        let sent = socket::transmit(socket, conversation.outgoing(&mut self.terms, most));
        match sent {
            Ok(count) => {
                let over = conversation.took(count, now, &self.terms, &mut self.record);
                if over > 0 {
                    self.over(place, over, now);
                }
                let more = self.conversations[place].wants_to_send();
                self.crowd.watch_for_room(place, more);
            }
            Err(failure) => self.lose(place, failure),
        }
    }

    /// Takes what has come.
    #[inline]
    fn receive(&mut self, place: usize) {
        let Some(socket) = self.crowd.socket(place) else { return };
        let count = match socket::receive(socket, &mut self.buffer) {
            Ok(Some(0)) => return self.ended(place),
            Ok(Some(count)) => count,
            Ok(None) => return,
            Err(failure) => return self.lose(place, failure),
        };
        let now = clock::now();
        let Some(conversation) = self.conversations.get_mut(place) else {
            return self.unasked(count);
        };
        let bytes = &self.buffer[..count];
        match conversation.received(bytes, now, &mut self.terms, &mut self.record) {
            Ok(0) => {}
            Ok(answered) => {
                self.over(place, answered, now);
                self.transmit(place, now);
            }
            Err(failure) => self.lose(place, failure),
        }
    }

    /// Messages of a connection are answered, or sent where no answer is due.
    #[inline]
    fn over(&mut self, place: usize, count: usize, now: u64) {
        self.outstanding -= count as u64;
        if self.plan.short {
            drop(self.crowd.take(place, &mut self.record));
        }
        if let Schedule::Closed { .. } = self.plan.schedule {
            self.fill(place, count, now);
        }
        if self.plan.short && self.conversations[place].wants_to_send() {
            self.crowd.open_again(place, now, 0);
        }
    }

    /// A silent connection was sent something.
    fn unasked(&mut self, count: usize) {
        self.record.counts.bytes_received += count as u64;
        let words = || format!("{count} bytes came to a connection that said nothing");
        self.record.errors.count(ErrorKind::Mismatch, words);
    }

    /// The server sent its last byte.
    fn ended(&mut self, place: usize) {
        let early = self.conversations.get(place).and_then(Conversation::ended);
        if early.is_none() && self.phase == Phase::Finishing {
            return drop(self.crowd.take(place, &mut self.record));
        }
        let failure = early.unwrap_or_else(|| Failure {
            kind: ErrorKind::ClosedEarly,
            words: "the server ended a connection on which nothing was due".into(),
        });
        self.lose(place, failure);
    }

    /// A connection is gone, and with it what was in flight.
    fn lose(&mut self, place: usize, failure: Failure) {
        let now = clock::now();
        let lost = self.conversations.get_mut(place).map_or(0, |peer| peer.lost(self.plan.short));
        self.outstanding -= lost as u64;
        let Failure { kind, words } = failure;
        self.record.errors.count_many(kind, lost.max(1) as u64, || words);
        match self.plan.short && self.crowd.talks(place) {
            true => {
                drop(self.crowd.take(place, &mut self.record));
                self.begin_anew(place, now);
            }
            false => self.crowd.lose(place, now, &mut self.record),
        }
    }

    /// With `--short`, a connection that failed took its message with it: the next one follows.
    fn begin_anew(&mut self, place: usize, now: u64) {
        if let Schedule::Closed { .. } = self.plan.schedule {
            self.fill(place, 1, now);
        }
        if self.conversations[place].wants_to_send() {
            self.crowd.open_again(place, now, PAUSE);
        }
    }

    /// Deals with connections that could not be opened: what was to be sent on them is lost.
    pub(super) fn bury(&mut self) {
        for place in self.crowd.take_failed() {
            let place = place as usize;
            if self.scripted.is_some() {
                self.pass_failed(place);
                continue;
            }
            let Some(conversation) = self.conversations.get_mut(place) else { continue };
            let lost = conversation.lost(self.plan.short);
            self.outstanding -= lost as u64;
            if self.plan.short && self.phase != Phase::Connecting {
                self.begin_anew(place, clock::now());
            }
        }
    }

    /// Closes connections that have kept a message waiting for too long.
    pub(super) fn give_up_on_the_late(&mut self, now: u64) {
        let timeout = super::nanoseconds(self.plan.timeout);
        for place in 0..self.conversations.len() {
            let since = self.conversations[place].waits_since();
            if since.is_some_and(|since| now > since + timeout) && self.crowd.is_open(place) {
                let words = format!("no reply within {} s", self.plan.timeout.as_secs_f64());
                self.lose(place, Failure { kind: ErrorKind::TimedOut, words });
            }
        }
    }

    /// Sends what the timetable says is due by now; when the next is due.
    #[inline]
    pub(super) fn send_due(&mut self) -> u64 {
        if self.timetable.is_none() || self.phase == Phase::Finishing {
            return u64::MAX;
        }
        let (mut now, end, border) = (clock::now(), self.end(), self.warm_until());
        let bad = self.bad.len();
        for _ in 0..AT_A_TIME {
            let Some(table) = &mut self.timetable else { break };
            let due = table.next();
            if due > now || due >= border {
                return due.min(border);
            }
            if due >= end || self.left == 0 {
                self.timetable = None;
                break;
            }
            let turn = bad + table.take(self.conversations.len() - bad);
            self.left -= 1;
            self.note_lag(now - due);
            match self.taker(turn) {
                Some(place) => {
                    self.outstanding += 1;
                    self.is_due(place, due, now);
                    now = clock::now();
                }
                None => self.record.counts.skipped += 1,
            }
        }
        // There is more to do, or nothing ever again.
        if self.timetable.is_some() { 0 } else { u64::MAX }
    }

    /// A message of an open loop, or a pass through the script, is to go through this place.
    fn is_due(&mut self, place: usize, due: u64, now: u64) {
        if self.scripted.is_some() {
            return self.pass_is_due(place, due, now);
        }
        self.conversations[place].due(due);
        // Asking a socket that is full again and again would cost the others.
        if !self.crowd.awaits_room(place) {
            self.transmit(place, now);
        }
    }

    /// The generator itself got to a message so long after it was due.
    fn note_lag(&mut self, lag: u64) {
        if lag > MILLISECOND && self.phase == Phase::Measuring {
            self.record.counts.late += 1;
            self.record.counts.latest_ns = self.record.counts.latest_ns.max(lag);
        }
    }

    /// Who sends a message of an open loop whose turn is `turn`'s.
    #[inline]
    fn taker(&self, turn: usize) -> Option<usize> {
        if self.plan.short || self.crowd.is_open(turn) {
            return Some(turn);
        }
        let Schedule::Open { rate: Rate::Total(_), .. } = self.plan.schedule else { return None };
        let count = self.conversations.len();
        (1..count.min(ASKED))
            .map(|more| (turn + more) % count)
            .find(|place| self.crowd.is_open(*place))
    }
}
