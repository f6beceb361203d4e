//! A loop's inbox: other threads put letters in, and wake the loop once for as many as there are.
//!
//! The bell is rung by whoever puts a letter into an empty inbox, and by nobody else; the loop
//! empties the inbox only after the bell has rung. So a wake-up is neither lost (a letter that comes
//! after the inbox was emptied finds it empty, and rings) nor doubled (until then nobody rings),
//! unless letters are taken back before the loop has them.
//! `tests/inbox.rs` shows it with loom, over every order in which threads can meet.

use crate::sync::{Mutex, PoisonError};

/// What wakes a loop: a descriptor that it watches.
pub(crate) trait Wake {
    /// Makes it readable. From any thread.
    fn ring(&self);

    /// Makes it unreadable again. By the loop's thread, before it takes the letters.
    fn quiet(&self);
}

/// Letters to one loop. A queue without a bound of its own: whoever sends has one.
pub(crate) struct Inbox<T, W> {
    letters: Mutex<Vec<T>>,
    bell: W,
}

impl<T, W: Wake> Inbox<T, W> {
    pub(crate) fn new(bell: W) -> Inbox<T, W> {
        Inbox { letters: Mutex::new(Vec::new()), bell }
    }

    /// Puts a letter in. From any thread.
    pub(crate) fn put(&self, letter: T) {
        let first = {
            let mut letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
            letters.push(letter);
            letters.len() == 1
        };
        if first {
            self.bell.ring();
        }
    }

    /// Takes all letters, in their order, into `letters`, which is empty. Only by the loop's thread,
    /// and only after the bell has rung.
    pub(crate) fn take(&self, letters: &mut Vec<T>) {
        self.bell.quiet();
        let mut kept = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut *kept, letters);
    }

    /// Takes those letters back that `unwanted` picks and the loop has not taken. From any thread. The
    /// bell has rung for them, so the loop may find nothing.
    pub(crate) fn take_back(&self, unwanted: impl FnMut(&mut T) -> bool) -> Vec<T> {
        let mut letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        letters.extract_if(.., unwanted).collect()
    }

    /// Whether the loop has taken all letters. From any thread.
    pub(crate) fn is_empty(&self) -> bool {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// What the loop watches.
    pub(crate) fn bell(&self) -> &W {
        &self.bell
    }
}
