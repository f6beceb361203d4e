//! `switchboard compare` with a program and a dialogue of the user's own.

#![allow(clippy::unwrap_used, reason = "clippy does not see that helpers of tests are tests")]

use std::fs;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

const TALK: &str = "
[[step]]
send = 'abc\\n'
[[step]]
until = 'ABC\\n'
";

fn compared(models: &str, experiments: &str, dialogue: &str) -> Value {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("talk.toml"), dialogue).unwrap();
    let program = env!("CARGO_BIN_EXE_switchboard");
    let own = format!("{program} serve upper --listen {{address}} --model {{model}}");
    let mut command = Command::new(program);
    command.args(["compare", "--quick", "--rounds", "1", "-o", "out", "-m", models]);
    command.args(["-e", experiments, "--command", &own, "--script", "talk.toml"]);
    let output = command.current_dir(folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let results = fs::read_to_string(folder.path().join("out/results.json")).unwrap();
    serde_json::from_str(&results).unwrap()
}

/// The value of a metric of the model of that place.
fn value<'a>(results: &'a Value, experiment: &str, model: usize, metric: &str) -> &'a Value {
    let all = results["experiments"].as_array().unwrap();
    let found = all.iter().find(|one| one["name"] == experiment).unwrap();
    &found["points"][0]["cells"][model]["values"][metric]
}

/// Kills: a service of one's own that gets no figures, although its dialogue would do; figures of the
/// service `work` that are sold as its own.
#[test]
fn a_dialogue_of_ones_own_has_figures() {
    let experiments = "compute,short,memory,slow,limit,overload,burst,lifecycle";
    let found = compared("epoll", experiments, TALK);
    let median = |experiment, metric| {
        let value = value(&found, experiment, 0, metric);
        value["median"].as_f64().unwrap_or_else(|| panic!("{experiment}: {value}"))
    };
    for (experiment, metric) in [
        ("short", "cpu_ns"),
        ("memory", "pss_bytes"),
        ("slow", "p50_ns"),
        ("overload", "rate"),
        ("burst", "p50_ns"),
        ("lifecycle", "first_ns"),
    ] {
        assert!(median(experiment, metric) > 0.0, "{experiment}");
    }
    assert_eq!((median("limit", "served"), median("burst", "failed")), (1_200.0, 0.0));
    let reason = value(&found, "compute", 0, "p99_ns")["na"].as_str().unwrap();
    assert!(reason.contains("--service work"), "{reason}");
}

/// Kills: a crash of which nobody learns whom it takes along; peers that are taken for lost, or for
/// alive, whatever became of them.
#[test]
fn the_process_of_a_peer_takes_its_own_along() {
    let found = compared("thread,process,prefork:processes=8", "crash", TALK);
    let lost = |model| value(&found, "crash", model, "lost")["median"].as_f64().unwrap();
    assert_eq!((lost(0), lost(1), lost(2)), (1.0, 0.0, 0.0));
}

/// Kills: peers that close, and are taken for peers that stay.
#[test]
fn peers_that_close_do_not_stay() {
    let closing = format!("{TALK}[[step]]\nclose = true\n");
    let found = compared("epoll", "memory,limit,short", &closing);
    for (experiment, metric) in [("memory", "pss_bytes"), ("limit", "served")] {
        let reason = value(&found, experiment, 0, metric)["na"].as_str().unwrap();
        assert!(reason.contains("closes its connections"), "{reason}");
    }
    assert!(value(&found, "short", 0, "cpu_ns")["median"].as_f64().unwrap() > 0.0);
}
