//! Requests of a peer, whole: lines, frames, pieces of a size.

use std::io;

use super::{Arrival, Peer};
use crate::Ending;
use crate::framing::{self, Frame};

impl Peer<'_> {
    /// The next line without its LF or CRLF; `None` after the peer's last byte. What comes last
    /// without a line feed is a line too. Bytes that are no UTF-8 become U+FFFD; for those use
    /// [`read_until`](std::io::BufRead::read_until) or [`frame`](Peer::frame).
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] if the line is longer than the largest request; the peer
    /// cannot be read from after that.
    pub fn line(&mut self) -> io::Result<Option<String>> {
        let content = self.request(line_in)?;
        Ok(content.map(into_text))
    }

    /// The content of the next request that begins with its length in 4 bytes (network order);
    /// `None` after the peer's last byte.
    ///
    /// # Errors
    /// As [`line`](Peer::line); [`io::ErrorKind::UnexpectedEof`] if the input ends inside it.
    pub fn frame(&mut self) -> io::Result<Option<Vec<u8>>> {
        self.request(|bytes, _, most, _| framing::length4(bytes, most))
    }

    /// Exactly `count` bytes; `None` if the peer sent its last byte before the first of them.
    ///
    /// # Errors
    /// As [`frame`](Peer::frame).
    pub fn exact(&mut self, count: usize) -> io::Result<Option<Vec<u8>>> {
        self.request(|bytes, _, most, _| framing::exact(bytes, count, most))
    }

    /// Takes the request that `find` sees among the unread bytes, if one is whole.
    pub(super) fn take_request(
        &mut self,
        find: impl Fn(&[u8], usize, usize, bool) -> Frame,
    ) -> io::Result<Option<Vec<u8>>> {
        let (bytes, most) = (self.unread.bytes(), self.terms.request_max);
        match find(bytes, self.unread.searched, most, self.ended) {
            Frame::Whole { content, taken } => {
                let content = bytes[content].to_vec();
                self.unread.take(taken);
                self.unread.searched = 0;
                Ok(Some(content))
            }
            Frame::Partial { searched } => {
                self.unread.searched = searched;
                Ok(None)
            }
            Frame::TooLarge => Err(self.missed(Ending::TooLarge)),
        }
    }

    /// Reads until `find` sees a whole request among the unread bytes.
    fn request(
        &mut self,
        find: impl Fn(&[u8], usize, usize, bool) -> Frame,
    ) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(content) = self.take_request(&find)? {
                return Ok(Some(content));
            }
            match (self.ended, self.unread.is_empty()) {
                (true, true) => return Ok(None),
                (true, false) => return Err(io::ErrorKind::UnexpectedEof.into()),
                (false, _) => {}
            }
            if let Arrival::Elapsed = self.more(None)? {
                return Err(self.missed(Ending::TimedOut));
            }
        }
    }
}

/// The next line, or what is left when no more will come.
pub(super) fn line_in(bytes: &[u8], searched: usize, most: usize, ended: bool) -> Frame {
    match framing::line(bytes, searched, most) {
        Frame::Partial { .. } if ended => framing::last_line(bytes, most),
        frame => frame,
    }
}

pub(super) fn into_text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into())
}
