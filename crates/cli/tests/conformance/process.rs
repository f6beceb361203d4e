//! What the system says of a server's processes, all together: descriptors, threads, time, memory.
//!
//! A process that ends while it is asked about counts as gone.

use std::collections::BTreeSet;
use std::fs;
use std::thread;
use std::time::Duration;

use switchboard::testing::Running;

/// How many descriptors they have open.
pub(crate) fn descriptors(server: &Running) -> usize {
    entries(server, "fd")
}

/// How many threads they have.
pub(crate) fn threads(server: &Running) -> usize {
    entries(server, "task")
}

/// The children of the first of them, those that nobody waited for among them.
pub(crate) fn children(server: &Running) -> BTreeSet<u32> {
    children_of(server.pid())
}

fn children_of(pid: u32) -> BTreeSet<u32> {
    let listed = read(pid, &format!("task/{pid}/children"));
    listed.split_whitespace().map(|pid| pid.parse().expect("a process id")).collect()
}

/// The process that said it was ready, before its children.
fn processes(server: &Running) -> Vec<u32> {
    let mut all = vec![server.pid()];
    all.extend(children(server));
    all
}

fn entries(server: &Running, what: &str) -> usize {
    let of_one = |pid| fs::read_dir(format!("/proc/{pid}/{what}")).map_or(0, Iterator::count);
    processes(server).into_iter().map(of_one).sum()
}

/// The memory that they occupy, in KiB; what they share counts for each.
pub(crate) fn resident_kib(server: &Running) -> u64 {
    let of_one = |pid| {
        let status = read(pid, "status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        number.unwrap_or(0_u64)
    };
    processes(server).into_iter().map(of_one).sum()
}

/// How much time they have computed.
pub(crate) fn computed(server: &Running) -> Duration {
    processes(server).into_iter().map(computed_by).sum()
}

fn computed_by(pid: u32) -> Duration {
    let stat = read(pid, "stat");
    // The name, in brackets, may hold anything; utime and stime are the fields 14 and 15.
    let Some((_, fields)) = stat.rsplit_once(')') else { return Duration::ZERO };
    let ticks = fields.split_whitespace().skip(11).take(2);
    let ticks: u64 = ticks.map(|field| field.parse::<u64>().expect("ticks")).sum();
    Duration::from_millis(ticks * 10)
}

/// The server, of which nothing is wanted, does next to nothing for a while.
///
/// The bound is far below what a spinning server gets even where it shares its core with many; one
/// that was still busy with what came before gets another chance, which does not help one that
/// spins.
#[track_caller]
pub(crate) fn expect_rest(server: &Running) {
    let mut spent = Duration::MAX;
    for _ in 0..5 {
        let before = computed(server);
        // The time itself is what is asked about.
        thread::sleep(Duration::from_millis(300));
        // One that has ended takes its time along.
        spent = computed(server).saturating_sub(before);
        if spent <= Duration::from_millis(20) {
            return;
        }
    }
    panic!("it computed for {spent:?} of 300 ms\n{}", server.stderr());
}

/// Whether every thread waits for something, and no signal is about to wake one. A process that
/// wakes its children is asked before them.
pub(crate) fn all_wait(server: &Running) -> bool {
    processes(server).into_iter().all(waits)
}

fn waits(pid: u32) -> bool {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return true };
    let paths = tasks.flatten().map(|task| task.path());
    let waits =
        |stat: String| stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('S'));
    let pending = read(pid, "status")
        .lines()
        .any(|line| line.starts_with("ShdPnd:") && !line.ends_with("\t0000000000000000"));
    let mut stats = paths.map(|path| fs::read_to_string(path.join("stat")).unwrap_or_default());
    !pending && stats.all(waits)
}

/// Empty if that process is gone.
fn read(pid: u32, what: &str) -> String {
    fs::read_to_string(format!("/proc/{pid}/{what}")).unwrap_or_default()
}
