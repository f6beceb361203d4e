//! Marks: when input is offered, when `writable` is called, what the kept output costs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use switchboard_core::{Context, Flow, Limits};

use crate::carrier::{Call, Carrier, small, upper};

/// Takes one byte for each call and answers with 40.
fn expensive(call: Call, peer: &mut Context<'_>) -> Flow {
    if call == Call::Received && !peer.input.take(1).is_empty() {
        peer.output.write(&[b'.'; 40]);
    }
    Flow::Continue
}

/// Kills: a stall that begins at `>` the high mark's next call, one that ends below the high mark
/// instead of at the low mark.
#[test]
fn a_stall_begins_at_the_high_mark_and_ends_at_the_low_mark() {
    let mut carrier = Carrier::open(small(), expensive);
    carrier.receive(b"12345");
    assert_eq!(carrier.unsent(), 80, "two calls reach the high mark of 64");
    assert!(!carrier.connection.wants_input());
    carrier.send(63);
    assert_eq!(carrier.unsent(), 17, "one byte above the low mark, nothing is offered");
    assert!(!carrier.connection.wants_input());
    carrier.send(1);
    assert_eq!(carrier.unsent(), 96, "at the low mark, two more calls");
    carrier.send_all();
    assert_eq!(carrier.output.len(), 200);
    assert!(carrier.connection.wants_input());
}

/// Kills: `>` for `>=` at the high mark.
#[test]
fn output_of_exactly_the_high_mark_stalls() {
    let limits = Limits { high_mark: 40, low_mark: 0, ..small() };
    let mut carrier = Carrier::open(limits, expensive);
    carrier.receive(b"12");
    assert_eq!(carrier.unsent(), 40);
    assert!(!carrier.connection.wants_input());
}

/// Kills: offering bytes that come during a stall (a drain reads whatever there is).
#[test]
fn bytes_that_come_during_a_stall_wait_in_order() {
    let mut carrier = Carrier::open(Limits { low_mark: 0, ..small() }, |call, peer| {
        if call == Call::Received {
            let bytes = peer.input.take(1);
            peer.output.write(&bytes.repeat(64));
        }
        Flow::Continue
    });
    for byte in [b"a", b"b", b"c"] {
        carrier.receive(byte);
        carrier.send_only(0);
    }
    assert_eq!(carrier.told(), [Call::Opened, Call::Received]);
    assert!(!carrier.connection.between_requests());
    carrier.send_all();
    assert_eq!(carrier.output, [[b'a'; 64], [b'b'; 64], [b'c'; 64]].concat());
}

/// Kills: offering again what was left although the session took nothing (a busy loop), and not
/// offering it when more has come.
#[test]
fn what_was_left_is_offered_again_only_with_more() {
    let mut carrier = Carrier::open(small(), upper);
    carrier.receive(b"ab");
    carrier.connection.resume(carrier.now, &mut carrier.room);
    carrier.send_all();
    assert_eq!(carrier.told(), [Call::Opened, Call::Received]);
    carrier.receive(b"c\nd\ne");
    assert_eq!(carrier.told(), [Call::Received; 3], "ABC, D, and what is left of e");
    assert_eq!(carrier.connection.unsent(&carrier.room), b"ABC\nD\n");
}

/// Kills: what was left and not taken offered again because there is room.
#[test]
fn room_is_no_reason_to_offer_again() {
    let mut carrier = Carrier::open(small(), |call, peer| {
        if call == Call::Received {
            peer.output.write(&[b'.'; 20]);
            peer.want_room();
        }
        Flow::Continue
    });
    carrier.receive(b"ab");
    carrier.send_all();
    assert_eq!(carrier.told(), [Call::Opened, Call::Received, Call::Writable]);
}

