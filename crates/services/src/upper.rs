//! Upper: what comes goes back in capitals; with `--unicode` by characters, a character split over
//! two reads included.

use std::str;

use switchboard_core::{Context, Flow, Service, Session};

use crate::{Entry, Options, ServiceOption};

/// The entry in [`SERVICES`](crate::SERVICES).
pub(crate) static ENTRY: Entry = Entry {
    name: "upper",
    summary: "sends back what it is sent, in capitals",
    source: "",
    styles: &["event"],
    options: &[ServiceOption {
        name: "unicode",
        value: None,
        values: &[],
        default: None,
        help: "Capitals for every script (UTF-8), not only a to z",
    }],
    hidden: false,
    build,
};

fn build(options: &Options) -> Result<Service, String> {
    Ok(match options.flag("unicode") {
        true => Service::sessions("upper", |_peer| UnicodeUpper),
        false => Service::sessions("upper", |_peer| AsciiUpper),
    })
}

struct AsciiUpper;

impl Session for AsciiUpper {
    fn received(&mut self, peer: &mut Context<'_>) -> Flow {
        let before = peer.output.buffer().len();
        peer.output.write(peer.input.take_all());
        peer.output.buffer()[before..].make_ascii_uppercase();
        Flow::Continue
    }
}

struct UnicodeUpper;

impl Session for UnicodeUpper {
    fn received(&mut self, peer: &mut Context<'_>) -> Flow {
        let bytes = peer.input.bytes();
        let held = if peer.input.ended() { 0 } else { begun(bytes) };
        for chunk in peer.input.take(bytes.len() - held).utf8_chunks() {
            peer.output.write(chunk.valid().to_uppercase().as_bytes());
            peer.output.write(chunk.invalid());
        }
        Flow::Continue
    }
}

/// How many bytes at the end may be the beginning of a character: at most 3.
fn begun(bytes: &[u8]) -> usize {
    let last = &bytes[bytes.len().saturating_sub(3)..];
    let at = last.iter().rposition(|byte| *byte >= 0xc0);
    at.map(|at| &last[at..])
        .filter(|start| str::from_utf8(start).is_err_and(|error| error.error_len().is_none()))
        .map_or(0, <[u8]>::len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_begun_character_is_held_back() {
        assert_eq!(begun("aß".as_bytes()), 0);
        assert_eq!(begun(b"a\xc3"), 1);
        assert_eq!(begun(b"a\xf0\x9f\x98"), 3);
        assert_eq!(begun(b"a\xf0\x9f\x98\x80"), 0);
        assert_eq!(begun(b"a\xff"), 0);
        assert_eq!(begun(b"\xe0\x80"), 0);
        assert_eq!(begun(b"\x80"), 0);
        assert_eq!(begun(b""), 0);
    }
}
