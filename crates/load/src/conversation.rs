//! One connection's messages and replies, without its socket and without a clock.
//!
//! Bytes and instants (nanoseconds of the monotonic clock) are arguments. A message is made anew
//! whenever it is needed, so that a connection keeps nothing of it but when it was due and sent.

use std::collections::VecDeque;

use crate::errors::ErrorKind;
use crate::message::{Exchange, Reading, Verdict, Which, excerpt};
use crate::record::Record;

/// Bytes that are put together for one send.
const TOGETHER: usize = 64 * 1024;
/// Not sent yet, said of a message.
const UNSENT: u64 = u64::MAX;

/// How far one connection is.
#[derive(Debug)]
pub(crate) struct Conversation {
    /// The connection's number.
    number: u64,
    /// Messages that were due so far.
    due: u64,
    /// In the order in which they were due; those not sent whole are the last.
    in_flight: VecDeque<Flight>,
    unsent: usize,
    /// Bytes of the first unsent message that have gone.
    gone: usize,
    reading: Reading,
}

/// A message that is to be sent or answered.
#[derive(Clone, Copy, Debug)]
struct Flight {
    intended: u64,
    sent: u64,
}

/// What all conversations of a thread share.
pub(crate) struct Terms {
    pub(crate) exchange: Exchange,
    pub(crate) seed: u64,
    /// Messages that were intended earlier are not counted.
    pub(crate) counted_from: u64,
    /// Where messages are made.
    room: Vec<u8>,
    /// Where the messages in it end.
    ends: Vec<usize>,
}

/// The connection is of no use any more.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) kind: ErrorKind,
    pub(crate) words: String,
}

impl Terms {
    pub(crate) fn new(exchange: Exchange, seed: u64) -> Terms {
        Terms { exchange, seed, counted_from: 0, room: Vec::new(), ends: Vec::new() }
    }
}

impl Conversation {
    pub(crate) fn new(number: u64) -> Conversation {
        Conversation {
            number,
            due: 0,
            in_flight: VecDeque::new(),
            unsent: 0,
            gone: 0,
            reading: Reading::default(),
        }
    }

    /// Messages that are to be sent or answered.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Whether something is to be sent.
    #[inline]
    pub(crate) fn wants_to_send(&self) -> bool {
        self.unsent > 0
    }

    /// Whether a reply is due, or a message is on its way.
    pub(crate) fn is_waiting(&self) -> bool {
        self.in_flight.len() > self.unsent
    }

    /// When the message that waits longest was sent, or intended if it was not sent.
    pub(crate) fn waits_since(&self) -> Option<u64> {
        let first = self.in_flight.front()?;
        Some(if first.sent == UNSENT { first.intended } else { first.sent })
    }

    /// One more message is to be sent, and was intended for this instant.
    #[inline]
    pub(crate) fn due(&mut self, intended: u64) {
        self.in_flight.push_back(Flight { intended, sent: UNSENT });
        self.unsent += 1;
        self.due += 1;
    }

    /// The connection is gone, and with it what was in flight, or `only_first` of that: how many
    /// messages were lost.
    pub(crate) fn lost(&mut self, only_first: bool) -> usize {
        let lost = if only_first { self.in_flight.len().min(1) } else { self.in_flight.len() };
        self.in_flight.drain(..lost);
        self.unsent = self.unsent.min(self.in_flight.len());
        (self.gone, self.reading) = (0, Reading::default());
        lost
    }

    fn which(&self, terms: &Terms, sequence: u64) -> Which {
        Which { seed: terms.seed, connection: self.number, sequence }
    }

