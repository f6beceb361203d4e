//! Nothing is left behind: no descriptor, no thread, no child, no port.

use switchboard::testing::{Client, until};

use crate::client::{expect_service, expect_service_to_a_new_peer};
use crate::ground::{Case, Ground, case, expect_counts};
use crate::process::{all_wait, children, descriptors, threads};

pub(crate) const CASES: &[Case] =
    &[case!(leaves_nothing_behind_when_peers_go), case!(gets_its_port_back_at_once)];

/// Kills: a socket that is not closed on one of the ways to end; a thread that nobody joins.
fn leaves_nothing_behind_when_peers_go(ground: &Ground) {
    let server = ground.probe(&[]);
    let children_before = children(&server);
    // What is made once, for the first peer, is made now; with that peer it is one descriptor more.
    let mut peer = server.connect();
    expect_service(&mut peer);
    if !ground.spins() {
        until("every thread to have begun", || all_wait(&server));
    }
    let (with_a_peer, threads_before) = (descriptors(&server), threads(&server));
    drop(peer);
    until("the first peer to be gone", || descriptors(&server) < with_a_peer);
    let mut panicked = 0;
    for round in 0..200 {
        let mut peer = server.connect();
        expect_service(&mut peer);
        match round % 5 {
            0 => peer.end().expect_end(),
            1 => peer.reset(),
            2 => drop(peer),
            3 => peer.send("close\n").expect("bye\n").expect_end(),
            _ if panicked < 5 => {
                panicked += 1;
                peer.send("panic\n").expect_closed();
            }
            _ => drop(peer.send("echo half")),
        }
    }
    until("as few descriptors and threads as before", || {
        descriptors(&server) < with_a_peer && threads(&server) <= threads_before
    });
    until("nobody's process to be left", || children(&server) == children_before);
    expect_counts(&server.stop(), &[("accepted", 201), ("failed", 45)]);
}

/// Kills: no `SO_REUSEADDR`, so that peers in TIME_WAIT keep the port.
fn gets_its_port_back_at_once(ground: &Ground) {
    // An address of its own: nobody else takes the port in between.
    let first = ground.prepare_probe(&[]).listen("127.0.7.88:0").start();
    let address = first.address().to_owned();
    let mut stays = Client::connect(&address).expect("it listens");
    if ground.serves_several() {
        // The server closes first, and has the TIME_WAIT.
        for _ in 0..5 {
            first.connect().send("close\n").expect("bye\n").expect_end();
        }
    }
    expect_service(&mut stays);
    expect_counts(&first.stop(), &[("accepted", 1 + 5 * u64::from(ground.serves_several()))]);
    let second = ground.prepare_probe(&[]).listen(&address).start();
    assert_eq!(second.address(), address);
    stays.expect_end();
    expect_service_to_a_new_peer(&second);
    expect_counts(&second.stop(), &[("accepted", 1)]);
}
