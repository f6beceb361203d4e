//! What of a line is passed on, and what a name may be.

/// The longest name of a person or a room, in characters.
pub(super) const NAME_MAX: usize = 20;

/// A line as others may see it: UTF-8, without anything that would move their cursor, change their
/// colours, or write from right to left over what stands there. `None`: it is no UTF-8.
pub(super) fn cleaned(line: &[u8]) -> Option<String> {
    let text = match line.contains(&telnet::COMMAND) {
        true => String::from_utf8(telnet::without_commands(line)).ok()?,
        false => std::str::from_utf8(line).ok()?.to_owned(),
    };
    let text = match text.chars().any(is_unseen) {
        true => text.chars().filter_map(shown).collect(),
        false => text,
    };
    Some(match text.trim_end().len() {
        len if len == text.len() => text,
        len => text[..len].to_owned(),
    })
}

fn shown(c: char) -> Option<char> {
    match c {
        '\t' => Some(' '),
        c => (!is_unseen(c)).then_some(c),
    }
}

/// Control characters; Unicode's separators of lines; what changes the direction of what follows
/// (Unicode Standard Annex 9); what takes no room and could tell apart what looks the same: the mark of
/// byte order, the space of no width, the soft hyphen, the marks of annotations, tags. The joiners of
/// no width (U+200C, U+200D) are part of how some scripts and pictures are written.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{feff}')
        || matches!(c, '\u{200b}' | '\u{ad}' | '\u{fff9}'..='\u{fffb}')
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || ('\u{e0000}'..='\u{e007f}').contains(&c)
}

/// Whether somebody, or a room, may be called that: letters and digits of any script that can be seen,
/// `-`, `_`, and nothing that is there to look like something else (`lookalike`).
pub(super) fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() && !is_unseen_letter(c) || matches!(c, '-' | '_');
    let length = name.chars().count();
    // Who is called so could speak for others: `[you to ann]`.
    (1..=NAME_MAX).contains(&length)
        && name.chars().all(plain)
        && !lookalike::is_one(name)
        && folded(name) != "you"
}

/// Letters that nothing is drawn for, so that who has one in a name is called like somebody else: the
/// fillers of Hangul. Of the characters that Unicode calls `Default_Ignorable_Code_Point`
/// (DerivedCoreProperties.txt), these are the letters.
fn is_unseen_letter(c: char) -> bool {
    matches!(c, '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}')
}

/// The same for names that are told apart by capitals only.
pub(super) fn folded(name: &str) -> String {
    name.chars().flat_map(char::to_lowercase).collect()
}

/// Names that look like others: `аnn` with a Cyrillic letter, `ａｎｎ` of full width. What is left are
/// names of one script that look like those of another as a whole (`сосо`), and letters of one script
/// that look alike (`l`, `I`); Unicode Technical Standard 39 has tables of those, which are larger than
/// this service.
mod lookalike {
    use std::ops::RangeInclusive;

    pub(super) fn is_one(name: &str) -> bool {
        let mut scripts = name.chars().filter_map(script);
        let first = scripts.next();
        scripts.any(|script| Some(script) != first) || name.chars().any(is_variant)
    }

    /// Which of the scripts it belongs to whose letters look alike (Unicode, `Scripts.txt`).
    fn script(c: char) -> Option<usize> {
        let of = |ranges: &&[RangeInclusive<char>]| ranges.iter().any(|range| range.contains(&c));
        SCRIPTS.iter().position(of)
    }

    /// Whether it is another form of some letter or digit, which NFKC would put in its place: of full
    /// width, mathematical, raised, in a circle, a ligature, a form for one place in a word.
    fn is_variant(c: char) -> bool {
        VARIANTS.iter().any(|range| range.contains(&c))
    }

    /// Latin, Greek, Cyrillic, Armenian, Cherokee, Lisu, Coptic, Georgian, Deseret.
    const SCRIPTS: [&[RangeInclusive<char>]; 9] = [
        &[
            'a'..='z',
            'A'..='Z',
            '\u{c0}'..='\u{2b8}',
            '\u{1e00}'..='\u{1eff}',
            '\u{2c60}'..='\u{2c7f}',
            '\u{a722}'..='\u{a7ff}',
            '\u{ab30}'..='\u{ab6f}',
        ],
        &['\u{370}'..='\u{3e1}', '\u{3f0}'..='\u{3ff}', '\u{1f00}'..='\u{1fff}'],
        &[
            '\u{400}'..='\u{52f}',
            '\u{1c80}'..='\u{1c8f}',
            '\u{2de0}'..='\u{2dff}',
            '\u{a640}'..='\u{a69f}',
        ],
        &['\u{530}'..='\u{58f}'],
        &['\u{13a0}'..='\u{13ff}', '\u{ab70}'..='\u{abbf}'],
        &['\u{a4d0}'..='\u{a4ff}'],
        &['\u{3e2}'..='\u{3ef}', '\u{2c80}'..='\u{2cff}'],
        &['\u{10a0}'..='\u{10ff}', '\u{1c90}'..='\u{1cbf}', '\u{2d00}'..='\u{2d2f}'],
        &['\u{10400}'..='\u{1044f}'],
    ];

