//! Output is gathered, and leaves when someone could wait for it.

use std::io::Write;
use std::time::Duration;

use switchboard_core::Ending;

use crate::wire::{Asked, bytes, script, small};

/// Kills: a send for each piece of a `writeln!`.
#[test]
fn a_writeln_with_five_arguments_is_one_send() {
    let mut script = script([]);
    let (ending, _) = script.serve(|peer| writeln!(peer, "{}-{}-{}-{}-{}", 1, 2, 3, 4, 5));
    assert_eq!(ending, Ending::Closed);
    assert_eq!(script.asked, [Asked::Send(b"1-2-3-4-5\n".to_vec())]);
}

/// Kills: a wait for the peer while its answer is still here; a send for each of many answers.
#[test]
fn output_leaves_before_a_wait_and_not_before_that() {
    let mut script = bytes([&b"a\nb\nc\n"[..]]);
    script.serve(|peer| {
        write!(peer, "> ")?;
        while let Some(line) = peer.line()? {
            write!(peer, "{line} ")?;
        }
        Ok(())
    });
    let wait = small().idle;
    let receive = Asked::Receive { wait, between_requests: true };
    let expected =
        [Asked::Send(b"> ".to_vec()), receive.clone(), Asked::Send(b"a b c ".to_vec()), receive];
    assert_eq!(script.asked, expected);
}

/// Kills: `flush` that only promises, and one that sends nothing at all (a zero-byte send).
#[test]
fn flush_sends_what_there_is() {
    let mut script = script([]);
    script.serve(|peer| {
        peer.flush()?;
        write!(peer, "a")?;
        peer.flush()?;
        peer.flush()?;
        write!(peer, "b")
    });
    assert_eq!(script.sends(), [b"a", b"b"]);
}

/// Kills: output that is gathered without a bound, one that is sent below the mark.
#[test]
fn output_leaves_at_the_high_mark() {
    let mut script = script([]);
    script.serve(|peer| {
        peer.write_all(&[b'a'; 63])?;
        peer.write_all(b"b")?;
        peer.write_all(b"c")
    });
    let sizes: Vec<usize> = script.sends().iter().map(Vec::len).collect();
    assert_eq!(sizes, [64, 1]);
}

/// Kills: the rest of a partial send that is lost or sent twice.
#[test]
fn a_partial_send_is_finished_before_anything_else() {
    let mut script = bytes([&b"x\n"[..]]);
    script.takes = 3;
    script.serve(|peer| {
        write!(peer, "abcdefgh")?;
        peer.line()?;
        write!(peer, "ij")
    });
    assert_eq!(script.sends(), [&b"abc"[..], b"def", b"gh", b"ij"]);
    assert_eq!(script.asked.len(), 5);
    assert!(matches!(script.asked[3], Asked::Receive { .. }), "{:?}", script.asked);
}

/// Kills: a send without a bound, one whose bound ignores the deadline, a blocked send that is
/// tried for ever.
#[test]
fn a_peer_that_does_not_read_times_out() {
    let mut stuck = script([]);
    stuck.takes = 0;
    let (ending, error) = stuck.serve(|peer| {
        let soon = peer.now() + Duration::from_secs(5);
        peer.set_deadline(Some(soon));
        write!(peer, "hello")
    });
    assert_eq!((ending, error.is_none()), (Ending::TimedOut, true));
    assert_eq!(stuck.send_waits, [Some(Duration::from_secs(5))]);

    let mut stuck = script([]);
    stuck.takes = 0;
    let (ending, _) = stuck.serve(|peer| {
        let _ = peer.write_all(&[b'a'; 100]);
        let _ = peer.write_all(&[b'a'; 100]);
        Ok(())
    });
    assert_eq!(ending, Ending::TimedOut, "whatever the handler made of it");
    assert_eq!(stuck.send_waits, [small().idle], "it is not tried again");
}

/// Kills: a sleep that holds back what was written.
#[test]
fn output_leaves_before_a_sleep() {
    let mut script = script([]);
    script.serve(|peer| {
        write!(peer, "a moment")?;
        peer.sleep(Duration::from_secs(3))
    });
    let expected = [Asked::Send(b"a moment".to_vec()), Asked::Sleep(Duration::from_secs(3))];
    assert_eq!(script.asked, expected);
}
