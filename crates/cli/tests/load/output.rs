//! What `load` writes: three formats, the HdrHistogram log, the server's side, conditions that fail.

use std::fs;
use std::process::Command;

use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
use serde_json::Value;
use switchboard::testing::program;

use super::said::{Said, refuses, run, run_command};
use super::{SWITCHBOARD, field};

fn json(said: &Said) -> Value {
    serde_json::from_str(&said.stdout).expect(&said.stderr)
}

fn number(value: &Value, path: &str) -> f64 {
    value.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("no {path} in {value}"))
}

#[test]
fn every_format_says_the_same_in_its_way() {
    let echo = program(SWITCHBOARD).args(["serve", "echo"]).start();
    let load = |format: &str| run(&["load", echo.address(), "-n", "500", "--format", format]);
    let text = load("text");
    assert_eq!(
        (text.status, text.stderr.as_str()),
        (Some(0), ""),
        "no progress without a terminal"
    );
    for part in ["closed loop, 1 message in flight", "10 of 10", "p99.99", "Errors        none"] {
        assert!(text.stdout.contains(part), "no {part} in {}", text.stdout);
    }
    assert!(!text.stdout.contains('\x1b'), "no colour without a terminal");
    let report = json(&load("json"));
    assert_eq!(report["schema"], "switchboard.load/1");
    assert_eq!(report["asked"]["schedule"]["loop"], "closed");
    assert_eq!(number(&report, "/latency/samples"), 500.0);
    let csv = load("csv").stdout;
    let lines: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    let [names, values] = lines.as_slice() else { panic!("not two lines: {csv}") };
    assert_eq!((names.len(), names[0]), (values.len(), "schema"));
    let place = names.iter().position(|name| *name == "answered").unwrap();
    assert_eq!(values[place], "500");
}

/// Kills: the latencies of a second, or those after the last one, that are not in the log.
#[test]
fn the_hdr_log_has_every_latency() {
    let echo = program(SWITCHBOARD).args(["serve", "echo"]).start();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("load.hdr");
    let log = path.to_str().unwrap();
    let said = run(&["load", echo.address(), "-r", "200", "-d", "2500ms", "--hdr", log, "--json"]);
    let report = json(&said);
    let bytes = fs::read(&path).unwrap();
    let (mut latencies, mut service) = (0, 0);
    for entry in IntervalLogIterator::new(&bytes) {
        if let LogEntry::Interval(line) = entry.unwrap() {
            let samples = samples(line.encoded_histogram());
            match line.tag() {
                None => latencies += samples,
                Some(_) => service += samples,
            }
        }
    }
    assert_eq!((latencies, service), (500, 500), "{said:?}");
    let seconds: Vec<f64> = report["over_time"]
        .as_array()
        .unwrap()
        .iter()
        .map(|interval| interval["start_s"].as_f64().unwrap())
        .collect();
    assert_eq!(seconds, [0.0, 1.0, 2.0], "each second once");
    refuses(&["load", "--hdr", "/nowhere/log"], 2, &["cannot create /nowhere/log"]);
}

fn samples(encoded: &str) -> u64 {
    use base64::Engine;
    let bytes = base64::prelude::BASE64_STANDARD.decode(encoded).unwrap();
    let mut reader = hdrhistogram::serialization::Deserializer::new();
    reader.deserialize::<u64, _>(&mut bytes.as_slice()).unwrap().len()
}

