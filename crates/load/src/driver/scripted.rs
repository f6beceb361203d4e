//! What a driver does with a connection that goes through a script.

use std::cmp::Reverse;

use rustix::event::epoll::EventFlags;

use super::Driver;
use crate::clock;
use crate::conversation::Failure;
use crate::dialogue::{Dialogue, Next};
use crate::errors::ErrorKind;
use crate::message::Script;
use crate::socket;
use crate::watch::Phase;

/// The connections that go through a script.
pub(super) struct Scripted {
    pub(super) script: Script,
    pub(super) dialogues: Vec<Dialogue>,
    /// When to go on with which place.
    pub(super) wakes: std::collections::BinaryHeap<Reverse<(u64, u32)>>,
    /// Where messages are made.
    room: Vec<u8>,
}

impl Scripted {
    pub(super) fn new(script: Script, numbers: impl Iterator<Item = u64>) -> Scripted {
        let dialogues = numbers.map(Dialogue::new).collect();
        Scripted { script, dialogues, wakes: Default::default(), room: Vec::new() }
    }
}

impl Driver<'_> {
    /// A connection is open: it begins, if it may.
    pub(super) fn begin_dialogue(&mut self, place: usize, now: u64) {
        if self.crowd.is_open(place) && self.begin_pass(place, now) {
            self.converse(place, now);
        }
    }

    /// Begins another pass, if one is left.
    fn begin_pass(&mut self, place: usize, now: u64) -> bool {
        let may = matches!(self.phase, Phase::WarmUp | Phase::Measuring) && self.left > 0;
        // The measurement goes on where the warm-up ends: a pass that begins just then is not the last.
        let end = self.end();
        let Some(scripted) = &mut self.scripted else { return false };
        if !may || now >= end || scripted.dialogues[place].is_under_way() {
            return false;
        }
        self.left -= 1;
        self.outstanding += 1;
        scripted.dialogues[place].begin(now);
        true
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
            let Scripted { script, dialogues, wakes, room } = scripted;
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
        match failure {
            Some(Failure { kind, words }) => {
                self.record.errors.count(kind, || words);
                self.crowd.lose(place, now, &mut self.record);
            }
            None => {
                drop(self.crowd.take(place, &mut self.record));
                self.crowd.open_again(place, now, 0);
            }
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
