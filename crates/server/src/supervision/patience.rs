//! When one that died is replaced, and when it is given up: the same for processes and threads.

use std::time::{Duration, Instant};

/// One that lived this long did not die "again".
const CALM: Duration = Duration::from_secs(10);

const PAUSE_LEAST: Duration = Duration::from_millis(100);
const PAUSE_MOST: Duration = Duration::from_secs(5);

/// So many that never came up, one after another, are enough.
const TRIES_MOST: u32 = 5;

/// The patience with one place that is always to be filled.
#[derive(Debug)]
pub(crate) struct Patience {
    begun: Instant,
    /// The present one came up.
    up: bool,
    /// Deaths that came soon after the one before.
    deaths: u32,
    /// So many have died before the first one came up.
    never_up: u32,
    /// One has come up: from then on, another will, sooner or later.
    ever_up: bool,
}

/// What is to be done about a death.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Replace it after this long.
    Replace(Duration),
    /// They never come up.
    GiveUp,
}

impl Patience {
    /// One has been started.
    pub(crate) fn new(now: Instant) -> Patience {
        Patience { begun: now, up: false, deaths: 0, never_up: 0, ever_up: false }
    }

    /// Its replacement has been started.
    pub(crate) fn begin(&mut self, now: Instant) {
        self.begun = now;
        self.up = false;
    }

    /// It has come up.
    pub(crate) fn came_up(&mut self) {
        self.up = true;
        self.ever_up = true;
    }

    /// Whether one has ever come up in this place.
    pub(crate) fn ever_up(&self) -> bool {
        self.ever_up
    }

    /// It died: the first time it is replaced at once, then after 100 ms, doubling to 5 s. A place
    /// is given up only if nobody ever filled it: a system that is out of processes for a while must
    /// not end those that serve.
    pub(crate) fn died(&mut self, now: Instant) -> Verdict {
        if self.up && now.saturating_duration_since(self.begun) >= CALM {
            self.deaths = 0;
        }
        self.deaths += 1;
        if !self.ever_up {
            self.never_up += 1;
            if self.never_up >= TRIES_MOST {
                return Verdict::GiveUp;
            }
        }
        Verdict::Replace(match self.deaths {
            1 => Duration::ZERO,
            deaths => (PAUSE_LEAST * 2_u32.pow((deaths - 2).min(10))).min(PAUSE_MOST),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[test]
    fn waits_longer_from_death_to_death() {
        let start = Instant::now();
        let mut patience = Patience::new(start);
        let mut pauses = Vec::new();
        for second in 0..9 {
            patience.came_up();
            let Verdict::Replace(pause) = patience.died(after(start, second)) else { panic!() };
            pauses.push(pause.as_millis());
            patience.begin(after(start, second));
        }
        assert_eq!(pauses, [0, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    }

    #[test]
    fn forgets_what_is_long_ago() {
        let start = Instant::now();
        let mut patience = Patience::new(start);
        patience.came_up();
        assert_eq!(patience.died(after(start, 1)), Verdict::Replace(Duration::ZERO));
        patience.begin(after(start, 1));
        patience.came_up();
        assert_eq!(patience.died(after(start, 12)), Verdict::Replace(Duration::ZERO));
    }

    #[test]
    fn gives_up_those_that_never_come_up() {
        let start = Instant::now();
        let mut patience = Patience::new(start);
        for _ in 0..4 {
            assert_ne!(patience.died(start), Verdict::GiveUp);
            patience.begin(start);
        }
        assert_eq!(patience.died(start), Verdict::GiveUp);
    }

    /// Kills: a server that ends with all its peers because one process could not be replaced for a
    /// second.
    #[test]
    fn does_not_give_up_a_place_that_was_filled_once() {
        let start = Instant::now();
        let mut patience = Patience::new(start);
        patience.came_up();
        for _ in 0..20 {
            assert_ne!(patience.died(start), Verdict::GiveUp);
            patience.begin(start);
        }
        assert_eq!(patience.died(start), Verdict::Replace(PAUSE_MOST));
    }
}
