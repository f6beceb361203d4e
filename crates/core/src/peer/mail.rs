//! A peer's mailbox: lines and notes, whichever comes first.

use std::io;
use std::time::Duration;

use super::requests::{into_text, line_in};
use super::{Arrival, Peer};
use crate::{Ending, Mailbox, Note};

/// What [`Peer::next`] found.
#[derive(Debug)]
pub enum Heard {
    /// A line, as [`Peer::line`] gives it.
    Line(String),
    /// A note from the mailbox.
    Note(Note),
    /// The peer sent its last byte.
    Ended,
    /// The time passed.
    Elapsed,
}

impl Peer<'_> {
    /// The address at which others reach this peer, from any thread: what they
    /// [`send`](Mailbox::send) leaves whenever the handler waits, and [`next`](Peer::next) gives the
    /// [`note`](Mailbox::note)s.
    ///
    /// # Errors
    /// [`io::ErrorKind::Unsupported`] where nobody carries mail.
    pub fn mailbox(&mut self) -> io::Result<Mailbox> {
        self.wire.mailbox().ok_or_else(|| io::ErrorKind::Unsupported.into())
    }

    /// Waits for whatever comes first: a note, a line, the peer's last byte, or `wait`. That the time
    /// passed is no error and does not end the peer.
    ///
    /// # Errors
    /// As [`line`](Peer::line).
    pub fn next(&mut self, wait: Option<Duration>) -> io::Result<Heard> {
        let end = wait.and_then(|wait| self.wire.now().checked_add(wait));
        loop {
            if let Some(note) = self.wire.take_note() {
                return Ok(Heard::Note(note));
            }
            if let Some(line) = self.take_request(line_in)? {
                return Ok(Heard::Line(into_text(line)));
            }
            if self.ended {
                return Ok(Heard::Ended);
            }
            let left = end.map(|end| end.saturating_duration_since(self.wire.now()));
            if left.is_some_and(|left| left.is_zero()) {
                self.send_unsent()?;
                return Ok(Heard::Elapsed);
            }
            match self.more_or_note(left, true) {
                Ok(Arrival::Elapsed) if left.is_none() => {
                    return Err(self.missed(Ending::TimedOut));
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}