/// Kills: children that are not counted, or counted twice; memory of the crowd in what was before.
#[test]
fn the_server_is_watched_with_all_its_processes() {
    // Of 20 connections and 10 idle ones: processes and threads that serve them.
    let models = [("thread", 1.0, 31.0), ("process", 31.0, 31.0), ("epoll:processes=2", 3.0, 3.0)];
    for (model, processes, threads) in models {
        let echo = program(SWITCHBOARD).args(["serve", "echo", "-m", model]).start();
        let pid = echo.pid().to_string();
        let words = ["-c", "20", "--idle", "10", "-d", "1s", "--server-pid", &pid, "--json"];
        let said = run(&[&["load", echo.address()], &words[..]].concat());
        assert_eq!(said.status, Some(0), "{said:?}");
        let report = json(&said);
        let server = |path: &str| number(&report, &format!("/server/{path}"));
        assert!(server("processes") >= processes, "{model}: {}", report["server"]);
        assert!(server("processes") <= processes + 2.0, "{model}: {}", report["server"]);
        assert!(server("threads") >= threads, "{model}: {}", report["server"]);
        assert!(server("descriptors") > 30.0, "{model}: {}", report["server"]);
        let (cpu, seconds) = (server("cpu_s"), number(&report, "/achieved/seconds"));
        assert!(cpu > 0.05 && cpu < seconds * 64.0, "{model}: {}", report["server"]);
        let each = cpu * 1e9 / number(&report, "/achieved/answered");
        assert!((server("cpu_per_message_ns") / each - 1.0).abs() < 0.01, "{model}");
        assert!(server("pss_bytes") > 0.0 && server("pss_before_bytes") > 0.0, "{model}");
        assert!(server("bytes_per_peer") > 0.0, "{model}: {}", report["server"]);
        assert!(server("voluntary_switches") > 0.0, "{model}: {}", report["server"]);
        assert_eq!(report["server"]["ended"], false, "{model}");
        // Those that serve one peer end with it, and who looks last is late on a busy machine.
        let seen = server("unseen_share") < 0.5;
        assert!(seen || !model.starts_with("epoll"), "{model}: {}", report["server"]);
        assert_eq!(field(&said, "connections"), "20 of 20");
    }
}

/// Children that come and go within the measurement, each too short to be seen: a process for each
/// message. What they used is in their parent's account.
///
/// Kills: processor time of children that ended.
#[test]
fn children_that_ended_count() {
    let echo = program(SWITCHBOARD).args(["serve", "echo", "-m", "process"]).start();
    let pid = echo.pid().to_string();
    let words = ["--short", "-n", "300", "-c", "2", "--server-pid", &pid, "--json"];
    let report = json(&run(&[&["load", echo.address()], &words[..]].concat()));
    // To fork, serve and end takes no less than a few dozen microseconds.
    assert!(number(&report, "/server/cpu_per_message_ns") > 30_000.0, "{report}");
    assert!(report["server"]["bytes_per_peer"].is_null());
    assert!(number(&report, "/server/unseen_share") > 0.2, "{report}");
}

#[test]
fn a_server_that_cannot_be_watched_is_explained() {
    refuses(&["load", "--server-pid", "4194305"], 2, &["there is no process 4194305", "ss -ltnp"]);
    refuses(&["load", "--server-pid", "pid"], 2, &["--server-pid"]);
    refuses(&["load", "--fail-if", "server.cpu>1us"], 2, &["needs --server-pid"]);
}

/// Kills: a condition that is read and not checked; a failure without its value.
#[test]
fn conditions_that_hold_are_status_1() {
    let echo = program(SWITCHBOARD).args(["serve", "echo"]).start();
    let load = |conditions: &[&str]| {
        let flags = conditions.iter().flat_map(|condition| ["--fail-if", condition]);
        let words = ["load", echo.address(), "-n", "200"].into_iter().chain(flags);
        run(&words.collect::<Vec<_>>())
    };
    let said = load(&["p99>1h", "p12.5>1h", "errors>0", "rate<1"]);
    assert_eq!((said.status, said.stderr.as_str()), (Some(0), ""), "{said:?}");
    let said = load(&["p99>1ns", "errors>0", "connections<11"]);
    assert_eq!(said.status, Some(1), "{said:?}");
    let lines: Vec<&str> = said.stderr.lines().collect();
    assert_eq!(lines.len(), 2, "{said:?}");
    assert!(lines[0].starts_with("failed: p99>1ns (it was "), "{said:?}");
    assert_eq!(lines[1], "failed: connections<11 (it was 10)");
    assert!(said.stdout.contains("Latency"), "the result is printed all the same");
    refuses(&["load", "--fail-if", "p99>5"], 2, &["needs a unit, such as 5ms"]);
    refuses(&["load", "--fail-if", "erors>0"], 2, &["did you mean `errors`?"]);
}

