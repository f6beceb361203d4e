//! How `switchboard compare` ends before its end: what it leaves, and what it does not.

#![allow(clippy::unwrap_used, reason = "clippy does not see that helpers of tests are tests")]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

const LOOK: Duration = Duration::from_millis(1);
const PATIENCE: Duration = Duration::from_secs(20);

fn start(folder: &TempDir, words: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    command.arg("compare").args(words).current_dir(folder.path());
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// What `found` gives as soon as it gives something.
fn awaited<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < until, "in vain: {what}");
        sleep(LOOK);
    }
}

/// The processes that the main thread of this one has started, and theirs.
fn offspring(pid: u32) -> Vec<u32> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let own: Vec<u32> = list.split_whitespace().map(|word| word.parse().unwrap()).collect();
    own.iter().flat_map(|pid| [vec![*pid], offspring(*pid)].concat()).collect()
}

fn is_running(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z') && !rest.starts_with('X'))
}

fn expect_gone(servers: &[u32]) {
    let gone = || (!servers.iter().any(|pid| is_running(*pid))).then_some(());
    awaited("a server is left behind", gone);
}

fn told(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn results(folder: &TempDir) -> Value {
    serde_json::from_str(&fs::read_to_string(folder.path().join("out/results.json")).unwrap())
        .unwrap()
}

const LONG: &[&str] =
    &["--quick", "-m", "process,epoll", "-e", "few", "--rounds", "1000", "-o", "out"];

/// Kills: a server, or a process of it, that goes on without anybody; a run of which nothing is left
/// although rounds of it were over; a file that is half written.
#[test]
fn whoever_is_killed_leaves_its_rounds_and_no_server() {
    let folder = TempDir::new().unwrap();
    let mut child = start(&folder, LONG);
    let path = folder.path().join("out/results.json");
    awaited("results.json", || path.exists().then_some(()));
    let servers = awaited("a server with a process of a peer", || {
        Some(offspring(child.id())).filter(|servers| servers.len() > 1)
    });
    told(&child, Signal::KILL);
    child.wait().unwrap();
    expect_gone(&servers);
    let found = results(&folder);
    assert_eq!(found["interrupted"], true);
    assert!(found["experiments"][0]["rounds"].as_u64().unwrap() >= 1);
    let again = start(&folder, &["--from", "out/results.json"]).wait_with_output().unwrap();
    assert!(again.status.success(), "{}", text(&again.stderr));
}

/// Kills: a terminal that goes, and takes all figures with it.
#[test]
fn a_terminal_that_goes_ends_it_in_order() {
    let folder = TempDir::new().unwrap();
    let child = start(&folder, LONG);
    let servers =
        awaited("a server", || Some(offspring(child.id())).filter(|servers| !servers.is_empty()));
    told(&child, Signal::HUP);
    let output = ended(child);
    assert_eq!(output.status.code(), Some(130), "{}", text(&output.stderr));
    expect_gone(&servers);
    assert_eq!(results(&folder)["interrupted"], true);
}

/// Kills: a Ctrl-C that is not heard before the first measurement, or leaves the server of the
/// rehearsal behind.
#[test]
fn a_signal_ends_the_rehearsal_in_order() {
    let folder = TempDir::new().unwrap();
    let child = start(&folder, &["-s", "hotline", "-e", "few", "-o", "out"]);
    let servers =
        awaited("a server", || Some(offspring(child.id())).filter(|servers| !servers.is_empty()));
    told(&child, Signal::INT);
    let output = ended(child);
    assert_eq!(output.status.code(), Some(130), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("stopped before anything was measured"));
    expect_gone(&servers);
    assert!(!Path::new(&folder.path().join("out")).exists(), "nothing was begun");
}

/// Kills: a stop that is never heard while the silent peers of anyone's server come, of whom that
/// server says nothing.
#[test]
fn a_signal_ends_the_coming_of_silent_peers() {
    let folder = TempDir::new().unwrap();
    let program = env!("CARGO_BIN_EXE_switchboard");
    let other = format!("other={program} serve echo --model epoll --listen 127.0.0.1:{{port}}");
    let words = ["--quick", "-m", "epoll", "-e", "idle", "--rounds", "9", "-o", "out"];
    let mut child = start(&folder, &[&words[..], &["--external", &other]].concat());
    awaited("silent peers of the other server", || {
        let servers = offspring(child.id());
        let command = |pid| fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let other = servers.iter().any(|pid| !command(pid).contains("--console"));
        let open = fs::read_dir(format!("/proc/{}/fd", child.id())).unwrap().count();
        (other && open > 200).then_some(())
    });
    told(&child, Signal::INT);
    let status = awaited("the end", || child.try_wait().unwrap());
    assert_eq!(status.code(), Some(130));
    assert_eq!(results(&folder)["interrupted"], true);
}

/// Kills: a server that loses its figures, and holds up every cell, because it does not listen to
/// SIGTERM.
#[test]
fn who_ignores_sigterm_has_figures() {
    let folder = TempDir::new().unwrap();
    let program = env!("CARGO_BIN_EXE_switchboard");
    let serve = format!("{program} serve echo --model epoll --listen 127.0.0.1:{{port}}");
    let deaf = format!("deaf=sh -c 'trap \"\" TERM; {serve} & wait'");
    let words = ["--quick", "-m", "epoll", "-e", "few,lifecycle", "--rounds", "1", "-o", "out"];
    let output = ended(start(&folder, &[&words[..], &["--external", &deaf]].concat()));
    assert!(output.status.success(), "{}", text(&output.stderr));
    let found = results(&folder);
    let cell = |experiment: usize| &found["experiments"][experiment]["points"][0]["cells"][1];
    assert_eq!(cell(0)["model"], "deaf");
    let cost = &cell(0)["values"]["cpu_ns"];
    assert!(cost["median"].as_f64().unwrap() > 0.0, "{cost}");
    let drain = &cell(1)["values"]["drain_ns"];
    assert!(drain["na"].as_str().unwrap().contains("SIGTERM"), "{drain}");
}

fn ended(child: Child) -> Output {
    child.wait_with_output().unwrap()
}
