//! Flood control: a token bucket for each person. Who has none left is read more slowly; no line is
//! lost.

use std::time::{Duration, Instant};

/// How fast people may talk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Lines a second; 0: any number.
    pub(super) rate: u32,
    /// Lines at once.
    pub(super) burst: u32,
}

/// What one person has left.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    /// When it will be full again: lines that were said are put on top. `None`: it is full.
    full_at: Option<Instant>,
}

impl Bucket {
    /// One more line, if it may come now; otherwise how long it has to wait.
    pub(super) fn take(&mut self, pace: Pace, now: Instant) -> Result<(), Duration> {
        if pace.rate == 0 {
            return Ok(());
        }
        let each = Duration::from_secs(1) / pace.rate;
        let full_at = self.full_at.map_or(now, |at| at.max(now)) + each;
        let excess = full_at.saturating_duration_since(now + each * pace.burst);
        if !excess.is_zero() {
            return Err(excess);
        }
        self.full_at = Some(full_at);
        Ok(())
    }

    /// Whether it is full, as after a silence.
    pub(super) fn is_full(&self, now: Instant) -> bool {
        self.full_at.is_none_or(|at| at <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace { rate: 5, burst: 3 };

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let (mut bucket, now) = (Bucket::default(), Instant::now());
        for _ in 0..3 {
            assert_eq!(bucket.take(PACE, now), Ok(()));
        }
        let fifth = Duration::from_millis(200);
        assert_eq!(bucket.take(PACE, now), Err(fifth));
        assert_eq!(bucket.take(PACE, now + fifth / 2), Err(fifth / 2));
        assert_eq!(bucket.take(PACE, now + fifth), Ok(()));
        assert_eq!(bucket.take(PACE, now + fifth), Err(fifth));
        assert!(!bucket.is_full(now + 3 * fifth));
        assert!(bucket.is_full(now + 4 * fifth));
        for _ in 0..3 {
            assert_eq!(bucket.take(PACE, now + 100 * fifth), Ok(()));
        }
        assert!(bucket.take(PACE, now + 100 * fifth).is_err());
    }

    #[test]
    fn no_rate_is_no_bound() {
        let (mut bucket, now) = (Bucket::default(), Instant::now());
        assert!((0..1000).all(|_| bucket.take(Pace { rate: 0, burst: 1 }, now).is_ok()));
    }
}