/// A connection for each message, one at a time, cannot make a million a second.
///
/// Kills: a load of a tenth of what was asked for that looks like a success.
#[test]
fn a_load_that_was_applied_in_part_is_status_3() {
    let echo = program(SWITCHBOARD).args(["serve", "echo"]).start();
    let said = run(&[
        "load",
        echo.address(),
        "--short",
        "-c",
        "1",
        "-r",
        "1M",
        "-d",
        "300ms",
        "--timeout",
        "500ms",
        "--json",
    ]);
    assert_eq!(said.status, Some(3), "{said:?}");
    assert!(said.stderr.contains("not the load that was asked for: sent"), "{said:?}");
    let report = json(&said);
    let warnings = report["warnings"].as_array().unwrap();
    assert!(warnings.iter().any(|warning| warning["code"] == "rate_missed"), "{said:?}");
}

/// On a terminal of its own, made by script(1), which standard error is.
///
/// Kills: progress that is left on the screen, or in the result.
#[test]
fn progress_is_shown_on_a_terminal_and_erased() {
    if Command::new("script").arg("--version").output().is_err() {
        eprintln!("skipped: needs script(1) of util-linux for a terminal");
        return;
    }
    let echo = program(SWITCHBOARD).args(["serve", "echo"]).start();
    let directory = tempfile::tempdir().unwrap();
    let on_terminal = |flags: &str| {
        let session = format!(
            "stty cols 80; '{SWITCHBOARD}' load {} -d 1500ms --json {flags} > result",
            echo.address()
        );
        let mut script = Command::new("script");
        script.args(["-qec", &session, "/dev/null"]).env("TERM", "xterm");
        run_command(script.current_dir(&directory)).stdout
    };
    let shown = on_terminal("");
    for part in ["0 of 1.5 s", "1 of 1.5 s", "/s  p50 ", "  p99 "] {
        assert!(shown.contains(part), "no {part:?} in {shown:?}");
    }
    let erased = shown.rsplit('\r').next().unwrap();
    assert_eq!(erased.replace("\x1b[2K", ""), "", "{shown:?}");
    let result = fs::read_to_string(directory.path().join("result")).unwrap();
    assert!(serde_json::from_str::<Value>(&result).is_ok(), "{result}");
    assert_eq!(on_terminal("--no-progress"), "");
}

/// A terminal shows the Ctrl-C where the cursor is. At the end of a full line that is the next one.
///
/// Kills: progress that stays on the screen of whoever does not wait for the end.
#[test]
fn progress_leaves_room_for_a_ctrl_c() {
    if Command::new("script").arg("--version").output().is_err() {
        eprintln!("skipped: needs script(1) of util-linux for a terminal");
        return;
    }
    let echo = program(SWITCHBOARD).args(["serve", "echo"]).start();
    let load = format!("'{SWITCHBOARD}' load {} -d 1500ms --json > /dev/null", echo.address());
    let mut script = Command::new("script");
    script.args(["-qec", &format!("stty cols 20; {load}"), "/dev/null"]).env("TERM", "xterm");
    let shown = run_command(&mut script).stdout;
    let lines = shown.split("\r\x1b[2K").map(|line| line.chars().count());
    assert_eq!(lines.max(), Some(17), "{shown:?}");
}

/// Kills: a column, or a warning, of which the guide does not know.
#[test]
fn the_guide_lists_every_column_and_every_warning() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide/load-results.md");
    let page = fs::read_to_string(page).unwrap();
    let rows = |heading: &str| {
        let table = page.split(heading).nth(1).unwrap().lines().skip(2);
        let rows = table.take_while(|line| line.starts_with('|'));
        rows.map(|line| line.split('`').nth(1).unwrap().to_owned()).collect::<Vec<_>>()
    };
    let columns: Vec<&str> =
        switchboard_load::report::csv_columns().map(|(name, _)| name).collect();
    assert_eq!(rows("| column | has |"), columns);
    assert_eq!(rows("| code | when |"), switchboard_load::honesty::codes().collect::<Vec<_>>());
}
