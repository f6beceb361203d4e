//! Where one request ends. Pure functions over unread bytes; every one is bounded.

use std::ops::Range;

/// The most bytes that a framing adds to a request's content: the 4 of a length.
pub const OVERHEAD_MAX: usize = 4;

/// What unread bytes hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A whole request.
    Whole {
        /// Where its content lies.
        content: Range<usize>,
        /// How many bytes it takes, with its terminator or length.
        taken: usize,
    },
    /// The beginning of one; the terminator is not among the first `searched` bytes.
    Partial {
        /// Bytes that need not be searched again.
        searched: usize,
    },
    /// A request of more than the permitted number of bytes.
    TooLarge,
}

/// A line: everything up to a line feed, which is taken off, as is a carriage return before it.
/// `searched` bytes are known to hold no line feed; the content may have `most` bytes.
pub fn line(bytes: &[u8], searched: usize, most: usize) -> Frame {
    let searched = searched.min(bytes.len());
    match memchr::memchr(b'\n', &bytes[searched..]) {
        Some(at) => {
            let feed = searched + at;
            let end = without_return(&bytes[..feed]);
            if end > most {
                return Frame::TooLarge;
            }
            Frame::Whole { content: 0..end, taken: feed + 1 }
        }
        // The carriage return of a longest line may have come before its line feed.
        None if without_return(bytes) > most => Frame::TooLarge,
        None => Frame::Partial { searched: bytes.len() },
    }
}

/// What is left when no more will come: a last line without its line feed, if there is any.
pub fn last_line(bytes: &[u8], most: usize) -> Frame {
    let end = without_return(bytes);
    match bytes.len() {
        0 => Frame::Partial { searched: 0 },
        _ if end > most => Frame::TooLarge,
        taken => Frame::Whole { content: 0..end, taken },
    }
}

/// A 4-byte length, most significant byte first (network order), and as many bytes.
pub fn length4(bytes: &[u8], most: usize) -> Frame {
    let Some(head) = bytes.first_chunk::<4>() else {
        return Frame::Partial { searched: 0 };
    };
    let length = u32::from_be_bytes(*head) as usize;
    if length > most {
        return Frame::TooLarge;
    }
    match bytes.len() - 4 >= length {
        true => Frame::Whole { content: 4..4 + length, taken: 4 + length },
        false => Frame::Partial { searched: 0 },
    }
}

/// Exactly `count` bytes.
pub fn exact(bytes: &[u8], count: usize, most: usize) -> Frame {
    if count > most {
        return Frame::TooLarge;
    }
    match bytes.len() >= count {
        true => Frame::Whole { content: 0..count, taken: count },
        false => Frame::Partial { searched: 0 },
    }
}

/// The header that [`length4`] reads, or `None` if `length` does not fit in 4 bytes.
pub fn length4_header(length: usize) -> Option<[u8; 4]> {
    u32::try_from(length).ok().map(u32::to_be_bytes)
}

fn without_return(bytes: &[u8]) -> usize {
    bytes.len() - usize::from(bytes.last() == Some(&b'\r'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(content: Range<usize>, taken: usize) -> Frame {
        Frame::Whole { content, taken }
    }

    #[test]
    fn a_line_ends_with_lf_or_crlf() {
        assert_eq!(line(b"ab\ncd", 0, 9), whole(0..2, 3));
        assert_eq!(line(b"ab\r\ncd", 0, 9), whole(0..2, 4));
        assert_eq!(line(b"\n", 0, 9), whole(0..0, 1));
        assert_eq!(line(b"a\rb\n", 0, 9), whole(0..3, 4));
    }

    #[test]
    fn a_line_of_exactly_the_bound_passes_and_one_more_does_not() {
        assert_eq!(line(b"abc\n", 0, 3), whole(0..3, 4));
        assert_eq!(line(b"abc\r\n", 0, 3), whole(0..3, 5));
        assert_eq!(line(b"abc\r", 0, 3), Frame::Partial { searched: 4 });
        assert_eq!(line(b"abcd\n", 0, 3), Frame::TooLarge);
        assert_eq!(line(b"abcd", 0, 3), Frame::TooLarge);
    }

    #[test]
    fn what_was_searched_is_not_searched_again() {
        assert_eq!(line(b"abc", 0, 9), Frame::Partial { searched: 3 });
        assert_eq!(line(b"abc\n", 3, 9), whole(0..3, 4));
    }

    #[test]
    fn the_last_line_needs_no_line_feed() {
        assert_eq!(last_line(b"", 9), Frame::Partial { searched: 0 });
        assert_eq!(last_line(b"ab", 9), whole(0..2, 2));
        assert_eq!(last_line(b"ab\r", 2), whole(0..2, 3));
        assert_eq!(last_line(b"abc", 2), Frame::TooLarge);
    }

    #[test]
    fn a_length_is_checked_before_its_bytes_come() {
        assert_eq!(length4(b"\0\0\0", 9), Frame::Partial { searched: 0 });
        assert_eq!(length4(b"\0\0\0\x02ab+", 9), whole(4..6, 6));
        assert_eq!(length4(b"\0\0\0\0", 9), whole(4..4, 4));
        assert_eq!(length4(b"\xff\xff\xff\xff", 9), Frame::TooLarge);
    }

    #[test]
    fn an_exact_count_waits_for_its_last_byte() {
        assert_eq!(exact(b"ab", 3, 9), Frame::Partial { searched: 0 });
        assert_eq!(exact(b"abcd", 3, 9), whole(0..3, 3));
        assert_eq!(exact(b"abcd", 10, 9), Frame::TooLarge);
    }
}
