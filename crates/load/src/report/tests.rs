//! What reports look like, whole.

use std::path::Path;

use serde_json::Value;

use super::*;

/// Compares with a file beside this one; `SWITCHBOARD_GOLDEN=write` writes it anew.
fn same_as(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/report/tests").join(name);
    if std::env::var("SWITCHBOARD_GOLDEN").is_ok_and(|word| word == "write") {
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    assert!(text == expected, "{} differs:\n{text}", path.display());
}

fn watched() -> Report {
    let mut report = made_up::sound();
    report.server = Some(made_up::server());
    report.judged()
}

#[test]
fn an_open_loop_with_its_server() {
    same_as("open.txt", &text(&watched(), false));
}

#[test]
fn a_closed_loop_in_trouble() {
    same_as("closed.txt", &text(&made_up::troubled().judged(), false));
}

/// Kills: a line that wraps on a terminal of 80 columns; colour that changes what is said.
#[test]
fn text_fits_into_80_columns_and_colour_adds_nothing_but_itself() {
    let codes = regex::Regex::new("\x1b\\[[0-9;]*m").unwrap();
    for report in [watched(), made_up::troubled().judged()] {
        let plain = text(&report, false);
        for line in plain.lines() {
            assert!(line.chars().count() <= 80 && line.trim_end() == line, "{line}");
        }
        let coloured = text(&report, true);
        assert!(coloured.contains("\x1b[1m"));
        assert_eq!(codes.replace_all(&coloured, ""), plain);
    }
}

#[test]
fn without_a_reply_there_is_still_a_text() {
    let mut report = made_up::sound();
    report.latency = Times::of(&crate::record::histogram());
    (report.achieved.seconds, report.achieved.answered) = (0.0, 0);
    assert!(text(&report, false).contains("nothing was measured"));
}

/// A field's path and the JSON types that it may have.
const FIELDS: &[(&str, &str)] = &[
    ("/schema", "string"),
    ("/asked/target", "string"),
    ("/asked/connections", "number"),
    ("/asked/schedule/loop", "string"),
    ("/asked_rate", "number null"),
    ("/achieved/connections", "number"),
    ("/achieved/rate", "number"),
    ("/achieved/sent_rate", "number"),
    ("/latency/samples", "number"),
    ("/latency/p50_ns", "number null"),
    ("/latency/p99_99_ns", "number null"),
    ("/latency/histogram/0/up_to_ns", "number"),
    ("/latency/histogram/0/count", "number"),
    ("/service_time/max_ns", "number null"),
    ("/over_time/0/start_s", "number"),
    ("/over_time/0/answered", "number"),
    ("/over_time/0/p99_ns", "number null"),
    ("/errors", "array"),
    ("/errors_before", "array"),
    ("/generator/cpu_s", "number"),
    ("/generator/late_sends", "number"),
    ("/generator/cpus", "array"),
    ("/server", "object null"),
    ("/warnings", "array"),
    ("/interrupted", "boolean"),
];

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Kills: a field that is renamed, or changes its type, under the same schema.
#[test]
fn json_keeps_to_its_schema() {
    for report in [watched(), made_up::troubled().judged()] {
        let value: Value = serde_json::from_str(&json(&report)).unwrap();
        assert_eq!(value["schema"], SCHEMA);
        for (path, kinds) in FIELDS {
            let found = value.pointer(path).unwrap_or_else(|| panic!("{path} is missing"));
            assert!(kinds.split(' ').any(|one| one == kind(found)), "{path}: {found}");
        }
    }
    let value: Value = serde_json::from_str(&json(&watched())).unwrap();
    assert_eq!(value["server"]["cpu_per_message_ns"], 12_300.0);
    let value: Value = serde_json::from_str(&json(&made_up::troubled().judged())).unwrap();
    assert_eq!(value["errors"][0]["kind"], "mismatch");
    assert_eq!(value["errors"][0]["count"], 88);
    assert_eq!(value["warnings"][0]["code"], "connections_missing");
    assert!(value["asked_rate"].is_null());
}
