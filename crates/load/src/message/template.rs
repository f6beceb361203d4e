//! A text with places that differ from message to message: `{seq} {random A..B} {connection}
//! {hex N}`. What it becomes follows from the seed, the connection and the number of the message
//! alone, so that nothing has to be kept to check a reply.

use std::fmt;
use std::io::Write;
use std::str::FromStr;

use super::escape;

/// A text with places that differ from message to message.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    written: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Bytes(Vec<u8>),
    Sequence,
    Connection,
    Random { from: u64, to: u64 },
    Hex(usize),
}

/// Which message it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Which {
    /// Of everything that is random.
    pub(crate) seed: u64,
    /// Number of the connection, from 0.
    pub(crate) connection: u64,
    /// Number of the message on its connection, from 0.
    pub(crate) sequence: u64,
}

impl Template {
    /// The bytes, if they are the same for every message.
    pub(crate) fn fixed(&self) -> Option<&[u8]> {
        match self.parts.as_slice() {
            [] => Some(&[]),
            [Part::Bytes(bytes)] => Some(bytes),
            _ => None,
        }
    }

    /// Appends the message that is `which`.
    pub(crate) fn render(&self, which: Which, out: &mut Vec<u8>) {
        let mut random = fastrand::Rng::with_seed(which.mixed());
        for part in &self.parts {
            match *part {
                Part::Bytes(ref bytes) => out.extend_from_slice(bytes),
                Part::Sequence => decimal(which.sequence, out),
                Part::Connection => decimal(which.connection, out),
                Part::Random { from, to } => decimal(random.u64(from..to), out),
                Part::Hex(count) => {
                    out.extend((0..count).map(|_| b"0123456789abcdef"[random.usize(..16)]));
                }
            }
        }
    }
}

impl Which {
    /// Neighbours get seeds that have nothing in common (the finalizer of SplitMix64, twice).
    fn mixed(self) -> u64 {
        mix(mix(self.seed ^ self.connection.wrapping_mul(0x9e37_79b9_7f4a_7c15)) ^ self.sequence)
    }
}

fn mix(mut value: u64) -> u64 {
    value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

fn decimal(value: u64, out: &mut Vec<u8>) {
    write!(out, "{value}").expect("a vector takes all bytes");
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl FromStr for Template {
    type Err = String;

    fn from_str(text: &str) -> Result<Template, String> {
        let (mut parts, mut plain) = (Vec::new(), String::new());
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            plain.push_str(&rest[..at]);
            rest = &rest[at..];
            if let Some(after) = rest.strip_prefix("{{").or_else(|| rest.strip_prefix("}}")) {
                plain.push_str(&rest[..1]);
                rest = after;
                continue;
            }
            let Some((place, after)) = rest.strip_prefix('{').and_then(|r| r.split_once('}'))
            else {
                return Err(format!(
                    "a single `{}` begins or ends no place; double it",
                    &rest[..1]
                ));
            };
            if !plain.is_empty() {
                parts.push(Part::Bytes(escape::bytes(&std::mem::take(&mut plain))?));
            }
            parts.push(part(place)?);
            rest = after;
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(Part::Bytes(escape::bytes(&plain)?));
        }
        Ok(Template { written: text.to_owned(), parts })
    }
}

/// What is between braces.
fn part(place: &str) -> Result<Part, String> {
    let (word, value) = place.trim().split_once(' ').unwrap_or((place.trim(), ""));
    let value = value.trim();
    match word {
        "seq" if value.is_empty() => Ok(Part::Sequence),
        "connection" if value.is_empty() => Ok(Part::Connection),
        "random" => {
            let range = value.split_once("..");
            let range = range.and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
            match range {
                Some((from, to)) if from < to => Ok(Part::Random { from, to }),
                _ => Err("random needs a range of numbers: {random 0..100} is 0 to 99".into()),
            }
        }
        "hex" => match value.parse() {
            Ok(count) if (1..=crate::plan::MESSAGE_MAX).contains(&count) => Ok(Part::Hex(count)),
            _ => Err("hex needs a number of digits: {hex 8}".into()),
        },
        _ => Err(format!(
            "there is no place {{{place}}}; there are {{seq}} {{connection}} {{random A..B}} \
             {{hex N}}, and a brace is written twice: {{{{ }}}}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(template: &str, connection: u64, sequence: u64) -> String {
        let mut out = Vec::new();
        let template: Template = template.parse().unwrap();
        template.render(Which { seed: 1, connection, sequence }, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn places_are_filled_and_braces_are_written_twice() {
        assert_eq!(rendered("{seq}/{connection} {{\\n}}", 7, 12), "12/7 {\n}");
        assert_eq!(rendered("plain", 0, 0), "plain");
    }

    /// Kills: a range that takes its end in, digits of another count, one value for all.
    #[test]
    fn what_is_random_keeps_to_its_range_and_differs() {
        let all: Vec<String> = (0..200).map(|seq| rendered("{random 3..5}", 0, seq)).collect();
        assert!(all.iter().all(|text| text == "3" || text == "4"));
        assert!(all.contains(&"3".to_owned()) && all.contains(&"4".to_owned()));
        assert_eq!(rendered("{hex 9}", 0, 0).len(), 9);
        assert_ne!(rendered("{hex 9}", 0, 0), rendered("{hex 9}", 0, 1));
        assert_ne!(rendered("{hex 9}", 0, 0), rendered("{hex 9}", 1, 0));
    }

    /// Kills: a generator that remembers; replies could not be checked against it.
    #[test]
    fn the_same_message_is_the_same_again() {
        assert_eq!(
            rendered("{random 0..1000000} {hex 8}", 3, 4),
            rendered("{random 0..1000000} {hex 8}", 3, 4)
        );
    }

    #[test]
    fn what_is_no_place_is_explained() {
        let refused = |text: &str| text.parse::<Template>().unwrap_err();
        assert!(refused("{sequence}").contains("{seq}"));
        assert!(refused("{seq").contains("double it"));
        assert!(refused("a}").contains("double it"));
        assert!(refused("{random 5..5}").contains("0..100"));
        assert!(refused("{hex}").contains("{hex 8}"));
    }
}
