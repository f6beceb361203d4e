//! Where the input is cut, and how fast the peer reads, changes nothing that it reads.

use proptest::prelude::*;
use switchboard_core::Limits;

use crate::wire::{self, sends};
use crate::{driver, pieces, service};

/// Limits so small that the peer's reading stops and starts the session.
fn tight() -> Limits {
    Limits { high_mark: 8, low_mark: 3, ..Limits::default() }
}

fn sizes() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(1usize..6, 1..12)
}

proptest! {
    #[test]
    fn echo_gives_back_its_input_in_both_styles(
        input in prop::collection::vec(any::<u8>(), 0..200),
        sizes in sizes(),
        eager: bool,
    ) {
        let cut = pieces(&input, &sizes);
        let event = service("echo", "style=event");
        prop_assert_eq!(&driver::conversation(&event, tight(), &cut, eager), &input);
        let straight = service("echo", "style=straight-line");
        let heard = wire::conversation(&straight, tight(), cut.iter().map(sends));
        prop_assert_eq!(&heard.bytes, &input);
    }

    #[test]
    fn discard_answers_nothing(input in prop::collection::vec(any::<u8>(), 0..200), sizes in sizes()) {
        let cut = pieces(&input, &sizes);
        let heard = driver::conversation(&service("discard", ""), tight(), &cut, true);
        prop_assert!(heard.is_empty());
    }

    #[test]
    fn upper_raises_ascii(input in prop::collection::vec(any::<u8>(), 0..200), sizes in sizes()) {
        let cut = pieces(&input, &sizes);
        let heard = driver::conversation(&service("upper", ""), tight(), &cut, false);
        prop_assert_eq!(heard, input.to_ascii_uppercase());
    }

    #[test]
    fn upper_raises_split_characters(
        input in "[a-zß-ÿŉǆΐﬀж😀\n]{0,60}",
        sizes in sizes(),
        eager: bool,
    ) {
        let cut = pieces(input.as_bytes(), &sizes);
        let heard = driver::conversation(&service("upper", "unicode"), tight(), &cut, eager);
        prop_assert_eq!(String::from_utf8(heard).unwrap(), input.to_uppercase());
    }

    #[test]
    fn upper_treats_what_is_no_character_alike(
        input in prop::collection::vec(
            prop::sample::select(vec![b'a', 0xc3, 0x9f, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x98, 0xff]),
            0..80,
        ),
        sizes in sizes(),
    ) {
        let upper = service("upper", "unicode");
        let whole = driver::conversation(&upper, tight(), &[&input], true);
        let cut = driver::conversation(&upper, tight(), &pieces(&input, &sizes), true);
        prop_assert_eq!(whole, cut);
    }

    #[test]
    fn daytime_and_time_do_not_mind_what_they_are_sent(
        input in prop::collection::vec(any::<u8>(), 1..20),
        sizes in sizes(),
    ) {
        let cut = pieces(&input, &sizes);
        let line = driver::conversation(&service("daytime", ""), tight(), &cut, true);
        let line = String::from_utf8(line).unwrap();
        prop_assert!(line.ends_with("-UTC\r\n") && line.lines().count() == 1, "{line}");
        prop_assert_eq!(driver::conversation(&service("time", ""), tight(), &cut, true).len(), 4);
    }
}
