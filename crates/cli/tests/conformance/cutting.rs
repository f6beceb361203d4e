//! The end of the drain: by its deadline, by a second signal, or at once.

use std::time::{Duration, Instant};

use crate::client::{connect_with_small_buffers, expect_service};
use crate::ground::{Case, Ground, case, expect_counts};
use crate::sockets::until_read;
use crate::stopping::until_it_drains;

pub(crate) const CASES: &[Case] = &[
    case!(cuts_off_at_the_end_of_the_drain),
    case!(cuts_off_whoever_does_not_read),
    case!(cuts_off_at_a_second_signal),
    case!(cuts_off_at_once_without_a_drain),
];

/// What a cut may take on a busy machine.
const AT_ONCE: Duration = Duration::from_secs(2);

/// Kills: a drain without an end; a cut that is not counted, or counted as a failure.
fn cuts_off_at_the_end_of_the_drain(ground: &Ground) {
    let server = ground.probe(&["--drain", "200ms"]);
    let mut peer = server.connect();
    peer.send("sleep 30000\n");
    until_read(&peer);
    let begun = Instant::now();
    let stopped = server.stop();
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(200) && took < AT_ONCE, "it took {took:?}");
    assert_eq!(peer.expect_closed(), b"");
    expect_counts(&stopped, &[("accepted", 1), ("cut_off", 1)]);
}

/// Kills: a send that waits for its peer through the cut.
fn cuts_off_whoever_does_not_read(ground: &Ground) {
    let server = ground.probe(&["--drain", "200ms", "--send-buffer", "4096"]);
    let mut peer = connect_with_small_buffers(&server);
    peer.send("big 3000000\n").expect("0123456789");
    let begun = Instant::now();
    let stopped = server.stop();
    assert!(begun.elapsed() < AT_ONCE, "it took {:?}", begun.elapsed());
    assert!(peer.expect_closed().len() < 3_000_000);
    expect_counts(&stopped, &[("accepted", 1), ("cut_off", 1)]);
}

/// Kills: a second signal that does nothing; a first one that does too much.
fn cuts_off_at_a_second_signal(ground: &Ground) {
    let server = ground.probe(&["--drain", "forever"]);
    let mut peer = server.connect();
    expect_service(&mut peer);
    peer.send("sleep 60000\n");
    until_read(&peer);
    server.terminate();
    until_it_drains(&server);
    assert!(!peer.closed(), "cut off by the first signal");
    let begun = Instant::now();
    let stopped = server.stop();
    assert!(begun.elapsed() < AT_ONCE, "it took {:?}", begun.elapsed());
    assert_eq!(peer.expect_closed(), b"");
    expect_counts(&stopped, &[("accepted", 1), ("cut_off", 1)]);
}

/// Kills: zero that is taken for no limit.
fn cuts_off_at_once_without_a_drain(ground: &Ground) {
    let server = ground.probe(&["--drain", "0"]);
    let mut peer = server.connect();
    peer.send("sleep 60000\n");
    until_read(&peer);
    let begun = Instant::now();
    let stopped = server.stop();
    assert!(begun.elapsed() < AT_ONCE, "it took {:?}", begun.elapsed());
    assert_eq!(peer.expect_closed(), b"");
    expect_counts(&stopped, &[("accepted", 1), ("cut_off", 1)]);
}
