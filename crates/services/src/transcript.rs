//! A peer's story in lines: decoded, control characters escaped, each line with the peer's address
//! before it and short enough to be one write.

use std::fmt::Write;

use encoding_rs::{CoderResult, Decoder, Encoding};
use switchboard_core::{Ending, Endpoint};

use crate::printing::LINE_MAX;

/// What is told of one peer. Each line ends with a line feed.
pub(crate) struct Transcript {
    address: String,
    decoder: Decoder,
}

impl Transcript {
    pub(crate) fn new(address: &Endpoint, encoding: &'static Encoding) -> Transcript {
        Transcript {
            address: address.to_string(),
            decoder: encoding.new_decoder_with_bom_removal(),
        }
    }

    /// The peer is here.
    pub(crate) fn connected(&self) -> String {
        format!("{} connected\n", self.address)
    }

    /// The peer sent `bytes`: usually one line, several if they are long, none if they are only
    /// the beginning of a character.
    pub(crate) fn sent(&mut self, bytes: &[u8]) -> Vec<String> {
        let text = self.decode(bytes, false);
        self.pieces(&text)
    }

    /// The peer is gone: the character that it left unfinished, if it did, and why it went.
    pub(crate) fn left(mut self, ending: Ending) -> Vec<String> {
        let text = self.decode(&[], true);
        let mut lines = self.pieces(&text);
        lines.push(match ending {
            Ending::Left => format!("{} left\n", self.address),
            why => format!("{} left ({why})\n", self.address),
        });
        lines
    }

    /// Bytes that mean nothing in the character set become U+FFFD.
    fn decode(&mut self, mut bytes: &[u8], last: bool) -> String {
        let mut text = String::new();
        loop {
            let room = self.decoder.max_utf8_buffer_length(bytes.len());
            text.reserve(room.unwrap_or(bytes.len()).max(16));
            let (result, read, _) = self.decoder.decode_to_string(bytes, &mut text, last);
            bytes = &bytes[read..];
            if let CoderResult::InputEmpty = result {
                return text;
            }
        }
    }

    fn pieces(&self, text: &str) -> Vec<String> {
        let start = format!("{} sent ", self.address);
        let mut lines = Vec::new();
        let mut line = String::new();
        let mut escaped = String::new();
        for c in text.chars() {
            escaped.clear();
            escape(c, &mut escaped);
            if !line.is_empty() && line.len() + escaped.len() >= LINE_MAX {
                line.push('\n');
                lines.push(std::mem::take(&mut line));
            }
            if line.is_empty() {
                line.push_str(&start);
            }
            line.push_str(&escaped);
        }
        if !line.is_empty() {
            line.push('\n');
            lines.push(line);
        }
        lines
    }
}

/// Escapes what would end the line, move the cursor, or reorder what a terminal shows.
fn escape(c: char, into: &mut String) {
    match c {
        '\n' => into.push_str("\\n"),
        '\r' => into.push_str("\\r"),
        '\t' => into.push_str("\\t"),
        '\\' => into.push_str("\\\\"),
        '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            let _ = write!(into, "{}", c.escape_unicode());
        }
        c if c.is_control() => {
            let _ = write!(into, "{}", c.escape_unicode());
        }
        c => into.push(c),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::charset;

    fn transcript(charset: &str) -> Transcript {
        let address: std::net::SocketAddr = "192.0.2.1:9".parse().unwrap();
        Transcript::new(&address.into(), charset::find(charset).unwrap())
    }

    /// What was sent, without the beginnings of the lines.
    fn told(lines: &[String]) -> String {
        lines.iter().map(|line| &line["192.0.2.1:9 sent ".len()..line.len() - 1]).collect()
    }

    #[test]
    fn a_story_has_a_beginning_and_an_end() {
        let mut story = transcript("utf-8");
        assert_eq!(story.connected(), "192.0.2.1:9 connected\n");
        assert_eq!(story.sent(b"a\r\nb\x1b[2J\\"), ["192.0.2.1:9 sent a\\r\\nb\\u{1b}[2J\\\\\n"]);
        assert_eq!(story.left(Ending::Left), ["192.0.2.1:9 left\n"]);
        assert_eq!(transcript("gbk").left(Ending::Reset), ["192.0.2.1:9 left (reset)\n"]);
    }

    #[test]
    fn a_character_of_gb2312_may_come_in_two_reads() {
        let mut story = transcript("gb2312");
        assert!(story.sent(&[0xc4]).is_empty());
        assert_eq!(story.sent(&[0xe3, 0xba]), ["192.0.2.1:9 sent 你\n"]);
        assert_eq!(story.left(Ending::Left), ["192.0.2.1:9 sent \u{fffd}\n", "192.0.2.1:9 left\n"]);
    }

    #[test]
    fn a_long_message_is_several_lines_of_one_write_each() {
        let mut story = transcript("utf-8");
        let message = "\u{1b}x你".repeat(2000);
        let lines = story.sent(message.as_bytes());
        assert!(lines.len() > 1);
        assert!(lines.iter().all(|line| line.len() <= LINE_MAX && line.ends_with('\n')));
        assert!(lines[0].len() > LINE_MAX - 16, "lines are filled: {}", lines[0].len());
        assert_eq!(told(&lines), message.replace('\u{1b}', "\\u{1b}"));
    }

    proptest! {
        #[test]
        fn where_the_input_is_cut_changes_no_character(
            text in "[\\x00-\\x7f你好世界€😀\u{202e}]{0,60}",
            charset in prop::sample::select(vec!["utf-8", "gb18030", "gb2312", "utf-16be"]),
            cuts in prop::collection::vec(1usize..9, 0..30),
        ) {
            let mut bytes = match charset {
                "utf-16be" => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
                name => charset::find(name).unwrap().encode(&text).0.into_owned(),
            };
            // Also what is no character.
            bytes.extend_from_slice(&[0xff, 0x81]);
            let mut whole = transcript(charset);
            let mut expected = told(&whole.sent(&bytes));
            let end = whole.left(Ending::Left);
            expected.push_str(&told(&end[..end.len() - 1]));

            let mut cut = transcript(charset);
            let mut rest = &bytes[..];
            let mut got = String::new();
            for at in cuts.into_iter().chain(std::iter::repeat(1000)) {
                let (piece, later) = rest.split_at(at.min(rest.len()));
                got.push_str(&told(&cut.sent(piece)));
                rest = later;
                if rest.is_empty() { break }
            }
            let end = cut.left(Ending::Left);
            got.push_str(&told(&end[..end.len() - 1]));
            prop_assert_eq!(&got, &expected);
            if charset != "gb2312" {
                let mut plain = String::new();
                text.chars().for_each(|c| escape(c, &mut plain));
                prop_assert!(got.starts_with(&plain), "{got} is not {plain}");
            }
        }
    }
}
