//! What a peer on a stack will touch is fetched into the caches while others are served: some fifteen
//! lines of memory that nobody has touched since its last turn, for each message. See
//! docs/decisions/0044.
//!
//! All of this is a hint: it reads nothing, and no address makes it fault.

/// Bytes of a line of the caches.
const LINE: usize = 64;

/// Lines of a stack from where it is in use, those below among them, where calls go next.
const LINES: usize = 16;
const BELOW: usize = 4;

/// The session at `address`.
#[inline]
pub(crate) fn session(address: usize) {
    line(address);
    line(address + LINE);
}

/// A stack that is in use from `low` to `base`. Of a deep one only the two ends are sure to be touched.
#[inline]
pub(super) fn stack(low: usize, base: usize) {
    let low = low.saturating_sub(BELOW * LINE);
    for number in 0..LINES {
        line(low + number * LINE);
    }
    if low + LINES * LINE < base {
        for number in 1..=LINES / 2 {
            line(base - number * LINE);
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn line(address: usize) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: a hint, as above.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::without_provenance(address)) };
}

#[cfg(target_arch = "aarch64")]
#[inline]
fn line(address: usize) {
    use std::arch::asm;
    // SAFETY: a hint, as above; it leaves the stack and the flags alone.
    unsafe { asm!("prfm pldl1keep, [{}]", in(reg) address, options(nostack, preserves_flags)) };
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn line(_: usize) {}
