//! Replies, however slowly they are read, and how a conversation ends.

use std::io::Write;
use std::thread;
use std::time::Duration;

use crate::client::{
    big, connect_with_small_buffers, expect_service, expect_service_to_a_new_peer, stream_of,
};
use crate::ground::{Case, Ground, case, expect_counts};
use crate::sockets::until_read;

pub(crate) const CASES: &[Case] = &[
    case!(answers_from_deep_within_its_stack),
    case!(sends_a_reply_larger_than_all_buffers_to_a_slow_reader),
    case!(goes_on_with_requests_that_came_behind_a_large_reply),
    case!(answers_after_the_peer_has_sent_its_last_byte),
    case!(ends_after_what_it_had_to_say),
    case!(loses_no_reply_to_input_that_nobody_read),
    case!(answers_before_others_have_computed, unless_it_is_a_plain_loop),
];

/// How long a session computes, in milliseconds: far longer than a reply takes on a busy machine.
const COMPUTES: u64 = 250;

/// Small enough that a reply of megabytes is stopped by them.
const SMALL: [&str; 2] = ["--send-buffer", "4096"];
const LARGE: usize = 3_000_000;

/// Kills: what one send does not take is lost; a send that waits holds up the others; a peer that
/// was stopped by a full socket is never told of room again.
fn sends_a_reply_larger_than_all_buffers_to_a_slow_reader(ground: &Ground) {
    let server = ground.probe(&SMALL);
    let mut others: Vec<_> = (1..ground.at_most(3)).map(|_| server.connect()).collect();
    let mut slow = connect_with_small_buffers(&server);
    slow.send(format!("big {LARGE}\necho after it\n"));
    // It has begun, and cannot have come far.
    slow.expect("0123456789");
    for _ in 0..10 {
        others.iter_mut().for_each(expect_service);
    }
    slow.expect(&big(LARGE)[10..]).expect("after it\n");
    slow.end().expect_end();
    let accepted = others.len() as u64 + 1;
    drop(others);
    expect_counts(&server.stop(), &[("accepted", accepted)]);
}

/// Kills: input that came while output was above its mark is never offered again.
fn goes_on_with_requests_that_came_behind_a_large_reply(ground: &Ground) {
    let server = ground.probe(&SMALL);
    let mut peer = connect_with_small_buffers(&server);
    let requests: String = (0..20).map(|number| format!("big 100000\necho {number}\n")).collect();
    peer.send(requests);
    for number in 0..20 {
        peer.expect(big(100_000)).expect(format!("{number}\n"));
    }
    peer.end().expect_end();
    expect_counts(&server.stop(), &[("accepted", 1)]);
}

/// Kills: the peer's last byte closes the connection, with requests unanswered or half a line lost.
fn answers_after_the_peer_has_sent_its_last_byte(ground: &Ground) {
    let server = ground.probe(&SMALL);
    let mut peer = connect_with_small_buffers(&server);
    peer.send(format!("echo a\nsleep 50\nbig {LARGE}\necho b")).end();
    peer.expect("a\nslept\n").expect(big(LARGE)).expect("b\n").expect_end();
    expect_counts(&server.stop(), &[("accepted", 1)]);
}

/// Kills: closing before everything was sent; staying after `close`; a close that is a failure.
fn ends_after_what_it_had_to_say(ground: &Ground) {
    let server = ground.probe(&SMALL);
    let mut peer = connect_with_small_buffers(&server);
    peer.send(format!("big {LARGE}\nclose\n"));
    peer.expect(big(LARGE)).expect("bye\n").expect_end();
    drop(peer);
    expect_service_to_a_new_peer(&server);
    expect_counts(&server.stop(), &[("accepted", 2)]);
}

/// Kills: closing a socket with unread input at once, which sends a reset, and the reset takes the
/// reply with it (RFC 9293, 3.6.1).
fn loses_no_reply_to_input_that_nobody_read(ground: &Ground) {
    let server = ground.probe(&SMALL);
    for _ in 0..5 {
        let mut peer = connect_with_small_buffers(&server);
        let mut mouth = stream_of(&peer);
        // It goes on talking, whatever the server says.
        let talker = thread::spawn(move || mouth.write_all(&b"close\n".repeat(20_000)));
        peer.expect("bye\n").expect_end();
        talker.join().expect("it does not panic").expect("the server hears it out");
    }
    expect_counts(&server.stop(), &[("accepted", 5)]);
}

/// Kills: a stack that is smaller than it says; 64 KiB are the least.
fn answers_from_deep_within_its_stack(ground: &Ground) {
    let server = ground.probe(&[]);
    let mut peer = server.connect();
    peer.send("recurse 40\nrecurse 40\n").expect("recursed\nrecursed\n");
    peer.end().expect_end();
    drop(peer);
    expect_counts(&server.stop(), &[("accepted", 1)]);
}

/// Elsewhere a peer has a thread or a process that computes, or some do for all.
fn unless_it_is_a_plain_loop(ground: &Ground) -> Option<&'static str> {
    let fits = ground.is_event() && ground.is_plain() && ground.serves_several();
    (!fits).then_some("it is about one loop, in event style")
}

/// Kills: a reply that lies there until everybody who was ready at the same time has been served, for
/// however long that computes.
fn answers_before_others_have_computed(ground: &Ground) {
    let server = ground.probe(&[]);
    let mut peers: Vec<_> = (0..ground.at_most(4)).map(|_| server.connect()).collect();
    peers.iter_mut().for_each(expect_service);
    let [first, quick, others @ ..] = &mut peers[..] else { return };
    // While it computes for the first, all others become ready.
    first.send(format!("spin {COMPUTES}\n"));
    until_read(first);
    quick.send("echo at once\n");
    for other in &mut *others {
        other.send(format!("spin {COMPUTES}\n"));
    }
    quick.expect("at once\n");
    // What was sent with it has come, too, by then.
    thread::sleep(Duration::from_millis(COMPUTES / 10));
    // One of them may have been served before it, and one was when it left; not both.
    let done = others.iter_mut().filter_map(|other| other.unexpected().first()).count();
    assert!(done < others.len(), "it waited for all the others");
    drop(peers);
    server.stop();
}
