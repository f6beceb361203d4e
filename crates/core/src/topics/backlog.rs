//! What waits in a process to be taken to whoever orders, and what becomes of those who say more.
//!
//! Between processes nobody who publishes is made to wait: a loop has others to serve. What they ask
//! for is kept, up to a bound. A service that obeys [`Topics::behind`] never comes to it, whatever its
//! peers send: it pauses their input, and they are pushed back.

use std::error::Error;
use std::fmt;

use super::{NAME_MAX, PUBLICATION_MAX, Topics, lock};
use crate::{Mailbox, Overrun};

/// How much waits in a process that has not been taken to whoever orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backlog {
    /// Little or nothing.
    Small,
    /// So much that who obeys says nothing more.
    Large,
    /// As much as is kept: no publication is taken.
    Full,
}

/// The note that ends a wait: see [`Topics::await_turn`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaughtUp;

/// A name or a publication is longer than it may be: [`NAME_MAX`], [`PUBLICATION_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

/// Why something was not published. Nobody has got it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unpublished {
    /// It has more than [`PUBLICATION_MAX`] bytes.
    TooLong,
    /// Others of this process have said so much that no more is kept: [`Topics::behind`] tells before.
    Full,
}

impl Topics {
    /// Whether what this process has published waits to be passed on, because others are slow to read
    /// it. A session that goes on all the same meets [`Unpublished::Full`] in the end; better it pauses
    /// its input, and [waits](Topics::await_turn). Never where peers share memory. Costs nothing.
    pub fn behind(&self) -> bool {
        self.backlog() != Backlog::Small
    }

    /// Leaves a note ([`CaughtUp`]) in this mailbox as soon as this process is not
    /// [`behind`](Topics::behind), at once if it is not.
    pub fn await_turn(&self, mailbox: &Mailbox) {
        lock(&self.0.awaiting).push(mailbox.clone());
        // Whoever catches up says so before it looks who waits.
        if !self.behind() {
            self.caught_up();
        }
    }

    /// For the server: what waited has been taken, and those are told who wait for that.
    pub fn caught_up(&self) {
        for mailbox in std::mem::take(&mut *lock(&self.0.awaiting)) {
            // One that is gone, or has no room for a note, is on its way out.
            let _ = mailbox.note(CaughtUp, Overrun::Close);
        }
    }

    pub(super) fn backlog(&self) -> Backlog {
        self.0.reach.get().map_or(Backlog::Small, |reach| reach.backlog())
    }
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a name has {NAME_MAX} bytes at most, a publication {PUBLICATION_MAX}")
    }
}

impl Error for TooLong {}

impl fmt::Display for Unpublished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unpublished::TooLong => TooLong.fmt(f),
            Unpublished::Full => f.write_str("others are too slow to read what is published"),
        }
    }
}

impl Error for Unpublished {}
