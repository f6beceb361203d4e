//! `switchboard models`: the list that everything else reads, as people and programs want it.

use std::process::ExitCode;

use serde::Serialize;
use switchboard::Model;
use switchboard::model::{Kind, MODELS, Setting};

use crate::table::{self, Format, FormatArgs};

const HEADINGS: [&str; 7] = ["MODEL", "FAMILY", "RUNS", "PEERS", "CORES", "HERE", "HOW IT SERVES"];

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    models: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    name: &'static str,
    summary: &'static str,
    source: &'static str,
    family: &'static str,
    available: bool,
    reason: Option<String>,
    runs: Vec<&'static str>,
    keys: Vec<Key>,
    peers_max: Option<u64>,
    shares_memory: bool,
    parallel: bool,
    isolates_crashes: bool,
}

#[derive(Serialize)]
struct Key {
    name: &'static str,
    values: &'static str,
    default: Option<u64>,
    about: &'static str,
}

impl From<&'static Kind> for Row {
    fn from(kind: &'static Kind) -> Row {
        let reason = (kind.unavailable)();
        let mut runs = vec!["event"];
        if kind.straight_line {
            runs.push("straight-line");
        }
        Row {
            name: kind.name,
            summary: kind.summary,
            source: kind.source,
            family: kind.family.name(),
            available: reason.is_none(),
            reason,
            runs,
            keys: kind.settings.iter().map(Key::from).collect(),
            peers_max: (kind.peers_max)(&Model::from(kind)),
            shares_memory: kind.shares_memory,
            parallel: kind.parallel,
            isolates_crashes: kind.isolates_crashes,
        }
    }
}

impl From<&'static Setting> for Key {
    fn from(setting: &'static Setting) -> Key {
        Key {
            name: setting.name,
            values: setting.values,
            default: setting.default,
            about: setting.about,
        }
    }
}

impl Row {
    fn cells(&self) -> [String; 7] {
        [
            self.name.to_owned(),
            self.family.to_owned(),
            self.runs.join("+"),
            self.peers_max.map_or("-".to_owned(), |most| most.to_string()),
            if self.parallel { "all" } else { "1" }.to_owned(),
            if self.available { "yes" } else { "no" }.to_owned(),
            self.summary.to_owned(),
        ]
    }
}

/// Prints every model.
pub(crate) fn list(args: &FormatArgs) -> ExitCode {
    let rows: Vec<Row> = MODELS.iter().map(|kind| Row::from(*kind)).collect();
    let cells: Vec<[String; 7]> = rows.iter().map(Row::cells).collect();
    let text = match args.format() {
        Format::Json => table::json(&Document { schema: "switchboard.models/1", models: rows }),
        Format::Csv => table::csv(HEADINGS, &cells),
        Format::Text => table::text(HEADINGS, &cells) + &notes(&rows),
    };
    table::print(&text)
}

/// What does not fit in the table: keys, and why a model cannot run here.
fn notes(rows: &[Row]) -> String {
    let mut notes = String::new();
    for row in rows {
        for key in &row.keys {
            let default =
                key.default.map_or(String::new(), |number| format!(" (default {number})"));
            notes +=
                &format!("\n{}:{}=N  {}; {}{default}\n", row.name, key.name, key.about, key.values);
        }
        if let Some(reason) = &row.reason {
            notes += &format!("\n{} cannot run here: {reason}\n", row.name);
        }
    }
    notes + "\nPEERS: the most that the model itself can have; `-`: no limit of its own.\n"
}
