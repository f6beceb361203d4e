//! Deadlines of a loop's peers: a heap that is corrected when an entry comes up, not when a byte
//! moves, so that a message costs nothing here.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use crate::mechanism::Key;

/// Entries `(when, whose)`; one that is out of date is recognised by whoever takes it out.
#[derive(Default)]
pub(crate) struct Deadlines {
    heap: BinaryHeap<Reverse<(Instant, Key)>>,
}

impl Deadlines {
    pub(crate) fn add(&mut self, at: Instant, key: Key) {
        self.heap.push(Reverse((at, key)));
    }

    /// The earliest, perhaps out of date.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes out one that is due.
    pub(crate) fn due(&mut self, now: Instant) -> Option<(Instant, Key)> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry)
    }

    /// Short-lived peers leave their entries behind: drops those for which `alive` is false, once
    /// they are more than the living.
    pub(crate) fn sweep(&mut self, living: usize, alive: impl Fn(Key) -> bool) {
        if self.heap.len() > 2 * living + 1024 {
            self.heap.retain(|Reverse((_, key))| alive(*key));
        }
    }
}
