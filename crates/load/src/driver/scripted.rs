//! What a driver does with a connection that goes through a script.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use rustix::event::epoll::EventFlags;

use super::Driver;
use super::traffic::PAUSE;
use crate::clock;
use crate::conversation::Failure;
use crate::dialogue::{Dialogue, Next};
use crate::errors::ErrorKind;
use crate::message::Script;
use crate::plan::Plan;
use crate::socket;
use crate::watch::Phase;

/// The connections that go through a script.
pub(super) struct Scripted {
    pub(super) script: Script,
    pub(super) dialogues: Vec<Dialogue>,
    /// When passes were due that have not begun, of each place.
    due: Vec<VecDeque<u64>>,
    /// Whether a pass is one message, from when it was due until it is over: in an open loop, and with
    /// a connection for each.
    whole: bool,
    /// When to go on with which place.
    pub(super) wakes: BinaryHeap<Reverse<(u64, u32)>>,
    /// Where messages are made.
    room: Vec<u8>,
}

impl Scripted {
    /// Those of `plan`, if it has a script.
    pub(super) fn of(plan: &Plan, numbers: impl Iterator<Item = u64>) -> Option<Scripted> {
        let script = plan.script.clone()?;
        let dialogues: Vec<Dialogue> = numbers.map(Dialogue::new).collect();
        let due = vec![VecDeque::new(); dialogues.len()];
        let whole = plan.short || plan.is_open();
        Some(Scripted { script, dialogues, due, whole, wakes: BinaryHeap::new(), room: Vec::new() })
    }
}

