//! `switchboard compare` with real servers, and with programs that crash and hang.

#![allow(clippy::unwrap_used, reason = "clippy does not see that helpers of tests are tests")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

fn compare(folder: &TempDir, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    command.arg("compare").args(words).current_dir(folder.path());
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn results(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// The value of a metric of a model at the last point of an experiment.
fn value<'a>(results: &'a Value, experiment: &str, model: &str, metric: &str) -> &'a Value {
    let all = results["experiments"].as_array().unwrap();
    let found = all.iter().find(|one| one["name"] == experiment).unwrap();
    let point = found["points"].as_array().unwrap().last().unwrap();
    let cells = point["cells"].as_array().unwrap();
    &cells.iter().find(|cell| cell["model"] == model).unwrap()["values"][metric]
}

const SMALL: &[&str] =
    &["--quick", "-m", "thread,epoll", "-e", "few", "--rounds", "3", "-o", "out"];

/// Kills: a table without the models; files that do not say what the table says; a second reading
/// that says something else; a comparison with itself that finds a difference.
#[test]
fn two_models_are_compared_and_shown_again() {
    let folder = TempDir::new().unwrap();
    let output = compare(&folder, SMALL);
    let (shown, told) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{shown}{told}");
    assert!(told.contains("1 experiment with 2 models, at most 3 rounds"), "{told}");
    assert!(shown.contains("\nthread ") && shown.contains("\nepoll "), "{shown}");

    let path = folder.path().join("out/results.json");
    let found = results(&path);
    assert_eq!(found["schema"], "switchboard.compare/1");
    // Two calls for a message, and three. What its peer's coming and going takes is in it, too: where
    // the machine has much else to do, a round may have hardly a message to share that.
    let calls = |model| {
        let samples = value(&found, "few", model, "calls")["samples"].as_array().unwrap();
        samples.iter().filter_map(Value::as_f64).fold(f64::INFINITY, f64::min)
    };
    assert!((1.9..2.9).contains(&calls("thread")), "{}", calls("thread"));
    assert!((2.9..3.9).contains(&calls("epoll")), "{}", calls("epoll"));
    let csv = fs::read_to_string(folder.path().join("out/results.csv")).unwrap();
    assert_eq!(csv.lines().filter(|line| line.starts_with("few,1,1,thread,calls,")).count(), 3);

    let again = compare(&folder, &["--from", "out/results.json"]);
    assert_eq!(text(&again.stdout), shown);
    let json = compare(&folder, &["--from", "out/results.json", "--json"]);
    assert_eq!(serde_json::from_slice::<Value>(&json.stdout).unwrap(), found);
    let against =
        compare(&folder, &["--from", "out/results.json", "--against", "out/results.json"]);
    assert!(against.status.success(), "{}", text(&against.stderr));
    assert!(text(&against.stderr).contains("0 are worse"), "{}", text(&against.stderr));
}

/// Kills: a regression that passes; an improvement that fails.
#[test]
fn what_has_become_worse_fails() {
    let folder = TempDir::new().unwrap();
    let example = include_str!("../../lab/tests/example.json");
    let mut old: Value = serde_json::from_str(example).unwrap();
    // Each figure of the reference is made far less than it is now: three rounds of a few restless
    // models tell nothing smaller.
    for point in old["experiments"][0]["points"].as_array_mut().unwrap() {
        for cell in point["cells"].as_array_mut().unwrap() {
            if cell["model"] != "epoll" {
                continue;
            }
            let value = &mut cell["values"]["cpu_ns"];
            let lessen = |number: &mut Value| *number = (number.as_f64().unwrap() / 1e4).into();
            lessen(&mut value["median"]);
            value["spread"].as_array_mut().unwrap().iter_mut().for_each(lessen);
            value["samples"].as_array_mut().unwrap().iter_mut().for_each(lessen);
        }
    }
    fs::write(folder.path().join("new.json"), example).unwrap();
    fs::write(folder.path().join("old.json"), old.to_string()).unwrap();
    let worse = compare(&folder, &["--from", "new.json", "--against", "old.json"]);
    assert_eq!(worse.status.code(), Some(1), "{}", text(&worse.stderr));
    assert!(
        text(&worse.stderr).contains("WORSE  idle 0, epoll: CPU per message"),
        "{}",
        text(&worse.stderr)
    );
    let page = ["--from", "new.json", "--against", "old.json", "--out", "page"];
    compare(&folder, &page);
    let page = fs::read_to_string(folder.path().join("page/report.html")).unwrap();
    assert!(page.contains("What has changed since") && page.contains("✗ worse"), "the page, too");
    let allowed = ["--from", "new.json", "--against", "old.json", "--worse-than", "9000000%"];
    assert!(compare(&folder, &allowed).status.success());
    let better = compare(&folder, &["--from", "old.json", "--against", "new.json"]);
    assert!(better.status.success(), "{}", text(&better.stderr));
    assert!(text(&better.stderr).contains("better idle 0, epoll"), "{}", text(&better.stderr));
}

