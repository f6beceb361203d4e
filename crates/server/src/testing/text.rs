//! What came and what was expected, side by side and escaped.

/// Bytes of context on either side of the first difference of long texts.
const CONTEXT: usize = 60;

/// Two lines: what was expected, what came.
pub(super) fn beside(expected: &[u8], came: &[u8]) -> String {
    let at = expected.iter().zip(came).take_while(|(a, b)| a == b).count();
    format!("expected: {}\n    came: {}", around(expected, at), around(came, at))
}

/// The bytes, escaped; of a long text only those around `at`.
pub(super) fn around(bytes: &[u8], at: usize) -> String {
    let from = if at > 2 * CONTEXT { at - CONTEXT } else { 0 };
    let to = bytes.len().min(from.max(at) + CONTEXT * 2);
    let from = from.min(to);
    let mut text = String::new();
    if from > 0 {
        text += &format!("({from} bytes as expected) ");
    }
    text += &format!("\"{}\"", bytes[from..to].escape_ascii());
    if to < bytes.len() {
        text += &format!(" ({} more bytes)", bytes.len() - to);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_texts_are_shown_whole_and_escaped() {
        assert_eq!(beside(b"a\n", b"a\r\n"), "expected: \"a\\n\"\n    came: \"a\\r\\n\"");
    }

    #[test]
    fn long_texts_are_shown_around_their_first_difference() {
        let (mut a, b) = (vec![b'x'; 5000], vec![b'x'; 5000]);
        a[3000] = b'A';
        let text = beside(&a, &b);
        assert!(text.contains("(2940 bytes as expected)"), "{text}");
        assert!(text.contains("xAx"), "{text}");
        assert!(text.len() < 600, "{text}");
    }
}
