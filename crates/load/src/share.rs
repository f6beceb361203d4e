//! Which connections and messages one thread has, of all threads of all processes.

use serde::{Deserialize, Serialize};

/// One thread's share: every `workers`-th, from the `worker`-th on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Share {
    /// Number of the thread among all threads of all processes, from 0.
    pub(crate) worker: u32,
    /// How many threads there are.
    pub(crate) workers: u32,
}

impl Share {
    /// How many of `total` are this thread's.
    pub(crate) fn of(self, total: u64) -> u64 {
        let (worker, workers) = (u64::from(self.worker), u64::from(self.workers));
        total.saturating_sub(worker).div_ceil(workers)
    }

    /// The number among all of what has the number `own` here.
    pub(crate) fn number(self, own: usize) -> u64 {
        u64::from(self.worker) + own as u64 * u64::from(self.workers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kills: a remainder that nobody has, or that two have.
    #[test]
    fn shares_add_up_and_nothing_is_in_two() {
        for total in [0, 1, 2, 3, 7, 100] {
            let shares: Vec<Share> = (0..3).map(|worker| Share { worker, workers: 3 }).collect();
            let mut numbers: Vec<u64> = shares
                .iter()
                .flat_map(|share| (0..share.of(total) as usize).map(|own| share.number(own)))
                .collect();
            numbers.sort_unstable();
            assert_eq!(numbers, (0..total).collect::<Vec<_>>());
        }
    }
}
