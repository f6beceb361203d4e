//! Idleness and the session's own deadline, in simulated time.

use std::time::Duration;

use switchboard_core::{Context, Ending, Flow, Limits, Next};

use crate::carrier::{Call, Carrier, small, upper};

const SECOND: Duration = Duration::from_secs(1);

/// Wants to be woken 10 seconds after the greeting; `x` takes that back, `y` puts it off.
fn sleeper(call: Call, peer: &mut Context<'_>) -> Flow {
    let soon = peer.now() + 10 * SECOND;
    match call {
        Call::Opened => peer.set_deadline(Some(soon)),
        Call::Received => match peer.input.take_all() {
            b"x" => peer.set_deadline(None),
            _ => peer.set_deadline(Some(soon)),
        },
        Call::Woken => {
            assert_eq!(peer.deadline(), None, "it is unset by then");
            peer.output.line("awake");
        }
        _ => {}
    }
    Flow::Continue
}

/// Kills: an idle limit that rings early or never, one that a byte does not move.
#[test]
fn a_silent_peer_times_out_and_a_byte_puts_that_off() {
    let mut carrier = Carrier::open(small(), upper);
    carrier.pass(60 * SECOND - Duration::from_nanos(1));
    assert_eq!(carrier.next(), Next::Go);
    carrier.receive(b"x");
    assert_eq!(carrier.connection.deadline(), Some(carrier.now + 60 * SECOND));
    carrier.now += 59 * SECOND;
    carrier.receive(b"y\n");
    carrier.now += 59 * SECOND;
    carrier.send_only(1);
    assert_eq!(carrier.connection.deadline(), Some(carrier.now + 60 * SECOND), "a byte was sent");
    carrier.now += 59 * SECOND;
    carrier.send_only(0);
    carrier.pass(SECOND);
    assert_eq!(carrier.next(), Next::Over(Ending::TimedOut), "no byte is no sign of life");
    assert_eq!(carrier.connection.deadline(), None);
}

/// Kills: a plain answer that does not count as movement.
#[test]
fn a_whole_answer_puts_the_idle_limit_off_too() {
    let mut carrier = Carrier::open(small(), upper);
    carrier.receive(b"x\n");
    carrier.now += 30 * SECOND;
    carrier.send_only(usize::MAX);
    assert_eq!(carrier.connection.deadline(), Some(carrier.now + 60 * SECOND));
}

/// Kills: a limit of `None` that is taken for zero.
#[test]
fn without_an_idle_limit_there_is_no_deadline() {
    let mut carrier = Carrier::open(Limits { idle: None, ..small() }, upper);
    assert_eq!(carrier.connection.deadline(), None);
    assert!(!carrier.connection.hurries());
    carrier.pass(1_000_000 * SECOND);
    assert_eq!(carrier.next(), Next::Go);
}

/// Kills: a deadline that wakes early, twice, or that idleness replaces.
#[test]
fn a_session_is_woken_once_at_its_deadline() {
    for limits in [small(), Limits { idle: None, ..small() }] {
        let mut carrier = Carrier::open(limits, sleeper);
        assert_eq!(carrier.connection.deadline(), Some(carrier.now + 10 * SECOND));
        assert!(carrier.connection.hurries());
        carrier.pass(10 * SECOND - Duration::from_nanos(1));
        assert_eq!(carrier.told(), [Call::Opened]);
        carrier.pass(Duration::from_nanos(1));
        assert_eq!(carrier.told(), [Call::Woken]);
        assert!(!carrier.connection.hurries());
        carrier.pass(SECOND);
        assert_eq!(carrier.told(), []);
        carrier.send_all();
        assert_eq!(carrier.output, b"awake\n");
    }
}