    /// Blocks of such forms (Unicode, `Blocks.txt`), and those few that stand in others.
    const VARIANTS: [RangeInclusive<char>; 17] = [
        '\u{aa}'..='\u{aa}',
        '\u{b2}'..='\u{be}',
        '\u{132}'..='\u{133}',
        '\u{17f}'..='\u{17f}',
        '\u{1c4}'..='\u{1cc}',
        '\u{1f1}'..='\u{1f3}',
        '\u{2b0}'..='\u{2e4}',
        '\u{1d00}'..='\u{1dbf}',
        '\u{2070}'..='\u{218f}',
        '\u{2460}'..='\u{24ff}',
        '\u{2776}'..='\u{2793}',
        '\u{3200}'..='\u{33ff}',
        '\u{f900}'..='\u{fdff}',
        '\u{fe70}'..='\u{ffef}',
        '\u{1d400}'..='\u{1d7ff}',
        '\u{1ee00}'..='\u{1fbff}',
        '\u{2f800}'..='\u{2fa1f}',
    ];
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

    #[test]
    fn what_would_spoil_a_terminal_is_taken_out() {
        let clean = |text: &str| cleaned(text.as_bytes()).unwrap();
        assert_eq!(clean("plain, 你好, ü, 👩\u{200d}🚀"), "plain, 你好, ü, 👩\u{200d}🚀");
        assert_eq!(clean("\u{1b}[31mred\u{1b}[0m\u{7}"), "[31mred[0m");
        assert_eq!(clean("a\tb\rc\u{85}d\u{202e}e\u{2028}f\0"), "a bcdef");
        assert_eq!(clean("a\u{200b}b\u{ad}c\u{fff9}d\u{fffb}e\u{e0001}f\u{e007f}"), "abcdef");
        assert_eq!(clean("می\u{200c}خواهم"), "می\u{200c}خواهم");
        assert_eq!(clean("trailing \t "), "trailing");
        assert_eq!(clean("\u{1}\u{2}"), "");
        assert_eq!(cleaned(b"caf\xe9"), None);
        assert_eq!(cleaned(b"\xed\xa0\x80"), None);
    }

    #[test]
    fn telnet_commands_are_no_text() {
        assert_eq!(cleaned(b"\xff\xf4\xff\xfd\x06hello").unwrap(), "hello");
        assert_eq!(cleaned(b"he\xff\xfa\x18\0xterm\xff\xf0llo\xff").unwrap(), "hello");
        assert_eq!(cleaned(b"a\xff\xfa\x18").unwrap(), "a");
        assert_eq!(cleaned(b"\xfe"), None);
    }

    /// Kills: `ann` beside another `ann`, with something between that nobody sees.
    #[test]
    fn nothing_unseen_is_in_a_name() {
        // Default_Ignorable_Code_Point of Unicode 16.
        let ignorable = [
            0xad..=0xad,
            0x34f..=0x34f,
            0x61c..=0x61c,
            0x115f..=0x1160,
            0x17b4..=0x17b5,
            0x180b..=0x180f,
            0x200b..=0x200f,
            0x202a..=0x202e,
            0x2060..=0x206f,
            0x3164..=0x3164,
            0xfe00..=0xfe0f,
            0xfeff..=0xfeff,
            0xffa0..=0xffa0,
            0xfff0..=0xfff8,
            0x1bca0..=0x1bca3,
            0x1d173..=0x1d17a,
            0xe0000..=0xe0fff,
        ];
        for c in ignorable.into_iter().flatten().filter_map(char::from_u32) {
            assert!(!is_name(&format!("an{c}n")), "{:x}", u32::from(c));
        }
    }

    /// Kills: `ann` beside another `ann`, one letter of whom is from elsewhere.
    #[test]
    fn a_name_has_no_letters_that_look_like_others() {
        let lookalikes = [
            "\u{430}nn",
            "ann\u{3bf}",
            "\u{ff41}nn",
            "\u{1d41a}nn",
            "an\u{207f}",
            "\u{24d0}nn",
            "\u{fb01}n",
            "\u{3b1}\u{430}",
            "\u{561}nn",
            "an\u{13cf}",
            "ann\u{b2}",
            "ann\u{ff11}",
            "\u{1f130}nn",
            "\u{17f}am",
            "\u{2c9f}nn",
        ];
        for name in lookalikes {
            assert!(!is_name(name), "{name}");
        }
        let names = [
            "анна",
            "Άννα",
            "Անի",
            "Ænne-2",
            "ნინო",
            "李x",
            "アン",
            "אן",
            "آن",
            "आन",
            "안나1",
            "ß",
            "đ",
        ];
        for name in names {
            assert!(is_name(name), "{name}");
        }
    }

    #[test]
    fn names_are_words() {
        for name in ["ann", "Ann-2", "小明", "x_y", "ÄÖÜ", "abcdefghijabcdefghij"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "two words", "a\u{1b}", "<b>", "a/b", "You", "abcdefghijabcdefghijk", "a:"]
        {
            assert!(!is_name(name), "{name}");
        }
        assert_eq!(folded("ÄNN"), folded("änn"));
    }
}
