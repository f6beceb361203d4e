//! What went wrong, by kind, with the first of each kind in words.

use serde::{Deserialize, Serialize};

/// What can go wrong with a connection or a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// Nobody listens there.
    Refused,
    /// The server reset the connection.
    Reset,
    /// Connecting, or a reply, took longer than the time-out.
    TimedOut,
    /// The server ended the connection while a reply was due, or before it was asked anything.
    ClosedEarly,
    /// A reply was not what it had to be, or nobody had asked for it.
    Mismatch,
    /// This machine lets the generator open no more files.
    OutOfDescriptors,
    /// No port was left for another connection, from none of the source addresses.
    OutOfPorts,
    /// Anything else; the excerpt has the system's words.
    Other,
}

impl ErrorKind {
    /// Every kind, in the order in which they are told.
    pub const ALL: [ErrorKind; 8] = [
        ErrorKind::Refused,
        ErrorKind::Reset,
        ErrorKind::TimedOut,
        ErrorKind::ClosedEarly,
        ErrorKind::Mismatch,
        ErrorKind::OutOfDescriptors,
        ErrorKind::OutOfPorts,
        ErrorKind::Other,
    ];

    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            ErrorKind::Refused => "refused",
            ErrorKind::Reset => "reset",
            ErrorKind::TimedOut => "timed out",
            ErrorKind::ClosedEarly => "closed early",
            ErrorKind::Mismatch => "mismatch",
            ErrorKind::OutOfDescriptors => "out of descriptors",
            ErrorKind::OutOfPorts => "out of ports",
            ErrorKind::Other => "other",
        }
    }
}

/// How often something of one kind went wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorCount {
    /// How often.
    pub count: u64,
    /// The first one in words: for a mismatch, an excerpt of what was due and of what came.
    pub first: Option<String>,
}

/// All that went wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Errors {
    counts: [ErrorCount; ErrorKind::ALL.len()],
}

impl Errors {
    /// One more; `words` is asked for the first of a kind only.
    pub fn count(&mut self, kind: ErrorKind, words: impl FnOnce() -> String) {
        self.count_many(kind, 1, words);
    }

    /// `count` more, for one reason.
    pub fn count_many(&mut self, kind: ErrorKind, count: u64, words: impl FnOnce() -> String) {
        let entry = &mut self.counts[kind as usize];
        entry.count += count;
        if entry.first.is_none() {
            entry.first = Some(words());
        }
    }

    /// Adds what `later` counted.
    pub fn merge(&mut self, later: &Errors) {
        for (entry, later) in self.counts.iter_mut().zip(&later.counts) {
            entry.count += later.count;
            if entry.first.is_none() {
                entry.first.clone_from(&later.first);
            }
        }
    }

    /// How often it was this kind, and the first one.
    pub fn of(&self, kind: ErrorKind) -> &ErrorCount {
        &self.counts[kind as usize]
    }

    /// How often anything went wrong.
    pub fn total(&self) -> u64 {
        self.counts.iter().map(|entry| entry.count).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kills: an order of `ALL` that is not that of the kinds, which would swap their counts.
    #[test]
    fn every_kind_has_a_place_of_its_own() {
        for (place, kind) in ErrorKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, place);
        }
    }

    /// Kills: the last one in place of the first; words made for errors that nobody reads.
    #[test]
    fn the_first_of_a_kind_is_kept_in_words() {
        let mut errors = Errors::default();
        errors.count(ErrorKind::Reset, || "one".into());
        errors.count(ErrorKind::Reset, || unreachable!("only the first is told"));
        let mut later = Errors::default();
        later.count(ErrorKind::Reset, || "two".into());
        later.count(ErrorKind::Mismatch, || "three".into());
        errors.merge(&later);
        assert_eq!(
            errors.of(ErrorKind::Reset),
            &ErrorCount { count: 3, first: Some("one".into()) }
        );
        assert_eq!(errors.of(ErrorKind::Mismatch).first.as_deref(), Some("three"));
        assert_eq!(errors.total(), 4);
    }
}
