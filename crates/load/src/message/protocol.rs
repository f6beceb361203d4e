//! Where a message and a reply end.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where a message and a reply end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// Nothing marks an end: a reply is as long as what is expected, or else as its message.
    #[default]
    Raw,
    /// A line feed ends both. One is put after a message that has none.
    Line,
    /// A length of four bytes, the highest first, precedes both.
    Length4,
}

impl Protocol {
    /// Puts what marks its beginning and its end around the message in `out[from..]`.
    pub(crate) fn frame(self, out: &mut Vec<u8>, from: usize) {
        match self {
            Protocol::Raw => {}
            Protocol::Line if out[from..].last() == Some(&b'\n') => {}
            Protocol::Line => out.push(b'\n'),
            Protocol::Length4 => {
                let length = (out.len() - from) as u32;
                out.splice(from..from, length.to_be_bytes());
            }
        }
    }

    /// What is inside a frame that is whole.
    pub(crate) fn body(self, frame: &[u8]) -> &[u8] {
        match self {
            Protocol::Raw => frame,
            Protocol::Line => {
                let line = frame.strip_suffix(b"\n").unwrap_or(frame);
                line.strip_suffix(b"\r").unwrap_or(line)
            }
            Protocol::Length4 => frame.get(4..).unwrap_or_default(),
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Protocol::Raw => "raw",
            Protocol::Line => "line",
            Protocol::Length4 => "length4",
        })
    }
}

impl FromStr for Protocol {
    type Err = String;

    fn from_str(text: &str) -> Result<Protocol, String> {
        match text {
            "raw" => Ok(Protocol::Raw),
            "line" => Ok(Protocol::Line),
            "length4" => Ok(Protocol::Length4),
            _ => Err("a protocol is raw, line or length4".into()),
        }
    }
}
