//! How many peers may be there, and what happens to one more.

use std::time::Instant;

use switchboard::testing::{Client, until};

use crate::client::{expect_service, expect_service_to_a_new_peer, is_served};
use crate::ground::{Case, Ground, case, expect_counts};

pub(crate) const CASES: &[Case] = &[
    case!(refuses_one_peer_too_many, unless_somebody_is_left_to_refuse),
    case!(lets_one_peer_too_many_wait),
    case!(refuses_descriptors_beyond_the_set, unless_it_has_a_set),
];

fn unless_somebody_is_left_to_refuse(ground: &Ground) -> Option<&'static str> {
    (ground.at_most(3) < 3).then_some("whoever could refuse the third peer serves one")
}

/// Kills: a limit that is off by one, that leaves the refused peer waiting, that never lets anybody
/// in again, or counts the refused as accepted.
fn refuses_one_peer_too_many(ground: &Ground) {
    let server = ground.probe(&["--peers-max", "2"]);
    let (mut first, mut second) = (server.connect(), server.connect());
    expect_service(&mut first);
    expect_service(&mut second);
    for _ in 0..5 {
        assert_eq!(server.connect().expect_closed(), b"");
    }
    expect_service(&mut first);
    second.end().expect_end();
    drop(second);
    // It has left when the server has noticed.
    let mut refused = 5;
    until("a place to be free", || {
        let served = is_served(&mut server.connect());
        refused += u64::from(!served);
        served
    });
    expect_service(&mut first);
    drop(first);
    expect_counts(&server.stop(), &[("accepted", 3), ("refused", refused)]);
}

/// Kills: a limit that refuses although it was to wait; a loop that spins on the listener or never
/// looks at it again.
fn lets_one_peer_too_many_wait(ground: &Ground) {
    let server = ground.probe(&["--peers-max", "1", "--when-full", "wait"]);
    let mut first = server.connect();
    expect_service(&mut first);
    let mut waiting: Vec<Client> = (0..3).map(|_| server.connect()).collect();
    for (number, peer) in waiting.iter_mut().enumerate() {
        peer.send(format!("echo {number}\n"));
    }
    for _ in 0..10 {
        expect_service(&mut first);
    }
    for peer in &mut waiting {
        assert_eq!(peer.unexpected(), b"");
    }
    drop(first);
    let mut waiting: Vec<(usize, Client)> = waiting.into_iter().enumerate().collect();
    while !waiting.is_empty() {
        // They come one after another; in which order, with a backlog for each loop, nobody knows.
        let mut next = None;
        until("the next to be let in", || {
            next = waiting.iter_mut().position(|(_, peer)| !peer.unexpected().is_empty());
            next.is_some()
        });
        let (number, mut peer) = waiting.remove(next.expect("one was let in"));
        peer.expect(format!("{number}\n"));
        assert!(waiting.iter_mut().all(|(_, peer)| peer.unexpected().is_empty()));
        peer.end().expect_end();
    }
    expect_service_to_a_new_peer(&server);
    expect_counts(&server.stop(), &[("accepted", 5)]);
}

fn unless_it_has_a_set(ground: &Ground) -> Option<&'static str> {
    let reason = "it is about the set of a fixed size that select has";
    (ground.kind().name != "select" || !ground.is_plain()).then_some(reason)
}

/// Kills: a bit that is set beyond the set; `?` on the mechanism's `add` that ends the loop at
/// descriptor 1,024; a line in the log for each refused peer.
fn refuses_descriptors_beyond_the_set(ground: &Ground) {
    let server = ground.prepare_probe(&[]).model("select:fd-set-size=64").start();
    let begun = Instant::now();
    let peers: Vec<Client> = (0..200).map(|_| server.connect()).collect();
    let served = peers.into_iter().filter_map(|mut peer| is_served(&mut peer).then_some(peer));
    let mut served: Vec<Client> = served.collect();
    // Some of the 64 are the server's own.
    assert!((20..64).contains(&served.len()), "{} peers are served", served.len());
    served.iter_mut().for_each(expect_service);
    let accepted = served.len() as u64;
    let lines = server.stderr().lines().count() as u64;
    let most = 1 + begun.elapsed().as_secs();
    assert!((1..=most).contains(&lines), "{lines} lines, {most} at most\n{}", server.stderr());
    assert!(server.stderr().contains("fd-set-size=N"), "{}", server.stderr());
    // Whoever leaves makes room.
    served.truncate(10);
    until("a place to be free", || is_served(&mut server.connect()));
    served.iter_mut().for_each(expect_service);
    drop(served);
    let stopped = server.stop();
    assert!(stopped.get("refused") >= 200 - accepted, "{stopped:?}");
    expect_counts(&stopped, &[("refused", stopped.get("refused")), ("accepted", accepted + 1)]);
}
