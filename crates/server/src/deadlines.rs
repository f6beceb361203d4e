//! Deadlines of a loop's peers: a heap that is corrected when an entry comes up, not when a byte
//! moves, so that a message costs nothing here.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use crate::mechanism::Key;

/// An instant in nanoseconds after the loop's beginning, plus one: half as large as an `Instant`,
/// and kept twice for every peer. It ends after 584 years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tick(NonZeroU64);

/// Entries `(when, whose)`; one that is out of date is recognised by whoever takes it out.
pub(crate) struct Deadlines {
    start: Instant,
    heap: BinaryHeap<Reverse<(Tick, Key)>>,
}

impl Deadlines {
    pub(crate) fn new(start: Instant) -> Deadlines {
        Deadlines { start, heap: BinaryHeap::new() }
    }

    /// The tick of an instant; of one before the beginning, the beginning's.
    pub(crate) fn tick(&self, at: Instant) -> Tick {
        let since = at.saturating_duration_since(self.start).as_nanos();
        let nanos = u64::try_from(since).unwrap_or(u64::MAX - 1);
        Tick(NonZeroU64::MIN.saturating_add(nanos))
    }

    pub(crate) fn add(&mut self, at: Tick, key: Key) {
        self.heap.push(Reverse((at, key)));
    }

    /// The earliest, perhaps out of date.
    pub(crate) fn next(&self) -> Option<Instant> {
        let Reverse((Tick(at), _)) = self.heap.peek()?;
        Some(self.start + Duration::from_nanos(at.get() - 1))
    }

    /// Takes out one that is due.
    pub(crate) fn due(&mut self, now: Instant) -> Option<(Tick, Key)> {
        let Reverse((at, _)) = self.heap.peek()?;
        if *at > self.tick(now) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_come_out_in_their_order_and_not_before_they_are_due() {
        let start = Instant::now();
        let mut deadlines = Deadlines::new(start);
        let at = |ms| start + Duration::from_millis(ms);
        for (ms, index) in [(30, 3), (10, 1), (20, 2)] {
            deadlines.add(deadlines.tick(at(ms)), Key::peer(index, 1));
        }
        assert_eq!(deadlines.next(), Some(at(10)));
        assert_eq!(deadlines.due(at(9)), None);
        assert_eq!(deadlines.due(at(20)).map(|(_, key)| key), Some(Key::peer(1, 1)));
        assert_eq!(deadlines.due(at(20)).map(|(_, key)| key), Some(Key::peer(2, 1)));
        assert_eq!(deadlines.due(at(20)), None);
    }

    #[test]
    fn entries_of_the_dead_do_not_pile_up() {
        let mut deadlines = Deadlines::new(Instant::now());
        let later = deadlines.tick(Instant::now() + Duration::from_secs(600));
        for generation in 1..100_000 {
            deadlines.add(later, Key::peer(0, generation));
            deadlines.sweep(1, |key| key.generation() == generation);
        }
        assert!(deadlines.heap.len() < 2_000, "{} entries", deadlines.heap.len());
    }
}
