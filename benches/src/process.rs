//! What the kernel counts for another process: processor time and memory.
//!
//! Processor time is read from the process's CPU-time clock (`clock_getcpuclockid`): nanoseconds,
//! user and system, summed over all threads, those that have exited included. `utime` and `stime`
//! of `/proc/PID/stat` cover the same threads in steps of 10 ms; `/proc/PID/task/*/schedstat` has
//! nanoseconds and forgets a thread when it exits; `/proc/PID/schedstat` is the main thread alone.

use std::fs;
use std::thread;
use std::time::Duration;

use nix::time::{ClockId, clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;

use crate::Result;

/// The kernel books a running thread's time when it is switched out, at the latest on a tick.
const TICK: Duration = Duration::from_millis(1);
/// A server that never waits (`spin`) never comes to rest.
const TICKS_MAX: usize = 20;

/// The processor time of one process.
pub(crate) struct CpuClock {
    clock: ClockId,
}

impl CpuClock {
    pub(crate) fn of(pid: Pid) -> Result<CpuClock> {
        let clock = clock_getcpuclockid(pid)
            .map_err(|error| format!("process {pid} has no processor-time clock: {error}"))?;
        Ok(CpuClock { clock })
    }

    /// What the process has used, once all of it is booked: when two readings are the same.
    pub(crate) fn at_rest(&self) -> Result<Duration> {
        let mut used = self.read()?;
        for _ in 0..TICKS_MAX {
            thread::sleep(TICK);
            let again = self.read()?;
            if again == used {
                break;
            }
            used = again;
        }
        Ok(used)
    }

    fn read(&self) -> Result<Duration> {
        let used = clock_gettime(self.clock)
            .map_err(|error| format!("cannot read a server's processor time: {error}"))?;
        Ok(used.into())
    }
}

/// Memory in bytes: private pages, and its share of the shared ones (`Pss:` of `smaps_rollup`).
/// The kernel's memory for sockets and threads is in no process's figure.
pub(crate) fn pss_bytes(pid: Pid) -> Result<u64> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let text = fs::read_to_string(&path).map_err(|error| format!("cannot read {path}: {error}"))?;
    let kibibytes = text
        .lines()
        .find_map(|line| line.strip_prefix("Pss:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok())
        .ok_or_else(|| format!("{path} has no line `Pss: N kB`"))?;
    Ok(kibibytes * 1024)
}
