//! A plan's messages and replies, ready to be made: nothing here allocates once it is warm.

use std::fs;
use std::path::Path;

use regex::bytes::Regex;

use super::template::Which;
use super::{Expect, Message, Protocol, Records, Template};
use crate::error::LoadError;
use crate::plan::{MESSAGE_MAX, Plan};

/// What is sent and what must come back.
pub(crate) struct Exchange {
    source: Source,
    reply: Reply,
    pub(crate) protocol: Protocol,
}

/// Where messages come from, framed unless they are made anew.
enum Source {
    Fixed(Vec<u8>),
    Made(Template),
    Records(Vec<Vec<u8>>),
}

enum Reply {
    Nothing,
    /// These bytes, the same each time.
    Fixed(Vec<u8>),
    Echo,
    Upper,
    /// This line, whether a line feed ends it or a carriage return and a line feed.
    Line(Vec<u8>),
    Regex(Regex),
}

/// What one reply must be.
pub(crate) enum Wanted<'a> {
    /// These bytes.
    Bytes(&'a [u8]),
    /// Something that is judged when it is whole. In a raw protocol it is so long.
    Judged { raw: usize },
}

impl Exchange {
    /// What `plan` says; reads its file.
    pub(crate) fn new(plan: &Plan) -> Result<Exchange, LoadError> {
        let protocol = plan.protocol;
        let source = Source::new(&plan.message, protocol).map_err(LoadError::Plan)?;
        let mut exchange = Exchange { source, reply: Reply::Nothing, protocol };
        exchange.reply = match &plan.expect {
            Expect::Nothing => Reply::Nothing,
            Expect::Echo | Expect::Upper => match &exchange.source {
                Source::Fixed(message) if plan.expect == Expect::Echo => {
                    Reply::Fixed(message.clone())
                }
                Source::Fixed(message) => {
                    let mut wanted = message.clone();
                    upper(protocol, &mut wanted);
                    Reply::Fixed(wanted)
                }
                _ if plan.expect == Expect::Echo => Reply::Echo,
                _ => Reply::Upper,
            },
            Expect::Exact(bytes) if protocol == Protocol::Line => {
                Reply::Line(protocol.body(bytes).to_vec())
            }
            Expect::Exact(bytes) => Reply::Fixed(framed(protocol, bytes.clone())),
            Expect::Regex(pattern) => Reply::Regex(
                Regex::new(pattern).map_err(|error| LoadError::Plan(error.to_string()))?,
            ),
        };
        Ok(exchange)
    }

    /// Whether a message is over when it has been sent.
    pub(crate) fn expects_nothing(&self) -> bool {
        matches!(self.reply, Reply::Nothing)
    }

    /// The message, framed, if it is always the same.
    #[inline]
    pub(crate) fn fixed(&self) -> Option<&[u8]> {
        match &self.source {
            Source::Fixed(message) => Some(message),
            _ => None,
        }
    }

    /// Appends the message that is `which`, framed.
    pub(crate) fn render(&self, which: Which, out: &mut Vec<u8>) {
        match &self.source {
            Source::Fixed(message) => out.extend_from_slice(message),
            Source::Made(template) => {
                let from = out.len();
                template.render(which, out);
                self.protocol.frame(out, from);
            }
            Source::Records(records) => {
                let place = which.connection.wrapping_add(which.sequence) % records.len() as u64;
                out.extend_from_slice(&records[place as usize]);
            }
        }
    }

    /// What the reply to the message that is `which` must be; `room` is where it may be made.
    #[inline]
    pub(crate) fn wanted<'a>(&'a self, which: Which, room: &'a mut Vec<u8>) -> Wanted<'a> {
        if let Reply::Fixed(wanted) = &self.reply {
            return Wanted::Bytes(wanted);
        }
        room.clear();
        self.render(which, room);
        match self.reply {
            Reply::Echo => Wanted::Bytes(room),
            Reply::Upper => {
                upper(self.protocol, room);
                Wanted::Bytes(room)
            }
            _ => Wanted::Judged { raw: room.len() },
        }
    }

    /// Whether a reply that is whole is right, where that is [`Wanted::Judged`]; else why not.
    pub(crate) fn judge(&self, frame: &[u8]) -> Result<(), String> {
        let body = self.protocol.body(frame);
        match &self.reply {
            Reply::Line(line) if line == body => Ok(()),
            Reply::Line(line) => Err(super::reading::difference(line, body)),
            Reply::Regex(regex) if regex.is_match(body) => Ok(()),
            Reply::Regex(regex) => {
                Err(format!("expected /{regex}/, got {}", super::reading::excerpt(body, 0)))
            }
            _ => Err("a reply came where none is expected".into()),
        }
    }
}

