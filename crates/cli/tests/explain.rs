//! `explain` against real servers under a real strace.

#![allow(clippy::unwrap_used, reason = "clippy does not see that helpers of tests are tests")]

#[allow(dead_code, reason = "what other commands are refused is not asked here")]
#[path = "commands/said.rs"]
mod said;

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use switchboard::testing::PATIENCE;

use said::{Said, refuses, run, run_command};

const SWITCHBOARD: &str = env!("CARGO_BIN_EXE_switchboard");

/// `explain --json` with these words.
fn explained(words: &[&str]) -> Value {
    let said = run(&[&["explain", "--json"], words].concat());
    assert_eq!((said.status, said.stderr.as_str()), (Some(0), ""), "{words:?}");
    let value: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(value["schema"], "switchboard.explain/1");
    value
}

/// The part of that number, from 0, of the only model.
fn part(explained: &Value, number: usize) -> &Value {
    let models = explained["models"].as_array().unwrap();
    assert_eq!(models.len(), 1, "{explained}");
    &models[0]["parts"][number]
}

/// What calls a part has, and how many of each: `recvfrom receive 1`.
fn calls(part: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    let of = |calls: &Value| {
        format!("{} {} {}", text(&calls["call"]), text(&calls["role"]), calls["count"])
    };
    part["calls"].as_array().unwrap().iter().map(of).collect()
}

/// Kills: a call of the startup or of the stop that is counted; a wait that is counted where it began;
/// bytes that nobody sent.
#[test]
fn a_message_costs_two_calls_or_three() {
    let asked = explained(&["--models", "thread,select,epoll,epoll-et"]);
    for (number, model) in ["thread", "select", "epoll", "epoll-et"].iter().enumerate() {
        let traced = &asked["models"][number];
        assert_eq!((&traced["model"], &traced["reason"]), (&(*model).into(), &Value::Null));
        for part in 1..=2 {
            let part = &traced["parts"][part];
            let expected: &[&str] = match *model {
                "thread" => &["recvfrom receive 1", "sendto send 1"],
                "select" => &["pselect6 wait-on-list 1", "recvfrom receive 1", "sendto send 1"],
                _ => &["epoll_pwait wait 1", "recvfrom receive 1", "sendto send 1"],
            };
            assert_eq!(calls(part), expected, "{model}");
            assert_eq!([&part["sent"], &part["received"]], [6, 6], "{model}");
            assert_eq!(part["rested"], true, "{model}");
        }
        let all = traced["parts"].as_array().unwrap().iter();
        let sum: u64 = all.map(|part| part["total"].as_u64().unwrap()).sum();
        assert_eq!(traced["total"], sum, "{model}");
    }
}

/// Kills: children that strace does not follow; calls of a parent that are lost.
#[test]
fn a_forked_child_is_followed() {
    let asked = explained(&["--models", "process"]);
    let accept = calls(part(&asked, 0));
    for call in ["accept4 accept 1", "clone fork 1"] {
        assert!(accept.iter().any(|found| found == call), "{accept:?}");
    }
    assert_eq!(calls(part(&asked, 1)), ["recvfrom receive 1", "sendto send 1"]);
    let close = calls(part(&asked, 3));
    for call in ["recvfrom receive-end 1", "exit_group end-process 1", "waitid reap 1"] {
        assert!(close.iter().any(|found| found == call), "{close:?}");
    }
}

/// Kills: supervised processes that are not followed.
#[test]
fn supervised_processes_are_followed() {
    let asked = explained(&["--models", "epoll:processes=2"]);
    let expected = ["epoll_pwait wait 1", "recvfrom receive 1", "sendto send 1"];
    assert_eq!(calls(part(&asked, 2)), expected);
}

#[test]
fn a_ring_is_handed_requests_in_place_of_calls() {
    let asked = explained(&["--models", "uring"]);
    if let Some(reason) = asked["models"][0]["reason"].as_str() {
        eprintln!("skipped: there is no ring here: {reason}");
        return;
    }
    for number in 1..=2 {
        assert_eq!(calls(part(&asked, number)), ["io_uring_enter enter 1"]);
        assert_eq!(part(&asked, number)["ring_requests"], 1, "the reply");
    }
}

/// Kills: a wait for ever for a server that never rests; its numbers given without a word.
#[test]
fn a_model_that_never_rests_is_looked_at_for_a_while() {
    let said = run(&["explain", "--models", "spin"]);
    assert_eq!((said.status, said.stderr.as_str()), (Some(0), ""));
    assert!(said.stdout.contains("receives nothing"), "{}", said.stdout);
    assert!(said.stdout.contains("spin does not rest between the parts"), "{}", said.stdout);
}

