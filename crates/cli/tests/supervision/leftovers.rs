//! Nothing is left behind: no zombie, no descriptor, no child; and what is not ours stays.

use std::collections::BTreeSet;

use rustix::process::Signal;
use switchboard::testing::{Client, program, until};

use crate::system::{
    children, descriptors, eventfds, has_ended, listens, owners, processes, signal, state,
};
use crate::{SWITCHBOARD, expect_counts, expect_service, probe};

/// Kills: waiting for children in the order of their starts, so that those who end sooner stay
/// zombies; a descriptor of a child that has ended.
#[test]
fn children_end_in_any_order() {
    let server = probe("process").start();
    let at_rest = descriptors(server.pid());
    for round in 0..5 {
        let mut peers: Vec<Client> = (0..40).map(|_| server.connect()).collect();
        peers.iter_mut().for_each(expect_service);
        assert_eq!(children(server.pid()).len(), 40);
        // Every seventh of those who are left, and so on, from the end.
        while !peers.is_empty() {
            let place = (peers.len() * 7 + round) % peers.len().max(1);
            let mut peer = peers.swap_remove(place);
            match place % 3 {
                0 => peer.end().expect_end(),
                1 => peer.reset(),
                _ => drop(peer),
            }
            let left = peers.len();
            until("no zombie", || children(server.pid()).len() == left);
        }
    }
    until("no descriptor of theirs", || descriptors(server.pid()).len() == at_rest.len());
    let stopped = server.stop();
    assert_eq!(stopped.get("accepted"), 200, "{stopped:?}");
    assert_eq!((stopped.get("timed_out"), stopped.get("cut_off")), (0, 0), "{stopped:?}");
}

/// Kills: a child that keeps a listener (its port is taken for ever), another peer's socket (which
/// is never closed), its parent's epoll, or a descriptor of another child.
#[test]
fn a_peers_process_has_nothing_but_its_peer() {
    let server = probe("process").start();
    let mut peers: Vec<Client> = (0..3).map(|_| server.connect()).collect();
    peers.iter_mut().for_each(expect_service);
    let parents = eventfds(server.pid());
    for child in owners(&server, &peers) {
        let all = descriptors(child);
        let sockets = all.iter().filter(|link| link.starts_with("socket:"));
        assert_eq!(sockets.count(), 1, "{all:?}");
        let own = eventfds(child);
        assert_eq!(own.len() + 1, all.len(), "{all:?}");
        // The gate's bell is the server's; the stop's are the child's own.
        let shared: BTreeSet<_> = own.intersection(&parents).collect();
        assert!(own.len() <= 3 && shared.len() <= 1, "{shared:?} of {own:?} are the parent's, too");
    }
    peers.into_iter().for_each(|mut peer| peer.end().expect_end());
    expect_counts(&server.stop(), 3, 0);
}

/// Kills: a child of the drain that keeps the sockets of those who still wait for a child.
#[test]
fn whoever_waits_for_a_process_in_the_drain_is_closed_by_no_other() {
    let server = probe("process:children=1").start();
    let mut first = server.connect();
    first.send("echo begun\necho the ").expect("begun\n");
    let mut waiting: Vec<Client> = (0..3).map(|_| server.connect()).collect();
    waiting.iter_mut().for_each(|peer| {
        peer.send("echo waited\necho the ");
    });
    server.terminate();
    until("the port to be closed", || !listens(server.address()));
    first.send("rest\n").expect("the rest\n").expect_end();
    for mut peer in waiting {
        peer.expect("waited\n");
        let all = descriptors(owners(&server, [&peer])[0]);
        let sockets = all.iter().filter(|link| link.starts_with("socket:"));
        assert_eq!(sockets.count(), 1, "{all:?}");
        peer.send("rest\n").expect("the rest\n").expect_end();
    }
    expect_counts(&server.wait(), 4, 0);
}

/// Kills: a process that keeps the channel, the descriptor or the listeners of another, whose death
/// would then go unnoticed.
#[test]
fn a_supervised_process_has_nothing_of_the_others() {
    let server = probe("epoll:accept=reuseport,processes=3").start();
    let processes = processes(&server, 3);
    let sockets = |pid: u32| {
        let all = descriptors(pid).into_iter();
        all.filter(|link| link.starts_with("socket:")).collect::<BTreeSet<_>>()
    };
    // Its listener and its channel.
    let each: Vec<_> = processes.iter().map(|pid| sockets(*pid)).collect();
    assert_eq!(each.iter().map(BTreeSet::len).collect::<Vec<_>>(), [2, 2, 2], "{each:?}");
    let all: BTreeSet<_> = each.iter().flatten().collect();
    assert_eq!(all.len(), 6, "{each:?}");
    for pid in processes {
        let count = |what: &str| descriptors(pid).iter().filter(|link| link.contains(what)).count();
        // Its loop's, once that has begun.
        until("one epoll set", || count("eventpoll") == 1);
        assert_eq!(count("pidfd"), 0);
    }
    // The ends of the channels, and all listeners: a dead process's place is filled.
    assert_eq!(sockets(server.pid()).len(), 6);
    expect_counts(&server.stop(), 0, 0);
}

/// Kills: a descriptor that each death costs, until there is none; a zombie.
#[test]
fn replacing_processes_costs_nothing() {
    let server = probe("poll:processes=4").start();
    let first = processes(&server, 4);
    let at_rest = descriptors(server.pid()).len();
    // One death in each place: the first is replaced at once.
    for victim in first {
        signal(victim, Signal::KILL);
        until("it to be replaced", || !children(server.pid()).contains(&victim));
        processes(&server, 4);
    }
    assert_eq!(descriptors(server.pid()).len(), at_rest);
    expect_counts(&server.stop(), 0, 0);
}

/// Kills: waitpid(-1), which takes the status of a child that somebody else waits for.
#[test]
fn children_of_others_are_not_waited_for() {
    for model in ["process", "epoll:processes=1"] {
        // The shell's child is the server's own child from exec on.
        let shell = program("sh").args(["-c", "sleep 1000 & exec \"$@\"", "sh"]);
        let server = shell.args([SWITCHBOARD, "serve", "probe"]).model(model).start();
        let is_sleep = |pid: &u32| crate::system::names(*pid) == ["sleep"];
        let stranger = children(server.pid()).into_iter().find(is_sleep).unwrap();
        signal(stranger, Signal::KILL);
        until("the stranger to end", || state(stranger) == Some('Z'));
        let mut peer = server.connect();
        expect_service(&mut peer);
        let own = owners(&server, [&peer])[0];
        signal(own, Signal::KILL);
        peer.expect_closed();
        until("ours to be waited for", || !children(server.pid()).contains(&own));
        expect_service(&mut server.connect());
        assert_eq!(state(stranger), Some('Z'), "somebody waited for the stranger");
        expect_counts(&server.stop(), 2, 1);
    }
}

/// Kills: a process that is left when the server says that it has stopped.
#[test]
fn no_process_is_left_after_a_stop() {
    for model in
        ["process", "prefork:processes=4", "thread:processes=2", "epoll:processes=2,threads=2"]
    {
        let server = probe(model).start();
        let mut peers: Vec<Client> = (0..4).map(|_| server.connect()).collect();
        peers.iter_mut().for_each(expect_service);
        let all = children(server.pid());
        assert!(all.len() >= 2, "{all:?}");
        expect_counts(&server.stop(), 4, 0);
        assert!(all.iter().all(|pid| has_ended(*pid)), "{model}: {all:?}");
        peers.iter_mut().for_each(Client::expect_end);
    }
}
