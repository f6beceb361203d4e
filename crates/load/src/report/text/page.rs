//! Sections of lines, in colour or not.

/// Columns of a page.
pub(super) const WIDTH: usize = 80;
/// Columns of what stands before a line's text.
pub(super) const LABEL: usize = 14;

/// How a text looks on a terminal: what ECMA-48 calls its rendition.
#[derive(Clone, Copy, Debug)]
pub(super) enum Look {
    Plain,
    Strong,
    Faint,
    Bar,
    Warning,
    Error,
}

impl Look {
    fn code(self) -> &'static str {
        match self {
            Look::Plain => "",
            Look::Strong => "1",
            Look::Faint => "2",
            Look::Bar => "36",
            Look::Warning => "1;33",
            Look::Error => "1;31",
        }
    }
}

/// What has been written so far.
#[derive(Debug)]
pub(super) struct Page {
    out: String,
    colour: bool,
}

impl Page {
    pub(super) fn new(colour: bool) -> Page {
        Page { out: String::new(), colour }
    }

    /// A line of texts, each with its look; no space at its end.
    pub(super) fn line(&mut self, texts: &[(Look, &str)]) {
        let last = texts.iter().rposition(|(_, text)| !text.trim_end().is_empty());
        for (place, (look, text)) in texts.iter().enumerate() {
            let text = match last {
                Some(last) if place < last => text,
                Some(last) if place == last => text.trim_end(),
                _ => break,
            };
            match self.colour && !look.code().is_empty() {
                true => self.out += &format!("\x1b[{}m{text}\x1b[0m", look.code()),
                false => self.out += text,
            }
        }
        self.out.push('\n');
    }

    /// An empty line, the name of what follows, and words about all of it.
    pub(super) fn section(&mut self, name: &str, about: &str) {
        self.headed(name, Look::Strong, about);
    }

    /// The same for what must not be overlooked.
    pub(super) fn headed(&mut self, name: &str, look: Look, about: &str) {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        let padding = " ".repeat(LABEL.saturating_sub(name.chars().count()));
        self.line(&[(look, name), (Look::Plain, &padding), (Look::Plain, about)]);
    }

    /// A name and what there is to say about it, on as many lines as it takes.
    pub(super) fn entry(&mut self, name: &str, text: &str) {
        for (number, words) in wrapped(text, WIDTH - LABEL).iter().enumerate() {
            let label =
                format!("{:LABEL$}", if number == 0 { format!("  {name}") } else { "".into() });
            self.line(&[(Look::Faint, &label), (Look::Plain, words)]);
        }
    }

    /// An item of a list, marked and indented.
    pub(super) fn item(&mut self, look: Look, mark: &str, text: &str) {
        let indent = 3 + mark.chars().count();
        for (number, words) in wrapped(text, WIDTH - indent).iter().enumerate() {
            let mark = if number == 0 { format!("  {mark} ") } else { " ".repeat(indent) };
            self.line(&[(look, &mark), (Look::Plain, words)]);
        }
    }

    pub(super) fn finish(self) -> String {
        self.out
    }
}

/// Lines of at most `width` characters; a longer word is broken.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if used > 0 && used + 1 + length <= width {
            lines.last_mut().expect("there is a first line").push(' ');
            used += 1;
        } else if used > 0 {
            lines.push(String::new());
            used = 0;
        }
        for letter in word.chars() {
            if used == width {
                lines.push(String::new());
                used = 0;
            }
            // What came from a server must not end a line, or command a terminal.
            let letter = if letter.is_control() { '\u{fffd}' } else { letter };
            lines.last_mut().expect("there is a first line").push(letter);
            used += 1;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_wrapped_and_broken_where_they_must_be() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert_eq!(wrapped("", 3), [""]);
    }

    /// Kills: a server whose reply, shown as an excerpt, writes to the terminal.
    #[test]
    fn control_characters_are_not_passed_on() {
        assert_eq!(wrapped("a\x1b[2Jb", 20), ["a\u{fffd}[2Jb"]);
    }

    #[test]
    fn colour_ends_before_the_line_does_and_trailing_space_is_cut() {
        let mut page = Page::new(true);
        page.line(&[(Look::Strong, "a "), (Look::Plain, "b  "), (Look::Plain, "  ")]);
        assert_eq!(page.finish(), "\x1b[1ma \x1b[0mb\n");
        let mut page = Page::new(false);
        page.line(&[(Look::Error, "a ")]);
        assert_eq!(page.finish(), "a\n");
    }
}
