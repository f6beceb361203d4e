//! How long things took: percentiles, and how many took how long.

use hdrhistogram::Histogram;
use serde::Serialize;

/// How long things took, in nanoseconds; every time is `None` without a sample.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs, reason = "a percentile's name says what it is")]
pub struct Times {
    pub samples: u64,
    pub mean_ns: Option<f64>,
    pub min_ns: Option<u64>,
    pub p50_ns: Option<u64>,
    pub p90_ns: Option<u64>,
    pub p99_ns: Option<u64>,
    pub p99_9_ns: Option<u64>,
    pub p99_99_ns: Option<u64>,
    pub max_ns: Option<u64>,
    /// How many took how long, a fifth of a power of two to each step.
    pub histogram: Vec<Bucket>,
}

/// A step of a histogram.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Bucket {
    /// Longer than the step before and at most this long.
    pub up_to_ns: u64,
    /// How many were.
    pub count: u64,
}

impl Times {
    /// The percentiles that are told, and their names.
    pub const QUANTILES: [(f64, &'static str); 5] =
        [(0.5, "p50"), (0.9, "p90"), (0.99, "p99"), (0.999, "p99.9"), (0.9999, "p99.99")];

    /// The percentiles, in the order of [`QUANTILES`](Times::QUANTILES).
    pub fn percentiles(&self) -> [Option<u64>; 5] {
        [self.p50_ns, self.p90_ns, self.p99_ns, self.p99_9_ns, self.p99_99_ns]
    }

    /// So much of all, between 0 and 1, took no longer than this; of so few that none lies beyond, the
    /// longest. `None` without a sample.
    pub(crate) fn at(times: &Histogram<u64>, quantile: f64) -> Option<u64> {
        (!times.is_empty()).then(|| times.value_at_quantile(quantile).min(times.max()))
    }

    /// What a histogram of nanoseconds comes to.
    pub fn of(times: &Histogram<u64>) -> Times {
        let any = !times.is_empty();
        let at = |quantile| Times::at(times, quantile);
        Times {
            samples: times.len(),
            mean_ns: any.then(|| times.mean()),
            min_ns: any.then(|| times.min()),
            p50_ns: at(0.5),
            p90_ns: at(0.9),
            p99_ns: at(0.99),
            p99_9_ns: at(0.999),
            p99_99_ns: at(0.9999),
            max_ns: any.then(|| times.max()),
            histogram: buckets(times),
        }
    }
}

/// From the shortest to the longest; steps in which nothing fell are left out.
fn buckets(times: &Histogram<u64>) -> Vec<Bucket> {
    let mut steps = Vec::new();
    for step in times.iter_log(1000, 2f64.powf(0.2)) {
        if step.count_since_last_iteration() > 0 {
            let up_to_ns = step.value_iterated_to();
            steps.push(Bucket { up_to_ns, count: step.count_since_last_iteration() });
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::histogram;

    /// Kills: a bucket that loses samples; a percentile above the maximum.
    #[test]
    fn percentiles_and_buckets_hold_every_sample() {
        let mut times = histogram();
        for number in 1..=1000 {
            times.record(number * 1000).unwrap();
        }
        let times = Times::of(&times);
        assert_eq!(times.samples, 1000);
        assert_eq!(times.histogram.iter().map(|bucket| bucket.count).sum::<u64>(), 1000);
        let close = |found: Option<u64>, ns: u64| {
            found.is_some_and(|found| found.abs_diff(ns) <= ns / 1000)
        };
        assert!(close(times.p50_ns, 500_000), "{times:?}");
        assert!(close(times.p99_ns, 990_000), "{times:?}");
        assert!(close(times.max_ns, 1_000_000), "{times:?}");
        assert!(times.p99_99_ns <= times.max_ns);
    }

    /// Kills: a percentile of 0 ns made up where nothing was measured.
    #[test]
    fn without_a_sample_there_is_no_time() {
        let times = Times::of(&histogram());
        assert_eq!((times.samples, times.p50_ns, times.max_ns), (0, None, None));
        assert!(times.histogram.is_empty());
    }
}
