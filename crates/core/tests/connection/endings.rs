//! How a peer comes to its end, and what it is then called.

use std::time::Duration;

use switchboard_core::{Context, Ending, Flow, Limits, Next};

use crate::carrier::{Call, Carrier, small, upper};

/// Takes a request, if it is whole.
type Take = fn(&mut Context<'_>) -> bool;

/// Panics in one callback; in all others it provokes the next.
fn fragile(weak: Call) -> impl FnMut(Call, &mut Context<'_>) -> Flow + Send + 'static {
    move |call, peer| {
        assert!(call != weak, "as was asked for");
        if call == Call::Received {
            peer.input.take_all();
            peer.want_room();
        }
        Flow::Continue
    }
}

/// Kills: a callback that is called outside of `catch_unwind`.
#[test]
fn a_panic_in_any_callback_ends_its_own_peer() {
    for weak in [Call::Opened, Call::Received, Call::Writable, Call::Ended, Call::Woken] {
        let mut fragile = fragile(weak);
        let mut carrier = Carrier::open(small(), move |call, peer| {
            let now = peer.now();
            peer.set_deadline(Some(now));
            fragile(call, peer)
        });
        match weak {
            Call::Woken => carrier.pass(Duration::ZERO),
            _ => {
                carrier.receive(b"x");
                carrier.end();
            }
        }
        assert_eq!(carrier.next(), Next::Over(Ending::Panicked), "{weak:?}");
        assert!(!carrier.connection.wants_input());
        carrier.receive(b"x");
        carrier.end();
        assert_eq!(carrier.told().last(), Some(&weak), "nothing is told after {weak:?}");
    }
}

/// Kills: kept output that is sent for a peer that is over.
#[test]
fn a_peer_that_is_over_has_nothing_unsent() {
    let mut carrier = Carrier::open(small(), upper);
    carrier.receive(b"abc\n");
    carrier.send_only(1);
    assert_eq!(carrier.unsent(), 3);
    carrier.connection.fail(Ending::CutOff);
    assert_eq!((carrier.unsent(), carrier.next()), (0, Next::Over(Ending::CutOff)));
    carrier.connection.fail(Ending::Reset);
    assert_eq!(carrier.next(), Next::Over(Ending::CutOff), "the first ending counts");
}

/// Kills: `closed` with another ending, traffic that is not what moved, a panic that gets out.
#[test]
fn the_last_call_is_closed() {
    let mut carrier = Carrier::open(small(), upper);
    carrier.receive(b"abc\nd");
    carrier.send(2);
    let (traffic, told) = carrier.close(Ending::Reset);
    assert_eq!(traffic, (5, 2));
    assert_eq!(told.last(), Some(&Call::Closed(Ending::Reset)));
}

/// Kills: an ending before the answer is sent, `ended` told twice, `ended` before the last offer.
#[test]
fn who_leaves_is_answered_first() {
    let mut carrier = Carrier::open(small(), upper);
    carrier.receive(b"ab");
    carrier.end();
    carrier.end();
    assert_eq!(carrier.next(), Next::Go);
    assert!(!carrier.connection.wants_input());
    carrier.send_all();
    assert_eq!(carrier.next(), Next::Over(Ending::Left));
    assert_eq!(carrier.output, b"AB\n");
    assert_eq!(carrier.told(), [Call::Opened, Call::Received, Call::Received, Call::Ended]);
}

/// Kills: `ended` told while input is withheld from a stalled session.
#[test]
fn the_end_waits_behind_a_stall() {
    let mut carrier = Carrier::open(small(), |call, peer| match call {
        Call::Received => {
            let byte = peer.input.take(1);
            peer.output.write(&byte.repeat(64));
            Flow::Continue
        }
        Call::Ended => Flow::Close,
        _ => Flow::Continue,
    });
    carrier.receive(b"ab");
    carrier.end();
    assert_eq!(carrier.told(), [Call::Opened, Call::Received]);
    carrier.send(64);
    assert_eq!(carrier.told(), [Call::Received], "the end waits behind the second stall too");
    carrier.send_all();
    assert_eq!(carrier.told(), [Call::Ended]);
    assert_eq!(carrier.next(), Next::Over(Ending::Left));
    assert_eq!(carrier.output.len(), 128);
}

/// Kills: what was left at the end offered over and over, or never again to a session that is woken.
#[test]
fn what_is_left_at_the_end_is_offered_once_more_and_when_woken() {
    let mut carrier = Carrier::open(small(), |call, peer| {
        match call {
            Call::Ended => {
                assert_eq!(peer.input.bytes(), b"half");
                let soon = peer.now() + Duration::from_secs(1);
                peer.set_deadline(Some(soon));
            }
            Call::Received => assert_eq!(peer.input.bytes(), b"half"),
            _ => {}
        }
        Flow::Continue
    });
    carrier.receive(b"half");
    carrier.end();
    assert_eq!(carrier.told(), [Call::Opened, Call::Received, Call::Received, Call::Ended]);
    carrier.connection.resume(carrier.now, &mut carrier.room);
    assert_eq!(carrier.told(), []);
    carrier.pass(Duration::from_secs(1));
    assert_eq!(carrier.told(), [Call::Woken, Call::Received]);
}

/// Kills: an `ended` that closes whatever the session says, and a later close that lingers or is
/// called a leaving.
#[test]
fn a_session_may_go_on_after_the_end() {
    let mut carrier = Carrier::open(small(), |call, peer| {
        match call {
            Call::Ended => {
                let later = peer.now() + Duration::from_secs(3);
                peer.set_deadline(Some(later));
            }
            Call::Woken => {
                peer.output.line("late");
                return Flow::Close;
            }
            _ => {}
        }
        Flow::Continue
    });
    carrier.end();
    assert_eq!(carrier.next(), Next::Go);
    carrier.pass(Duration::from_secs(3));
    carrier.send_all();
    assert_eq!(carrier.output, b"late\n");
    assert_eq!(carrier.next(), Next::Over(Ending::Closed));
}

/// Kills: a drain that ends peers by itself, `draining` that a session is not shown, an ending
/// `Left` for whom the server sent away.
#[test]
fn a_drained_peer_between_requests_is_let_go() {
    let mut carrier = Carrier::open(small(), |call, peer| {
        if call == Call::Ended {
            assert!(peer.draining());
            peer.output.line("the server stops");
            return Flow::Close;
        }
        assert!(!peer.draining());
        Flow::Continue
    });
    carrier.connection.drain();
    assert_eq!(carrier.next(), Next::Go, "it is told, not ended");
    assert!(carrier.connection.let_go(true, carrier.now, &mut carrier.room));
    assert!(!carrier.connection.let_go(true, carrier.now, &mut carrier.room), "once");
    carrier.send_all();
    assert_eq!(carrier.output, b"the server stops\n");
    assert_eq!(carrier.next(), Next::Over(Ending::Drained));
}

/// Kills: letting someone go whose request has begun, or whose answer is unsent.
#[test]
fn a_drain_lets_nobody_go_in_the_midst_of_something() {
    let mut carrier = Carrier::open(small(), upper);
    carrier.connection.drain();
    carrier.receive(b"ab");
    assert!(!carrier.connection.between_requests());
    assert!(!carrier.connection.let_go(true, carrier.now, &mut carrier.room), "half a request");
    carrier.receive(b"c\n");
    assert!(!carrier.connection.let_go(true, carrier.now, &mut carrier.room), "an unsent answer");
    carrier.send_only(2);
    assert!(!carrier.connection.let_go(true, carrier.now, &mut carrier.room), "half an answer");
    carrier.send_all();
    assert!(carrier.connection.let_go(true, carrier.now, &mut carrier.room));
    assert_eq!(carrier.next(), Next::Over(Ending::Drained));
    assert_eq!(carrier.output, b"ABC\n");
}

/// Kills: a bound on requests that a line, a frame, or a session that takes nothing can pass.
#[test]
fn a_request_that_is_too_large_ends_its_peer() {
    let sessions: [(Take, &[u8]); 4] = [
        (|peer| peer.input.line().is_some(), &[b'x'; 101]),
        (|peer| peer.input.frame().is_some(), &[0, 0, 0, 101]),
        (|peer| peer.input.exact(101).is_some(), b"x"),
        (|_| false, &[b'x'; 200]),
    ];
    for (take, bytes) in sessions {
        let mut carrier = Carrier::open(small(), move |call, peer| {
            assert!(call != Call::Received || !take(peer));
            Flow::Continue
        });
        for byte in bytes {
            carrier.receive(&[*byte]);
        }
        assert_eq!(carrier.next(), Next::Over(Ending::TooLarge));
    }
}

/// Kills: `>=` for `>` at the bound, and a bound that counts several requests as one.
#[test]
fn the_largest_request_passes_and_so_do_many() {
    let limits = Limits { high_mark: 1 << 20, low_mark: 1 << 20, ..small() };
    let mut carrier = Carrier::open(limits, upper);
    let line = [&[b'x'; 100][..], b"\n"].concat();
    carrier.receive(&line.repeat(50));
    carrier.go_on();
    carrier.receive(&[b'x'; 100]);
    carrier.receive(b"\n");
    assert_eq!(carrier.next(), Next::Go);
    assert_eq!(carrier.unsent(), 51 * 101);
}

/// Kills: a bound that is meant for a request's content and counts its terminator or length, so
/// that the network's cutting decides who is ended.
#[test]
fn the_largest_request_passes_wherever_it_is_cut() {
    let content = [b'x'; 100];
    let line = [&content[..], b"\r\n"].concat();
    let frame = [&[0, 0, 0, 100], &content[..]].concat();
    let takes: [(Take, Vec<u8>); 2] =
        [(|peer| peer.input.line().is_some(), line), (|peer| peer.input.frame().is_some(), frame)];
    for (take, bytes) in takes {
        for cut in 1..bytes.len() {
            let mut carrier = Carrier::open(small(), move |call, peer| {
                if call == Call::Received && take(peer) {
                    peer.output.line("taken");
                }
                Flow::Continue
            });
            carrier.receive(&bytes[..cut]);
            carrier.receive(&bytes[cut..]);
            assert_eq!(carrier.next(), Next::Go, "cut after {cut} of {} bytes", bytes.len());
            assert_eq!(carrier.unsent(), 6);
        }
    }
}
