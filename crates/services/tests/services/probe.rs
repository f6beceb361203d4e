//! The probe: both styles give the same bytes, and wait where they should.

use std::time::Duration;

use proptest::prelude::*;
use switchboard_core::{Ending, Limits};

use crate::driver::{self, Driver};
use crate::wire::{self, sends, waits};
use crate::{pieces, service};

fn event() -> Driver {
    Driver::open(&service("probe", "style=event,greet=hi"), Limits::default())
}

/// What both styles answer to `input`, which is checked to be the same.
fn both(input: &[u8], sizes: &[usize]) -> Vec<u8> {
    let cut = pieces(input, sizes);
    let limits = Limits { high_mark: 64, low_mark: 16, ..Limits::default() };
    let session = service("probe", "style=event,greet=hi");
    let eager = driver::conversation(&session, limits, &cut, true);
    let late = driver::conversation(&session, limits, &cut, false);
    assert_eq!(text(&eager), text(&late));
    let handler = service("probe", "style=straight-line,greet=hi");
    let heard = wire::conversation(&handler, limits, cut.iter().map(sends));
    assert_eq!(text(&eager), text(&heard.bytes));
    eager
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into()
}

#[test]
fn answers_each_command() {
    let input = b"echo a  b\r\nbig 12\nid\ndraining\nspin 1\nsleep 5\nwhat\nexact 0\nexact 3\n\n\0zframe\n\0\0\0\x02abecho \xff\nclose\necho no\n";
    let expected = "hi\na  b\n012345678901\n7\nfalse\nspun\nslept\nunknown: what\n\n\0z\0\0\0\x02ab\u{fffd}\nbye\n";
    assert_eq!(text(&both(input, &[input.len()])), expected);
    assert_eq!(text(&both(input, &[1])), expected);
}

#[test]
fn what_follows_a_wait_is_answered_after_the_end_of_input() {
    let input = b"sleep 5\necho a\nsleep 5\nbig 300\nexact 2\nxyframe\n\0\0\0\0echo b\ntimed 9";
    let big = "0123456789".repeat(30);
    let expected = format!("hi\nslept\na\nslept\n{big}\nxy\0\0\0\0b\nended\n");
    assert_eq!(text(&both(input, &[input.len()])), expected);
    assert_eq!(text(&both(input, &[3])), expected);
}

#[test]
fn an_unfinished_request_ends_in_silence() {
    assert_eq!(both(b"frame\n\0\0\0\x09abc", &[100]), b"hi\n");
    assert_eq!(both(b"exact 9\nabc", &[100]), b"hi\n");
    assert_eq!(both(b"fail\necho a\n", &[100]), b"hi\n");
}

#[test]
fn a_panic_and_a_failure_are_told_apart() {
    let handler = service("probe", "style=straight-line");
    let ending = |line: &str| wire::conversation(&handler, Limits::default(), [sends(line)]).ending;
    assert_eq!(ending("panic\n"), Ending::Panicked);
    assert_eq!(ending("fail\n"), Ending::Error);
    assert_eq!(ending("close\n"), Ending::Closed);
    assert_eq!(ending("echo\n"), Ending::Left);
}

#[test]
fn a_panic_answers_nothing() {
    let handler = service("probe", "style=straight-line,greet=hi");
    let heard = wire::conversation(&handler, Limits::default(), [sends("panic\necho a\n")]);
    assert_eq!((heard.text(), heard.ending), ("hi\n", Ending::Panicked));
    for (greeting_is_read, expected) in [(true, "hi\n"), (false, "")] {
        let mut session = event();
        if greeting_is_read {
            session.read_all();
        }
        session.send(b"panic\necho a\n");
        session.read_all();
        assert_eq!(text(&session.output), expected);
        assert_eq!(session.ending, Some(Ending::Panicked));
    }
}

