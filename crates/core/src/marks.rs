//! What is unusual about a peer, a bit each.
//!
//! No mark is set while a peer asks and is answered: that is the path of nearly every message, and
//! one comparison finds it.

/// A set of marks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks(u32);

impl Marks {
    /// The connection is no longer open: see its phase.
    pub(crate) const CLOSING: Marks = Marks(1);
    /// The peer sent its last byte, or the drain says so.
    pub(crate) const INPUT_ENDED: Marks = Marks(1 << 1);
    /// The session was told of that.
    pub(crate) const END_TOLD: Marks = Marks(1 << 2);
    /// Output reached the high mark; no input is offered until it falls to the low mark.
    pub(crate) const STALLED: Marks = Marks(1 << 3);
    /// Input is unread.
    pub(crate) const UNREAD: Marks = Marks(1 << 4);
    /// The session was offered all that is unread and took nothing.
    pub(crate) const HUNGRY: Marks = Marks(1 << 5);
    /// Output is unsent that the socket did not take.
    pub(crate) const KEPT: Marks = Marks(1 << 6);
    /// The session asked for a call when output has fallen.
    pub(crate) const WANTS_ROOM: Marks = Marks(1 << 7);
    /// The session set a deadline.
    pub(crate) const DEADLINE: Marks = Marks(1 << 8);
    /// The server is stopping.
    pub(crate) const DRAINING: Marks = Marks(1 << 9);
    /// The drain let the peer go, and the kernel has not delivered all that it was sent.
    pub(crate) const UNDELIVERED: Marks = Marks(1 << 10);
    /// The session was called as often as it may be in one step; the rest is the next step's.
    pub(crate) const MORE: Marks = Marks(1 << 11);
    /// A job that the session offloaded is under way.
    pub(crate) const OFFLOADED: Marks = Marks(1 << 12);
    /// The session is called on another thread than its bytes are moved by; never taken back.
    pub(crate) const APART: Marks = Marks(1 << 13);

    /// The session wants no input for now.
    pub(crate) const PAUSED: Marks = Marks(1 << 14);
    /// The session asked for a call when all output has been sent; with `WANTS_ROOM`.
    pub(crate) const FLUSHES: Marks = Marks(1 << 15);
    /// The session has begun a request of which nothing is unread here.
    pub(crate) const ENGAGED: Marks = Marks(1 << 16);
    /// The deadline is that of a wait for the peer; with `DEADLINE`.
    pub(crate) const AWAITS_PEER: Marks = Marks(1 << 17);

    /// The session has taken a mailbox, and the carrier does not know.
    pub(crate) const MAILBOX: Marks = Marks(1 << 18);
    /// Mail waits for output to fall.
    pub(crate) const MAIL: Marks = Marks(1 << 19);

    #[inline]
    pub(crate) fn none(self) -> bool {
        self.0 == 0
    }

    /// The set as a number; 0: none.
    #[inline]
    pub(crate) fn bits(self) -> usize {
        self.0 as usize
    }

    #[inline]
    pub(crate) fn has(self, mark: Marks) -> bool {
        self.0 & mark.0 != 0
    }

    #[inline]
    pub(crate) fn put(&mut self, mark: Marks, set: bool) {
        match set {
            true => self.0 |= mark.0,
            false => self.0 &= !mark.0,
        }
    }

    #[inline]
    pub(crate) const fn or(self, other: Marks) -> Marks {
        Marks(self.0 | other.0)
    }
}
