//! Computing for so much CPU time of the calling thread: within a few microseconds, and 200us within
//! 5 percent.
//!
//! CPU time and not the wall clock, because it is what computing means: two burns on one core take
//! twice as long. By the wall clock each would compute less the more there are, and a server that is
//! overloaded would look as fast as one that is not.

use std::hint;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// How long to compute between two readings of the clock. A reading is a system call of some tenths
/// of a microsecond; it must not be what the burn consists of.
const PIECE: Duration = Duration::from_micros(20);
/// Steps before the first reading: at most some microseconds, in a build without optimization too.
const FIRST_STEPS: u64 = 256;
/// How many times longer one piece may be than the one before, whatever the clock says.
const GROWTH_MOST: u64 = 8;

/// Computes until this thread has used `time` more of a processor.
pub(super) fn burn(time: Duration) {
    let mut last = cpu_time();
    let end = last + time;
    let mut steps = FIRST_STEPS;
    while last < end {
        compute(steps);
        let now = cpu_time();
        let goal = end.saturating_sub(now).min(PIECE);
        steps = scaled(steps, now.saturating_sub(last), goal);
        last = now;
    }
}

/// As many steps as take `goal`, when `steps` took `took`. Asked again after each piece, so that it
/// follows a processor that changes its speed.
fn scaled(steps: u64, took: Duration, goal: Duration) -> u64 {
    let nanos = u128::from(steps) * goal.as_nanos() / took.as_nanos().max(1);
    u64::try_from(nanos).unwrap_or(u64::MAX).clamp(1, steps.saturating_mul(GROWTH_MOST))
}

/// Steps that need one another's results, so that no processor does two at a time.
fn compute(steps: u64) {
    let mut number = steps;
    for step in 0..steps {
        number = hint::black_box(number.rotate_left(5) ^ step);
    }
}

/// How much of a processor this thread has used. No carrier could tell.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    // Neither is negative: the clock counts from the thread's start.
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What each of `count` burns of `time` used, in order of size.
    fn used(time: Duration, count: usize) -> Vec<Duration> {
        let mut used: Vec<Duration> = (0..count)
            .map(|_| {
                let before = cpu_time();
                burn(time);
                cpu_time() - before
            })
            .collect();
        used.sort_unstable();
        used
    }

    /// Kills: a burn by the wall clock, which uses less on a busy machine; one that sleeps.
    #[test]
    fn no_burn_uses_less_than_it_was_told() {
        for time in
            [Duration::from_micros(1), Duration::from_micros(200), Duration::from_millis(20)]
        {
            let used = used(time, 5);
            assert!(used[0] >= time, "{used:?} for {time:?}");
        }
    }

    /// An interrupt may fall into any one burn, so the one in the middle counts.
    #[test]
    fn two_hundred_microseconds_are_met_within_5_percent() {
        let used = used(Duration::from_micros(200), 101);
        assert!(used[50] <= Duration::from_micros(210), "{:?}", used[50]);
    }

    #[test]
    fn a_burn_of_nothing_computes_nothing() {
        let used = used(Duration::ZERO, 101);
        assert!(used[50] < Duration::from_micros(50), "{:?}", used[50]);
    }

    #[test]
    fn a_piece_is_scaled_to_its_goal_and_never_leaps() {
        let us = Duration::from_micros;
        assert_eq!(scaled(1000, us(10), us(20)), 2000);
        assert_eq!(scaled(1000, us(20), us(1)), 50);
        assert_eq!(scaled(1000, us(20), Duration::ZERO), 1);
        assert_eq!(scaled(1000, Duration::ZERO, us(20)), 8000);
    }
}
