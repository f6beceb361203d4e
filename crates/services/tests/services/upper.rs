//! Upper, in characters and in bytes.

use switchboard_core::Limits;

use crate::driver::conversation;
use crate::service;

fn upper(options: &str, bytes: &[u8]) -> Vec<u8> {
    conversation(&service("upper", options), Limits::default(), &[bytes], true)
}

#[test]
fn ascii_leaves_other_letters_alone() {
    assert_eq!(upper("", "abc ß é\n".as_bytes()), "ABC ß é\n".as_bytes());
}

#[test]
fn unicode_raises_letters_that_grow() {
    let raised = upper("unicode", "straße ŉ éж ΐ\n".as_bytes());
    assert_eq!(String::from_utf8(raised).unwrap(), "STRASSE ʼN ÉЖ Ι\u{308}\u{301}\n");
}

#[test]
fn what_is_no_character_passes() {
    assert_eq!(upper("unicode", b"a\xffb\xe2\x82c\xed\xa0\x80"), b"A\xffB\xe2\x82C\xed\xa0\x80");
}

#[test]
fn a_begun_character_passes_at_the_end_of_input() {
    assert_eq!(upper("unicode", b"a\xf0\x9f\x98"), b"A\xf0\x9f\x98");
}
