//! Nanoseconds of the monotonic clock, which is the same in all processes of a machine.

use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_gettime};
use rustix::time::Timespec;

/// A second.
pub(crate) const SECOND: u64 = 1_000_000_000;
/// A millisecond.
pub(crate) const MILLISECOND: u64 = 1_000_000;

/// Now.
#[inline]
pub(crate) fn now() -> u64 {
    nanoseconds(ClockId::CLOCK_MONOTONIC)
}

/// Processor time of this thread.
pub(crate) fn thread_time() -> u64 {
    nanoseconds(ClockId::CLOCK_THREAD_CPUTIME_ID)
}

/// Lets so much time pass without sleeping, or more if somebody else wants the processor, who has it
/// meanwhile; how much has passed.
pub(crate) fn pass(nanoseconds: u64) -> u64 {
    let began = now();
    loop {
        std::thread::yield_now();
        let passed = now() - began;
        if passed >= nanoseconds {
            return passed;
        }
    }
}

/// An instant of the clock as the kernel takes it.
pub(crate) fn timespec(instant: u64) -> Timespec {
    Timespec { tv_sec: (instant / SECOND) as i64, tv_nsec: (instant % SECOND) as i64 }
}

/// By the C library, not rustix, whose way to the clock fails under valgrind.
#[inline]
fn nanoseconds(clock: ClockId) -> u64 {
    let time: TimeSpec = clock_gettime(clock).expect("Linux has both clocks");
    // These clocks count from a start before which nothing is.
    time.tv_sec() as u64 * SECOND + time.tv_nsec() as u64
}
