//! What a session asks for besides: no input for a while, a call when all is sent, a wait for its
//! peer, not to be let go, an ending of its own choice.

use std::time::Duration;

use switchboard_core::{Context, Ending, Flow, Next};

use crate::carrier::{Call, Carrier, small};

const SECOND: Duration = Duration::from_secs(1);

/// `p` pauses the input for 10 seconds; everything else is echoed.
fn pauser(call: Call, peer: &mut Context<'_>) -> Flow {
    match call {
        Call::Received => {
            if peer.input.take_all() == b"p" {
                peer.pause_input();
                peer.set_deadline(Some(peer.now() + 10 * SECOND));
            } else {
                peer.output.line("heard");
            }
        }
        Call::Woken => peer.resume_input(),
        Call::Ended => return Flow::Close,
        _ => {}
    }
    Flow::Continue
}

/// Kills: input that is read or offered meanwhile, input that is not offered afterwards, a peer that
/// the drain lets go.
#[test]
fn paused_input_waits_and_is_offered_afterwards() {
    let mut carrier = Carrier::open(small(), pauser);
    carrier.receive(b"p");
    assert!(!carrier.connection.wants_input());
    carrier.told();
    // A completion that was under way brings bytes all the same.
    carrier.receive(b"early");
    assert_eq!(carrier.told(), []);
    assert!(!carrier.connection.between_requests());
    carrier.pass(10 * SECOND);
    carrier.go_on();
    assert_eq!(carrier.told(), [Call::Woken, Call::Received]);
    carrier.send_all();
    assert_eq!(carrier.output, b"heard\n");
    assert!(carrier.connection.wants_input() && carrier.connection.between_requests());
}

/// Kills: an end that is told to a session that waits for something else, one that is forgotten.
#[test]
fn the_end_waits_while_input_is_paused() {
    let mut carrier = Carrier::open(small(), pauser);
    carrier.receive(b"p");
    carrier.told();
    carrier.end();
    assert_eq!(carrier.told(), []);
    carrier.pass(10 * SECOND);
    carrier.go_on();
    assert_eq!(carrier.told(), [Call::Woken, Call::Ended]);
    assert_eq!(carrier.next(), Next::Over(Ending::Left));
}

/// Kills: a session that is asked to go on although it never paused.
#[test]
fn to_resume_what_was_not_paused_does_nothing() {
    let mut carrier = Carrier::open(small(), |_, peer| {
        peer.resume_input();
        Flow::Continue
    });
    carrier.receive(b"");
    assert!(carrier.connection.plain());
}

/// Kills: a call at the low mark, one that comes twice, none at all when all is sent already.
#[test]
fn a_session_is_called_when_all_is_sent() {
    let mut carrier = Carrier::open(small(), |call, peer| {
        match call {
            Call::Received => {
                peer.output.write(peer.input.take_all());
                peer.want_flushed();
            }
            Call::Writable => assert_eq!(peer.output.unsent(), 0),
            _ => {}
        }
        Flow::Continue
    });
    carrier.receive(b"0123456789");
    carrier.told();
    carrier.send(9);
    assert_eq!(carrier.told(), [], "a byte is unsent");
    carrier.send(1);
    assert_eq!(carrier.told(), [Call::Writable]);
    carrier.receive(b"");
    carrier.go_on();
    assert_eq!(carrier.told(), [Call::Received, Call::Writable]);
    assert!(carrier.connection.plain());
}

/// Waits 10 seconds for its peer after each byte that came.
fn patient(call: Call, peer: &mut Context<'_>) -> Flow {
    match call {
        Call::Opened | Call::Received => {
            peer.input.take_all();
            peer.await_peer(Some(peer.now() + 10 * SECOND));
        }
        Call::Ended => return Flow::Close,
        _ => {}
    }
    Flow::Continue
}

/// Kills: a wait for the peer that counts as a request that was begun.
#[test]
fn the_drain_lets_a_peer_go_whose_session_waits_for_it() {
    let mut carrier = Carrier::open(small(), patient);
    assert!(carrier.connection.between_requests());
    carrier.pass(10 * SECOND);
    assert_eq!(carrier.told(), [Call::Opened, Call::Woken]);
    carrier.receive(b"x");
    carrier.connection.drain();
    assert!(carrier.connection.let_go(true, carrier.now, &mut carrier.room));
    assert_eq!(carrier.next(), Next::Over(Ending::Drained));
}

/// Kills: a wait for the peer that is longer than it may be idle; a mark that outlives its deadline.
#[test]
fn a_wait_for_the_peer_does_not_make_it_less_idle() {
    let mut carrier = Carrier::open(small(), |call, peer| {
        match call {
            Call::Opened => peer.await_peer(Some(peer.now() + 600 * SECOND)),
            Call::Received => {
                peer.input.take_all();
                peer.set_deadline(Some(peer.now() + 600 * SECOND));
            }
            _ => {}
        }
        Flow::Continue
    });
    assert_eq!(carrier.connection.deadline(), Some(carrier.now + 60 * SECOND));
    carrier.receive(b"x");
    assert_eq!(carrier.connection.deadline(), Some(carrier.now + 600 * SECOND));
    assert!(!carrier.connection.between_requests());
}

/// Kills: a session that is let go in the midst of a request that it gathers by itself.
#[test]
fn an_engaged_peer_is_not_let_go() {
    let mut carrier = Carrier::open(small(), |call, peer| {
        if let Call::Received = call {
            let bytes = peer.input.take_all();
            peer.engage(bytes == b"begin");
        }
        Flow::Continue
    });
    carrier.receive(b"begin");
    assert!(!carrier.connection.between_requests() && carrier.connection.wants_input());
    carrier.receive(b"end");
    assert!(carrier.connection.plain());
}

/// Closes with its last words as the ending that it is made with, whatever call comes.
fn closing_as(ending: Ending, when: Call) -> Carrier {
    Carrier::open(small(), move |call, peer| {
        peer.input.take_all();
        if call == when {
            peer.output.line("bye");
            return peer.close_as(ending);
        }
        Flow::Continue
    })
}

/// Kills: an ending that the connection replaces by its own; last words that are lost, or that are
/// sent to a peer that is over.
#[test]
fn a_session_says_how_its_peer_is_counted() {
    for ending in [Ending::Error, Ending::Left, Ending::Drained] {
        for when in [Call::Received, Call::Ended] {
            let mut carrier = closing_as(ending, when);
            carrier.receive(b"x");
            carrier.end();
            carrier.send_all();
            assert_eq!(carrier.output, b"bye\n");
            assert_eq!(carrier.next(), Next::Over(ending), "{when:?}");
        }
    }
    for ending in [Ending::TimedOut, Ending::Panicked, Ending::TooLarge, Ending::Reset] {
        let mut carrier = closing_as(ending, Call::Received);
        carrier.receive(b"x");
        assert_eq!((carrier.unsent(), carrier.next()), (0, Next::Over(ending)));
        assert!(!carrier.connection.wants_input());
    }
}
