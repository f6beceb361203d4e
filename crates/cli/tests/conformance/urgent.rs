//! Urgent data (TCP's out-of-band byte): a byte like any other, in its place in the stream.

use crate::client::{connect_with_small_buffers, expect_service, send_urgent};
use crate::ground::{Case, Ground, case, expect_counts};
use crate::process::expect_rest;
use crate::sockets::until_read;

pub(crate) const CASES: &[Case] = &[
    case!(takes_urgent_data_in_its_place),
    case!(rests_after_urgent_data, unless_it_spins),
    case!(rests_while_urgent_data_waits, unless_it_spins),
];

fn unless_it_spins(ground: &Ground) -> Option<&'static str> {
    ground.spins().then_some("it computes without a pause by its nature")
}

/// Kills: no `SO_OOBINLINE`, so that the byte is lost; a read that stops at the mark and is not
/// repeated under edge triggering.
fn takes_urgent_data_in_its_place(ground: &Ground) {
    let server = ground.probe(&[]);
    let mut peer = server.connect();
    for _ in 0..20 {
        peer.send("echo ab");
        send_urgent(&peer, b'!');
        peer.send("cd\n").expect("ab!cd\n");
    }
    // Alone, and as the end of a request.
    peer.send("echo e");
    until_read(&peer);
    send_urgent(&peer, b'\n');
    peer.expect("e\n").end().expect_end();
    expect_counts(&server.stop(), &[("accepted", 1)]);
}

/// Kills: a readiness for urgent data that is told again and again after it has been read.
fn rests_after_urgent_data(ground: &Ground) {
    let server = ground.probe(&[]);
    let mut peer = server.connect();
    peer.send("echo a");
    send_urgent(&peer, b'!');
    until_read(&peer);
    expect_rest(&server);
    peer.send("\n").expect("a!\n");
    expect_rest(&server);
    peer.end().expect_end();
    expect_counts(&server.stop(), &[("accepted", 1)]);
}

/// Kills: urgent data that is watched for while nothing is read from its peer: it stays ready, and
/// the loop spins until the peer reads its reply.
fn rests_while_urgent_data_waits(ground: &Ground) {
    let server = ground.probe(&["--send-buffer", "4096"]);
    let mut peer = connect_with_small_buffers(&server);
    peer.send("big 3000000\n").expect("0123456789");
    peer.send("echo a");
    send_urgent(&peer, b'!');
    peer.send("b\n");
    expect_rest(&server);
    peer.expect(&crate::client::big(3_000_000)[10..]).expect("a!b\n");
    expect_service(&mut peer);
    peer.end().expect_end();
    expect_counts(&server.stop(), &[("accepted", 1)]);
}
