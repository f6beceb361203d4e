//! `switchboard services`: what can be served without writing any code.

use std::process::ExitCode;

use serde::Serialize;
use switchboard_services::{Entry, SERVICES, ServiceOption};

use crate::table::{self, Format, FormatArgs};

const HEADINGS: [&str; 4] = ["SERVICE", "STYLE", "SOURCE", "WHAT IT DOES"];

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    services: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    name: &'static str,
    summary: &'static str,
    source: &'static str,
    styles: &'static [&'static str],
    options: Vec<OptionRow>,
}

#[derive(Serialize)]
struct OptionRow {
    name: &'static str,
    value: Option<&'static str>,
    values: &'static [&'static str],
    default: Option<&'static str>,
    help: &'static str,
}

impl From<&'static Entry> for Row {
    fn from(entry: &'static Entry) -> Row {
        Row {
            name: entry.name,
            summary: entry.summary,
            source: entry.source,
            styles: entry.styles,
            options: entry.options.iter().map(OptionRow::from).collect(),
        }
    }
}

impl From<&'static ServiceOption> for OptionRow {
    fn from(option: &'static ServiceOption) -> OptionRow {
        OptionRow {
            name: option.name,
            value: option.value,
            values: option.values,
            default: option.default,
            help: option.help,
        }
    }
}

impl Row {
    fn cells(&self) -> [String; 4] {
        [
            self.name.to_owned(),
            self.styles.join("+"),
            if self.source.is_empty() { "-" } else { self.source }.to_owned(),
            self.summary.to_owned(),
        ]
    }
}

/// Prints every service.
pub(crate) fn list(args: &FormatArgs) -> ExitCode {
    let rows = rows();
    let text = match args.format() {
        Format::Json => table::json(&Document { schema: "switchboard.services/1", services: rows }),
        Format::Csv => table::csv(HEADINGS, &cells(&rows)),
        Format::Text => table::text(HEADINGS, &cells(&rows)) + &options(&rows),
    };
    table::print(&text)
}

/// What `serve` without a service prints.
pub(crate) fn list_for_serve() -> ExitCode {
    let list = table::text(HEADINGS, &cells(&rows()));
    table::print(&format!(
        "{list}\nServe one of them: switchboard serve NAME; its options: switchboard serve NAME --help\n"
    ))
}

fn rows() -> Vec<Row> {
    SERVICES.iter().filter(|entry| !entry.hidden).map(|entry| Row::from(*entry)).collect()
}

fn cells(rows: &[Row]) -> Vec<[String; 4]> {
    rows.iter().map(Row::cells).collect()
}

fn options(rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows.iter().filter(|row| !row.options.is_empty()) {
        text += "\n";
        for option in &row.options {
            let value = option.value.map_or(String::new(), |value| format!(" {value}"));
            text += &format!("{} --{}{value}: {}\n", row.name, option.name, option.help);
        }
    }
    text
}
