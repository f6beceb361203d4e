//! Columns for a terminal.

use std::fmt::Write;

/// Between two columns.
const GAP: usize = 2;

/// Rows under their headings: the first column to the left, the others to the right.
#[derive(Debug)]
pub(super) struct Table {
    columns: Vec<Column>,
}

#[derive(Debug)]
struct Column {
    heading: String,
    cells: Vec<Shown>,
}

/// A cell, and whether it is marked as the best.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub(super) text: String,
    pub(super) best: bool,
}

impl Shown {
    pub(super) fn plain(text: impl Into<String>) -> Shown {
        Shown { text: text.into(), best: false }
    }
}

impl Column {
    /// A mark has a place of its own, so that digits stand below each other.
    fn width(&self) -> usize {
        let cells = self.cells.iter().map(|cell| cell.text.chars().count() + 1);
        cells.chain([self.heading.chars().count() + 1]).max().unwrap_or(0)
    }
}

impl Table {
    /// One whose rows have these names.
    pub(super) fn of(heading: &str, names: Vec<Shown>) -> Table {
        Table { columns: vec![Column { heading: heading.to_owned(), cells: names }] }
    }

    /// Adds a column if it still fits into lines of `width` columns of the terminal, or is the first
    /// beside the names; whether it does.
    pub(super) fn add(&mut self, heading: &str, cells: &[Shown], width: usize) -> bool {
        let column = Column { heading: heading.to_owned(), cells: cells.to_vec() };
        let used: usize = self.columns.iter().map(|column| column.width() + GAP).sum();
        let fits = used + column.width() <= width || self.columns.len() == 1;
        if fits {
            self.columns.push(column);
        }
        fits
    }

    /// The lines; with colour the best cells are bold.
    pub(super) fn lines(&self, colour: bool) -> String {
        let rows = self.columns.first().map_or(0, |column| column.cells.len());
        let mut out = String::new();
        for row in 0..=rows {
            let mut line = String::new();
            for (place, column) in self.columns.iter().enumerate() {
                let heading = Shown::plain(column.heading.clone());
                let cell = if row == 0 { &heading } else { &column.cells[row - 1] };
                let mark = if cell.best { "*" } else { " " };
                let text = format!("{}{mark}", cell.text);
                let pad = " ".repeat(column.width() - text.chars().count());
                let text = match colour && cell.best {
                    true => format!("\x1b[1m{text}\x1b[0m"),
                    false => text,
                };
                let gap = if place == 0 { "" } else { "  " };
                let _ = match place {
                    0 => write!(line, "{text}{pad}"),
                    _ => write!(line, "{gap}{pad}{text}"),
                };
            }
            out += line.trim_end();
            out.push('\n');
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_stand_below_each_other() {
        let cells = |texts: [&str; 2]| texts.map(Shown::plain).to_vec();
        let mut table = Table::of("MODEL", cells(["epoll", "thread"]));
        let best = [Shown { text: "5 µs".into(), best: true }, Shown::plain("12 µs")];
        assert!(table.add("0", &best, 100));
        assert_eq!(table.lines(false), "MODEL        0\nepoll     5 µs*\nthread   12 µs\n");
        assert!(!table.add(&"x".repeat(90), &cells(["", ""]), 100));
        // What is wider than any line has one of its own.
        let mut narrow = Table::of("MODEL", cells(["epoll", "thread"]));
        assert!(narrow.add(&"x".repeat(90), &cells(["", ""]), 40));
    }
}