/// Kills: `writable` above the low mark, `writable` for each send, `writable` that is not called
/// when output is low already.
#[test]
fn writable_comes_once_for_each_request_and_at_the_low_mark() {
    let mut carrier = Carrier::open(small(), |call, peer| {
        if call == Call::Received {
            peer.input.take_all();
            peer.output.write(&[b'.'; 50]);
            peer.want_room();
        }
        Flow::Continue
    });
    assert!(!carrier.connection.resumable(&carrier.room));
    carrier.receive(b"go");
    assert_eq!(carrier.told(), [Call::Opened, Call::Received]);
    carrier.send(33);
    assert_eq!(carrier.told(), [], "17 bytes are one too many");
    carrier.send(1);
    assert_eq!(carrier.told(), [Call::Writable]);
    carrier.send(1);
    carrier.connection.resume(carrier.now, &mut carrier.room);
    assert_eq!(carrier.told(), [], "it was asked for once");

    let asks = |call, peer: &mut Context<'_>| {
        if call == Call::Opened {
            peer.want_room();
        }
        Flow::Continue
    };
    assert_eq!(Carrier::open(small(), asks).told(), [Call::Opened, Call::Writable], "at once");
}

/// Kills: `room` that forgets what is unsent, or what of it was sent.
#[test]
fn room_is_what_is_left_below_the_high_mark() {
    let seen = Arc::new(AtomicUsize::new(usize::MAX));
    let told = Arc::clone(&seen);
    let mut carrier = Carrier::open(small(), move |call, peer| {
        if call == Call::Received {
            peer.input.take_all();
            told.store(peer.output.room(), Ordering::SeqCst);
            peer.output.write(&[b'.'; 30]);
        }
        Flow::Continue
    });
    for (sent, room) in [(10, 64), (5, 44), (0, 19)] {
        carrier.receive(b"x");
        assert_eq!(seen.load(Ordering::SeqCst), room);
        carrier.send_only(sent);
    }
}

/// Kills: a kept buffer whose sent front is never given back: 10,000 sends of an endless reply to
/// a slow reader would have grown it to 30,000 bytes.
#[test]
fn an_endless_reply_to_a_slow_reader_costs_no_more_than_its_marks() {
    let most = Arc::new(AtomicUsize::new(0));
    let told = Arc::clone(&most);
    let mut letter = 0;
    let mut carrier = Carrier::open(small(), move |call, peer| {
        if matches!(call, Call::Opened | Call::Writable) {
            for _ in 0..peer.output.room() {
                peer.output.write(&[b'a' + letter]);
                letter = (letter + 1) % 26;
            }
            peer.want_room();
            told.fetch_max(peer.output.buffer().capacity(), Ordering::SeqCst);
        }
        Flow::Continue
    });
    for turn in 0..10_000 {
        carrier.send(1 + turn % 5);
        assert!(carrier.unsent() <= 64);
    }
    assert_eq!(carrier.output.len(), 30_000);
    let expected = (b'a'..=b'z').cycle();
    assert!(carrier.output.iter().copied().eq(expected.take(30_000)), "in order, nothing twice");
    assert!(most.load(Ordering::SeqCst) <= 4 * 64, "{most:?} bytes for a mark of 64");
}

/// Kills: a mark that stays set after it was dealt with, which would send every later message down
/// the slow path.
#[test]
fn a_peer_that_asks_and_is_answered_is_plain() {
    let mut carrier = Carrier::open(small(), upper);
    assert!(carrier.connection.plain());
    carrier.receive(b"ab");
    assert!(!carrier.connection.plain(), "something is unread");
    carrier.receive(b"c\n");
    assert!(carrier.connection.plain());
    carrier.send_only(1);
    assert!(!carrier.connection.plain(), "something is unsent");
    assert!(carrier.room.is_empty(), "it was copied: the room is for the next peer");
    carrier.send_all();
    assert!(carrier.connection.plain());
    carrier.receive(b"d\n");
    carrier.connection.answered(&mut carrier.room);
    assert!(carrier.room.is_empty() && carrier.connection.plain());
    assert_eq!(carrier.connection.traffic(), (6, 6));
}

/// Kills: an id or an address that is not the peer's own.
#[test]
fn a_session_knows_whom_it_serves() {
    let carrier = Carrier::open(small(), |_, peer| {
        let line = format!("{} {}", peer.id(), peer.address());
        peer.output.line(&line);
        Flow::Continue
    });
    assert_eq!(carrier.connection.unsent(&carrier.room), b"7 unix:uid=0,pid=0\n");
    assert_eq!(carrier.connection.identity().0, 7);
}