/// A program that serves under one model, ends at its start under another, is killed in the midst
/// under a third, and answers nobody under a fourth.
const UNRELIABLE: &str = r#"#!/bin/sh
case "$2" in
    poll) echo "here" >&2; echo "it does not like poll" >&2; exit 3 ;;
    select) { sleep 0.1; kill -9 $$; } & exec "$SWITCHBOARD" serve echo -l "$1" -m "$2" --console ;;
    spin) exec "$SWITCHBOARD" serve discard -l "$1" -m "$2" --console ;;
    *) exec "$SWITCHBOARD" serve echo -l "$1" -m "$2" --console ;;
esac
"#;

/// Kills: a crash or a hang that ends the comparison, takes the cells of others with it, or is not
/// said; a server that outlives its cell.
#[test]
fn a_crash_and_a_hang_cost_their_own_cells_only() {
    let folder = TempDir::new().unwrap();
    let program = folder.path().join("unreliable");
    fs::write(&program, UNRELIABLE).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let words = [
        "--quick",
        "-m",
        "poll,epoll,select,spin,thread",
        "-e",
        "few",
        "--rounds",
        "2",
        "-o",
        "out",
        "--service",
        "echo",
        "--command",
        "./unreliable {address} {model}",
    ];
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    command.arg("compare").args(words).current_dir(folder.path());
    let output = command.env("SWITCHBOARD", env!("CARGO_BIN_EXE_switchboard")).output().unwrap();
    let shown = text(&output.stdout);
    assert!(output.status.success(), "{shown}{}", text(&output.stderr));
    let found = results(&folder.path().join("out/results.json"));
    let of = |model| value(&found, "few", model, "cpu_ns");
    for fine in ["epoll", "thread"] {
        assert!(of(fine)["median"].as_f64().is_some_and(|cost| cost > 0.0), "{fine}: {}", of(fine));
    }
    let reason = |model| of(model)["na"].as_str().unwrap_or_default().to_owned();
    assert!(reason("poll").contains("it does not like poll"), "{}", reason("poll"));
    assert!(reason("select").contains("signal: 9"), "{}", reason("select"));
    assert!(reason("spin").contains("no reply within 3 s"), "{}", reason("spin"));
    assert!(shown.contains("n/a poll: the server ended (exit status: 3)"), "{shown}");
}

/// Kills: a Ctrl-C that loses what there is, or leaves a file that nobody can read.
#[test]
fn an_interrupted_comparison_leaves_what_it_has() {
    let folder = TempDir::new().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    command.args(["compare", "-m", "thread,epoll", "-e", "few", "-o", "out"]);
    command.current_dir(folder.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut announced = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut announced).unwrap();
    assert!(announced.contains("Ctrl-C"), "{announced}");
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(text(&output.stdout).contains("Partial   it was stopped before its end"));
    assert!(text(&output.stdout).contains(", interrupted in round 1 of 5, "));
    let found = results(&folder.path().join("out/results.json"));
    assert_eq!(found["interrupted"], true);
    let reason = value(&found, "few", "epoll", "calls")["na"].as_str().unwrap().to_owned();
    assert_eq!(reason, "the comparison was stopped before its turn");
    let again = compare(&folder, &["--from", "out/results.json"]);
    assert_eq!(text(&again.stdout), text(&output.stdout));
}

