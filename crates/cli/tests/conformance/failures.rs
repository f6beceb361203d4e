//! What goes wrong with one peer goes wrong for that peer only, and is counted.

use crate::client::{connect_with_small_buffers, expect_service, expect_service_to_a_new_peer};
use crate::ground::{Case, Ground, case, expect_counts};
use crate::sockets::{reset_and_wait, until_read};

pub(crate) const CASES: &[Case] = &[
    case!(survives_a_reset_in_mid_request),
    case!(survives_a_reset_between_requests),
    case!(survives_a_reset_during_a_reply),
    case!(survives_a_panic),
    case!(ends_a_peer_whose_service_fails),
];

/// Kills: `?` on a peer's read ends the loop; a reset that is counted as in order.
fn survives_a_reset_in_mid_request(ground: &Ground) {
    let server = ground.probe(&[]);
    let mut other = ground.serves_several().then(|| server.connect());
    other.iter_mut().for_each(expect_service);
    let mut peer = server.connect();
    expect_service(&mut peer);
    peer.send("echo hal");
    until_read(&peer);
    reset_and_wait(peer);
    other.iter_mut().for_each(expect_service);
    let accepted = 2 + u64::from(other.is_some());
    drop(other);
    expect_service_to_a_new_peer(&server);
    expect_counts(&server.stop(), &[("accepted", accepted), ("failed", 1)]);
}

/// Kills: a reset that is taken for the peer's last byte.
fn survives_a_reset_between_requests(ground: &Ground) {
    let server = ground.probe(&[]);
    let mut peer = server.connect();
    expect_service(&mut peer);
    reset_and_wait(peer);
    expect_service_to_a_new_peer(&server);
    expect_counts(&server.stop(), &[("accepted", 2), ("failed", 1)]);
}

/// Kills: SIGPIPE; `?` on a peer's write ends the loop; a peer that is written to no more and stays.
fn survives_a_reset_during_a_reply(ground: &Ground) {
    let server = ground.probe(&["--send-buffer", "4096"]);
    let mut other = ground.serves_several().then(|| server.connect());
    let mut peer = connect_with_small_buffers(&server);
    peer.send("big 3000000\n").expect("0123456789");
    reset_and_wait(peer);
    other.iter_mut().for_each(expect_service);
    let accepted = 2 + u64::from(other.is_some());
    drop(other);
    expect_service_to_a_new_peer(&server);
    expect_counts(&server.stop(), &[("accepted", accepted), ("failed", 1)]);
}

/// Kills: a panic that takes its loop or its pool's thread with it, or leaves its peer waiting.
fn survives_a_panic(ground: &Ground) {
    let server = ground.probe(&[]);
    let mut other = ground.serves_several().then(|| server.connect());
    other.iter_mut().for_each(expect_service);
    for _ in 0..3 {
        let mut peer = server.connect();
        expect_service(&mut peer);
        peer.send("panic\n");
        assert_eq!(peer.expect_closed(), b"");
    }
    other.iter_mut().for_each(expect_service);
    let accepted = 4 + u64::from(other.is_some());
    drop(other);
    expect_service_to_a_new_peer(&server);
    expect_counts(&server.stop(), &[("accepted", accepted), ("failed", 3)]);
}

/// Kills: a handler's own error that is not counted, not told, or ends more than its peer. (An
/// event-style session has no errors: there it closes, and that is in order.)
fn ends_a_peer_whose_service_fails(ground: &Ground) {
    let server = ground.probe(&[]);
    let mut peer = server.connect();
    peer.send("echo before\nfail\n").expect("before\n").expect_end();
    drop(peer);
    expect_service_to_a_new_peer(&server);
    let failed = u64::from(!ground.is_event());
    let stopped = server.stop();
    expect_counts(&stopped, &[("accepted", 2), ("failed", failed)]);
    let told = stopped.stderr.contains("probe failed: the peer asked for a failure");
    assert_eq!(told, !ground.is_event(), "{stopped:?}");
}
