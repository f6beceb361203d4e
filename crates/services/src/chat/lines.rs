//! Lines out of what came, of which one that is too long is dropped as it comes: it takes no memory,
//! and what is behind it is read.

use memchr::memchr;
use switchboard_core::Input;

/// A line without its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    Whole(&'a [u8]),
    TooLong,
}

/// How far one is within a line that is too long.
#[derive(Debug, Default)]
pub(super) struct Lines {
    skips: bool,
}

impl Lines {
    /// Whether there is a line, or the end of one.
    pub(super) fn has_next(&self, input: &Input<'_>) -> bool {
        match input.ended() {
            true => self.skips || !input.is_empty(),
            false => memchr(b'\n', input.bytes()).is_some(),
        }
    }

    /// The next line of `most` bytes, or what is left at the end; `None` until there is one.
    pub(super) fn next<'a>(&mut self, input: &mut Input<'a>, most: usize) -> Option<Line<'a>> {
        let bytes = input.bytes();
        let end = memchr(b'\n', bytes);
        if end.is_none() && !input.ended() {
            // With its CR, a line has one byte more.
            if self.skips || bytes.len() > most + 1 {
                self.skips = true;
                input.take_all();
            }
            return None;
        }
        if end.is_none() && bytes.is_empty() {
            return std::mem::take(&mut self.skips).then_some(Line::TooLong);
        }
        let line = input.take(end.map_or(bytes.len(), |end| end + 1));
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match std::mem::take(&mut self.skips) || line.len() > most {
            true => Some(Line::TooLong),
            false => Some(Line::Whole(line)),
        }
    }

    /// Whether a line is under way of which nothing is left unread.
    pub(super) fn amid(&self) -> bool {
        self.skips
    }
}
