//! One connection that goes through a script, without its socket and without a clock.
//!
//! A step that expects is a measurement: from when the connection began to wait for it, which is
//! when the step before it was done. Where the clock or a connection of its own makes a pass one thing
//! that is due, the whole pass is measured instead. A dialogue that goes wrong is over, and so is its
//! connection.

use crate::conversation::Failure;
use crate::errors::ErrorKind;
use crate::message::{Script, Step, Template, Which, difference, excerpt};
use crate::plan::MESSAGE_MAX;
use crate::record::Record;

/// How far one connection is in a script.
#[derive(Debug)]
pub(crate) struct Dialogue {
    number: u64,
    /// Passes begun; the one under way is the last.
    pass: u64,
    under_way: bool,
    step: usize,
    /// Bytes of this step's message that have gone.
    gone: usize,
    /// When this step began.
    since: u64,
    /// When the pass was due, if it is measured as a whole, and when it began.
    whole: Option<(u64, u64)>,
    /// What has come and was not expected yet.
    unread: Vec<u8>,
}

/// What a dialogue does next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Sends what is in the room, from this byte on.
    Send(usize),
    /// Waits for bytes.
    Read,
    /// Does nothing until this instant.
    Wait(u64),
    /// Closes, and the pass is over.
    Close,
    /// The pass is over.
    Over,
}

impl Dialogue {
    pub(crate) fn new(number: u64) -> Dialogue {
        let unread = Vec::new();
        let (pass, step, gone, since) = (0, 0, 0, 0);
        Dialogue { number, pass, under_way: false, step, gone, since, whole: None, unread }
    }

    /// Whether a pass is under way.
    pub(crate) fn is_under_way(&self) -> bool {
        self.under_way
    }

    /// Begins the next pass, which is one message that was due then if `due` says so.
    pub(crate) fn begin(&mut self, now: u64, due: Option<u64>) {
        self.whole = due.map(|due| (due, now));
        self.pass += u64::from(self.since > 0);
        (self.under_way, self.step, self.gone, self.since) = (true, 0, 0, now);
    }

    /// The connection is gone: whether a pass was under way.
    pub(crate) fn lost(&mut self) -> bool {
        self.unread.clear();
        std::mem::take(&mut self.under_way)
    }

    /// Since when bytes have been awaited, if they are.
    pub(crate) fn waits_since(&self, script: &Script) -> Option<u64> {
        let reads = matches!(script.steps[self.step], Step::Expect(_) | Step::Until(_));
        (self.under_way && reads).then_some(self.since)
    }

    /// These bytes have come.
    pub(crate) fn received(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.unread.extend_from_slice(bytes);
        match self.unread.len() > MESSAGE_MAX {
            true => Err(self.failure(format!("over {MESSAGE_MAX} bytes have come unread"))),
            false => Ok(()),
        }
    }

    /// So many bytes of what it sent last have gone; `room` still has it.
    pub(crate) fn took(&mut self, count: usize, now: u64, room: &[u8], record: &mut Record) {
        record.counts.bytes_sent += count as u64;
        self.gone += count;
        if self.gone == room.len() {
            record.counts.sent += u64::from(self.whole.is_none());
            self.done(now);
        }
    }

    /// Goes on as far as it can with what has come; messages are made in `room`.
    ///
    /// # Errors
    /// If something else came than was expected.
    pub(crate) fn go_on(
        &mut self,
        now: u64,
        script: &Script,
        (seed, counted_from): (u64, u64),
        room: &mut Vec<u8>,
        record: &mut Record,
    ) -> Result<Next, Failure> {
        while let Some(step) = script.steps.get(self.step) {
            match step {
                Step::Send(template) => {
                    self.make(template, seed, room);
                    if self.gone < room.len() {
                        return Ok(Next::Send(self.gone));
                    }
                    self.done(now);
                }
                Step::Wait(time) => {
                    let until = self.since.saturating_add(time.as_nanos() as u64);
                    if now < until {
                        return Ok(Next::Wait(until));
                    }
                    self.done(now);
                }
                Step::Close(_) => {
                    self.over(now, counted_from, record);
                    return Ok(Next::Close);
                }
                Step::Expect(template) | Step::Until(template) => {
                    self.make(template, seed, room);
                    let exactly = matches!(step, Step::Expect(_));
                    let Some(length) = self.find(room, exactly)? else { return Ok(Next::Read) };
                    self.unread.drain(..length);
                    if self.whole.is_none() && self.since >= counted_from {
                        let time = now.saturating_sub(self.since);
                        record.answered(time, time);
                    }
                    self.done(now);
                }
            }
        }
        self.over(now, counted_from, record);
        Ok(Next::Over)
    }

    /// The pass has gone through all its steps.
    fn over(&mut self, now: u64, counted_from: u64, record: &mut Record) {
        (self.under_way, self.step) = (false, 0);
        if let Some((due, began)) = self.whole.filter(|(due, _)| *due >= counted_from) {
            record.answered(now.saturating_sub(due), now.saturating_sub(began));
        }
    }

    fn make(&self, template: &Template, seed: u64, room: &mut Vec<u8>) {
        room.clear();
        let (connection, sequence) = (self.number, self.pass);
        template.render(Which { seed, connection, sequence }, room);
    }

