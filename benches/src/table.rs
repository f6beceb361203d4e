//! The report: a row per figure, its bound beside it, and below it the command that made it.
//!
//! A bound is on the median as printed; the spread is there for the reader to judge it.

use std::fmt::Write;

use crate::figure::Figure;

/// How a figure is printed; a bound is compared with the rounded figure, as the reader would.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measure {
    pub(crate) name: &'static str,
    pub(crate) decimals: usize,
}

/// What a figure stands for in the table.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Role {
    Reference,
    /// The same thing measured against itself: what differs by less than this means nothing.
    Noise,
    Shown,
    AtMost(f64),
    AtLeast(f64),
    Below(f64),
}

/// Rows in the order in which they were measured.
pub(crate) struct Table {
    title: String,
    rows: Vec<[String; 6]>,
    holds: bool,
}

impl Table {
    pub(crate) fn new(title: String) -> Table {
        let head = ["subject", "measure", "figure", "spread", "bound", ""].map(str::to_owned);
        Table { title, rows: vec![head], holds: true }
    }

    /// Adds a row, judged by its `role`.
    pub(crate) fn add(&mut self, subject: &str, measure: Measure, figure: Figure, role: Role) {
        let decimals = measure.decimals;
        let rounded = |figure: f64| (figure * 10f64.powi(decimals as i32)).round();
        let mut judge = |holds| {
            self.holds &= holds;
            if holds { "holds" } else { "does not hold" }
        };
        let (bound, verdict) = match role {
            Role::Reference => ("-".to_owned(), "reference"),
            Role::Noise => ("-".to_owned(), "noise"),
            Role::Shown => ("-".to_owned(), ""),
            Role::AtMost(most) => {
                (format!("<= {most}"), judge(rounded(figure.median) <= rounded(most)))
            }
            Role::AtLeast(least) => {
                (format!(">= {least}"), judge(rounded(figure.median) >= rounded(least)))
            }
            Role::Below(bound) => {
                (format!("< {bound}"), judge(rounded(figure.median) < rounded(bound)))
            }
        };
        self.rows.push([
            subject.to_owned(),
            measure.name.to_owned(),
            fixed(figure.median, decimals),
            format!("{}..{}", fixed(figure.low, decimals), fixed(figure.high, decimals)),
            bound,
            verdict.to_owned(),
        ]);
    }

    /// Adds a row for what cannot be measured here; `reason` says how it could.
    pub(crate) fn add_missing(&mut self, subject: &str, measure: Measure, reason: &str) {
        let row = [subject, measure.name, "n/a", "-", "-", reason];
        self.rows.push(row.map(str::to_owned));
    }

    /// Whether every bound holds.
    pub(crate) fn holds(&self) -> bool {
        self.holds
    }

    /// The table as text; numbers are aligned on the right.
    pub(crate) fn text(&self, arguments: &[String]) -> String {
        let width = |column: usize| {
            self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default()
        };
        let widths: Vec<usize> = (0..6).map(width).collect();
        let mut text = format!("{}\n\n", self.title);
        for row in &self.rows {
            let mut line = String::new();
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let width = *width;
                let written = match column {
                    2..5 => write!(line, "  {cell:>width$}"),
                    _ => write!(line, "  {cell:<width$}"),
                };
                written.expect("a string takes all that is written");
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        let arguments = arguments.join(" ");
        text + &format!("\ncommand: cargo run --release -p switchboard-bench -- {arguments}\n")
    }
}

/// Without the sign of a figure that rounds to zero.
fn fixed(figure: f64, decimals: usize) -> String {
    let text = format!("{figure:.decimals$}");
    match text.strip_prefix('-') {
        Some(zero) if zero.bytes().all(|byte| matches!(byte, b'0' | b'.')) => zero.to_owned(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIGURE: Measure = Measure { name: "ratio", decimals: 3 };

    #[test]
    fn a_bound_is_on_the_median_as_printed() {
        let mut table = Table::new(String::new());
        table.add("a", FIGURE, Figure::of(&[1.0504]), Role::AtMost(1.05));
        assert!(table.holds());
        table.add("b", FIGURE, Figure::of(&[1.0506]), Role::AtMost(1.05));
        assert!(!table.holds());
    }

    #[test]
    fn a_figure_below_its_least_does_not_hold() {
        let mut table = Table::new(String::new());
        table.add("a", FIGURE, Figure::of(&[1.7996]), Role::AtLeast(1.8));
        assert!(table.holds());
        table.add("b", FIGURE, Figure::of(&[1.7994]), Role::AtLeast(1.8));
        assert!(!table.holds());
    }
    #[test]
    fn a_figure_that_equals_what_it_must_be_below_does_not_hold() {
        let mut table = Table::new(String::new());
        table.add("a", FIGURE, Figure::of(&[0.9994]), Role::Below(1.0));
        assert!(table.holds());
        table.add("b", FIGURE, Figure::of(&[0.9996]), Role::Below(1.0));
        assert!(!table.holds());
    }

    #[test]
    fn what_is_missing_is_a_row_and_no_failure() {
        let mut table = Table::new(String::new());
        table.add_missing("Go", FIGURE, "no program `go`");
        assert!(table.holds());
        assert!(table.text(&[]).contains("  n/a  "));
        assert!(table.text(&[]).contains("no program `go`"));
    }
}
