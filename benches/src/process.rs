//! What the kernel counts for other processes: processor time and memory.
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

/// The processor time of some processes, each of which lives throughout: one that has ended has no
/// clock any more, and reading it is an error.
pub(crate) struct CpuClock {
    clocks: Vec<ClockId>,
}

impl CpuClock {
    pub(crate) fn of(pids: &[Pid]) -> Result<CpuClock> {
        let clock = |pid: &Pid| {
            clock_getcpuclockid(*pid)
                .map_err(|error| format!("process {pid} has no processor-time clock: {error}"))
        };
        Ok(CpuClock { clocks: pids.iter().map(clock).collect::<Result<_>>()? })
    }

    /// What the processes have used, once all of it is booked: when two readings are the same.
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
        let mut sum = Duration::ZERO;
        for clock in &self.clocks {
            let used = clock_gettime(*clock)
                .map_err(|error| format!("cannot read a server's processor time: {error}"))?;
            sum += Duration::from(used);
        }
        Ok(sum)
    }
}

/// `pid` and all that descend from it, in ascending order, as far as they live.
pub(crate) fn family(pid: Pid) -> Result<Vec<Pid>> {
    let sentence = |error| format!("cannot list the processes in /proc: {error}");
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc").map_err(sentence)? {
        let name = entry.map_err(sentence)?.file_name();
        let Some(number) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
        // One that has just ended has no file any more.
        let stat = fs::read_to_string(format!("/proc/{number}/stat")).unwrap_or_default();
        parents.extend(parent(&stat).map(|parent| (number, parent)));
    }
    let mut family = vec![pid.as_raw()];
    let mut place = 0;
    while let Some(&member) = family.get(place) {
        family
            .extend(parents.iter().filter(|(_, parent)| *parent == member).map(|(child, _)| child));
        place += 1;
    }
    family.sort_unstable();
    Ok(family.into_iter().map(Pid::from_raw).collect())
}

/// From `PID (NAME) STATE PARENT ...`, where the name may hold anything, unless it is a zombie.
fn parent(stat: &str) -> Option<i32> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut words = rest.split_whitespace();
    let state = words.next()?;
    words.next().filter(|_| state != "Z")?.parse().ok()
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

/// The same of a whole family: what they share among them counts once.
pub(crate) fn pss_bytes_of_all(pids: &[Pid]) -> Result<u64> {
    pids.iter().map(|pid| pss_bytes(*pid)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_is_found_behind_any_name() {
        assert_eq!(parent("7 (a) Z (b) S 5 7 7 0"), Some(5));
        assert_eq!(parent(""), None);
    }

    #[test]
    fn a_zombie_is_no_member_of_a_family() {
        assert_eq!(parent("7 (sleep) Z 5 7 7 0"), None);
    }

    #[test]
    fn a_family_holds_its_founder() {
        let own = Pid::this();
        assert!(family(own).is_ok_and(|family| family.contains(&own)));
    }
}