    /// The bytes to send next: at most `most` messages, and about 64 KiB.
    #[inline]
    pub(crate) fn outgoing<'a>(&self, terms: &'a mut Terms, most: usize) -> &'a [u8] {
        if self.unsent == 0 {
            return &[];
        }
        if (self.unsent == 1 || most == 1)
            && let Some(message) = terms.exchange.fixed()
        {
            return &message[self.gone..];
        }
        let (first, mut ends) = (self.due - self.unsent as u64, std::mem::take(&mut terms.ends));
        ends.clear();
        terms.room.clear();
        for sequence in (first..self.due).take(most) {
            let which = self.which(terms, sequence);
            terms.exchange.render(which, &mut terms.room);
            ends.push(terms.room.len());
            if terms.room.len() >= TOGETHER {
                break;
            }
        }
        terms.ends = ends;
        &terms.room[self.gone..]
    }

    /// The kernel took `count` of the bytes that [`outgoing`](Self::outgoing) gave last; `now` is an
    /// instant just before. Returns how many messages are over with that.
    #[inline]
    pub(crate) fn took(
        &mut self,
        count: usize,
        now: u64,
        terms: &Terms,
        record: &mut Record,
    ) -> usize {
        record.counts.bytes_sent += count as u64;
        let reached = self.gone + count;
        let single = terms.exchange.fixed().filter(|message| reached <= message.len());
        let (mut passed, mut start) = (0, 0);
        match single {
            Some(message) if reached == message.len() => (passed, start) = (1, reached),
            Some(_) => {}
            None => {
                passed = terms.ends.partition_point(|end| *end <= reached);
                start = passed.checked_sub(1).map_or(0, |last| terms.ends[last]);
            }
        }
        self.gone = reached - start;
        for _ in 0..passed {
            let place = self.in_flight.len() - self.unsent;
            let flight = &mut self.in_flight[place];
            flight.sent = now;
            self.unsent -= 1;
            record.counts.sent += u64::from(flight.intended >= terms.counted_from);
        }
        match terms.exchange.expects_nothing() {
            true => self.over_when_sent(passed, terms, record),
            false => 0,
        }
    }

    fn over_when_sent(&mut self, passed: usize, terms: &Terms, record: &mut Record) -> usize {
        for flight in self.in_flight.drain(..passed) {
            record.counts.answered += u64::from(flight.intended >= terms.counted_from);
        }
        passed
    }

    /// These bytes came; `now` is an instant just after. Returns how many messages were answered.
    ///
    /// # Errors
    /// If what follows cannot be told from what came.
    #[inline]
    pub(crate) fn received(
        &mut self,
        mut bytes: &[u8],
        now: u64,
        terms: &mut Terms,
        record: &mut Record,
    ) -> Result<usize, Failure> {
        record.counts.bytes_received += bytes.len() as u64;
        let mut answered = 0;
        while !bytes.is_empty() {
            let Some(flight) = self.in_flight.front().copied() else {
                let words = || format!("{} came unasked", excerpt(bytes, 0));
                record.errors.count(ErrorKind::Mismatch, words);
                return Ok(answered);
            };
            let which = self.which(terms, self.due - self.in_flight.len() as u64);
            let taken = self.reading.take(&terms.exchange, which, &mut terms.room, bytes);
            bytes = &bytes[taken.used..];
            let Some(verdict) = taken.end else { break };
            if flight.sent == UNSENT {
                let words = "a reply was there before its message had been sent".into();
                return Err(Failure { kind: ErrorKind::Mismatch, words });
            }
            if let Verdict::Endless(words) = verdict {
                return Err(Failure { kind: ErrorKind::Mismatch, words: words.into() });
            }
            self.in_flight.pop_front();
            answered += 1;
            if let Verdict::Wrong(words) = verdict {
                record.errors.count(ErrorKind::Mismatch, || words.into());
            } else if flight.intended >= terms.counted_from {
                let latency = now.saturating_sub(flight.intended);
                record.answered(latency, now.saturating_sub(flight.sent));
            }
        }
        Ok(answered)
    }

    /// The server sent its last byte: why that is too early, if it is.
    pub(crate) fn ended(&self) -> Option<Failure> {
        let waiting = self.in_flight.len();
        let words = match (waiting, self.reading.is_new()) {
            (0, _) => return None,
            (_, true) => format!("the server ended the connection with {waiting} replies due"),
            (_, false) => "the server ended the connection in the midst of a reply".into(),
        };
        Some(Failure { kind: ErrorKind::ClosedEarly, words })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Message;
    use crate::plan::Plan;

    fn terms(message: &str, expect: &str) -> Terms {
        let message = Message::Text(message.parse().unwrap());
        let expect = expect.parse().unwrap();
        Terms::new(Exchange::new(&Plan { message, expect, ..Plan::default() }).unwrap(), 0)
    }

    /// A conversation with messages due at 100, 200, ... and what it sees.
    fn with_due(count: u64) -> (Conversation, Record) {
        let mut conversation = Conversation::new(0);
        (1..=count).for_each(|number| conversation.due(number * 100));
        (conversation, Record::new(true))
    }

    /// Kills: a short send after which bytes are sent twice or left out, with messages of one kind
    /// and of different lengths.
    #[test]
    fn what_the_kernel_does_not_take_is_sent_next() {
        for (message, all) in [("ab", "abababab"), ("{seq}x", "0x1x2x3x")] {
            for step in 1..=all.len() {
                let mut terms = terms(message, "echo");
                let (mut conversation, mut record) = with_due(4);
                let mut sent = Vec::new();
                while conversation.wants_to_send() {
                    let next = conversation.outgoing(&mut terms, usize::MAX);
                    let taken = step.min(next.len());
                    sent.extend_from_slice(&next[..taken]);
                    conversation.took(taken, 1000, &terms, &mut record);
                }
                assert_eq!(String::from_utf8(sent).unwrap(), all, "{step} bytes at a time");
                assert_eq!((record.counts.sent, record.counts.bytes_sent), (4, 8));
            }
        }
    }

    /// Kills: latency that counts from the sending (coordinated omission), replies that are matched
    /// with the last message instead of the first.
    #[test]
    fn latency_counts_from_when_a_message_was_intended() {
        let mut terms = terms("{seq}", "echo");
        let (mut conversation, mut record) = with_due(2);
        conversation.outgoing(&mut terms, usize::MAX);
        conversation.took(2, 500, &terms, &mut record);
        let answered = conversation.received(b"01", 600, &mut terms, &mut record);
        assert_eq!(answered, Ok(2));
        let ends = |times: &hdrhistogram::Histogram<u64>| (times.min(), times.max());
        assert_eq!(ends(&record.latency), (400, 500));
        assert_eq!(ends(record.service_time()), (100, 100));
    }

    /// Kills: a message of the warm-up that is measured because its reply came later.
    #[test]
    fn messages_from_before_do_not_count() {
        let mut terms = terms("a", "echo");
        terms.counted_from = 200;
        let (mut conversation, mut record) = with_due(2);
        conversation.outgoing(&mut terms, usize::MAX);
        conversation.took(2, 500, &terms, &mut record);
        assert_eq!(conversation.received(b"aa", 600, &mut terms, &mut record), Ok(2));
        assert_eq!((record.counts.sent, record.counts.answered), (1, 1));
    }

    /// Kills: bytes that are taken for a reply to a message that was never sent.
    #[test]
    fn what_nobody_asked_for_is_a_mismatch() {
        let mut terms = terms("a", "echo");
        let (mut conversation, mut record) = with_due(0);
        assert_eq!(conversation.received(b"a", 600, &mut terms, &mut record), Ok(0));
        let first = record.errors.of(ErrorKind::Mismatch).first.as_deref();
        assert_eq!(first, Some("\"a\" came unasked"));
        conversation.due(700);
        let early = conversation.received(b"a", 800, &mut terms, &mut record);
        assert_eq!(early.unwrap_err().kind, ErrorKind::Mismatch);
    }

    /// Kills: an end in the midst of a reply that passes for one in order.
    #[test]
    fn an_end_is_early_while_a_reply_is_due() {
        let mut terms = terms("ab", "echo");
        let (mut conversation, mut record) = with_due(1);
        conversation.outgoing(&mut terms, usize::MAX);
        conversation.took(2, 500, &terms, &mut record);
        conversation.received(b"a", 600, &mut terms, &mut record).unwrap();
        assert!(conversation.ended().is_some_and(|early| early.words.contains("midst")));
        conversation.received(b"b", 600, &mut terms, &mut record).unwrap();
        assert_eq!(conversation.ended(), None);
    }

    /// Kills: a message that counts as answered before it was handed over.
    #[test]
    fn where_nothing_is_expected_a_message_is_over_when_it_is_sent() {
        let mut terms = terms("ab", "nothing");
        let (mut conversation, mut record) = with_due(2);
        conversation.outgoing(&mut terms, usize::MAX);
        assert_eq!(conversation.took(3, 500, &terms, &mut record), 1);
        assert_eq!((conversation.in_flight(), record.counts.answered), (1, 1));
        conversation.outgoing(&mut terms, usize::MAX);
        assert_eq!(conversation.took(1, 500, &terms, &mut record), 1);
    }
}
