//! Peers that say nothing, drip, or do not read. Here time itself is what is tested.

use std::thread;
use std::time::{Duration, Instant};

use switchboard::testing::until;

use crate::client::{connect_with_small_buffers, expect_service, expect_service_to_a_new_peer};
use crate::ground::{Case, Ground, case, expect_counts};
use crate::process::expect_rest;
use crate::sockets::until_read;

pub(crate) const CASES: &[Case] = &[
    case!(closes_a_silent_peer_and_no_other),
    case!(keeps_a_peer_that_drips),
    case!(keeps_a_peer_that_spoke_while_another_computed, unless_it_serves_several),
    case!(closes_a_peer_that_does_not_read),
    case!(keeps_a_silent_peer_without_a_limit),
];

const LIMIT: Duration = Duration::from_millis(300);
const IDLE: [&str; 2] = ["--idle", "300ms"];

/// Kills: no limit; a limit on the whole connection instead of on silence; a limit that ends the
/// wait of all peers.
fn closes_a_silent_peer_and_no_other(ground: &Ground) {
    let server = ground.probe(&IDLE);
    let mut active = ground.serves_several().then(|| server.connect());
    let begun = Instant::now();
    let mut silent = server.connect();
    match &mut active {
        Some(active) => {
            while !silent.closed() {
                expect_service(active);
            }
            // It was active all the time.
            expect_service(active);
        }
        None => drop(silent.expect_closed()),
    }
    let passed = begun.elapsed();
    assert!(passed >= LIMIT && passed < LIMIT * 10, "closed after {passed:?}");
    let accepted = 2 + u64::from(active.is_some());
    drop((silent, active));
    expect_service_to_a_new_peer(&server);
    expect_counts(&server.stop(), &[("accepted", accepted), ("timed_out", 1)]);
}

/// Kills: a limit that counts whole requests only, so that a slow sender is cut off.
fn keeps_a_peer_that_drips(ground: &Ground) {
    let server = ground.probe(&["--idle", "500ms"]);
    let mut peer = server.connect();
    for byte in b"echo drip\n" {
        peer.send([*byte]);
        thread::sleep(Duration::from_millis(100));
    }
    peer.expect("drip\n").end().expect_end();
    expect_counts(&server.stop(), &[("accepted", 1)]);
}

fn unless_it_serves_several(ground: &Ground) -> Option<&'static str> {
    (!ground.serves_several()).then_some("it serves one peer at a time")
}

/// Kills: a limit that is looked at before what has come in time was read, because a thread had
/// something else to do.
fn keeps_a_peer_that_spoke_while_another_computed(ground: &Ground) {
    let server = ground.probe(&["--idle", "1s"]);
    let (mut busy, mut other) = (server.connect(), server.connect());
    expect_service(&mut busy);
    expect_service(&mut other);
    busy.send("spin 1500\n");
    until_read(&busy);
    expect_service(&mut other);
    drop((busy, other));
    let stopped = server.stop();
    assert!(stopped.status.success(), "{stopped:?}");
}

/// Kills: a limit on reading only, so that a peer that does not take its reply stays for ever.
fn closes_a_peer_that_does_not_read(ground: &Ground) {
    let server = ground.probe(&["-v", "--idle", "1s", "--send-buffer", "4096"]);
    let mut other = ground.serves_several().then(|| server.connect());
    let mut peer = connect_with_small_buffers(&server);
    peer.send("big 3000000\n");
    // From here its closing could be seen only by reading; the server tells of it.
    until("the peer to be closed", || {
        other.iter_mut().for_each(expect_service);
        server.stderr().contains(": timed out, received 12, sent ")
    });
    assert!(peer.expect_closed().len() < 3_000_000);
    let accepted = 2 + u64::from(other.is_some());
    drop(other);
    expect_service_to_a_new_peer(&server);
    expect_counts(&server.stop(), &[("accepted", accepted), ("timed_out", 1)]);
}

/// Kills: `none` that is taken for zero; waiting in small steps that cost time.
fn keeps_a_silent_peer_without_a_limit(ground: &Ground) {
    let server = ground.probe(&["--idle", "none"]);
    let mut peer = server.connect();
    expect_service(&mut peer);
    if ground.spins() {
        thread::sleep(LIMIT);
    } else {
        expect_rest(&server);
    }
    expect_service(&mut peer);
    peer.end().expect_end();
    expect_counts(&server.stop(), &[("accepted", 1)]);
}
