//! Choices out of a peer's bytes: each ends with LF, CRLF, the end of input, or 300 ms in which no
//! other key is pressed.

use std::io::{self, BufRead};
use std::time::Duration;

use switchboard_core::{Arrival, Peer};

/// How long after its last key a choice without a line end is complete.
const KEY_WAIT: Duration = Duration::from_millis(300);

/// The most bytes of a choice. What is longer is taken and forgotten.
pub(super) const CHOICE_MAX: usize = 1024;

/// What was pressed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Keyed {
    /// This, without its line end.
    Choice(Vec<u8>),
    /// More than any menu has for a choice.
    TooLong,
    /// Nothing, for as long as the caller may.
    Silence,
    /// Nothing, and nothing will be.
    Ended,
}

/// What is known of a peer's keys between two choices.
#[derive(Default)]
pub(super) struct Keypad {
    /// The last choice was ended by 300 ms, so that its line end may still come: `0`, a slow
    /// network, LF is one choice and not two.
    line_end_may_follow: bool,
}

impl Keypad {
    /// Waits for the next choice; for its first key no longer than `silence`.
    pub(super) fn key(
        &mut self,
        peer: &mut Peer<'_>,
        silence: Option<Duration>,
    ) -> io::Result<Keyed> {
        loop {
            let (keyed, by_wait) = Keypad::next(peer, silence)?;
            let late_line_end = self.line_end_may_follow && keyed == Keyed::Choice(Vec::new());
            self.line_end_may_follow = by_wait;
            if !late_line_end {
                return Ok(keyed);
            }
        }
    }

    /// The next choice, and whether it was the wait that ended it.
    fn next(peer: &mut Peer<'_>, silence: Option<Duration>) -> io::Result<(Keyed, bool)> {
        let mut too_long = false;
        loop {
            let unread = peer.unread();
            if let Some(feed) = memchr::memchr(b'\n', unread) {
                let key = keyed(&unread[..feed], too_long);
                peer.consume(feed + 1);
                return Ok((key, false));
            }
            // A longest choice and its CR may still have a line feed to come.
            if unread.len() > CHOICE_MAX + 1 {
                too_long = true;
                take_all(peer);
            }
            let nothing_yet = peer.unread().is_empty() && !too_long;
            let wait = if nothing_yet { silence } else { Some(KEY_WAIT) };
            let arrival = match wait {
                Some(wait) => peer.read_for(wait)?,
                None if peer.fill_buf()?.is_empty() => Arrival::Ended,
                None => Arrival::Bytes,
            };
            match arrival {
                Arrival::Bytes => {}
                Arrival::Ended if nothing_yet => return Ok((Keyed::Ended, false)),
                Arrival::Elapsed if nothing_yet => return Ok((Keyed::Silence, false)),
                Arrival::Ended | Arrival::Elapsed => {
                    let key = keyed(peer.unread(), too_long);
                    take_all(peer);
                    return Ok((key, arrival == Arrival::Elapsed));
                }
            }
        }
    }
}

fn take_all(peer: &mut Peer<'_>) {
    peer.consume(peer.unread().len());
}

/// Takes the carriage return off.
fn keyed(bytes: &[u8], too_long: bool) -> Keyed {
    match too_long {
        true => Keyed::TooLong,
        false => Keyed::Choice(bytes.strip_suffix(b"\r").unwrap_or(bytes).to_vec()),
    }
}
