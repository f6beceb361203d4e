//! Nanoseconds of the monotonic clock, which is the same in all processes of a machine.

use rustix::time::{ClockId, Timespec, clock_gettime};

/// A second.
pub(crate) const SECOND: u64 = 1_000_000_000;
/// A millisecond.
pub(crate) const MILLISECOND: u64 = 1_000_000;

/// Now.
#[inline]
pub(crate) fn now() -> u64 {
    nanoseconds(clock_gettime(ClockId::Monotonic))
}

/// Processor time of this thread.
pub(crate) fn thread_time() -> u64 {
    nanoseconds(clock_gettime(ClockId::ThreadCPUTime))
}

/// An instant of the clock as the kernel takes it.
pub(crate) fn timespec(instant: u64) -> Timespec {
    Timespec { tv_sec: (instant / SECOND) as i64, tv_nsec: (instant % SECOND) as i64 }
}

/// These clocks count from a start before which nothing is.
fn nanoseconds(time: Timespec) -> u64 {
    time.tv_sec as u64 * SECOND + time.tv_nsec as u64
}