/// Kills: options of the service that get lost; a message that is not the one that was asked for.
#[test]
fn a_service_has_its_options_and_its_message() {
    let words = ["hotline", "--language", "zh", "--message", "0", "--models", "thread"];
    let asked = explained(&words);
    assert_eq!(asked["service"], "hotline --language zh");
    let greeting = "欢迎致电10086,请输入1xxx,0转人工服务.".len();
    let answer = "通过可能会被录音.balabala一大推".len();
    assert_eq!(part(&asked, 0)["received"], greeting);
    assert_eq!([&part(&asked, 1)["sent"], &part(&asked, 1)["received"]], [1, answer]);
}

#[test]
fn a_server_that_closes_first_is_said_to() {
    let said = run(&["explain", "daytime", "--models", "epoll"]);
    assert_eq!((said.status, said.stderr.as_str()), (Some(0), ""));
    let sentence = "The server had closed before the first message could be sent.";
    assert!(said.stdout.contains(sentence), "{}", said.stdout);
    assert!(said.stdout.lines().all(|line| line.chars().count() <= 100), "{}", said.stdout);
}

/// Kills: one model that cannot run the service taking the others with it.
#[test]
fn a_model_that_cannot_serve_says_why_beside_the_others() {
    let words = ["explain", "--models", "epoll:stack=1MiB,poll"];
    let said = run(&words);
    assert_eq!((said.status, said.stderr.as_str()), (Some(0), ""));
    assert!(said.stdout.contains("epoll:stack=1MiB: n/a: "), "{}", said.stdout);
    assert!(said.stdout.contains("waits, with the list"), "{}", said.stdout);
}

#[test]
fn bad_usage_is_refused_before_anything_starts() {
    refuses(&["explain", "ecko"], 2, &["no service `ecko`; did you mean `echo`?"]);
    refuses(&["explain", "--models", "epol"], 2, &["did you mean `epoll`?"]);
    refuses(&["explain", "--models", "epoll,,poll"], 2, &["a model is missing"]);
    refuses(&["explain", "--message", ""], 2, &["at least one byte"]);
    refuses(&["explain", "--message", "\\q"], 2, &["a backslash is followed by"]);
    refuses(&["explain", "hotline", "--language", "fr"], 2, &["fr", "en, zh"]);
}

#[test]
fn without_strace_it_says_how_to_get_it() {
    let nowhere = tempfile::tempdir().unwrap();
    let mut command = Command::new(SWITCHBOARD);
    let Said { status, stderr, .. } =
        run_command(command.args(["explain"]).env("PATH", nowhere.path()));
    assert_eq!(status, Some(1), "{stderr}");
    assert!(stderr.contains("sudo apt-get install strace"), "{stderr}");
}

/// Kills: a server that goes on when whoever asked has had enough.
#[test]
fn an_interrupt_leaves_nothing_behind() {
    let mark = format!("{}ms", 86_400_000 + u64::from(std::process::id()));
    let mut command = Command::new(SWITCHBOARD);
    command.args(["explain", "work", "--models", "thread", "--message"]);
    command.arg(format!("sleep {mark}\\n")).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut asking = command.stderr(Stdio::piped()).process_group(0).spawn().unwrap();
    let servers = || processes_with(&["serve", "work", "--model", "thread"], asking.id());
    until("a server", || !servers().is_empty());
    let began = servers();
    kill_process(Pid::from_child(&asking), Signal::INT).unwrap();
    until("its end", || asking.try_wait().unwrap().is_some());
    let output = asking.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        (output.status.code(), said.as_str()),
        (Some(1), "error: interrupted: nothing is shown\n")
    );
    until("nobody left", || {
        began.iter().all(|pid| !fs::exists(format!("/proc/{pid}/exe")).unwrap())
    });
}

#[track_caller]
fn until(what: &str, mut is: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is() {
        assert!(Instant::now() < end, "there is still not: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Descendants of `ancestor` whose command line has all these words.
fn processes_with(words: &[&str], ancestor: u32) -> Vec<u32> {
    let pids = fs::read_dir("/proc").unwrap().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        words.iter().all(|word| line.contains(word)) && descends(*pid, ancestor)
    })
    .collect()
}

fn descends(mut pid: u32, ancestor: u32) -> bool {
    while pid > 1 && pid != ancestor {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"));
        pid = parent.and_then(|number| number.trim().parse().ok()).unwrap_or(0);
    }
    pid == ancestor
}
