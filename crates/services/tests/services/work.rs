//! Work: both styles give the same bytes, and a crash only where it is allowed.

use std::env;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use switchboard_core::{Ending, Limits};

use crate::driver::{self, Driver};
use crate::wire::{self, sends};
use crate::{pieces, service};

const COMMANDS: &str =
    "not a command; there are burn DURATION, sleep DURATION, echo TEXT, crash, abort\n";

/// What both styles answer to `input`, which is checked to be the same.
fn both(input: &[u8], sizes: &[usize]) -> String {
    let cut = pieces(input, sizes);
    let limits = Limits { high_mark: 64, low_mark: 16, ..Limits::default() };
    let session = service("work", "style=event");
    let eager = driver::conversation(&session, limits, &cut, true);
    let late = driver::conversation(&session, limits, &cut, false);
    assert_eq!(text(&eager), text(&late));
    let handler = service("work", "style=straight-line");
    let heard = wire::conversation(&handler, limits, cut.iter().map(sends));
    assert_eq!(text(&eager), text(&heard.bytes));
    text(&eager)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into()
}

#[test]
fn answers_each_command_with_one_line() {
    let input = b"echo a  b\r\nburn 200us\nsleep 1ms\necho\nburn  1us \necho \xff\necho c\n";
    let expected = "a  b\nburnt 200us\nslept 1ms\n\nburnt 1us\n\u{fffd}\nc\n";
    assert_eq!(both(input, &[input.len()]), expected);
    assert_eq!(both(input, &[1]), expected);
}

#[test]
fn the_last_line_needs_no_line_feed() {
    assert_eq!(both(b"echo a\necho b", &[100]), "a\nb\n");
    assert_eq!(both(b"burn 1us", &[3]), "burnt 1us\n");
    assert_eq!(both(b"", &[1]), "");
}

#[test]
fn more_than_the_high_mark_at_once_is_answered_to_the_end() {
    let input = "echo 0123456789\n".repeat(50);
    assert_eq!(both(input.as_bytes(), &[input.len()]), "0123456789\n".repeat(50));
}

#[test]
fn what_it_cannot_do_is_a_sentence() {
    assert_eq!(both(b"\nburnt 5ms\n", &[100]), COMMANDS.repeat(2));
    assert_eq!(both(b"burn 50\n", &[100]), "a duration needs a unit: 50s, 50ms, 50us\n");
    let sentence = "a duration is a number and a unit, such as 200us, 50ms, 2s\n";
    assert_eq!(both(b"sleep\nburn soon\n", &[100]), sentence.repeat(2));
    let sentence = "a duration is at most 1h here\n";
    assert_eq!(both(b"sleep 2h\nburn 61m\n", &[100]), sentence.repeat(2));
}

#[test]
fn a_crash_is_refused_unless_it_is_allowed() {
    let refused = "crash is refused: start the server with --allow-crash
abort is refused: start the server with --allow-crash
here still\n";
    assert_eq!(both(b"crash\nabort\necho here still\n", &[100]), refused);
}

#[test]
fn an_allowed_crash_ends_its_peer() {
    let handler = service("work", "style=straight-line,allow-crash");
    let heard = wire::conversation(&handler, Limits::default(), [sends("crash\necho a\n")]);
    assert_eq!((heard.text(), heard.ending), ("", Ending::Panicked));
    let mut peer = Driver::open(&service("work", "allow-crash"), Limits::default());
    peer.send(b"crash\necho a\n");
    peer.read_all();
    assert_eq!((peer.output.as_slice(), peer.ending), (&b""[..], Some(Ending::Panicked)));
}

/// Kills: a sleep by the carrier's clock, which would let a loop serve others meanwhile.
#[test]
fn a_sleep_blocks_its_thread_in_both_styles() {
    let time = Duration::from_millis(20);
    let begun = Instant::now();
    let mut peer = Driver::open(&service("work", ""), Limits::default());
    peer.send(b"sleep 20ms\n");
    assert!(begun.elapsed() >= time);
    let begun = Instant::now();
    let handler = service("work", "style=straight-line");
    let heard = wire::conversation(&handler, Limits::default(), [sends("sleep 20ms\n")]);
    assert!(begun.elapsed() >= time);
    assert_eq!(heard.after, Duration::ZERO, "it slept by the carrier's clock, too");
}

/// An abort needs a process of its own: this program again, with this test only.
#[test]
fn an_allowed_abort_kills_its_process() {
    const STYLE: &str = "SWITCHBOARD_WORK_ABORTS";
    match env::var(STYLE).as_deref() {
        Ok("event") => {
            Driver::open(&service("work", "allow-crash"), Limits::default()).send(b"abort\n");
        }
        Ok(_) => {
            let handler = service("work", "style=straight-line,allow-crash");
            wire::conversation(&handler, Limits::default(), [sends("abort\n")]);
        }
        Err(_) => {
            for style in ["event", "straight-line"] {
                let mut again = Command::new(env::current_exe().unwrap());
                again.args(["--exact", "work::an_allowed_abort_kills_its_process"]);
                let output = again.env(STYLE, style).output().unwrap();
                const SIGABRT: i32 = 6;
                assert_eq!(output.status.signal(), Some(SIGABRT), "{output:?}");
            }
        }
    }
}

proptest! {
    #[test]
    fn where_the_input_is_cut_changes_no_answer(
        lines in prop::collection::vec(
            prop::sample::select(vec![
                "echo é\n", "echo\n", "burn 1us\n", "sleep 0s\n", "crash\n", "abort\r\n", "\n",
                "burn 5\n", "nonsense\n", "echo 0123456789012345678901234567890123456789\n",
            ]),
            0..12,
        ),
        sizes in prop::collection::vec(1usize..9, 1..12),
        unfinished: bool,
    ) {
        let input = lines.concat() + if unfinished { "echo last" } else { "" };
        let whole = both(input.as_bytes(), &[input.len().max(1)]);
        prop_assert_eq!(whole.lines().count(), lines.len() + usize::from(unfinished));
        prop_assert_eq!(both(input.as_bytes(), &sizes), whole);
    }
}