#[test]
fn what_cannot_be_compared_is_said_at_once() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("other.json"), r#"{"schema": "switchboard.load/1"}"#).unwrap();
    fs::write(folder.path().join("old.json"), include_str!("../../lab/tests/example.json"))
        .unwrap();
    let cases: [(&[&str], &str); 15] = [
        (&["-m", "epol"], "did you mean `epoll`"),
        (&["-m", "epoll,epoll"], "twice"),
        (&["-e", "idel"], "did you mean `idle`"),
        (&["-e", "few,few"], "`few` is named twice"),
        (&["--reference", "poll", "-m", "epoll"], "none of those compared: epoll"),
        (&["-s", "chargen"], "--script"),
        (&["--command", "./mine"], "{address}"),
        (&["--command", "./mine {address} {model}"], "--script FILE.toml"),
        (&["--external", "go=./echo"], "{port}"),
        (&["--external", "go=./echo {port}"], "there is no program `./echo`"),
        (&["--worse-than", "10", "--against", "old.json"], "is it 10%, or 10 times?"),
        (&["--worse-than", "5%"], "--against"),
        (&["-s", "upper", "--against", "old.json"], "--other-work"),
        (&["--from", "other.json"], "switchboard.load/1"),
        (&["--from", "none.json"], "cannot read none.json"),
    ];
    for (words, sentence) in cases {
        let output = compare(&folder, words);
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        assert!(text(&output.stderr).contains(sentence), "{words:?}: {}", text(&output.stderr));
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing was begun");
    let nowhere = compare(&folder, &["-m", "epoll", "-o", "/proc/nowhere"]);
    assert_eq!(nowhere.status.code(), Some(1), "not the user's words were wrong");
}

/// Kills: a script that takes a comparison without a single figure for one.
#[test]
fn a_comparison_without_a_figure_fails() {
    let folder = TempDir::new().unwrap();
    let dialogue = "[[step]]\nsend = 'hello\\n'\n[[step]]\nuntil = 'never\\n'\n";
    fs::write(folder.path().join("wrong.toml"), dialogue).unwrap();
    let words = ["--quick", "-m", "epoll", "-e", "few", "--rounds", "1", "--script", "wrong.toml"];
    let output = compare(&folder, &words);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
    assert!(text(&output.stderr).contains("nothing could be measured"), "{}", text(&output.stderr));
}

/// Kills: a server whose last words clear the terminal of whoever compares it.
#[test]
fn what_a_server_says_at_its_end_is_not_obeyed() {
    let folder = TempDir::new().unwrap();
    let rude = r#"rude=sh -c "printf '\033[2Jno\007\n' >&2; exit 3 # {port}""#;
    let words = ["--quick", "-m", "epoll", "-e", "few", "--rounds", "1", "-o", "out"];
    let output = compare(&folder, &[&words[..], &["--external", rude]].concat());
    let shown = text(&output.stdout) + &text(&output.stderr);
    assert!(shown.contains(r"\x1b[2Jno\x07"), "{shown}");
    let html = fs::read_to_string(folder.path().join("out/report.html")).unwrap();
    assert!(!shown.contains(['\x1b', '\x07']) && !html.contains(['\x1b', '\x07']));
}

/// Kills: an experiment that is in no list, or claims nothing.
#[test]
fn every_experiment_says_what_it_claims() {
    let folder = TempDir::new().unwrap();
    let listed = text(&compare(&folder, &["--list"]).stdout);
    for name in ["idle", "few", "memory", "lifecycle"] {
        assert!(listed.lines().any(|line| line.starts_with(name)), "{listed}");
    }
}

/// Kills: anyone's server that is taken for one of ours; calls that strace counts and nobody divides;
/// a service whose words nobody knows.
#[test]
fn anyones_server_and_a_service_that_is_asked_are_compared() {
    let folder = TempDir::new().unwrap();
    let program = env!("CARGO_BIN_EXE_switchboard");
    let external =
        format!("other={program} serve hotline --language zh -l 127.0.0.1:{{port}} -m thread");
    let words = [
        "--quick",
        "-m",
        "epoll",
        "-e",
        "few",
        "--rounds",
        "1",
        "-o",
        "out",
        "-s",
        "hotline:language=zh",
        "--external",
        &external,
    ];
    let output = compare(&folder, &words);
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    let found = results(&folder.path().join("out/results.json"));
    assert_eq!(found["work"], "hotline:language=zh, asked `5`, 16 bytes back");
    for model in ["epoll", "other"] {
        let calls = value(&found, "few", model, "calls");
        let median = calls["median"].as_f64().unwrap_or_default();
        assert!((1.5..9.0).contains(&median), "{model}: {calls}");
    }
}
