//! Handing off: one thread accepts for all loops of its process, and gives each newcomer to the least
//! busy.
//!
//! That is the loop with the fewest peers, if it could send one more to its workers, and unless it is
//! late: then it computes, and newcomers would wait for as long as that takes. Nobody asks a loop
//! whether it computes, which would cost each of its waits; that it does shows in what it does not
//! read. That another does not is never known: so newcomers of a loop that is late are offered to all,
//! and the first loop that reads of one takes it.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::entrance::{Entrance, Host};
use crate::admission::Newcomer;
use crate::counters::RowHandle;
use crate::reactor::{Letter, Letters, Offer};
use crate::site::Site;
use crate::waiting::until_readable;

/// A loop that has not read its letters after this long is late. On a busy core it may only wait for
/// its turn: then it is one of those to whom its newcomers are offered.
const LATE: Duration = Duration::from_millis(5);

/// What the accepting thread knows of one loop.
pub(super) struct Hand {
    row: RowHandle,
    letters: Arc<Letters>,
    /// How often it had waited when it was looked at last and had letters to read.
    seen: Option<u64>,
    /// How often it had waited when it was found to be late.
    late: Option<u64>,
}

/// All loops of a process.
struct Hands {
    loops: Vec<Hand>,
    /// The loop that got the last one: among equals, it is the next one's turn.
    last: usize,
    looked: Instant,
}

/// Accepts for all these loops, until the drain has emptied the backlogs and somebody has read of
/// everyone, or the cut.
pub(super) fn hand_off(site: &Site, entrance: &Entrance, loops: Vec<Hand>) -> io::Result<()> {
    let mut hands = Hands { loops, last: 0, looked: Instant::now() };
    let result = entrance.admit_for(&mut hands);
    while !site.stop.cutting()
        && result.is_ok()
        && let Some(pause) = hands.look()
    {
        until_readable(&[site.stop.cut_fd()], Some(pause));
    }
    hands.loops.iter().for_each(|hand| hand.letters.put(Letter::NoMore));
    result
}

impl Hand {
    /// `row`: where that loop counts.
    pub(super) fn to(row: RowHandle, letters: Arc<Letters>) -> Hand {
        Hand { row, letters, seen: None, late: None }
    }

    fn has_unread(&self) -> bool {
        self.letters.coming() > 0
    }

    /// Whether it was late, and has not waited since. One that is not may compute, too.
    fn is_late(&self) -> bool {
        self.late.is_some_and(|late| late == self.row.waits())
    }

    /// Notes whether it is late: then it has not waited since the last look, and had letters then.
    fn look(&mut self) {
        let waits = self.row.waits();
        let unread = self.letters.any().then_some(waits);
        if unread.is_some() && self.seen == unread {
            self.late = unread;
        }
        self.seen = unread;
    }
}

impl Hands {
    /// Gives a newcomer to the least busy loop.
    fn give(&mut self, newcomer: Newcomer) {
        let count = self.loops.len();
        let turns = (1..=count).map(|step| (self.last + step) % count);
        let least = turns.min_by_key(|number| {
            let hand = &self.loops[*number];
            (!hand.letters.has_place(), hand.is_late(), hand.letters.load(&hand.row))
        });
        self.last = least.unwrap_or(0);
        self.loops[self.last].letters.put(Letter::Newcomer(newcomer));
    }
}

impl Host for Hands {
    fn serve(&mut self, newcomer: Newcomer) -> io::Result<()> {
        self.give(newcomer);
        Ok(())
    }

    fn has_room(&self) -> bool {
        let any = || self.loops.iter().any(|hand| hand.letters.has_place());
        if any() {
            return true;
        }
        self.loops.iter().for_each(|hand| hand.letters.await_place());
        any()
    }

    /// Offers the newcomers of loops that are late to all.
    fn look(&mut self) -> Option<Duration> {
        if !self.loops.iter().any(Hand::has_unread) {
            return None;
        }
        let now = Instant::now();
        if let Some(left) = (self.looked + LATE).checked_duration_since(now) {
            return Some(left);
        }
        self.looked = now;
        self.loops.iter_mut().for_each(Hand::look);
        let late = self.loops.iter().filter(|hand| hand.is_late());
        let back: Vec<Arc<Offer>> = late.flat_map(|hand| hand.letters.take_back()).collect();
        if !back.is_empty() {
            self.loops.iter().for_each(|hand| hand.letters.offer(&back));
        }
        Some(LATE)
    }
}
