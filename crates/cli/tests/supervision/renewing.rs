//! SIGTERM to a single process: it drains, and the server does not feel it.

use rustix::process::Signal;
use switchboard::testing::{Client, Running, until};

use crate::operator::{ask, attended, field};
use crate::signals::lead;
use crate::system::{children, owners, processes, signal, signal_group};
use crate::{expect_counts, expect_service, probe};

/// Waits until a process is gone, and was waited for.
#[track_caller]
fn until_gone(server: &Running, pid: u32) {
    until("the process to have left", || !children(server.pid()).contains(&pid));
}

/// Waits until a process that has one busy peer drains, so that it accepts nobody.
#[track_caller]
fn until_it_drains(server: &Running) {
    server.until_stderr("draining: waiting up to 10s for 1 peer;");
}

/// A peer that is served, and who serves it.
#[track_caller]
fn served(server: &Running) -> (Client, u32) {
    let mut peer = server.connect();
    expect_service(&mut peer);
    let owner = owners(server, [&peer])[0];
    (peer, owner)
}

/// Kills: SIGTERM that ends one process with its peers, or the whole server, or a place that stays
/// empty.
#[test]
fn a_single_process_that_is_told_to_end_drains_and_is_replaced() {
    let server = probe("epoll:processes=2").arg("-v").start();
    let before = processes(&server, 2);
    let mut peers: Vec<_> = (0..20).map(|_| server.connect()).collect();
    peers.iter_mut().for_each(expect_service);
    let owners = owners(&server, &peers);
    let victim = owners[0];
    peers[0].send("sleep 300\n");
    signal(victim, Signal::TERM);
    for (peer, owner) in peers.iter_mut().zip(&owners).skip(1) {
        match *owner == victim {
            true => peer.expect_end(),
            false => expect_service(peer),
        }
    }
    // It finishes what it has begun.
    peers[0].expect("slept\n").expect_end();
    until_gone(&server, victim);
    let after = processes(&server, 2);
    assert_eq!(after.iter().filter(|pid| before.contains(pid)).count(), 1, "{before:?} {after:?}");
    server.until_stderr(&format!("(pid {victim}) has left\n"));
    expect_service(&mut server.connect());
    drop(peers);
    expect_counts(&server.stop(), 21, 0);
}

/// Kills: a process that stops accepting before its successor has its listeners, so that whoever the
/// kernel gives to them hangs until the drain is over.
#[test]
fn nobody_waits_for_a_process_that_drains() {
    let models = ["epoll:processes=2", "epoll:accept=shared,processes=2", "thread:processes=2"];
    for model in models {
        let server = probe(model).arg("-v").start();
        processes(&server, 2);
        let (mut busy, victim) = served(&server);
        busy.send("sleep 60000\n");
        signal(victim, Signal::TERM);
        until_it_drains(&server);
        let mut peers: Vec<Client> = (0..40).map(|_| server.connect()).collect();
        peers.iter_mut().for_each(expect_service);
        assert!(!owners(&server, &peers).contains(&victim), "under {model}");
        assert!(children(server.pid()).contains(&victim), "under {model}");
        signal(victim, Signal::KILL);
        busy.expect_closed();
        let stopped = server.stop();
        assert_eq!(stopped.get("failed"), 1, "under {model}: {stopped:?}");
        assert_eq!(stopped.in_order(), 40, "under {model}: {stopped:?}");
    }
}

/// Kills: a process that takes the backlog along, although others serve it, or will.
#[test]
fn whoever_waits_is_left_to_the_others() {
    let models = ["epoll:processes=2", "epoll:accept=shared,processes=2", "prefork:processes=2"];
    for model in models {
        let server = attended(model);
        let all = processes(&server, 2);
        ask(&server, "pause", "paused");
        // All have read the word, if they have answered the one after it.
        ask(&server, "stats", "accepted=");
        let mut waiting: Vec<Client> = (0..20).map(|_| server.connect()).collect();
        for victim in all {
            signal(victim, Signal::TERM);
            until_gone(&server, victim);
        }
        processes(&server, 2);
        assert_eq!(field(&server, "accepted"), "0", "under {model}");
        ask(&server, "resume", "resumed");
        for peer in &mut waiting {
            expect_service(peer);
            peer.end().expect_end();
        }
        expect_counts(&server.stop(), 20, 0);
    }
}

