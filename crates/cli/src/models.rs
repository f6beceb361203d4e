//! `switchboard models`: the list that everything else reads, as people and programs want it.

use std::process::ExitCode;

use serde::Serialize;
use switchboard::Model;
use switchboard::model::{COMBINATIONS, Combination, Family, Kind, MODELS, Setting, Values};

use crate::table::{self, Format, FormatArgs};

const HEADINGS: [&str; 7] = ["MODEL", "FAMILY", "RUNS", "PEERS", "CORES", "HERE", "HOW IT SERVES"];

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    models: Vec<Row>,
    combinations: Vec<Short>,
}

/// A name for a model with one of its keys.
#[derive(Serialize)]
struct Short {
    name: &'static str,
    stands_for: String,
    /// What it is on this machine, unless it is told a number.
    here: String,
    summary: &'static str,
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
    values: String,
    default: Option<Value>,
    about: &'static str,
}

/// A number, for a size one of bytes; or a word.
#[derive(Serialize)]
#[serde(untagged)]
enum Value {
    Number(u64),
    Word(String),
}

impl From<&'static Kind> for Row {
    fn from(kind: &'static Kind) -> Row {
        let reason = (kind.unavailable)();
        let mut runs = vec!["event", "straight-line"];
        if kind.runs_futures() {
            runs.push("async");
        }
        Row {
            name: kind.name,
            summary: kind.summary,
            source: kind.source,
            family: kind.family.name(),
            available: reason.is_none(),
            reason,
            runs,
            keys: kind.settings.iter().copied().map(Key::from).collect(),
            peers_max: (kind.peers_max)(&Model::from(kind)),
            shares_memory: kind.shares_memory,
            parallel: kind.parallel,
            isolates_crashes: kind.isolates_crashes,
        }
    }
}

impl From<&'static Setting> for Key {
    fn from(setting: &'static Setting) -> Key {
        let default = setting.default_here().map(|value| match setting.values {
            Values::Number(..) | Values::Size(..) => Value::Number(value),
            Values::Words(_) => Value::Word(setting.written(value)),
        });
        Key { name: setting.name, values: setting.values_in_words(), default, about: setting.about }
    }
}

impl From<&'static Combination> for Short {
    fn from(combination: &'static Combination) -> Short {
        let Combination { name, of, key, here, about } = combination;
        let here = format!("{of}:{key}={}", here());
        Short { name, stands_for: format!("{of}:{key}=N"), here, summary: about }
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
    let combinations = COMBINATIONS.iter().map(Short::from).collect();
    let text = match args.format() {
        Format::Json => {
            table::json(&Document { schema: "switchboard.models/1", models: rows, combinations })
        }
        Format::Csv => table::csv(HEADINGS, &cells),
        Format::Text => table::text(HEADINGS, &cells) + &notes(&rows, &combinations),
    };
    table::print(&text)
}

/// What does not fit in the table: combinations, keys, and why a model cannot run here.
fn notes(rows: &[Row], combinations: &[Short]) -> String {
    let mut notes =
        "\nPEERS: the most at a time that the model itself can have; `-`: no limit of its \
                     own.\n\nCombinations that have a name:\n"
            .to_owned();
    let lines: Vec<[String; 3]> = combinations
        .iter()
        .map(|short| {
            let stands_for = format!("{} (here {})", short.stands_for, short.here);
            [format!("  {}", short.name), stands_for, short.summary.to_owned()]
        })
        .collect();
    notes += &columns(&lines);
    notes +=
        "\nKeys, written as MODEL:key=value,key=value (loop-models: all of the family `loop`):\n";
    notes += &columns(&key_lines());
    for row in rows {
        if let Some(reason) = &row.reason {
            notes += &format!("\n{} cannot run here: {reason}\n", row.name);
        }
    }
    notes
}

/// Each key once, with the models that take it.
fn key_lines() -> Vec<[String; 3]> {
    let mut seen: Vec<(&Setting, Vec<&str>)> = Vec::new();
    for kind in MODELS {
        for setting in kind.settings {
            match seen.iter_mut().find(|(known, _)| std::ptr::eq(*known, *setting)) {
                Some((_, models)) => models.push(kind.name),
                None => seen.push((setting, vec![kind.name])),
            }
        }
    }
    let loops: Vec<&str> =
        MODELS.iter().filter(|kind| kind.family == Family::Loop).map(|kind| kind.name).collect();
    let line = |(setting, mut models): (&Setting, Vec<&str>)| {
        if loops.iter().all(|name| models.contains(name)) {
            models.retain(|name| !loops.contains(name));
            models.insert(0, "loop-models");
        }
        let default = match setting.default_here() {
            Some(value) => format!(" (default {})", setting.written(value)),
            None => String::new(),
        };
        let key = format!("  {}={}", setting.name, setting.placeholder());
        [key, models.join(" "), format!("{}{default}", setting.about)]
    };
    seen.into_iter().map(line).collect()
}

/// Lines in columns, the last of which is as wide as it is.
fn columns(lines: &[[String; 3]]) -> String {
    let width = |column: usize| lines.iter().map(|line| line[column].len()).max().unwrap_or(0);
    let (first, second) = (width(0), width(1));
    lines
        .iter()
        .map(|[one, two, three]| format!("{one:first$}  {two:second$}  {three}\n"))
        .collect()
}
