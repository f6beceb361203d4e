//! Bounds of one peer.

use std::time::Duration;

/// What one peer may cost, and for how long. The same under every model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A peer that moves no byte in either direction for this long is closed; `None`: never.
    pub idle: Option<Duration>,
    /// The largest request in bytes: a peer whose unread input grows past it is closed as failed.
    pub request_max: usize,
    /// Unsent output in bytes from which on a session is offered no more input.
    pub high_mark: usize,
    /// Unsent output in bytes at which a session is offered input again.
    pub low_mark: usize,
    /// Mail in bytes that may wait for one peer, besides its unsent output.
    pub mail_max: usize,
    /// How long a closed peer's last bytes are awaited, so that its reading of our last bytes is
    /// not spoilt by a reset (RFC 9293, 3.6.1: closing with unread input sends one).
    pub linger: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            idle: Some(Duration::from_secs(600)),
            request_max: 1 << 20,
            high_mark: 64 << 10,
            low_mark: 16 << 10,
            mail_max: 256 << 10,
            linger: Duration::from_secs(1),
        }
    }
}
