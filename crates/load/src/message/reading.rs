//! One reply as it comes in: where it ends, and whether each of its bytes is right.

use super::escape;
use super::exchange::{Exchange, Wanted};
use super::protocol::Protocol;
use super::template::Which;
use crate::plan::MESSAGE_MAX;

/// Bytes shown on either side of the first wrong one.
const AROUND: usize = 16;

/// How far the reply that comes in is.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// Bytes of it that have come.
    taken: usize,
    /// The length before it, as far as it has come.
    header: [u8; 4],
    /// What was wrong first.
    wrong: Option<Box<str>>,
    /// What has come, where it can only be judged when it is whole.
    partial: Vec<u8>,
}

/// What some bytes did for a reply.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    /// How many of them were its own.
    pub(crate) used: usize,
    pub(crate) end: Option<Verdict>,
}

/// How a reply ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Right,
    /// Why.
    Wrong(Box<str>),
    /// It cannot be read any further, nor can what follows it.
    Endless(Box<str>),
}

impl Reading {
    /// Whether no byte of the reply has come.
    pub(crate) fn is_new(&self) -> bool {
        self.taken == 0
    }

    /// Takes what belongs to the reply to the message that is `which` from `bytes`.
    #[inline]
    pub(crate) fn take(
        &mut self,
        exchange: &Exchange,
        which: Which,
        room: &mut Vec<u8>,
        bytes: &[u8],
    ) -> Taken {
        let wanted = exchange.wanted(which, room);
        // What is wanted is one frame: whoever sent these bytes sent that frame.
        if let Wanted::Bytes(wanted) = wanted
            && self.taken == 0
            && bytes.starts_with(wanted)
        {
            return Taken { used: wanted.len(), end: Some(Verdict::Right) };
        }
        self.take_part(exchange, &wanted, bytes)
    }

    /// As [`take`](Self::take), for a reply in pieces, one that is wrong, or one to be judged.
    fn take_part(&mut self, exchange: &Exchange, wanted: &Wanted<'_>, bytes: &[u8]) -> Taken {
        let raw = match wanted {
            Wanted::Bytes(bytes) => bytes.len(),
            Wanted::Judged { raw } => *raw,
        };
        let (used, whole) = match self.end_in(exchange.protocol, raw, bytes) {
            Ok(Some(end)) => (end, true),
            Ok(None) => (bytes.len(), false),
            Err(words) => {
                let end = Some(Verdict::Endless(words.into()));
                return Taken { used: bytes.len(), end };
            }
        };
        let own = &bytes[..used];
        match wanted {
            Wanted::Bytes(wanted) => self.compare(wanted, own, whole),
            Wanted::Judged { .. } if whole && self.partial.is_empty() => {
                self.wrong = exchange.judge(own).err().map(Into::into);
            }
            Wanted::Judged { .. } => {
                self.partial.extend_from_slice(own);
                if whole {
                    self.wrong = exchange.judge(&self.partial).err().map(Into::into);
                }
            }
        }
        self.taken += used;
        if !whole {
            return Taken { used, end: None };
        }
        let wrong = std::mem::take(self).wrong;
        Taken { used, end: Some(wrong.map_or(Verdict::Right, Verdict::Wrong)) }
    }

    /// How many of `bytes` are needed for the reply to be whole; `None`: more than these.
    fn end_in(
        &mut self,
        protocol: Protocol,
        raw: usize,
        bytes: &[u8],
    ) -> Result<Option<usize>, String> {
        let end = match protocol {
            Protocol::Raw => Some(raw - self.taken),
            Protocol::Line => bytes.iter().position(|byte| *byte == b'\n').map(|place| place + 1),
            Protocol::Length4 => {
                for (place, byte) in (self.taken..4).zip(bytes) {
                    self.header[place] = *byte;
                }
                let length = u32::from_be_bytes(self.header) as usize;
                let known = self.taken + bytes.len() >= 4;
                if known && length > MESSAGE_MAX {
                    return Err(format!(
                        "a reply of {length} bytes; at most {MESSAGE_MAX} are read"
                    ));
                }
                known.then(|| 4 + length - self.taken)
            }
        };
        if self.taken + bytes.len() > MESSAGE_MAX + 4 && end.is_none() {
            return Err(format!("a reply goes on after {MESSAGE_MAX} bytes"));
        }
        Ok(end.filter(|end| *end <= bytes.len()))
    }

    fn compare(&mut self, wanted: &[u8], own: &[u8], whole: bool) {
        if self.wrong.is_some() {
            return;
        }
        let rest = wanted.get(self.taken..).unwrap_or_default();
        let same = if whole { rest == own } else { rest.starts_with(own) };
        if !same {
            // Up to here it was what is wanted.
            let got = [&wanted[..self.taken.min(wanted.len())], own].concat();
            self.wrong = Some(difference(wanted, &got).into());
        }
    }
}

