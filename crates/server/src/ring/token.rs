//! What names a request to the kernel, and comes back with each of its completions.

use crate::mechanism::Key;

/// Names a request: the key of whom it is about, and what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token(pub(super) u64);

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Does {
    Receive,
    /// Waits for room in a peer's socket.
    AwaitRoom,
    /// Watches one of the loop's own descriptors.
    Watch,
    /// Accepts whoever comes to a listener.
    Accept,
    Other,
}

impl Token {
    const SHIFT: u32 = 28;
    const DOES: u64 = 0xf << Token::SHIFT;
    pub(super) const CANCEL: Token = Token(5 << Token::SHIFT);
    const SEND: u64 = 6;

    /// As a key has 28 bits for an index: there are never so many descriptors.
    pub(super) fn of(key: Key, does: Does) -> Token {
        debug_assert!(key.0 & Token::DOES == 0);
        Token(key.0 | (does as u64) << Token::SHIFT)
    }

    pub(super) fn send(number: usize) -> Token {
        Token(Token::SEND << Token::SHIFT | number as u64)
    }

    /// Which send this is, if it is one.
    #[inline]
    pub(super) fn sent(self) -> Option<usize> {
        (self.0 >> Token::SHIFT == Token::SEND).then_some((self.0 & !Token::DOES) as usize)
    }

    #[inline]
    pub(crate) fn key(self) -> Key {
        Key(self.0 & !Token::DOES)
    }

    #[inline]
    pub(crate) fn does(self) -> Does {
        match (self.0 & Token::DOES) >> Token::SHIFT {
            0 => Does::Receive,
            1 => Does::AwaitRoom,
            2 => Does::Watch,
            3 => Does::Accept,
            _ => Does::Other,
        }
    }
}
