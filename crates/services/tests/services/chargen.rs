//! Chargen: as far as the peer reads, no further than the high mark.

use proptest::prelude::*;
use switchboard_core::{Ending, Limits};

use crate::driver::Driver;
use crate::service;

/// The first `count` bytes, by the words of RFC 864.
fn expected(count: usize) -> Vec<u8> {
    let ring: Vec<u8> = (b' '..=b'~').collect();
    let lines = (0..).flat_map(|line| {
        let character = |column: usize| ring[(line + column) % 95];
        (0..72).map(character).chain(*b"\r\n").collect::<Vec<u8>>()
    });
    lines.take(count).collect()
}

fn chargen(high_mark: usize, low_mark: usize) -> Driver {
    let limits = Limits { high_mark, low_mark, ..Limits::default() };
    Driver::open(&service("chargen", ""), limits)
}

proptest! {
    #[test]
    fn is_right_and_never_too_far_ahead(
        (high_mark, low_mark) in (1usize..20_000).prop_flat_map(|high| (Just(high), 0..high)),
        reads in prop::collection::vec(1usize..3_000, 1..60),
    ) {
        let mut peer = chargen(high_mark, low_mark);
        for most in reads {
            prop_assert!(peer.unsent() <= high_mark);
            prop_assert!(peer.unsent() > low_mark);
            peer.read(most);
        }
        prop_assert_eq!(&peer.output, &expected(peer.output.len()));
    }

    #[test]
    fn stops_at_a_whole_line_when_draining(
        (high_mark, low_mark) in (1usize..2_000).prop_flat_map(|high| (Just(high), 0..high)),
        before in 0usize..20_000,
        size in 1usize..200,
    ) {
        let mut peer = chargen(high_mark, low_mark);
        while peer.output.len() < before {
            peer.read(size);
        }
        peer.drain();
        let ahead = peer.output.len() + high_mark;
        while peer.ending.is_none() && peer.read(size) > 0 {
            prop_assert!(peer.unsent() <= high_mark);
        }
        prop_assert!(peer.output.ends_with(b"\r\n"));
        prop_assert!(peer.output.len() <= ahead + 74, "it began another line");
        prop_assert_eq!(&peer.output, &expected(peer.output.len()));
    }
}

#[test]
fn half_a_conversation_is_no_reason_to_stop() {
    let mut peer = chargen(1000, 100);
    peer.read(1000);
    peer.send(b"said and not heard");
    peer.end();
    for _ in 0..50 {
        peer.read(700);
    }
    assert!(peer.output.len() > 20_000);
    assert_eq!(peer.ending, None);
    assert_eq!(peer.output, expected(peer.output.len()));
    peer.drain();
    peer.read_all();
    assert_eq!(peer.ending, Some(Ending::Closed));
    assert!(peer.output.ends_with(b"\r\n"));
}