/// Kills: a second signal that is lost, so that nobody can end a process that has a peer for ever.
#[test]
fn a_second_signal_to_a_process_cuts_its_peers_off() {
    let server = probe("epoll:processes=2").start();
    processes(&server, 2);
    let (mut busy, victim) = served(&server);
    busy.send("sleep 60000\n");
    signal(victim, Signal::TERM);
    until("its successor", || children(server.pid()).len() == 3);
    signal(victim, Signal::TERM);
    busy.expect_closed();
    until_gone(&server, victim);
    expect_service(&mut server.connect());
    let stopped = server.stop();
    assert_eq!((stopped.get("accepted"), stopped.get("cut_off")), (2, 1), "{stopped:?}");
    assert_eq!(stopped.in_order(), 1);
}

/// Kills: a third process in one place, whose counters would be another's; a wish that is forgotten.
#[test]
fn a_successor_leaves_after_its_predecessor() {
    let server = probe("epoll:processes=1").arg("-v").start();
    let (mut first, grandparent) = served(&server);
    first.send("sleep 60000\n");
    signal(grandparent, Signal::TERM);
    until_it_drains(&server);
    let (mut second, parent) = served(&server);
    assert_ne!(parent, grandparent);
    signal(parent, Signal::TERM);
    // It is heard, and its place has no room for another now.
    for _ in 0..10 {
        expect_service(&mut second);
        assert_eq!(children(server.pid()), [grandparent, parent]);
    }
    signal(grandparent, Signal::TERM);
    first.expect_closed();
    second.expect_end();
    until_gone(&server, parent);
    let (_third, child) = served(&server);
    assert!(![grandparent, parent].contains(&child));
    let stopped = server.stop();
    assert_eq!(stopped.get("cut_off"), 1, "{stopped:?}");
    stopped.in_order();
}

/// Kills: rows of counters that a successor shares with its predecessor.
#[test]
fn a_successor_that_dies_takes_none_of_its_predecessors_peers_along() {
    let server = probe("epoll:processes=1").arg("-v").start();
    let (mut busy, victim) = served(&server);
    busy.send("sleep 1000\n");
    signal(victim, Signal::TERM);
    until_it_drains(&server);
    let (mut lost, successor) = served(&server);
    assert_ne!(successor, victim);
    signal(successor, Signal::KILL);
    lost.expect_closed();
    server.until_stderr("was killed by signal 9 (SIGKILL); 1 peer failed; it is replaced\n");
    busy.expect("slept\n").expect_end();
    until_gone(&server, victim);
    expect_service(&mut server.connect());
    let stopped = server.stop();
    assert_eq!((stopped.get("failed"), stopped.get("cut_off")), (1, 0), "{stopped:?}");
    stopped.in_order();
}

/// Kills: a process that is leaving, and takes the signal that drains the whole server for a second
/// one of its own.
#[test]
fn a_process_that_leaves_has_the_whole_drain() {
    let server = lead("epoll:processes=2", &["-v"]);
    processes(&server, 2);
    let (mut busy, victim) = served(&server);
    busy.send("sleep 1500\n");
    signal(victim, Signal::TERM);
    until_it_drains(&server);
    signal_group(server.pid(), Signal::TERM);
    busy.expect("slept\n").expect_end();
    let stopped = server.wait();
    assert_eq!((stopped.get("accepted"), stopped.get("cut_off")), (1, 0), "{stopped:?}");
}

/// Kills: SIGTERM that is lost because the process was forked just now.
#[test]
fn a_newborn_process_heeds_its_signal() {
    let server = probe("epoll:processes=1").start();
    for _ in 0..20 {
        let [before] = processes(&server, 1)[..] else { panic!("one process") };
        signal(before, Signal::TERM);
        let mut newborn = None;
        until("a newborn", || {
            newborn = children(server.pid()).into_iter().find(|pid| *pid != before);
            newborn.is_some()
        });
        signal(newborn.unwrap(), Signal::TERM);
        until("both to have left", || {
            let left = children(server.pid());
            !left.contains(&before) && !left.contains(&newborn.unwrap())
        });
    }
    expect_service(&mut server.connect());
    expect_counts(&server.stop(), 1, 0);
}
