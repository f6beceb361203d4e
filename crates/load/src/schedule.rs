//! When messages are due.

use serde::{Deserialize, Serialize};

/// Who decides when a message is sent: the reply before it, or the clock.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "loop", rename_all = "snake_case")]
pub enum Schedule {
    /// Each connection keeps so many messages in flight: a slow server is asked less.
    Closed {
        /// Messages in flight on each connection.
        pipeline: u32,
    },
    /// Messages are due at instants that the server cannot delay.
    Open {
        /// How many a second.
        rate: Rate,
        /// How they follow each other.
        arrivals: Arrivals,
    },
}

/// Messages a second.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rate {
    /// Of all connections together.
    Total(f64),
    /// Of each connection.
    PerConnection(f64),
}

/// How the messages of an open loop follow each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrivals {
    /// At equal distances, the connections in turn.
    #[default]
    Even,
    /// Independently of each other, as many people do: a Poisson process.
    Poisson,
}

impl Schedule {
    /// Messages a second that `connections` of them are to send; `None` in a closed loop.
    pub fn rate(&self, connections: u64) -> Option<f64> {
        match *self {
            Schedule::Closed { .. } => None,
            Schedule::Open { rate: Rate::Total(rate), .. } => Some(rate),
            Schedule::Open { rate: Rate::PerConnection(rate), .. } => {
                Some(rate * connections as f64)
            }
        }
    }
}

/// When the messages of one thread are due, in nanoseconds; knows no clock.
///
/// Evenly spaced messages are computed from their number, so that no error adds up. A thread has
/// every `workers`-th message; what Poisson processes of several threads make together is one.
#[derive(Clone, Debug)]
pub(crate) struct Timetable {
    start: u64,
    /// Between two messages of this thread, on average.
    gap_ns: f64,
    /// Of this thread's first message, in gaps of all threads.
    lead_ns: f64,
    number: u64,
    /// Poisson: of the next message.
    random: Option<(fastrand::Rng, f64)>,
}

impl Timetable {
    /// `rate` messages a second of all `workers` together, from `start` on.
    pub(crate) fn new(
        rate: f64,
        arrivals: Arrivals,
        (worker, workers): (u32, u32),
        start: u64,
        seed: u64,
    ) -> Timetable {
        let gap_ns = 1e9 * f64::from(workers) / rate;
        let lead_ns = 1e9 * f64::from(worker) / rate;
        let random = (arrivals == Arrivals::Poisson).then(|| {
            let mut random = fastrand::Rng::with_seed(seed ^ (u64::from(worker) << 32));
            let first = exponential(&mut random, gap_ns);
            (random, first)
        });
        Timetable { start, gap_ns, lead_ns, number: 0, random }
    }

    /// When the next message is due.
    #[inline]
    pub(crate) fn next(&self) -> u64 {
        let after = match &self.random {
            None => self.lead_ns + self.number as f64 * self.gap_ns,
            Some((_, at)) => *at,
        };
        self.start + after as u64
    }

    /// How many messages are due before `until`, from the next one on; in a Poisson process, on
    /// average.
    pub(crate) fn left_before(&self, until: u64) -> u64 {
        let time = until.saturating_sub(self.start) as f64;
        match &self.random {
            None => {
                (((time - self.lead_ns) / self.gap_ns).ceil() as u64).saturating_sub(self.number)
            }
            Some((_, at)) if *at < time => 1 + ((time - at) / self.gap_ns) as u64,
            Some(_) => 0,
        }
    }

    /// The next message is dealt with: who sends it, of `count`, from 0.
    #[inline]
    pub(crate) fn take(&mut self, count: usize) -> usize {
        let turn = match &mut self.random {
            None => (self.number % count as u64) as usize,
            Some((random, at)) => {
                *at += exponential(random, self.gap_ns);
                random.usize(..count)
            }
        };
        self.number += 1;
        turn
    }
}

/// How long until the next of things that happen independently, `mean` apart on average.
fn exponential(random: &mut fastrand::Rng, mean: f64) -> f64 {
    -mean * (1.0 - random.f64()).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kills: an error that adds up; threads whose messages fall together instead of in turn.
    #[test]
    fn even_messages_of_all_threads_are_one_row() {
        let mut due = Vec::new();
        for worker in 0..3 {
            let mut table = Timetable::new(300_000.0, Arrivals::Even, (worker, 3), 1000, 0);
            for number in 0..100_000 {
                due.push(table.next());
                assert_eq!(table.take(7), number % 7);
            }
        }
        due.sort_unstable();
        for (number, due) in (0_u64..).zip(&due) {
            assert!(due.abs_diff(1000 + number * 10_000 / 3) <= 1, "message {number} at {due}");
        }
    }

    /// Kills: a message too many or too few; a count that takes as long as there are messages.
    #[test]
    fn what_is_left_before_an_instant_is_known_at_once() {
        for (rate, arrivals) in [(1000.0, Arrivals::Even), (333.3, Arrivals::Even)] {
            for worker in 0..3 {
                let mut table = Timetable::new(rate, arrivals, (worker, 3), 7000, 0);
                for _ in 0..50 {
                    table.take(4);
                }
                for until in [0, 7000, table.next(), table.next() + 1, 2_000_007_000] {
                    let (left, mut counted) = (table.left_before(until), 0);
                    let mut rest = table.clone();
                    while rest.next() < until {
                        rest.take(4);
                        counted += 1;
                    }
                    assert_eq!(left, counted, "until {until} of {rate}/s");
                }
            }
        }
        let mut table = Timetable::new(1e9, Arrivals::Poisson, (0, 1), 0, 7);
        let left = table.left_before(3_600_000_000_000);
        assert!(left.abs_diff(3_600_000_000_000) < 100, "{left}");
        table.take(4);
        assert_eq!(table.left_before(table.next()), 0);
    }

    /// Kills: gaps that are even, or of another mean; a first message that is always at the start.
    #[test]
    fn poisson_gaps_have_the_mean_and_the_spread_of_an_exponential() {
        let mut table = Timetable::new(1000.0, Arrivals::Poisson, (0, 1), 0, 7);
        let (mut gaps, mut last, mut turns) = (Vec::new(), 0, [0_u32; 4]);
        for _ in 0..100_000 {
            let next = table.next();
            gaps.push((next - last) as f64 / 1e6);
            last = next;
            turns[table.take(4)] += 1;
        }
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let spread = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        assert!((mean - 1.0).abs() < 0.02, "mean {mean} ms");
        assert!((spread.sqrt() - 1.0).abs() < 0.02, "standard deviation {} ms", spread.sqrt());
        assert!(
            gaps[0] > 0.0 && turns.iter().all(|turn| turn.abs_diff(25_000) < 1000),
            "{turns:?}"
        );
    }
}
