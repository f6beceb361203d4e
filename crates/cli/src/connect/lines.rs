//! The ends of the lines that are sent. Text comes in pieces of any size, so that a CR at the end
//! of one piece is held back until the next one shows whether it belongs to a line end.

/// What `--end` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LineEnd {
    /// A line feed; from a pipe, everything as it comes
    Lf,
    /// Carriage return and line feed, as most Internet protocols ask
    Crlf,
    /// Nothing: the text of the lines alone
    None,
}

/// Turns the line ends of the input into those of the server, piece by piece.
#[derive(Debug)]
pub(super) struct LineEnds {
    end: LineEnd,
    skip_empty: bool,
    at_start: bool,
    held_cr: bool,
}

impl LineEnds {
    /// `skip_empty` leaves out lines without text, as befits a keyboard.
    pub(super) fn new(end: LineEnd, skip_empty: bool) -> LineEnds {
        LineEnds { end, skip_empty, at_start: true, held_cr: false }
    }

    /// Appends to `sent` what the next piece of the input comes to.
    pub(super) fn convert(&mut self, piece: &[u8], sent: &mut Vec<u8>) {
        if self.end == LineEnd::Lf && !self.skip_empty {
            return sent.extend_from_slice(piece);
        }
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            let text = part.strip_suffix(b"\n");
            self.part(text.unwrap_or(part), text.is_some(), sent);
        }
    }

    /// Appends what was held back. The input has ended.
    pub(super) fn finish(&mut self, sent: &mut Vec<u8>) {
        if std::mem::take(&mut self.held_cr) {
            sent.push(b'\r');
        }
    }

    /// A whole line or a part of one, without its line feed; `ended` tells whether it had one.
    fn part(&mut self, text: &[u8], ended: bool, sent: &mut Vec<u8>) {
        let was_start = std::mem::replace(&mut self.at_start, ended);
        if self.skip_empty && was_start && ended && text.is_empty() {
            return;
        }
        if !(ended && text.is_empty()) {
            self.finish(sent);
        }
        let (text, cr) = match text.strip_suffix(b"\r") {
            Some(text) if self.end != LineEnd::Lf => (text, true),
            _ => (text, false),
        };
        sent.extend_from_slice(text);
        self.held_cr = cr && !ended;
        if ended {
            sent.extend_from_slice(match self.end {
                LineEnd::Lf => b"\n",
                LineEnd::Crlf => b"\r\n",
                LineEnd::None => b"",
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The input in pieces of every size; they must agree.
    fn sent(end: LineEnd, skip_empty: bool, input: &str) -> String {
        let convert = |size: usize| {
            let (mut ends, mut sent) = (LineEnds::new(end, skip_empty), Vec::new());
            input.as_bytes().chunks(size).for_each(|piece| ends.convert(piece, &mut sent));
            ends.finish(&mut sent);
            String::from_utf8(sent).unwrap()
        };
        let whole = convert(input.len());
        (1..input.len()).for_each(|size| assert_eq!(convert(size), whole, "pieces of {size}"));
        whole
    }

    #[test]
    fn lf_changes_nothing() {
        assert_eq!(sent(LineEnd::Lf, false, "a\r\nb\n\n\rc\r"), "a\r\nb\n\n\rc\r");
    }

    #[test]
    fn crlf_replaces_each_line_end_once() {
        assert_eq!(
            sent(LineEnd::Crlf, false, "a\r\nb\n\nc\rd\r\r\ne"),
            "a\r\nb\r\n\r\nc\rd\r\r\ne"
        );
        assert_eq!(sent(LineEnd::Crlf, false, "a\r"), "a\r");
    }

    #[test]
    fn none_removes_line_ends_and_nothing_else() {
        assert_eq!(sent(LineEnd::None, false, "a\r\nb\n\nc\rd\r"), "abc\rd\r");
    }

    #[test]
    fn empty_lines_of_a_keyboard_are_left_out() {
        assert_eq!(sent(LineEnd::Lf, true, "\na\n\n\nb"), "a\nb");
        assert_eq!(sent(LineEnd::Crlf, true, "\n\na\n"), "a\r\n");
    }
}
