//! The way from `Flow::Close` to the end of the peer: send, half-close, linger, over.

use std::time::Duration;

use switchboard_core::{Context, Ending, Flow, Limits, Next};

use crate::carrier::{Call, Carrier, small, upper};

/// Says goodbye to whoever says anything.
fn curt(call: Call, peer: &mut Context<'_>) -> Flow {
    match call {
        Call::Received => {
            peer.output.line("bye");
            Flow::Close
        }
        _ => Flow::Continue,
    }
}

fn lingering() -> Carrier {
    let mut carrier = Carrier::open(small(), curt);
    carrier.receive(b"hi\n");
    carrier.send_all();
    assert_eq!(carrier.next(), Next::HalfClose);
    carrier.connection.half_closed(carrier.now);
    assert_eq!(carrier.next(), Next::Go);
    carrier
}

/// Kills: a half-close before the last byte was sent, and input offered after `Flow::Close`.
#[test]
fn closing_sends_everything_first_and_asks_for_nothing_more() {
    let mut carrier = Carrier::open(small(), curt);
    carrier.receive(b"hi\nand more");
    assert!(!carrier.connection.wants_input());
    for _ in 0..4 {
        assert_eq!(carrier.next(), Next::Go);
        carrier.send(1);
    }
    assert_eq!(carrier.next(), Next::HalfClose);
    carrier.receive(b"and more");
    assert_eq!(carrier.told(), [Call::Opened, Call::Received]);
    assert_eq!(carrier.output, b"bye\n");
}

/// Kills: the next request offered to a session that has closed at the first.
#[test]
fn a_session_that_closed_is_offered_nothing_more() {
    let mut carrier = Carrier::open(small(), |call, peer| {
        upper(call, peer);
        if call == Call::Received { Flow::Close } else { Flow::Continue }
    });
    carrier.receive(b"bye\nand more\n");
    carrier.go_on();
    assert_eq!(carrier.told(), [Call::Opened, Call::Received]);
    carrier.send_all();
    assert_eq!(carrier.output, b"BYE\n");
}

/// Kills: a close that lingers although nothing more can come.
#[test]
fn a_peer_that_has_left_is_not_lingered_for() {
    let mut carrier = Carrier::open(small(), curt);
    carrier.receive(b"hi\n");
    carrier.end();
    assert_eq!(carrier.next(), Next::Go);
    carrier.send_all();
    assert_eq!(carrier.next(), Next::Over(Ending::Closed));
}

/// Kills: last bytes that reach the session, or that are not counted.
#[test]
fn a_lingering_peer_is_read_and_not_heard() {
    let mut carrier = lingering();
    assert!(carrier.connection.wants_input());
    carrier.receive(b"wait!\n");
    assert_eq!(carrier.told(), [Call::Opened, Call::Received]);
    assert_eq!(carrier.connection.traffic(), (9, 4));
    carrier.end();
    assert_eq!(carrier.next(), Next::Over(Ending::Closed));
}

/// Kills: a linger without a limit, one that the peer prolongs by sending on, one that ends early.
#[test]
fn lingering_is_over_after_its_limit() {
    let mut carrier = lingering();
    assert_eq!(carrier.connection.deadline(), Some(carrier.now + Duration::from_secs(1)));
    assert!(carrier.connection.hurries());
    carrier.pass(Duration::from_millis(600));
    assert_eq!(carrier.next(), Next::Go);
    carrier.receive(b"still here\n");
    carrier.pass(Duration::from_millis(399));
    assert_eq!(carrier.next(), Next::Go);
    carrier.pass(Duration::from_millis(1));
    assert_eq!(carrier.next(), Next::Over(Ending::Closed));
}

/// Kills: a linger that is measured from when a byte moved last and not from the half-close.
#[test]
fn lingering_begins_with_the_half_close() {
    let mut carrier = Carrier::open(small(), curt);
    carrier.receive(b"hi\n");
    carrier.send_all();
    carrier.now += Duration::from_secs(30);
    carrier.connection.half_closed(carrier.now);
    assert_eq!(carrier.connection.deadline(), Some(carrier.now + Duration::from_secs(1)));
}

/// Kills: a reset of the last bytes that turns a peer in order into a failed one.
#[test]
fn a_failure_while_lingering_is_the_peers_own_affair() {
    for ending in [Ending::Reset, Ending::CutOff] {
        let mut carrier = lingering();
        carrier.connection.fail(ending);
        assert_eq!(carrier.next(), Next::Over(Ending::Closed));
    }
}

/// Kills: a drain that waits for a lingering peer.
#[test]
fn a_drain_does_not_linger() {
    let mut carrier = lingering();
    carrier.connection.drain();
    assert!(carrier.connection.between_requests());
    assert!(carrier.connection.let_go(true, carrier.now, &mut carrier.room));
    assert_eq!(carrier.next(), Next::Over(Ending::Closed));
    assert_eq!(carrier.connection.deadline(), None);
    assert!(!carrier.connection.let_go(true, carrier.now, &mut carrier.room));
}

/// Kills: a closing peer that may refuse to read for ever, one that is called over too early.
#[test]
fn a_closing_peer_that_does_not_read_times_out() {
    let mut carrier = Carrier::open(small(), curt);
    carrier.receive(b"hi\n");
    carrier.pass(Duration::from_secs(59));
    assert_eq!(carrier.next(), Next::Go);
    carrier.send(1);
    carrier.pass(Duration::from_secs(59));
    assert_eq!(carrier.next(), Next::Go, "a byte moved");
    carrier.pass(Duration::from_secs(1));
    assert_eq!(carrier.next(), Next::Over(Ending::TimedOut));
}

/// Kills: a deadline of the session that wakes it after it said close.
#[test]
fn a_session_that_closed_is_not_woken() {
    let limits = Limits { idle: None, ..small() };
    let mut carrier = Carrier::open(limits, |call, peer| {
        let soon = peer.now() + Duration::from_secs(1);
        peer.set_deadline(Some(soon));
        peer.output.line("bye");
        if call == Call::Opened { Flow::Close } else { Flow::Continue }
    });
    assert_eq!(carrier.connection.deadline(), None);
    carrier.pass(Duration::from_secs(5));
    assert_eq!(carrier.told(), [Call::Opened]);
}

/// Kills: a greeting that is dropped when the session closes in it.
#[test]
fn a_session_may_close_in_its_greeting() {
    let mut carrier = Carrier::open(small(), |_, peer| {
        peer.output.line("full");
        Flow::Close
    });
    assert_eq!(carrier.next(), Next::Go);
    carrier.send_all();
    assert_eq!((carrier.output.as_slice(), carrier.next()), (&b"full\n"[..], Next::HalfClose));
}
