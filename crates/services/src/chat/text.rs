//! What of a line is passed on.

use unicode_normalization::char::is_combining_mark;

/// The most marks above and below one letter: more than any language writes, and few enough not to
/// reach into the lines around it. (Unicode Standard Annex 15, "Stream-Safe Text", allows 30.)
const MARKS_MOST: usize = 8;

/// A line as others may see it: UTF-8, without anything that would move their cursor, change their
/// colours, write from right to left over what stands there, or over the lines around it. Empty, if
/// there is nothing to be seen in it. `None`: it is no UTF-8.
pub(super) fn cleaned(line: &[u8]) -> Option<String> {
    let text = match line.contains(&telnet::COMMAND) {
        true => String::from_utf8(telnet::without_commands(line)).ok()?,
        false => std::str::from_utf8(line).ok()?.to_owned(),
    };
    let text = match text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        true => text,
        false => shown(&text),
    };
    Some(match text.trim_end().len() {
        len if len == text.len() => text,
        len => text[..len].to_owned(),
    })
}

fn shown(text: &str) -> String {
    let mut marks = 0;
    let shown = text.chars().filter(|c| *c == '\t' || !is_unseen(*c)).filter(|c| {
        marks = if is_combining_mark(*c) { marks + 1 } else { 0 };
        marks <= MARKS_MOST
    });
    let shown: String = shown.map(|c| if c == '\t' { ' ' } else { c }).collect();
    match shown.chars().all(is_blank) {
        true => String::new(),
        false => shown,
    }
}

/// Control characters; Unicode's separators of lines; what changes the direction of what follows
/// (Unicode Standard Annex 9); and what else is not drawn (`Default_Ignorable_Code_Point`), but for
/// what is part of how some scripts and pictures are written: the joiners of no width (U+200C,
/// U+200D), selectors of variants, the fillers of Hangul's parts, the marks of Mongolian.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{feff}')
        || matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{17b4}' | '\u{17b5}')
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fff0}'..='\u{fffb}')
        || matches!(c, '\u{3164}' | '\u{ffa0}' | '\u{1bca0}'..='\u{1bca3}')
        || matches!(c, '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e00ff}')
        || matches!(c, '\u{e01f0}'..='\u{e0fff}')
}

/// Nothing is drawn for it alone.
fn is_blank(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
        || matches!(c, '\u{115f}' | '\u{1160}' | '\u{180b}'..='\u{180f}' | '\u{2800}')
}

/// What `telnet` sends besides text (RFC 854), at Ctrl-C for example.
mod telnet {
    /// IAC: a command follows. No byte of UTF-8.
    pub(super) const COMMAND: u8 = 255;
    const BEGIN: u8 = 250;
    const END: u8 = 240;

    pub(super) fn without_commands(line: &[u8]) -> Vec<u8> {
        let (mut text, mut rest) = (Vec::with_capacity(line.len()), line);
        while let [byte, after @ ..] = rest {
            rest = match (*byte, after) {
                (COMMAND, [BEGIN, after @ ..]) => {
                    let end = after.windows(2).position(|pair| pair == [COMMAND, END]);
                    end.map_or(&[], |end| &after[end + 2..])
                }
                // WILL, WON'T, DO, DON'T, and what.
                (COMMAND, [251..=254, _, after @ ..]) => after,
                (COMMAND, [_, after @ ..]) => after,
                (COMMAND, []) => &[],
                (byte, after) => {
                    text.push(byte);
                    after
                }
            };
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean(text: &str) -> String {
        cleaned(text.as_bytes()).unwrap()
    }

    #[test]
    fn what_would_spoil_a_terminal_is_taken_out() {
        assert_eq!(clean("plain, 你好, ü, 👩\u{200d}🚀"), "plain, 你好, ü, 👩\u{200d}🚀");
        assert_eq!(clean("\u{1b}[31mred\u{1b}[0m\u{7}"), "[31mred[0m");
        assert_eq!(clean("a\tb\rc\u{85}d\u{202e}e\u{2028}f\0"), "a bcdef");
        assert_eq!(clean("a\u{200b}b\u{ad}c\u{fff9}d\u{fffb}e\u{e0001}f\u{e007f}"), "abcdef");
        assert_eq!(clean("a\u{2060}b\u{34f}c\u{3164}d"), "abcd");
        assert_eq!(clean("می\u{200c}خواهم"), "می\u{200c}خواهم");
        assert_eq!(clean("❤\u{fe0f}"), "❤\u{fe0f}");
        assert_eq!(clean("trailing \t "), "trailing");
        assert_eq!(clean("\u{1}\u{2}"), "");
        assert_eq!(cleaned(b"caf\xe9"), None);
        assert_eq!(cleaned(b"\xed\xa0\x80"), None);
    }

    /// Kills: a line in which nobody sees anything, said by somebody.
    #[test]
    fn a_line_of_what_is_not_drawn_is_empty() {
        for blank in ["\u{2060}", "\u{200d}", "\u{3164}", "\u{2800} \u{2800}", "\u{fe0f}", "\u{a0}"]
        {
            assert_eq!(clean(blank), "", "{blank:?}");
        }
        assert_eq!(clean("⠓\u{2800}⠊"), "⠓\u{2800}⠊");
    }

    /// Kills: letters under so many accents that they cover the lines above.
    #[test]
    fn no_letter_has_more_marks_than_languages_write() {
        let tower = |height: usize| format!("z{}z", "\u{301}".repeat(height));
        assert_eq!(clean(&tower(MARKS_MOST)), tower(MARKS_MOST));
        assert_eq!(clean(&tower(450)), tower(MARKS_MOST));
        assert_eq!(clean(&format!("{0}{0}", tower(450))), format!("{0}{0}", tower(MARKS_MOST)));
    }

    #[test]
    fn telnet_commands_are_no_text() {
        assert_eq!(cleaned(b"\xff\xf4\xff\xfd\x06hello").unwrap(), "hello");
        assert_eq!(cleaned(b"he\xff\xfa\x18\0xterm\xff\xf0llo\xff").unwrap(), "hello");
        assert_eq!(cleaned(b"a\xff\xfa\x18").unwrap(), "a");
        assert_eq!(cleaned(b"\xfe"), None);
    }
}