impl Source {
    fn new(message: &Message, protocol: Protocol) -> Result<Source, String> {
        match message {
            Message::Size(size) => sized(*size, protocol).map(Source::Fixed),
            Message::Text(template) => match template.fixed() {
                Some(bytes) => {
                    let message = framed(protocol, bytes.to_vec());
                    match message.is_empty() {
                        true => Err(EMPTY.into()),
                        false => Ok(Source::Fixed(message)),
                    }
                }
                None => Ok(Source::Made(template.clone())),
            },
            Message::File { path, records } => {
                let records = read(path, *records)?;
                if records.is_empty() || (protocol == Protocol::Raw && records.contains(&vec![])) {
                    return Err(format!("{}: {EMPTY}", path.display()));
                }
                Ok(Source::Records(records.into_iter().map(|r| framed(protocol, r)).collect()))
            }
        }
    }
}

const EMPTY: &str = "a message has at least one byte; or use --protocol line or length4";

/// `size` letters, the end of a line among them.
fn sized(size: usize, protocol: Protocol) -> Result<Vec<u8>, String> {
    if !(1..=MESSAGE_MAX).contains(&size) {
        return Err(format!("--size is 1 to {MESSAGE_MAX} bytes"));
    }
    let letters = if protocol == Protocol::Line { size - 1 } else { size };
    Ok(framed(protocol, (b'a'..=b'z').cycle().take(letters).collect()))
}

fn framed(protocol: Protocol, mut bytes: Vec<u8>) -> Vec<u8> {
    protocol.frame(&mut bytes, 0);
    bytes
}

/// All but the length that precedes a message.
fn upper(protocol: Protocol, message: &mut [u8]) {
    let from = if protocol == Protocol::Length4 { 4 } else { 0 };
    message[from..].make_ascii_uppercase();
}

fn read(path: &Path, records: Records) -> Result<Vec<Vec<u8>>, String> {
    let bytes = fs::read(path)
        .map_err(|error| format!("cannot read the messages in {}: {error}", path.display()))?;
    match records {
        Records::Lines => {
            let text = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
            Ok(match bytes.is_empty() {
                true => Vec::new(),
                false => text.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect(),
            })
        }
        Records::Length4 => length_prefixed(&bytes).ok_or_else(|| {
            format!(
                "{} ends within a record; each is a length of four bytes, the highest first, \
                     and so many bytes",
                path.display()
            )
        }),
    }
}

fn length_prefixed(mut bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut records = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (record, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        records.push(record.to_vec());
        bytes = rest;
    }
    Some(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange(message: &str, protocol: Protocol, expect: &str) -> Exchange {
        let message = Message::Text(message.parse().unwrap());
        let expect = expect.parse().unwrap();
        Exchange::new(&Plan { message, protocol, expect, ..Plan::default() }).unwrap()
    }

    fn wanted(exchange: &Exchange) -> Vec<u8> {
        let mut room = Vec::new();
        match exchange.wanted(Which { seed: 0, connection: 3, sequence: 4 }, &mut room) {
            Wanted::Bytes(bytes) => bytes.to_vec(),
            Wanted::Judged { raw } => raw.to_string().into_bytes(),
        }
    }

    /// Kills: letters of the length that are raised with the others; a frame that is missing.
    #[test]
    fn what_is_wanted_is_framed_as_what_is_sent() {
        let long = "a".repeat(0x61);
        let upper = exchange(&long, Protocol::Length4, "upper");
        let wanted_bytes = [&0x61_u32.to_be_bytes()[..], &[b'A'; 0x61]].concat();
        assert_eq!(wanted(&upper), wanted_bytes);
        assert_eq!(wanted(&exchange("{seq}a", Protocol::Line, "upper")), b"4A\n");
        assert_eq!(wanted(&exchange("{connection}", Protocol::Length4, "echo")), b"\0\0\0\x013");
        assert_eq!(wanted(&exchange("x", Protocol::Length4, "ok")), b"\0\0\0\x02ok");
        assert_eq!(wanted(&exchange("{seq}{seq}", Protocol::Raw, "/./")), b"2");
    }

    /// Kills: an answer of another server's line end that counts as wrong, or of another line as right.
    #[test]
    fn a_line_is_right_with_either_end() {
        let ping = exchange("PING", Protocol::Line, "+PONG");
        assert_eq!(ping.judge(b"+PONG\r\n"), Ok(()));
        assert_eq!(ping.judge(b"+PONG\n"), Ok(()));
        assert!(ping.judge(b"+PONGS\n").is_err());
        assert!(ping.judge(b"+PON\n").is_err());
    }

    #[test]
    fn a_size_counts_the_line_feed_and_not_the_length() {
        assert_eq!(sized(3, Protocol::Line), Ok(b"ab\n".to_vec()));
        assert_eq!(sized(3, Protocol::Length4), Ok(b"\0\0\0\x03abc".to_vec()));
        assert!(sized(0, Protocol::Raw).is_err());
    }

    #[test]
    fn records_of_a_file_are_cut_where_they_end() {
        assert_eq!(length_prefixed(b"\0\0\0\x01a\0\0\0\0"), Some(vec![b"a".to_vec(), vec![]]));
        assert_eq!(length_prefixed(b"\0\0\0\x02a"), None);
    }
}
