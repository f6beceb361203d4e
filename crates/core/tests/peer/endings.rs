//! How a straight-line peer ends, and what that is called.

use std::io::{self, Read, Write};
use std::time::Duration;

use switchboard_core::{Ending, Peer};

use crate::wire::{Step, bytes, script};

fn read_all(peer: &mut Peer<'_>) -> io::Result<()> {
    while peer.line()?.is_some() {}
    Ok(())
}

/// Kills: a return that is taken for the peer's leaving, a leaving that is taken for a return.
#[test]
fn a_handler_that_returns_closes_and_a_peer_that_ends_leaves() {
    assert_eq!(script([]).serve(|_| Ok(())).0, Ending::Closed);
    assert_eq!(bytes([&b"a\n"[..]]).serve(|peer| peer.line().map(drop)).0, Ending::Closed);
    assert_eq!(bytes([&b"a\n"[..]]).serve(read_all).0, Ending::Left);
}

/// Kills: a drain that is counted as a leaving, or as a failure.
#[test]
fn the_end_by_a_drain_is_called_drained() {
    let mut script = script([]);
    script.draining = true;
    let (ending, _) = script.serve(|peer| {
        assert!(peer.draining());
        read_all(peer)
    });
    assert_eq!(ending, Ending::Drained);
}

/// Kills: an error of the handler's own that is swallowed, or taken for one of the peer's.
#[test]
fn an_error_of_its_own_comes_out_and_its_output_is_sent() {
    let kinds = [io::ErrorKind::Other, io::ErrorKind::UnexpectedEof, io::ErrorKind::TimedOut];
    for kind in kinds {
        let mut script = script([]);
        let (ending, error) = script.serve(|peer| {
            write!(peer, "sorry")?;
            Err(io::Error::new(kind, "the disk is full"))
        });
        assert_eq!(ending, Ending::Error);
        assert_eq!(error.expect("the error").to_string(), "the disk is full");
        assert_eq!(script.output(), b"sorry");
    }
}

/// Kills: an end in the midst of a request that is counted as the handler's error.
#[test]
fn an_end_inside_a_request_is_a_leaving() {
    let mut script = bytes([&b"\0\0\0\x05ab"[..]]);
    let (ending, error) = script.serve(|peer| peer.frame().map(drop));
    assert_eq!((ending, error.is_none()), (Ending::Left, true));
}

/// Kills: a panic that gets out, and output that is sent after it.
#[test]
fn a_panic_ends_its_own_peer() {
    let mut script = script([]);
    let (ending, error) = script.serve(|peer| {
        write!(peer, "half an ans")?;
        panic!("as was asked for")
    });
    assert_eq!((ending, error.is_none()), (Ending::Panicked, true));
    assert_eq!(script.output(), b"");
}

/// Kills: an error of the wire that a handler can swallow, one that is called the handler's.
#[test]
fn a_reset_is_a_reset_whatever_the_handler_makes_of_it() {
    for swallow in [true, false] {
        let mut script = script([Step::Fail(io::ErrorKind::ConnectionReset)]);
        let (ending, error) = script.serve(|peer| {
            write!(peer, "hello")?;
            let error = peer.line().expect_err("reset");
            let later = peer.line().expect_err("for good").kind();
            assert_eq!(later, io::ErrorKind::ConnectionReset);
            assert!(write!(peer, "unsendable").is_err());
            if swallow { Ok(()) } else { Err(error) }
        });
        assert_eq!((ending, error.is_none()), (Ending::Reset, true));
        assert_eq!(script.receives().len(), 1);
        assert_eq!(script.output(), b"hello");
    }
}

/// Kills: a call that says all is well with a peer that is gone, as `flush` would with nothing left
/// to send.
#[test]
fn after_its_end_every_call_fails() {
    let mut script = script([Step::Fail(io::ErrorKind::ConnectionReset)]);
    script.serve(|peer| {
        let gone = io::ErrorKind::ConnectionReset;
        assert_eq!(peer.line().map_err(|error| error.kind()), Err(gone));
        assert_eq!(peer.frame().map_err(|error| error.kind()), Err(gone));
        assert_eq!(peer.read(&mut [0; 9]).map_err(|error| error.kind()), Err(gone));
        assert_eq!(peer.write(b"x").map_err(|error| error.kind()), Err(gone));
        assert_eq!(peer.sleep(Duration::ZERO).map_err(|error| error.kind()), Err(gone));
        assert_eq!(peer.read_for(Duration::ZERO).map_err(|error| error.kind()), Err(gone));
        assert_eq!(peer.flush().map_err(|error| error.kind()), Err(gone));
        Ok(())
    });
}

/// Kills: a server's cutting off that is counted as the peer's reset, and the other way round.
#[test]
fn an_abort_is_a_cutting_off_only_while_draining() {
    for (draining, expected) in [(true, Ending::CutOff), (false, Ending::Reset)] {
        let mut script = script([Step::Fail(io::ErrorKind::ConnectionAborted)]);
        script.draining = draining;
        assert_eq!(script.serve(read_all).0, expected);
    }
}

/// Kills: a flush at the end whose failure nobody sees.
#[test]
fn an_answer_that_cannot_be_sent_is_no_end_in_order() {
    let mut script = bytes([&b"a\n"[..]]);
    script.takes = 0;
    let (ending, error) = script.serve(|peer| write!(peer, "unread"));
    assert_eq!((ending, error.is_none()), (Ending::TimedOut, true));
}

/// Kills: a peer that says it is somebody else.
#[test]
fn a_handler_knows_whom_it_serves() {
    let mut script = script([]);
    script.serve(|peer| {
        let (id, address) = (peer.id(), peer.address());
        write!(peer, "{id} {address}")
    });
    assert_eq!(script.output(), b"7 unix:uid=0,pid=0");
}
