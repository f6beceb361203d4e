//! `compare --for`: the answer on the terminal, in results.json and in the report.

#![allow(clippy::unwrap_used, reason = "clippy does not see that helpers of tests are tests")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// What a run found, with some of the experiments.
const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../lab/tests/example.json");

fn compare(words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    command.args(["compare", "--from", EXAMPLE]).args(words).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Kills: an answer that is not the same in all places; one that is not among the models.
#[test]
fn the_answer_is_told_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let asked = "connections=8,active=100%,message=64B,compute=0";
    let output = compare(&["--for", asked, "-o", out]);
    let shown = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let read = |name: &str| fs::read_to_string(Path::new(out).join(name)).unwrap();
    let results: Value = serde_json::from_str(&read("results.json")).unwrap();
    let answer = &results["answer"];
    assert_eq!(answer["asked"], asked);
    let model = answer["model"].as_str().unwrap();
    let models = results["models"].as_array().unwrap();
    assert!(models.iter().any(|one| one["name"] == model), "{model}");
    assert!(shown.contains(&format!("\nAnswer     {model}\n")), "{shown}");
    let serve = format!("switchboard serve echo --model {model}");
    assert_eq!(answer["serve"], serve.as_str());
    assert!(shown.contains(&format!("\nStart      {serve}\n")), "{shown}");
    let report = read("report.html");
    assert!(report.contains(&format!("Take <code>{model}</code>")), "{report}");
    assert!(report.contains(&serve), "{report}");
    // Asked again of what was written, and of what was answered.
    let again = compare(&["--for", asked, "--json"]);
    let again: Value = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!(again["answer"], *answer);
}

#[test]
fn what_is_lacking_is_told_with_the_command_that_measures_it() {
    let shown = text(&compare(&["--for", "connections=9,short=yes"]).stdout);
    assert!(shown.contains("There is no answer without figures of short."), "{shown}");
    let again = "switchboard compare --quick --models process,thread,select,epoll,uring,coroutine,hybrid \
                 --experiments idle,few,short,";
    assert!(shown.contains(again), "{shown}");
}

#[test]
fn a_workload_that_makes_no_sense_is_refused() {
    for (workload, part) in [
        ("connections=0", "connections is a whole number above 0"),
        ("5000", "write key=value"),
        ("connections=5,activ=1%", "did you mean `active`?"),
    ] {
        let output = compare(&["--for", workload]);
        assert_eq!(output.status.code(), Some(2), "{workload}");
        assert!(text(&output.stderr).contains(part), "{}", text(&output.stderr));
    }
}
