//! How often a session is called in one step, and how the rest is gone on with.

use std::time::Duration;

use switchboard_core::{Context, Ending, Flow, Limits, Next};

use crate::carrier::{Call, Carrier, small};

/// The most calls with input in one step.
const ONE_STEP: usize = 16;

const SECOND: Duration = Duration::from_secs(1);

/// Takes one byte for each call and says nothing.
fn nibble(call: Call, peer: &mut Context<'_>) -> Flow {
    match call {
        Call::Received => {
            peer.input.take(1);
            Flow::Continue
        }
        Call::Ended => Flow::Close,
        _ => Flow::Continue,
    }
}

/// Takes one byte for each call and sends it back.
fn echo(call: Call, peer: &mut Context<'_>) -> Flow {
    if call == Call::Received {
        let byte = peer.input.take(1);
        peer.output.write(byte);
    }
    if call == Call::Ended { Flow::Close } else { Flow::Continue }
}

/// A peer whose session has been called as often as one step allows, with `left` bytes to go.
fn in_the_midst(left: usize) -> Carrier {
    let mut carrier = Carrier::open(small(), nibble);
    carrier.receive(&b"x".repeat(ONE_STEP + left));
    assert_eq!(carrier.told().len(), 1 + ONE_STEP);
    carrier
}

/// Kills: no bound, a bound of 15 or 17, one that the path of a plain peer does not keep, a rest
/// that is lost or that nobody goes on with.
#[test]
fn a_peer_that_asks_for_everything_at_once_gets_its_turns() {
    let mut carrier = Carrier::open(small(), nibble);
    carrier.told();
    carrier.receive(&[b'x'; 2 * ONE_STEP + 3]);
    for calls in [ONE_STEP, ONE_STEP, 3] {
        assert_eq!(carrier.told(), vec![Call::Received; calls]);
        let more = calls == ONE_STEP;
        assert_eq!(carrier.connection.resumable(&carrier.room), more);
        assert_eq!(carrier.connection.plain(), !more);
        carrier.connection.resume(carrier.now, &mut carrier.room);
    }
    assert_eq!(carrier.told(), []);
}

/// Kills: a mark that is set although the last call took everything, or took nothing.
#[test]
fn a_step_that_leaves_nothing_to_do_is_over() {
    let mut carrier = Carrier::open(small(), nibble);
    carrier.receive(&[b'x'; ONE_STEP]);
    assert!(carrier.connection.plain());

    let mut lines = Carrier::open(small(), crate::carrier::upper);
    lines.receive(&[&b"\n".repeat(ONE_STEP - 1)[..], b"half"].concat());
    lines.send_only(usize::MAX);
    assert!(!lines.connection.resumable(&lines.room), "half a line waits for the other half");
    assert!(lines.connection.wants_input());
}

/// Kills: more input that is read while calls are due for what came, which then gathers without a
/// bound; bytes that come even so and overtake the others, or begin another step.
#[test]
fn nothing_is_read_while_calls_are_due() {
    let limits = Limits { low_mark: 63, ..small() };
    let mut carrier = Carrier::open(limits, echo);
    carrier.told();
    carrier.receive(b"abcdefghijklmnopqrst");
    assert!(!carrier.connection.wants_input());
    carrier.receive(b"uvw");
    assert_eq!(carrier.told().len(), ONE_STEP);
    carrier.go_on();
    assert_eq!(carrier.connection.unsent(&carrier.room), b"abcdefghijklmnopqrstuvw");
    assert!(carrier.connection.wants_input());
}

/// Kills: a peer that goes on above the low mark, one that does not at it.
#[test]
fn a_peer_goes_on_once_its_output_is_low() {
    let limits = Limits { low_mark: 10, ..small() };
    let mut carrier = Carrier::open(limits, echo);
    carrier.receive(&[b'x'; 20]);
    carrier.told();
    carrier.send_only(ONE_STEP - 11);
    assert!(!carrier.connection.resumable(&carrier.room));
    carrier.connection.resume(carrier.now, &mut carrier.room);
    assert_eq!(carrier.told(), [], "11 bytes are unsent");
    carrier.send(1);
    assert_eq!(carrier.told(), [Call::Received; 4]);
}

/// Kills: an end that is told before the last request, or that is not told any more; a last offer
/// that does not know of it.
#[test]
fn the_end_waits_for_the_calls_that_are_due() {
    let mut carrier = Carrier::open(small(), |call, peer| {
        assert!(call != Call::Received || peer.input.len() > 4 || peer.input.ended());
        nibble(call, peer)
    });
    carrier.receive(&[b'x'; ONE_STEP + 4]);
    carrier.told();
    carrier.end();
    assert_eq!((carrier.told(), carrier.next()), (vec![], Next::Go));
    carrier.go_on();
    assert_eq!(carrier.told(), [&[Call::Received; 4][..], &[Call::Ended]].concat());
    assert_eq!(carrier.next(), Next::Over(Ending::Left));
}

/// Kills: a drain that lets a peer go whose requests wait for their turn.
#[test]
fn a_drain_waits_for_the_calls_that_are_due() {
    let mut carrier = in_the_midst(1);
    carrier.connection.drain();
    assert!(!carrier.connection.between_requests());
    assert!(!carrier.connection.let_go(true, carrier.now, &mut carrier.room));
    carrier.go_on();
    assert!(carrier.connection.let_go(true, carrier.now, &mut carrier.room));
    assert_eq!(carrier.next(), Next::Over(Ending::Drained));
}

/// Kills: `writable` and `woken`, in whose wake input is offered, as ways around the bound.
#[test]
fn no_other_call_brings_the_rest_forward() {
    let mut carrier = Carrier::open(small(), |call, peer| {
        if call == Call::Received && peer.input.len() == 2 * ONE_STEP {
            let soon = peer.now() + SECOND;
            peer.set_deadline(Some(soon));
            peer.want_room();
        }
        nibble(call, peer)
    });
    carrier.told();
    carrier.receive(&[b'x'; 2 * ONE_STEP]);
    assert_eq!(carrier.told(), [&[Call::Received; ONE_STEP][..], &[Call::Writable]].concat());
    carrier.pass(SECOND);
    assert_eq!(carrier.told(), [Call::Woken]);
    carrier.go_on();
    assert_eq!(carrier.told(), [Call::Received; ONE_STEP]);
    assert!(carrier.connection.plain());
}

/// Kills: a stall that a turn of its own ends before the low mark, one that is not noticed in the
/// last call of a step.
#[test]
fn a_stall_in_the_last_call_is_a_stall() {
    let limits = Limits { high_mark: ONE_STEP, low_mark: 0, ..small() };
    let mut carrier = Carrier::open(limits, echo);
    carrier.told();
    carrier.receive(&[b'x'; ONE_STEP + 2]);
    carrier.send(ONE_STEP - 1);
    assert_eq!(carrier.told(), [Call::Received; ONE_STEP]);
    carrier.send(1);
    assert_eq!(carrier.told(), [Call::Received; 2]);
}

/// Kills: a peer that is over or closes, and goes on.
#[test]
fn who_is_over_does_not_go_on() {
    let mut carrier = in_the_midst(5);
    carrier.connection.fail(Ending::Reset);
    assert!(!carrier.connection.resumable(&carrier.room));
    carrier.connection.resume(carrier.now, &mut carrier.room);
    assert_eq!((carrier.told(), carrier.next()), (vec![], Next::Over(Ending::Reset)));
}
