//! The row on which the server's unfinished line stands, directly above the line being typed. A
//! continuation goes back up to where it stopped, so that a line split over reads stays one line.

/// Knows one column only: long lines cost no more than short ones.
#[derive(Debug, Default)]
pub(super) struct Row {
    /// Of the unfinished line, if any. It equals the width where the next character wraps.
    column: Option<usize>,
    columns: usize,
}

impl Row {
    /// What to write for `text` in a terminal of `columns`, from the start of the row below the
    /// unfinished line. Afterwards the cursor is at the start of a row again.
    pub(super) fn paint(&mut self, text: &str, columns: usize) -> String {
        if columns != std::mem::replace(&mut self.columns, columns) {
            // The terminal may have wrapped the row anew: nobody knows where it ended.
            self.column = None;
        }
        let mut painted = String::with_capacity(text.len() + 16);
        match self.column {
            _ if text.is_empty() => return painted,
            Some(0) => painted.push_str("\x1b[A"),
            Some(column) if column < columns => painted.push_str(&format!("\x1b[A\x1b[{column}C")),
            // The row is full, so that what follows starts on the next one, where the cursor is.
            Some(_) => self.column = Some(0),
            None => {}
        }
        painted.push_str(text);
        text.chars().for_each(|character| self.advance(character));
        if self.column.is_some() {
            painted.push('\n');
        }
        painted
    }

    /// Another line stands below the unfinished one now: it stays as it is.
    pub(super) fn leave(&mut self) {
        self.column = None;
    }

    fn advance(&mut self, character: char) {
        let column = self.column.unwrap_or(0);
        self.column = match character {
            '\n' => None,
            '\r' => Some(0),
            '\t' => Some((column / 8 * 8 + 8).min(self.columns.saturating_sub(1)).max(column)),
            other => match column + width(other) {
                next if next > self.columns => Some(width(other)),
                next => Some(next),
            },
        };
    }
}

/// How many columns terminals give a character; a rare wrong guess shifts one continuation.
fn width(character: char) -> usize {
    match u32::from(character) {
        0x0300..=0x036f | 0x200b..=0x200f | 0x20d0..=0x20ff | 0xfe00..=0xfe0f | 0xfeff => 0,
        0x1100..=0x115f
        | 0x2e80..=0x303e
        | 0x3041..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1f64f
        | 0x1f900..=0x1f9ff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_lines_are_written_as_they_are() {
        let mut row = Row::default();
        assert_eq!(row.paint("a\r\nb\n", 80), "a\r\nb\n");
        assert_eq!(row.paint("c\n", 80), "c\n");
    }

    #[test]
    fn a_continuation_goes_back_to_where_the_line_stopped() {
        let mut row = Row::default();
        assert_eq!(row.paint("log", 80), "log\n");
        assert_eq!(row.paint("in: ", 80), "\x1b[A\x1b[3Cin: \n");
        assert_eq!(row.paint("你", 80), "\x1b[A\x1b[7C你\n");
        assert_eq!(row.paint("!\r", 80), "\x1b[A\x1b[9C!\r\n");
        assert_eq!(row.paint("x\n", 80), "\x1b[Ax\n");
    }

    #[test]
    fn a_full_row_goes_on_below() {
        let mut row = Row::default();
        assert_eq!(row.paint("abcd", 4), "abcd\n");
        assert_eq!(row.paint("ef", 4), "ef\n");
        assert_eq!(row.paint("g", 4), "\x1b[A\x1b[2Cg\n");
    }

    #[test]
    fn a_line_typed_below_or_a_new_width_ends_the_row() {
        let mut row = Row::default();
        row.paint("login: ", 80);
        row.leave();
        assert_eq!(row.paint("hi", 80), "hi\n");
        assert_eq!(row.paint("ho", 90), "ho\n");
    }
}