/// Kills: a deadline that cannot be taken back or put off.
#[test]
fn a_deadline_is_taken_back_or_put_off() {
    let mut carrier = Carrier::open(small(), sleeper);
    carrier.now += 9 * SECOND;
    carrier.receive(b"y");
    carrier.pass(9 * SECOND);
    carrier.receive(b"x");
    carrier.pass(9 * SECOND);
    assert_eq!(carrier.told(), [Call::Opened, Call::Received, Call::Received]);
    assert_eq!(carrier.next(), Next::Go);
}

/// Kills: idleness that ends a session which waits for its own deadline and not for its peer.
#[test]
fn a_deadline_stands_in_for_the_idle_limit() {
    let limits = Limits { idle: Some(5 * SECOND), ..small() };
    let mut carrier = Carrier::open(limits, sleeper);
    assert_eq!(carrier.connection.deadline(), Some(carrier.now + 10 * SECOND));
    carrier.pass(9 * SECOND);
    assert_eq!(carrier.next(), Next::Go);
    carrier.pass(SECOND);
    assert_eq!(carrier.told(), [Call::Opened, Call::Woken]);
    assert_eq!(carrier.connection.deadline(), Some(carrier.now + 5 * SECOND), "from now on");
    carrier.pass(5 * SECOND);
    assert_eq!(carrier.next(), Next::Over(Ending::TimedOut));
}

/// Kills: a deadline by which a session saves a peer that does not read.
#[test]
fn a_peer_that_does_not_read_is_not_saved_by_a_deadline() {
    let limits = Limits { idle: Some(5 * SECOND), ..small() };
    let mut carrier = Carrier::open(limits, |call, peer| {
        peer.output.line("greetings");
        sleeper(call, peer)
    });
    carrier.send_only(1);
    assert!(carrier.connection.hurries(), "it has come closer");
    assert_eq!(carrier.connection.deadline(), Some(carrier.now + 5 * SECOND));
    carrier.pass(5 * SECOND);
    assert_eq!(carrier.next(), Next::Over(Ending::TimedOut));
    assert_eq!(carrier.told(), [Call::Opened]);
}

/// Kills: an idle limit that stays put off once a deadline has been set. (`hurries` is false here:
/// the loop asks for the deadline after every turn that was not plain.)
#[test]
fn a_deadline_that_is_taken_back_leaves_the_idle_limit() {
    let limits = Limits { idle: Some(5 * SECOND), ..small() };
    let mut carrier = Carrier::open(limits, sleeper);
    let before = carrier.connection.deadline();
    carrier.receive(b"x");
    assert!(carrier.connection.deadline() < before, "idleness comes first");
    assert_eq!(carrier.connection.deadline(), Some(carrier.now + 5 * SECOND));
}

/// Kills: input that was left and that `woken` cannot take, or that is offered no more afterwards.
#[test]
fn what_was_left_can_be_taken_when_woken() {
    let mut carrier = Carrier::open(small(), |call, peer| {
        match call {
            Call::Opened => {
                let soon = peer.now() + SECOND;
                peer.set_deadline(Some(soon));
            }
            Call::Woken => {
                let bytes = peer.input.take(2);
                peer.output.write(bytes);
            }
            _ => {}
        }
        Flow::Continue
    });
    carrier.receive(b"abc");
    carrier.pass(SECOND);
    assert_eq!(carrier.connection.unsent(&carrier.room), b"ab");
    assert_eq!(carrier.told(), [Call::Opened, Call::Received, Call::Woken, Call::Received]);
}

/// Kills: a clock that is not the one of the event.
#[test]
fn a_session_sees_the_time_of_its_event() {
    let mut carrier = Carrier::open(small(), |call, peer| {
        if call == Call::Received {
            peer.input.take_all();
            let late = peer.now() + 5 * SECOND;
            peer.set_deadline(Some(late));
        }
        Flow::Continue
    });
    carrier.now += 7 * SECOND;
    carrier.receive(b"x");
    assert_eq!(carrier.connection.deadline(), Some(carrier.now + 5 * SECOND));
}
