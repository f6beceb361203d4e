//! Character sets of servers. A character may be split over reads: both directions remember its
//! first half.

use encoding_rs::{CoderResult, Decoder, Encoder, EncoderResult, Encoding, UTF_8};

use super::ConnectArgs;
use super::lines::LineEnds;

/// A character set that can be both read and written.
pub(super) type Charset = &'static Encoding;

/// Finds the character set that `label` names.
///
/// # Errors
/// A sentence that names some that exist.
pub(super) fn parse(label: &str) -> Result<Charset, String> {
    let some = "some that work: utf-8, gbk, gb18030, big5, shift_jis, euc-jp, euc-kr, koi8-r, \
                latin1, windows-1251";
    match Encoding::for_label_no_replacement(label.as_bytes()) {
        Some(found) if found.output_encoding() == found => Ok(found),
        Some(found) => Err(format!("{} cannot be sent; {some}", found.name())),
        None => Err(format!("no character set has this name; {some}")),
    }
}

/// What the server sends, on its way to the user.
pub(super) struct Incoming {
    decoder: Decoder,
    escape: bool,
}

impl Incoming {
    /// For a terminal, which a server must not be able to drive: control characters are escaped.
    pub(super) fn for_terminal(args: &ConnectArgs) -> Incoming {
        let charset = args.encoding.unwrap_or(UTF_8);
        Incoming { decoder: charset.new_decoder_without_bom_handling(), escape: true }
    }

    /// For a file or a pipe: none where bytes pass as they are.
    pub(super) fn for_pipe(args: &ConnectArgs) -> Option<Incoming> {
        let charset = args.encoding.filter(|charset| *charset != UTF_8)?;
        Some(Incoming { decoder: charset.new_decoder_without_bom_handling(), escape: false })
    }

    /// The characters that `bytes` complete. `last`: nothing follows, so a half one is an error.
    pub(super) fn text(&mut self, bytes: &[u8], last: bool) -> String {
        let text = decode(&mut self.decoder, bytes, last);
        match self.escape {
            true => escaped(&text),
            false => text,
        }
    }
}

/// What the user sends, on its way to the server.
pub(super) struct Outgoing {
    ends: LineEnds,
    transcoder: Option<(Decoder, Encoder)>,
}

impl Outgoing {
    /// `by_hand`: from a keyboard, where empty lines are not meant.
    pub(super) fn new(args: &ConnectArgs, by_hand: bool) -> Outgoing {
        let charset = args.encoding.filter(|charset| *charset != UTF_8);
        let transcoder = charset
            .map(|charset| (UTF_8.new_decoder_without_bom_handling(), charset.new_encoder()));
        Outgoing { ends: LineEnds::new(args.end, by_hand), transcoder }
    }

    /// The bytes to send for the next piece of the input.
    pub(super) fn bytes(&mut self, piece: &[u8]) -> Vec<u8> {
        let mut sent = Vec::with_capacity(piece.len());
        self.ends.convert(piece, &mut sent);
        self.transcode(sent, false)
    }

    /// The bytes that were held back until the end of the input.
    pub(super) fn finish(&mut self) -> Vec<u8> {
        let mut sent = Vec::new();
        self.ends.finish(&mut sent);
        self.transcode(sent, true)
    }

    fn transcode(&mut self, utf8: Vec<u8>, last: bool) -> Vec<u8> {
        match &mut self.transcoder {
            Some((decoder, encoder)) => encode(encoder, &decode(decoder, &utf8, last), last),
            None => utf8,
        }
    }
}

fn decode(decoder: &mut Decoder, mut bytes: &[u8], last: bool) -> String {
    let mut text = String::with_capacity(bytes.len() + 16);
    loop {
        let (result, taken, _) = decoder.decode_to_string(bytes, &mut text, last);
        bytes = &bytes[taken..];
        match result {
            CoderResult::InputEmpty => return text,
            CoderResult::OutputFull => text.reserve(2 * bytes.len() + 16),
        }
    }
}

/// A character that the set lacks becomes a question mark.
fn encode(encoder: &mut Encoder, mut text: &str, last: bool) -> Vec<u8> {
    let mut sent = Vec::with_capacity(text.len() + 16);
    loop {
        let (result, taken) =
            encoder.encode_from_utf8_to_vec_without_replacement(text, &mut sent, last);
        text = &text[taken..];
        match result {
            EncoderResult::InputEmpty => return sent,
            EncoderResult::OutputFull => sent.reserve(2 * text.len() + 16),
            EncoderResult::Unmappable(_) => sent.push(b'?'),
        }
    }
}

fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\t' | '\r' => shown.push(character),
            control if control.is_control() => {
                shown.push_str(&format!("\\x{:02x}", u32::from(control)));
            }
            other => shown.push(other),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incoming(label: &str, escape: bool) -> Incoming {
        let decoder = parse(label).unwrap().new_decoder_without_bom_handling();
        Incoming { decoder, escape }
    }

    #[test]
    fn a_character_split_over_reads_arrives_whole() {
        let mut gbk = incoming("gbk", false);
        assert_eq!(gbk.text(b"\xc4", false), "");
        assert_eq!(gbk.text(b"\xe3\xba", false), "你");
        assert_eq!(gbk.text(b"\xc3", true), "好");
    }

    #[test]
    fn half_a_character_at_the_end_is_shown_as_an_error() {
        let mut utf8 = incoming("utf-8", false);
        assert_eq!(utf8.text(b"a\xe4", false), "a");
        assert_eq!(utf8.text(b"", true), "\u{fffd}");
    }

    #[test]
    fn a_server_cannot_drive_the_terminal() {
        let mut shown = incoming("utf-8", true);
        assert_eq!(
            shown.text("a\x1b[2J\x07\x7f\u{9b}31m\tb\r\n".as_bytes(), false),
            "a\\x1b[2J\\x07\\x7f\\x9b31m\tb\r\n"
        );
    }

    #[test]
    fn what_the_set_lacks_becomes_a_question_mark() {
        let mut latin1 = parse("latin1").unwrap().new_encoder();
        assert_eq!(encode(&mut latin1, "é你!", true), b"\xe9?!");
    }

    #[test]
    fn sets_that_cannot_be_sent_are_refused() {
        assert!(parse("utf-16le").unwrap_err().starts_with("UTF-16LE cannot be sent"));
        assert!(parse("klingon").unwrap_err().contains("gbk"));
    }
}
