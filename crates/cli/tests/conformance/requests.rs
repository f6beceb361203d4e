//! Requests, however they are cut and however large they are.

use crate::client::{expect_service, expect_service_to_a_new_peer};
use crate::ground::{Case, Ground, case, expect_counts};
use crate::sockets::until_read;

pub(crate) const CASES: &[Case] = &[
    case!(puts_a_request_together_from_single_bytes),
    case!(answers_pipelined_requests_in_their_order),
    case!(takes_a_request_larger_than_any_buffer),
    case!(keeps_bytes_of_any_value),
    case!(ends_only_the_peer_whose_request_is_too_large),
];

/// Kills: the session is handed each read as if it were a request, or loses what it left.
fn puts_a_request_together_from_single_bytes(ground: &Ground) {
    let server = ground.probe(&[]);
    let mut peer = server.connect();
    for byte in b"echo one\r\necho two\n" {
        peer.send([*byte]);
        until_read(&peer);
    }
    peer.expect("one\ntwo\n");
    // A frame's length and its content are cut too.
    for byte in b"frame\n\0\0\0\x03abc" {
        peer.send([*byte]);
        until_read(&peer);
    }
    peer.expect("\0\0\0\x03abc").end().expect_end();
    expect_counts(&server.stop(), &[("accepted", 1)]);
}

/// Kills: one request is answered for each wake-up, and the rest waits for bytes that never come.
fn answers_pipelined_requests_in_their_order(ground: &Ground) {
    let server = ground.probe(&[]);
    let mut peer = server.connect();
    let (mut requests, mut replies) = (String::new(), String::new());
    for number in 0..5_000 {
        requests += &format!("echo request {number}\n");
        replies += &format!("request {number}\n");
    }
    // More than one buffer of either side; a wait in the middle holds up what is behind it.
    peer.send(format!("{requests}sleep 20\n{requests}"));
    peer.expect(format!("{replies}slept\n{replies}"));
    // Merged: the end of one request and the beginning of the next in one piece.
    peer.send("echo a\nec").send("ho b\necho").send(" c\n").expect("a\nb\nc\n");
    peer.end().expect_end();
    expect_counts(&server.stop(), &[("accepted", 1)]);
}

/// Kills: one read for each event under edge triggering; a buffer that does not grow.
fn takes_a_request_larger_than_any_buffer(ground: &Ground) {
    let server = ground.probe(&[]);
    let mut peer = server.connect();
    let text = "0123456789abcdef".repeat(700 * 1024 / 16);
    peer.send(format!("echo {text}\n")).expect(format!("{text}\n"));
    expect_service(&mut peer);
    peer.end().expect_end();
    expect_counts(&server.stop(), &[("accepted", 1)]);
}

/// Kills: bytes that pass through a text on their way.
fn keeps_bytes_of_any_value(ground: &Ground) {
    let server = ground.prepare("echo").args(["--style", ground.style]).start();
    let mut peer = server.connect();
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    for _ in 0..10 {
        peer.send(&bytes).expect(&bytes);
    }
    peer.end().expect_end();
    let stopped = server.stop();
    expect_counts(&stopped, &[("accepted", 1)]);
    assert_eq!((stopped.get("received"), stopped.get("sent")), (1_000_000, 1_000_000));
}

/// Kills: no bound on a request; a bound that ends the loop, or is counted as in order.
fn ends_only_the_peer_whose_request_is_too_large(ground: &Ground) {
    let server = ground.probe(&["--request-max", "1000"]);
    let mut others: Vec<_> = (1..ground.at_most(3)).map(|_| server.connect()).collect();
    others.iter_mut().for_each(expect_service);
    let mut peer = server.connect();
    let longest = "x".repeat(1000 - "echo ".len());
    peer.send(format!("echo {longest}\n")).expect(format!("{longest}\n"));
    peer.send("x".repeat(1001));
    assert_eq!(peer.expect_closed(), b"");
    others.iter_mut().for_each(expect_service);
    let accepted = others.len() as u64 + 2;
    drop((peer, others));
    expect_service_to_a_new_peer(&server);
    expect_counts(&server.stop(), &[("accepted", accepted), ("failed", 1)]);
}
