//! One core for the client and its servers, so that processor time is the server's own work.
//!
//! With two cores every wake-up may cross them, and what it then costs depends on which of them
//! slept. Tried once each way on a busy machine with two cores, 45 pairs of equal thread servers:
//! the middle half of their ratios was 0.91..1.13 on two cores and 0.97..1.02 on one.

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

use crate::Result;

/// Keeps this thread, and every server that it starts from now on, on the last core it may use:
/// interrupts tend to go to the first.
pub(crate) fn pin_to_one_core() -> Result<()> {
    let last = *cores()?.last().ok_or("this process may use no core")?;
    pin_to(last)
}

/// The cores that this thread may use.
pub(crate) fn cores() -> Result<Vec<usize>> {
    let allowed = sched_getaffinity(Pid::from_raw(0)).map_err(sentence)?;
    Ok((0..CpuSet::count()).filter(|core| allowed.is_set(*core) == Ok(true)).collect())
}

/// Keeps this thread, and all that it starts from now on, on that core.
pub(crate) fn pin_to(core: usize) -> Result<()> {
    let mut one = CpuSet::new();
    one.set(core).map_err(sentence)?;
    sched_setaffinity(Pid::from_raw(0), &one).map_err(sentence)
}

fn sentence(error: nix::Error) -> String {
    format!("cannot choose a core: {error}")
}
