//! Every wait has a bound; only `read_for` outlives one.

use std::io::{self, BufRead, Write};
use std::time::Duration;

use switchboard_core::{Arrival, Ending, Limits};

use crate::wire::{Asked, Step, bytes, script, small};

const SECOND: Duration = Duration::from_secs(1);

/// Kills: an idle limit that a handler can swallow, and one that is not passed to the wire.
#[test]
fn silence_ends_a_peer_even_if_its_handler_goes_on() {
    let mut script = script([Step::Silence, Step::Bytes(b"late\n".to_vec())]);
    let (ending, error) = script.serve(|peer| {
        let first = peer.line().expect_err("silence");
        assert_eq!(first.kind(), io::ErrorKind::TimedOut);
        for _ in 0..3 {
            let again = peer.line().expect_err("over is over");
            assert_eq!(again.kind(), io::ErrorKind::TimedOut);
        }
        assert_eq!(write!(peer, "x").map_err(|e| e.kind()), Err(io::ErrorKind::TimedOut));
        Ok(())
    });
    assert_eq!((ending, error.is_none()), (Ending::TimedOut, true));
    assert_eq!(script.receives(), [(small().idle, true)]);
    assert_eq!(script.output(), b"");
}

/// Kills: the same through `BufRead`.
#[test]
fn silence_is_an_error_for_every_way_of_reading() {
    for wait in [script([Step::Silence]), script([Step::Bytes(b"a".to_vec()), Step::Silence])] {
        let mut script = wait;
        let (ending, error) = script.serve(|peer| {
            let error = peer.read_until(b'\n', &mut Vec::new()).expect_err("silence");
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
            Err(error)
        });
        assert_eq!((ending, error.is_none()), (Ending::TimedOut, true));
    }
}

/// Kills: no limit that is taken for some limit.
#[test]
fn without_a_limit_a_wait_is_unbounded() {
    let mut script = bytes([&b"a\n"[..]]);
    script.serve_within(Limits { idle: None, ..small() }, |peer| peer.line().map(drop));
    assert_eq!(script.receives(), [(None, true)]);
}

/// Kills: a deadline that is not the least of the bounds, one that is measured from its setting
/// and not by the clock, one that waits once more after it has passed.
#[test]
fn a_deadline_bounds_all_waits_together() {
    let mut script = bytes([&b"a\n"[..], b"b\n"]);
    let (ending, _) = script.serve(|peer| {
        let soon = peer.now() + 10 * SECOND;
        peer.set_deadline(Some(soon));
        peer.line()?;
        peer.sleep(4 * SECOND)?;
        peer.line()?;
        let error = peer.sleep(7 * SECOND).expect_err("one second too long");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        Ok(())
    });
    assert_eq!(ending, Ending::TimedOut);
    assert_eq!(script.receives(), [(Some(10 * SECOND), true), (Some(6 * SECOND), true)]);
    assert_eq!(script.asked.last(), Some(&Asked::Sleep(6 * SECOND)));
    assert_eq!(script.waited(), 10 * SECOND);
}

/// Kills: a wait that begins although the deadline has passed.
#[test]
fn after_its_deadline_a_peer_does_not_wait() {
    let mut script = bytes([&b"a\n"[..]]);
    let (ending, _) = script.serve(|peer| {
        let now = peer.now();
        peer.set_deadline(Some(now));
        peer.line().map(drop)
    });
    assert_eq!(ending, Ending::TimedOut);
    assert_eq!(script.asked, []);
}

/// Kills: a deadline that cannot be taken back.
#[test]
fn a_deadline_can_be_taken_back() {
    let mut script = bytes([&b"a\n"[..]]);
    let (ending, _) = script.serve(|peer| {
        let now = peer.now();
        peer.set_deadline(Some(now));
        peer.set_deadline(None);
        peer.line().map(drop)
    });
    assert_eq!(ending, Ending::Closed);
    assert_eq!(script.receives(), [(small().idle, true)]);
}

/// Kills: a `read_for` that ends the peer, that reads what is there already as news, that forgets
/// what came.
#[test]
fn a_timed_read_may_pass_without_ending_the_peer() {
    let steps = [Step::Bytes(b"a".to_vec()), Step::Silence, Step::Bytes(b"b\n".to_vec())];
    let mut script = script(steps);
    let (ending, _) = script.serve(|peer| {
        write!(peer, "?")?;
        assert_eq!(peer.read_for(SECOND)?, Arrival::Bytes);
        assert_eq!(peer.read_for(SECOND)?, Arrival::Elapsed);
        assert_eq!(peer.read_for(SECOND)?, Arrival::Bytes);
        assert_eq!(peer.line()?.as_deref(), Some("ab"));
        assert_eq!(peer.read_for(SECOND)?, Arrival::Ended);
        assert_eq!(peer.read_for(SECOND)?, Arrival::Ended);
        Ok(())
    });
    assert_eq!(ending, Ending::Left);
    assert_eq!(script.asked[0], Asked::Send(b"?".to_vec()), "sent before the wait");
    let asked = [true, false, false, true].map(|between| (Some(SECOND), between));
    assert_eq!(script.receives(), asked, "the end is not waited for twice");
}

/// Kills: a `read_for` by which a handler evades the idle limit or its own deadline.
#[test]
fn a_timed_read_is_bounded_like_any_other() {
    for deadline in [None, Some(5 * SECOND)] {
        let mut script = script([Step::Silence]);
        let (ending, _) = script.serve(|peer| {
            let end = deadline.map(|wait| peer.now() + wait);
            peer.set_deadline(end);
            let error = peer.read_for(90 * SECOND).expect_err("longer than it may be silent");
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
            Ok(())
        });
        assert_eq!(ending, Ending::TimedOut);
        assert_eq!(script.waited(), deadline.unwrap_or(60 * SECOND));
    }
}

/// Kills: timed reads that gather more than a request may have.
#[test]
fn timed_reads_do_not_gather_without_a_bound() {
    let mut script = bytes([&[b'x'; 50][..]; 10]);
    let (ending, _) = script.serve(|peer| {
        let error = loop {
            if let Err(error) = peer.read_for(SECOND) {
                break error;
            }
            assert!(peer.unread().len() <= 150, "{} bytes are unread", peer.unread().len());
        };
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        Ok(())
    });
    assert_eq!(ending, Ending::TooLarge);
}

/// Kills: a look that waits, or that takes.
#[test]
fn what_came_can_be_looked_at() {
    let mut script = bytes([&b"ab\nc"[..]]);
    script.serve(|peer| {
        assert_eq!(peer.unread(), b"");
        peer.read_for(SECOND)?;
        assert_eq!(peer.unread(), b"ab\nc");
        peer.consume(1);
        assert_eq!(peer.line()?.as_deref(), Some("b"));
        assert_eq!(peer.unread(), b"c");
        Ok(())
    });
    assert_eq!(script.receives().len(), 1);
}

/// Kills: a clock of the peer's own.
#[test]
fn time_is_the_carriers() {
    let mut script = script([]);
    script.serve(|peer| {
        let before = peer.now();
        peer.sleep(3600 * SECOND)?;
        assert_eq!(peer.now() - before, 3600 * SECOND);
        Ok(())
    });
}
