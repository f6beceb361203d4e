//! What a peer sent before its last byte, for a session that is still waiting then: the connection
//! drops unread input after `ended`, so whoever has a deadline to come keeps it here.

use switchboard_core::Input;
use switchboard_core::framing::{self, Frame};

/// Where requests come from.
pub(super) trait Requests {
    /// As [`Input::line`].
    fn line(&mut self) -> Option<&[u8]>;
    /// As [`Input::frame`].
    fn frame(&mut self) -> Option<&[u8]>;
    /// As [`Input::exact`].
    fn exact(&mut self, count: usize) -> Option<&[u8]>;
}

impl Requests for Input<'_> {
    fn line(&mut self) -> Option<&[u8]> {
        Input::line(self)
    }

    fn frame(&mut self) -> Option<&[u8]> {
        Input::frame(self)
    }

    fn exact(&mut self, count: usize) -> Option<&[u8]> {
        Input::exact(self, count)
    }
}

/// All that is left of the input. The connection has bounded it already.
pub(super) struct Rest {
    bytes: Vec<u8>,
    at: usize,
}

impl Rest {
    pub(super) fn new(bytes: &[u8]) -> Rest {
        Rest { bytes: bytes.to_vec(), at: 0 }
    }

    fn take(&mut self, find: impl Fn(&[u8]) -> Frame) -> Option<&[u8]> {
        let bytes = &self.bytes[self.at..];
        match find(bytes) {
            Frame::Whole { content, taken } => {
                self.at += taken;
                Some(&bytes[content])
            }
            Frame::Partial { .. } | Frame::TooLarge => None,
        }
    }
}

impl Requests for Rest {
    fn line(&mut self) -> Option<&[u8]> {
        self.take(|bytes| match framing::line(bytes, 0, usize::MAX) {
            Frame::Partial { .. } => framing::last_line(bytes, usize::MAX),
            frame => frame,
        })
    }

    fn frame(&mut self) -> Option<&[u8]> {
        self.take(|bytes| framing::length4(bytes, usize::MAX))
    }

    fn exact(&mut self, count: usize) -> Option<&[u8]> {
        self.take(|bytes| framing::exact(bytes, count, usize::MAX))
    }
}