impl Driver<'_> {
    /// A connection is open, or with `--short` may be opened: it begins, if it may.
    pub(super) fn begin_dialogue(&mut self, place: usize, now: u64) {
        let is_open = self.crowd.is_open(place);
        if is_open || self.plan.short {
            self.make_due(place, now);
        }
        if !is_open {
            self.dial_for_pass(place, now, 0);
        } else if self.begin_pass(place, now) {
            self.converse(place, now);
        }
    }

    /// A pass of an open loop is due.
    pub(super) fn pass_is_due(&mut self, place: usize, due: u64, now: u64) {
        let Some(scripted) = &mut self.scripted else { return };
        scripted.due[place].push_back(due);
        self.begin_dialogue(place, now);
    }

    /// In a closed loop another pass is due as soon as a place is free, if one is left.
    fn make_due(&mut self, place: usize, now: u64) {
        let may = matches!(self.phase, Phase::WarmUp | Phase::Measuring) && self.left > 0;
        // The measurement goes on where the warm-up ends: a pass that begins just then is not the last.
        let end = self.end();
        let Some(scripted) = &mut self.scripted else { return };
        let free = !scripted.dialogues[place].is_under_way() && scripted.due[place].is_empty();
        if may && free && now < end && !self.plan.is_open() {
            scripted.due[place].push_back(now);
            self.left -= 1;
            self.outstanding += 1;
        }
    }

    /// With a connection for each pass, opens the next one, if a pass is due.
    fn dial_for_pass(&mut self, place: usize, now: u64, after: u64) {
        let Some(scripted) = &self.scripted else { return };
        if self.plan.short && !scripted.due[place].is_empty() && self.crowd.is_absent(place) {
            self.crowd.open_again(place, now, after);
        }
    }

    /// Begins the pass that has been due longest.
    fn begin_pass(&mut self, place: usize, now: u64) -> bool {
        let Some(scripted) = &mut self.scripted else { return false };
        if scripted.dialogues[place].is_under_way() {
            return false;
        }
        let Some(due) = scripted.due[place].pop_front() else { return false };
        scripted.dialogues[place].begin(now, scripted.whole.then_some(due));
        let counts = scripted.whole && due >= self.terms.counted_from;
        self.record.counts.sent += u64::from(counts);
        true
    }

    /// The connection for a pass could not be opened: the pass is lost, and the next one follows.
    pub(super) fn pass_failed(&mut self, place: usize) {
        let Some(scripted) = &mut self.scripted else { return };
        if self.plan.short && scripted.due.get_mut(place).and_then(VecDeque::pop_front).is_some() {
            self.outstanding -= 1;
            let now = clock::now();
            self.make_due(place, now);
            self.dial_for_pass(place, now, PAUSE);
        }
    }

    /// Something happened to the socket of a place with a dialogue.
    pub(super) fn scripted_event(&mut self, place: usize, flags: EventFlags) {
        if flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) {
            let Some(socket) = self.crowd.socket(place) else { return };
            let count = match socket::receive(socket, &mut self.buffer) {
                Ok(Some(0)) => return self.dialogue_ended(place),
                Ok(count) => count.unwrap_or(0),
                Err(failure) => return self.break_off(place, Some(failure)),
            };
            self.record.counts.bytes_received += count as u64;
            let Some(scripted) = &mut self.scripted else { return };
            if let Err(failure) = scripted.dialogues[place].received(&self.buffer[..count]) {
                return self.break_off(place, Some(failure));
            }
        }
        self.converse(place, clock::now());
    }

    /// Goes on with the dialogues whose pause is over; when the next one is.
    pub(super) fn wake_due(&mut self, now: u64) -> u64 {
        loop {
            let Some(scripted) = &mut self.scripted else { return u64::MAX };
            match scripted.wakes.peek().copied() {
                None => return u64::MAX,
                Some(Reverse((at, _))) if at > now => return at,
                Some(Reverse((_, place))) => {
                    scripted.wakes.pop();
                    self.converse(place as usize, now);
                }
            }
        }
    }

    /// Goes on with a dialogue as far as it can be.
    fn converse(&mut self, place: usize, now: u64) {
        let terms = (self.plan.seed, self.terms.counted_from);
        loop {
            let Some(scripted) = &mut self.scripted else { return };
            let Scripted { script, dialogues, wakes, room, .. } = scripted;
            let dialogue = &mut dialogues[place];
            let Some(socket) = self.crowd.socket(place) else { return };
            if !dialogue.is_under_way() {
                return;
            }
            match dialogue.go_on(now, script, terms, room, &mut self.record) {
                Ok(Next::Send(from)) => match socket::transmit(socket, &room[from..]) {
                    Ok(count) => {
                        dialogue.took(count, now, room, &mut self.record);
                        if from + count < room.len() {
                            return self.crowd.watch_for_room(place, true);
                        }
                        self.crowd.watch_for_room(place, false);
                    }
                    Err(failure) => return self.break_off(place, Some(failure)),
                },
                Ok(Next::Read) => return,
                Ok(Next::Wait(until)) => return wakes.push(Reverse((until, place as u32))),
                Ok(Next::Over) => {
                    self.outstanding -= 1;
                    if self.plan.short {
                        return self.break_off(place, None);
                    }
                    self.make_due(place, now);
                    if !self.begin_pass(place, now) {
                        return;
                    }
                }
                Ok(Next::Close) => {
                    self.outstanding -= 1;
                    return self.break_off(place, None);
                }
                Err(failure) => return self.break_off(place, Some(failure)),
            }
        }
    }

    fn dialogue_ended(&mut self, place: usize) {
        let Some(scripted) = &self.scripted else { return };
        let early = scripted.dialogues[place].ended(&scripted.script);
        self.break_off(place, early);
    }

    /// The connection of a dialogue is closed, and another is opened.
    fn break_off(&mut self, place: usize, failure: Option<Failure>) {
        let now = clock::now();
        let Some(scripted) = &mut self.scripted else { return };
        self.outstanding -= u64::from(scripted.dialogues[place].lost());
        let failed = failure.is_some();
        if let Some(Failure { kind, words }) = failure {
            self.record.errors.count(kind, || words);
        }
        if self.plan.short {
            drop(self.crowd.take(place, &mut self.record));
            self.make_due(place, now);
            self.dial_for_pass(place, now, if failed { PAUSE } else { 0 });
        } else if failed {
            self.crowd.lose(place, now, &mut self.record);
        } else {
            drop(self.crowd.take(place, &mut self.record));
            self.crowd.open_again(place, now, 0);
        }
    }

    /// Breaks off dialogues that have waited for bytes for too long.
    pub(super) fn give_up_on_late_dialogues(&mut self, now: u64) {
        let timeout = super::nanoseconds(self.plan.timeout);
        let Some(scripted) = &self.scripted else { return };
        let late = |(place, dialogue): (usize, &Dialogue)| {
            let since = dialogue.waits_since(&scripted.script)?;
            (now > since + timeout).then_some(place)
        };
        let late: Vec<usize> = scripted.dialogues.iter().enumerate().filter_map(late).collect();
        for place in late {
            let words = format!("no reply within {} s", self.plan.timeout.as_secs_f64());
            self.break_off(place, Some(Failure { kind: ErrorKind::TimedOut, words }));
        }
    }
}