    fn done(&mut self, now: u64) {
        (self.step, self.gone, self.since) = (self.step + 1, 0, now);
    }

    /// How many of the bytes that came end what is wanted; `None`: more are needed.
    fn find(&self, wanted: &[u8], exactly: bool) -> Result<Option<usize>, Failure> {
        if !exactly {
            let mut places = self.unread.windows(wanted.len().max(1));
            return Ok(places.position(|bytes| bytes == wanted).map(|place| place + wanted.len()));
        }
        let length = wanted.len().min(self.unread.len());
        match self.unread[..length] == wanted[..length] {
            true => Ok((length == wanted.len()).then_some(length)),
            false => Err(self.failure(difference(wanted, &self.unread))),
        }
    }

    fn failure(&self, words: String) -> Failure {
        let words = format!("step {}: {words}", self.step + 1);
        Failure { kind: ErrorKind::Mismatch, words }
    }

    /// The server sent its last byte: why that is too early, if it is.
    pub(crate) fn ended(&self, script: &Script) -> Option<Failure> {
        let asked = matches!(script.steps.get(self.step), Some(Step::Close(_)));
        if !self.under_way || asked {
            return None;
        }
        let came = excerpt(&self.unread, self.unread.len());
        let words =
            format!("step {}: the server ended the connection; unread: {came}", self.step + 1);
        Some(Failure { kind: ErrorKind::ClosedEarly, words })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(text: &str) -> Script {
        text.parse().unwrap()
    }

    const PHONE: &str = r#"
        step = [{ until = "> " }, { send = "{seq}\n" }, { expect = "ok {seq}\n" }, { wait = "10ns" }]
    "#;

    /// Kills: a step that takes bytes of the next one, a latency that counts the wait or the step
    /// before, a pass whose number stands still.
    #[test]
    fn steps_follow_each_other_and_only_expecting_is_measured() {
        let script = script(PHONE);
        let (mut room, mut record) = (Vec::new(), Record::new(false));
        let mut dialogue = Dialogue::new(0);
        for pass in 0..2 {
            let start = 100 + pass * 1000;
            dialogue.begin(start, None);
            let mut go_on = |dialogue: &mut Dialogue, now| {
                let next = dialogue.go_on(now, &script, (0, 0), &mut room, &mut record).unwrap();
                (next, room.clone())
            };
            assert_eq!(go_on(&mut dialogue, start).0, Next::Read);
            dialogue.received(b"menu > ok").unwrap();
            let sends = go_on(&mut dialogue, start + 50);
            assert_eq!(sends, (Next::Send(0), format!("{pass}\n").into_bytes()));
            dialogue.took(1, start + 60, b"0\n", &mut Record::new(false));
            assert_eq!(go_on(&mut dialogue, start + 60).0, Next::Send(1));
            dialogue.took(1, start + 70, b"0\n", &mut Record::new(false));
            assert_eq!(go_on(&mut dialogue, start + 70).0, Next::Read);
            dialogue.received(format!(" {pass}\n").as_bytes()).unwrap();
            assert_eq!(go_on(&mut dialogue, start + 100).0, Next::Wait(start + 110));
            assert_eq!(go_on(&mut dialogue, start + 110).0, Next::Over);
        }
        assert_eq!(
            (record.counts.answered, record.latency.min(), record.latency.max()),
            (4, 30, 50)
        );
    }

    /// Kills: a pass whose steps count one by one although it is due as a whole; a latency that counts
    /// from when the connection was there; a pass of the warm-up that counts.
    #[test]
    fn a_pass_that_was_due_is_one_message() {
        let script = script("step = [{ send = 'a' }, { expect = 'b' }, { expect = 'c' }]");
        let (mut room, mut record) = (Vec::new(), Record::new(true));
        let mut dialogue = Dialogue::new(0);
        for (due, began) in [(10, 20), (100, 140)] {
            dialogue.begin(began, Some(due));
            let mut next = |dialogue: &mut Dialogue, now, record: &mut Record| {
                dialogue.go_on(now, &script, (0, 50), &mut room, record).unwrap()
            };
            assert_eq!(next(&mut dialogue, began, &mut record), Next::Send(0));
            dialogue.took(1, began, b"a", &mut record);
            dialogue.received(b"bc").unwrap();
            assert_eq!(next(&mut dialogue, began + 60, &mut record), Next::Over);
        }
        assert_eq!((record.counts.sent, record.counts.answered), (0, 1));
        assert_eq!((record.latency.max(), record.service_time().max()), (100, 60));
    }

    #[test]
    fn what_is_not_expected_is_told_with_its_step() {
        let script = script(PHONE);
        let (mut room, mut record) = (Vec::new(), Record::new(false));
        let mut dialogue = Dialogue::new(0);
        dialogue.begin(1, None);
        dialogue.received(b"> no").unwrap();
        dialogue.go_on(2, &script, (0, 0), &mut room, &mut record).unwrap();
        dialogue.took(2, 3, b"0\n", &mut record);
        let failure = dialogue.go_on(4, &script, (0, 0), &mut room, &mut record).unwrap_err();
        assert_eq!(failure.kind, ErrorKind::Mismatch);
        assert!(failure.words.starts_with("step 3: from byte 1 on"), "{failure:?}");
        assert!(dialogue.ended(&script).is_some());
    }
}
