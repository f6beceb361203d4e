//! This machine, as the record says it.

use std::fs;

use rustix::process::{Resource, getrlimit};
use rustix::system::{sysinfo, uname};

use crate::plan::Plan;
use crate::record::{Environment, Limits, Versions};

/// This machine, now.
pub(crate) fn here(plan: &Plan) -> Environment {
    let name = uname();
    let words = |text: &std::ffi::CStr| text.to_string_lossy().into_owned();
    let info = sysinfo();
    Environment {
        date: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        command_line: plan.command_line.clone(),
        kernel: format!("{} {}", words(name.sysname()), words(name.release())),
        architecture: words(name.machine()),
        processor: processor(),
        cores: plan.cores.clone(),
        memory_bytes: u64::from(info.mem_unit) * info.totalram as u64,
        limits: Limits {
            descriptors: getrlimit(Resource::Nofile).current,
            backlog: number("/proc/sys/net/core/somaxconn"),
            mappings: number("/proc/sys/vm/max_map_count"),
        },
        versions: Versions {
            switchboard: env!("CARGO_PKG_VERSION").to_owned(),
            debug_build: cfg!(debug_assertions),
        },
        load_average: [load_average(); 2],
        stolen: None,
    }
}

/// Processes that wanted a core in the last minute (proc_loadavg(5)); 0 where nobody says so.
pub(crate) fn load_average() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0.0)
}

/// Processor time of all processors, and what of it the host gave to others, in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticks {
    all: u64,
    stolen: u64,
}

/// What has passed since the system started (proc_stat(5)).
pub(crate) fn ticks() -> Option<Ticks> {
    parsed(&fs::read_to_string("/proc/stat").ok()?)
}

fn parsed(text: &str) -> Option<Ticks> {
    let words = text.lines().next()?.strip_prefix("cpu ")?.split_whitespace();
    let ticks: Vec<u64> = words.map(|word| word.parse().ok()).collect::<Option<_>>()?;
    // The ninth and the tenth, those of guests, are in the first two as well.
    Some(Ticks { all: ticks.iter().take(8).sum(), stolen: *ticks.get(7)? })
}

/// The share of processor time that the host gave to others since then.
pub(crate) fn stolen_since(before: Option<Ticks>) -> Option<f64> {
    let (before, after) = before.zip(ticks())?;
    let all = after.all.checked_sub(before.all).filter(|all| *all > 0)?;
    Some(after.stolen.saturating_sub(before.stolen) as f64 / all as f64)
}

fn number(path: &str) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// What the first processor says it is (proc_cpuinfo(5)).
fn processor() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    line.split_once(':').map(|(_, name)| name.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kills: a column that is off by one; guests that count twice.
    #[test]
    fn stolen_time_is_the_eighth_number() {
        let text = "cpu  10 1 5 70 4 0 2 8 3 1\ncpu0 1 1 1 1 1 1 1 1 1 1\n";
        assert_eq!(parsed(text), Some(Ticks { all: 100, stolen: 8 }));
        assert_eq!(parsed("cpu  10 1 5"), None);
        let share = stolen_since(ticks());
        assert!(share.is_none_or(|share| (0.0..=1.0).contains(&share)), "{share:?}");
    }
}
