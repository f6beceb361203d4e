//! Why a peer ended, and how that is counted.

use std::fmt;
use std::io;

/// Why a peer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ending {
    /// The service said close.
    Closed,
    /// The peer sent its last byte and was answered.
    Left,
    /// The server is stopping and the peer was between requests.
    Drained,
    /// The peer's connection was reset, or broke in another way.
    Reset,
    /// The handler returned an error of its own.
    Error,
    /// The handler or session panicked.
    Panicked,
    /// A request was larger than [`Limits::request_max`](crate::Limits::request_max).
    TooLarge,
    /// Mail came for the peer faster than it read, and whoever sent it would not have it dropped.
    TooSlow,
    /// The peer was silent for longer than it may be, or missed a handler's deadline.
    TimedOut,
    /// The server stopped before the peer was done.
    CutOff,
}

/// The columns of the stop line: each accepted peer ends in exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// All went as the protocol has it.
    InOrder,
    /// An error, a reset, a panic, a crash.
    Failed,
    /// A deadline passed.
    TimedOut,
    /// Ended by the drain deadline or by a second signal.
    CutOff,
}

impl Ending {
    /// How this ending is counted.
    pub fn outcome(self) -> Outcome {
        match self {
            Ending::Closed | Ending::Left | Ending::Drained => Outcome::InOrder,
            Ending::Reset
            | Ending::Error
            | Ending::Panicked
            | Ending::TooLarge
            | Ending::TooSlow => Outcome::Failed,
            Ending::TimedOut => Outcome::TimedOut,
            Ending::CutOff => Outcome::CutOff,
        }
    }

    /// The ending that an error of a peer's own socket means: whatever its kind, it says that the
    /// connection is gone, and nothing about this server. [`io::ErrorKind::QuotaExceeded`] is a carrier's
    /// own: the peer's mailbox has overrun.
    pub fn of_io(error: &io::Error) -> Ending {
        match error.kind() {
            io::ErrorKind::TimedOut => Ending::TimedOut,
            io::ErrorKind::UnexpectedEof => Ending::Left,
            io::ErrorKind::QuotaExceeded => Ending::TooSlow,
            _ => Ending::Reset,
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Ending::Closed => "closed by the service",
            Ending::Left => "left",
            Ending::Drained => "drained",
            Ending::Reset => "reset",
            Ending::Error => "failed",
            Ending::Panicked => "panicked",
            Ending::TooLarge => "request too large",
            Ending::TooSlow => "too slow for its mail",
            Ending::TimedOut => "timed out",
            Ending::CutOff => "cut off",
        })
    }
}