#[test]
fn a_sleeping_session_leaves_its_input_unread() {
    let mut peer = event();
    peer.send(b"sleep 1000\necho a\n");
    peer.send(b"echo b\n");
    peer.pass(Duration::from_millis(999));
    peer.read_all();
    assert_eq!(peer.output, b"hi\n");
    peer.pass(Duration::from_millis(1));
    peer.read_all();
    assert_eq!(peer.output, b"hi\nslept\na\nb\n");
}

#[test]
fn a_command_that_takes_nothing_does_not_hold_up_the_next() {
    let mut peer = event();
    peer.send(b"exact 0\necho a\n");
    peer.read_all();
    assert_eq!(peer.output, b"hi\na\n");
}

#[test]
fn a_timed_wait_counts_only_new_bytes() {
    let mut peer = event();
    peer.send(b"timed 50\necho a\n");
    assert!(peer.wake());
    peer.send(b"timed 50\n");
    peer.send(b"echo b\n");
    assert!(!peer.wake());
    peer.read_all();
    assert_eq!(peer.output, b"hi\nelapsed\na\ncame\nb\n");

    let handler = service("probe", "style=straight-line,greet=hi");
    let acts =
        [sends("timed 50\necho a\n"), waits(60), sends("timed 50\n"), waits(40), sends("echo b\n")];
    let heard = wire::conversation(&handler, Limits::default(), acts);
    assert_eq!(heard.text(), "hi\nelapsed\na\ncame\nb\n");
}

#[test]
fn a_drain_during_a_sleep_lets_it_finish() {
    let mut peer = event();
    peer.send(b"sleep 1000\n");
    peer.read_all();
    peer.drain();
    peer.pass(Duration::from_millis(999));
    peer.read_all();
    assert_eq!((text(&peer.output).as_str(), peer.ending), ("hi\n", None));
    assert!(peer.wake());
    assert_eq!(peer.ending, None, "it is let go before it has its answer");
    peer.read_all();
    assert_eq!(peer.output, b"hi\nslept\n");
    assert_eq!(peer.ending, Some(Ending::Drained));
}

#[test]
fn a_drain_during_a_sleep_lets_what_follows_be_answered() {
    let mut peer = event();
    peer.send(b"sleep 1000\ndraining\nsleep 1000\necho a\n");
    peer.drain();
    assert!(peer.wake());
    peer.read_all();
    assert_eq!((text(&peer.output).as_str(), peer.ending), ("hi\nslept\ntrue\n", None));
    assert!(peer.wake());
    peer.read_all();
    assert_eq!(peer.output, b"hi\nslept\ntrue\nslept\na\n");
    assert_eq!(peer.ending, Some(Ending::Drained));
}

#[test]
fn what_a_sleeping_session_left_unread_is_answered_after_the_end_of_input() {
    let mut peer = event();
    peer.read_all();
    peer.send(b"sleep 1000\necho a\nsl");
    peer.send(b"eep 1000\ntimed 9\necho b");
    peer.end();
    peer.read_all();
    assert_eq!((text(&peer.output).as_str(), peer.ending), ("hi\n", None));
    assert!(peer.wake());
    peer.read_all();
    assert_eq!((text(&peer.output).as_str(), peer.ending), ("hi\nslept\na\n", None));
    assert!(peer.wake());
    assert!(!peer.wake());
    peer.read_all();
    assert_eq!(peer.output, b"hi\nslept\na\nslept\nended\nb\n");
    assert!(peer.ending.is_some());
}

proptest! {
    #[test]
    fn where_the_input_is_cut_changes_no_answer(
        lines in prop::collection::vec(
            prop::sample::select(vec![
                "echo é\n", "big 90\n", "big 0\n", "id\n", "sleep 9\n", "exact 4\nab\nc", "\n",
                "frame\n\0\0\0\x03x\ny", "exact 0\n", "spin 0\n", "nonsense\r\n", "frame\n\0\0\0\0",
            ]),
            0..12,
        ),
        sizes in prop::collection::vec(1usize..9, 1..12),
    ) {
        let input = lines.concat();
        let whole = both(input.as_bytes(), &[input.len().max(1)]);
        prop_assert_eq!(text(&both(input.as_bytes(), &sizes)), text(&whole));
    }
}
