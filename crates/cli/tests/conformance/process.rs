//! What the system says of a server's process: its descriptors, its threads, its time, its memory.

use std::fs;
use std::thread;
use std::time::Duration;

use switchboard::testing::Running;

/// How many descriptors it has open.
pub(crate) fn descriptors(server: &Running) -> usize {
    entries(server, "fd")
}

/// How many threads it has.
pub(crate) fn threads(server: &Running) -> usize {
    entries(server, "task")
}

/// Its children, those that nobody waited for among them.
pub(crate) fn children(server: &Running) -> String {
    let pid = server.pid();
    fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default()
}

fn entries(server: &Running, what: &str) -> usize {
    let path = format!("/proc/{}/{what}", server.pid());
    fs::read_dir(&path).map(Iterator::count).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The memory that it occupies, in KiB.
pub(crate) fn resident_kib(server: &Running) -> u64 {
    let status = read(server, "status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    line.trim().trim_end_matches(" kB").parse().expect("a number of kB")
}

/// How much time it has computed.
pub(crate) fn computed(server: &Running) -> Duration {
    let stat = read(server, "stat");
    // The name, in brackets, may hold anything; utime and stime are the fields 14 and 15.
    let (_, fields) = stat.rsplit_once(')').expect("a name");
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
        spent = computed(server) - before;
        if spent <= Duration::from_millis(20) {
            return;
        }
    }
    panic!("it computed for {spent:?} of 300 ms\n{}", server.stderr());
}

/// Whether every thread waits for something, and no signal is about to wake one.
pub(crate) fn all_wait(server: &Running) -> bool {
    let tasks = fs::read_dir(format!("/proc/{}/task", server.pid()));
    let paths = tasks.expect("its threads").flatten().map(|task| task.path());
    let waits =
        |stat: String| stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('S'));
    let pending = read(server, "status")
        .lines()
        .any(|line| line.starts_with("ShdPnd:") && !line.ends_with("\t0000000000000000"));
    let mut stats = paths.map(|path| fs::read_to_string(path.join("stat")).unwrap_or_default());
    !pending && stats.all(waits)
}

fn read(server: &Running, what: &str) -> String {
    let path = format!("/proc/{}/{what}", server.pid());
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}
