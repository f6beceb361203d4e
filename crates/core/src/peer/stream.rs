//! A peer as a stream: `Read`, `BufRead` and `Write`.
//!
//! The reads that gather a request beyond what is buffered are written out here, so that they can
//! say that they are in the midst of one: the drain lets only those go who are between requests.

use std::io::{self, BufRead, Read, Write};

use super::Peer;
use crate::Ending;

impl Read for Peer<'_> {
    #[inline]
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self.unread.is_empty() {
            true => self.fill(into),
            false => Ok(self.unread.take_into(into)),
        }
    }

    fn read_exact(&mut self, into: &mut [u8]) -> io::Result<()> {
        let mut filled = 0;
        while filled < into.len() {
            self.mid_request = filled > 0;
            let count = self.read(&mut into[filled..]);
            self.mid_request = false;
            match count? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => filled += count,
            }
        }
        Ok(())
    }
}

impl BufRead for Peer<'_> {
    #[inline]
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.unread.is_empty() {
            self.fill(&mut [])?;
        }
        Ok(self.unread.bytes())
    }

    #[inline]
    fn consume(&mut self, count: usize) {
        self.unread.take(count);
    }

    fn read_until(&mut self, byte: u8, into: &mut Vec<u8>) -> io::Result<usize> {
        let before = into.len();
        loop {
            self.mid_request = into.len() > before;
            let bytes = self.fill_buf();
            let bytes = match bytes {
                Ok(bytes) => bytes,
                Err(error) => {
                    self.mid_request = false;
                    return Err(error);
                }
            };
            let end = memchr::memchr(byte, bytes).map(|at| at + 1);
            let count = end.unwrap_or(bytes.len());
            into.extend_from_slice(&bytes[..count]);
            self.consume(count);
            self.mid_request = false;
            // However the network cut it, and without its end: `line` has the same bound.
            if into.len() - before - usize::from(end.is_some()) > self.terms.request_max {
                return Err(self.missed(Ending::TooLarge));
            }
            if end.is_some() || count == 0 {
                return Ok(into.len() - before);
            }
        }
    }

    fn read_line(&mut self, into: &mut String) -> io::Result<usize> {
        let mut bytes = Vec::new();
        let count = self.read_until(b'\n', &mut bytes)?;
        let text = String::from_utf8(bytes).map_err(|error| {
            io::Error::new(io::ErrorKind::InvalidData, format!("a line is no UTF-8: {error}"))
        })?;
        into.push_str(&text);
        Ok(count)
    }
}

impl Write for Peer<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.gathers && self.fate.is_none() && self.unsent.is_empty() && self.wire.gather(bytes)
        {
            return Ok(bytes.len());
        }
        self.gather(bytes)
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        // None is left over.
        self.write(bytes).map(drop)
    }

    /// Waits until the kernel has all that was written: only then does the peer see it while the
    /// handler goes on without a wait.
    fn flush(&mut self) -> io::Result<()> {
        self.send_unsent()?;
        if self.fate.is_some() {
            return Ok(());
        }
        let wait = self.bounded(None, self.terms.idle)?;
        let flushed = self.wire.flush(wait);
        self.note(flushed)
    }
}
