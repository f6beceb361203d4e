//! Lists on standard output: as a table for people, as JSON for programs.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde::Serialize;

/// How a list is printed.
#[derive(Args, Clone, Debug)]
pub(crate) struct FormatArgs {
    /// How to print the list
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,

    /// Short for --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

/// A format of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
    Csv,
}

impl FormatArgs {
    pub(crate) fn format(&self) -> Format {
        if self.json { Format::Json } else { self.format }
    }
}

/// Rows under their headings, each column as wide as its widest cell.
pub(crate) fn text<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([headings[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..N).map(width).collect();
    let line = |cells: [&str; N]| {
        let padded: Vec<String> = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}", width = *width))
            .collect();
        format!("{}\n", padded.join("  ").trim_end())
    };
    let mut out = line(headings);
    for row in rows {
        out.push_str(&line(std::array::from_fn(|column| row[column].as_str())));
    }
    out
}

/// Rows under their headings, comma-separated (RFC 4180).
pub(crate) fn csv<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    let field = |text: &str| match text.contains([',', '"', '\n']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    };
    let line = |cells: Vec<String>| format!("{}\n", cells.join(","));
    let mut out = line(headings.map(field).to_vec());
    for row in rows {
        out.push_str(&line(row.iter().map(|cell| field(cell)).collect()));
    }
    out
}

/// Any value as indented JSON.
pub(crate) fn json(value: &impl Serialize) -> String {
    let text = serde_json::to_string_pretty(value).expect("plain data with text keys");
    text + "\n"
}

/// Standard output; a reader that has gone away (`| head`) is no failure.
pub(crate) fn print(text: &str) -> ExitCode {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_lines_have_no_trailing_space() {
        let rows = [["a".to_owned(), "bb".to_owned()], ["ccc".to_owned(), String::new()]];
        assert_eq!(text(["x", "y"], &rows), "x    y\na    bb\nccc\n");
    }

    #[test]
    fn a_field_with_a_comma_is_quoted() {
        let rows = [["a,b".to_owned(), "say \"c\"".to_owned()]];
        assert_eq!(csv(["x", "y"], &rows), "x,y\n\"a,b\",\"say \"\"c\"\"\"\n");
    }
}