/// What was due and what came, around the first byte in which they differ.
pub(crate) fn difference(wanted: &[u8], got: &[u8]) -> String {
    let at = wanted.iter().zip(got).take_while(|(wanted, got)| wanted == got).count();
    format!("from byte {} on expected {}, got {}", at + 1, excerpt(wanted, at), excerpt(got, at))
}

/// Some bytes around `at`, between quotes.
pub(crate) fn excerpt(bytes: &[u8], at: usize) -> String {
    if bytes.is_empty() {
        return "nothing".into();
    }
    let from = at.saturating_sub(AROUND).min(bytes.len());
    let to = (at + AROUND).min(bytes.len());
    let before = if from > 0 { "..." } else { "" };
    let after = if to < bytes.len() { "..." } else { "" };
    format!("{before}\"{}\"{after}", escape::text(&bytes[from..to]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Message;
    use crate::plan::Plan;

    fn exchange(protocol: Protocol, expect: &str) -> Exchange {
        let message = Message::Text("hello{seq}".parse().unwrap());
        Exchange::new(&Plan {
            message,
            protocol,
            expect: expect.parse().unwrap(),
            ..Plan::default()
        })
        .unwrap()
    }

    /// What becomes of replies to message 1 that come in pieces of every size.
    fn verdicts(exchange: &Exchange, bytes: &[u8]) -> Vec<String> {
        let told = |verdict: Verdict| match verdict {
            Verdict::Right => "right".to_owned(),
            Verdict::Wrong(words) | Verdict::Endless(words) => words.into(),
        };
        let by = |size: usize| {
            let (mut reading, mut room, mut found) = (Reading::default(), Vec::new(), Vec::new());
            for mut piece in bytes.chunks(size) {
                while !piece.is_empty() {
                    let which = Which { seed: 0, connection: 0, sequence: 1 };
                    let taken = reading.take(exchange, which, &mut room, piece);
                    piece = &piece[taken.used..];
                    found.extend(taken.end.map(told));
                }
            }
            found
        };
        let whole = by(bytes.len());
        for size in 1..bytes.len() {
            assert_eq!(by(size).len(), whole.len(), "in pieces of {size}");
            let right = |found: &[String]| found.iter().map(|w| w == "right").collect::<Vec<_>>();
            assert_eq!(right(&by(size)), right(&whole), "in pieces of {size}");
        }
        whole
    }

    /// Kills: an offset into the reply that is off by one, in any protocol; a wrong byte that is
    /// only seen in a reply that comes whole; a wrong reply after which the next one is wrong too.
    #[test]
    fn each_byte_is_checked_however_the_replies_are_cut() {
        let wrong = "from byte 2 on expected \"hello1\", got \"hallo1\"";
        let raw = exchange(Protocol::Raw, "echo");
        assert_eq!(verdicts(&raw, b"hello1hallo1hello1"), ["right", wrong, "right"]);
        let upper = exchange(Protocol::Raw, "upper");
        assert_eq!(verdicts(&upper, b"HELLO1"), ["right"]);
        let line = exchange(Protocol::Line, "echo");
        let found = verdicts(&line, b"hello1\nhello\nhello12\nhello1\n");
        assert_eq!((&*found[0], &*found[3], found.len()), ("right", "right", 4));
        assert!(found[1].contains("\"hello1\\n\", got \"hello\\n\""), "{found:?}");
        assert!(found[2].contains("byte 7 on"), "{found:?}");
        let length = exchange(Protocol::Length4, "echo");
        let found = verdicts(&length, b"\0\0\0\x06hello1\0\0\0\x05hello\0\0\0\x06hello1");
        assert_eq!((&*found[0], &*found[2], found.len()), ("right", "right", 3));
    }

    #[test]
    fn a_reply_that_is_judged_is_judged_as_a_whole() {
        let line = exchange(Protocol::Line, "/^h.*1$/");
        let found = verdicts(&line, b"hello1\r\nhello\nh1\n");
        assert_eq!((&*found[0], &*found[2], found.len()), ("right", "right", 3));
        assert_eq!(found[1], "expected /^h.*1$/, got \"hello\"");
        let raw = exchange(Protocol::Raw, "/^[a-z]+1$/");
        assert_eq!(verdicts(&raw, b"abcde1abcdef").len(), 2);
    }

    /// Kills: a length that is believed, and four gigabytes that are waited for.
    #[test]
    fn a_length_beyond_all_measure_is_refused() {
        let length = exchange(Protocol::Length4, "echo");
        let (mut reading, mut room) = (Reading::default(), Vec::new());
        let which = Which { seed: 0, connection: 0, sequence: 1 };
        let taken = reading.take(&length, which, &mut room, b"\xff\xff\xff\xff");
        assert!(matches!(taken.end, Some(Verdict::Endless(_))), "{taken:?}");
    }
}
