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
    }
}

/// Processes that wanted a core in the last minute (proc_loadavg(5)); 0 where nobody says so.
pub(crate) fn load_average() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0.0)
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
