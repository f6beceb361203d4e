//! SIGKILL to one process while many peers talk.

use std::thread;
use std::time::{Duration, SystemTime};

use rustix::process::Signal;
use switchboard::testing::{Client, Running, until};

use crate::system::{children, has_ended, owners, processes, signal, stop};
use crate::{expect_counts, expect_service, probe};

/// Kills: a death that takes others along; one that is not replaced, or not counted, or counted
/// twice; a gate that goes on counting the peers of the dead.
#[test]
fn a_loops_process_that_is_killed_takes_its_own_peers_along_and_no_others() {
    kill_some("epoll:processes=4", 200, 4);
}

/// As above, where each process has a thread for each peer.
#[test]
fn a_process_of_threads_that_is_killed_takes_its_own_peers_along_and_no_others() {
    kill_some("thread:processes=3", 200, 3);
}

/// As above, where each process serves one peer.
#[test]
fn a_preforked_process_that_is_killed_takes_its_own_peer_along_and_no_other() {
    kill_some("prefork:processes=24", 24, 24);
}

/// Kills: a parent that waits for its children in their order, or that takes a killed child's peer
/// for one that left.
#[test]
fn a_peers_process_that_is_killed_takes_its_peer_along_and_no_other() {
    kill_some("process", 200, 0);
}

/// So many peers talk all the time; three times a process is killed, at a moment that nobody chose.
fn kill_some(model: &str, count: usize, supervised: usize) {
    let server = probe(model).start();
    let mut peers: Vec<Client> = (0..count).map(|_| server.connect()).collect();
    peers.iter_mut().for_each(expect_service);
    let mut chance = Chance::new();
    let mut lost = 0;
    for _ in 0..3 {
        let owners = owners(&server, &peers);
        let victim = owners[chance.below(owners.len())];
        let when = Duration::from_micros(chance.below(5000) as u64);
        let killer = thread::spawn(move || {
            thread::sleep(when);
            signal(victim, Signal::KILL);
        });
        let mut closed = vec![false; peers.len()];
        let theirs = |number: &usize| owners[*number] == victim;
        let all_closed =
            |closed: &[bool]| (0..closed.len()).filter(theirs).all(|peer| closed[peer]);
        while !all_closed(&closed) {
            talk(&mut peers, &mut closed);
        }
        killer.join().unwrap();
        talk(&mut peers, &mut closed);
        let expected: Vec<bool> = owners.iter().map(|owner| *owner == victim).collect();
        assert_eq!(closed, expected, "{victim} of {owners:?} was killed\n{}", server.stderr());
        let mut still = closed.iter().map(|closed| !closed);
        peers.retain(|_| still.next().unwrap());
        lost += expected.iter().filter(|lost| **lost).count();
        if supervised > 0 {
            assert!(!processes(&server, supervised).contains(&victim));
        } else {
            until("the dead to be waited for", || !children(server.pid()).contains(&victim));
        }
        // Whoever comes now is served, by the replacement, too.
        let mut newcomers: Vec<Client> = (peers.len()..count).map(|_| server.connect()).collect();
        newcomers.iter_mut().for_each(expect_service);
        peers.append(&mut newcomers);
    }
    let accepted = count + lost;
    peers.iter_mut().for_each(|peer| {
        peer.end().expect_end();
    });
    drop(peers);
    expect_counts(&server.stop(), accepted, lost);
}

/// Every peer that is not closed yet says something and is answered, or is closed.
#[track_caller]
fn talk(peers: &mut [Client], closed: &mut [bool]) {
    let talks =
        |peers: &mut [Client], closed: &[bool], each: &mut dyn FnMut(usize, &mut Client)| {
            let open = peers.iter_mut().enumerate().filter(|(number, _)| !closed[*number]);
            open.for_each(|(number, peer)| each(number, peer));
        };
    talks(peers, closed, &mut |number, peer| {
        // One that is closed by now is found below.
        let _ = peer.try_send(format!("echo {number}\n"));
    });
    let mut over = Vec::new();
    talks(peers, closed, &mut |number, peer| {
        until("an answer or the end", || peer.unexpected().ends_with(b"\n") || peer.closed());
        // Its last answer may have come before its end.
        match peer.unexpected().ends_with(b"\n") {
            true => drop(peer.expect(format!("{number}\n"))),
            false => over.push(number),
        }
    });
    over.into_iter().for_each(|number| closed[number] = true);
}

/// Kills: listeners that die with their process, so that whoever waits in its backlog is reset.
#[test]
fn whoever_waits_for_a_process_that_is_killed_is_served_by_its_replacement() {
    let server = probe("epoll:accept=reuseport,processes=2").start();
    let [victim, other] = processes(&server, 2)[..] else { panic!("two processes") };
    stop(victim);
    let mut peers: Vec<Client> = (0..32).map(|_| server.connect()).collect();
    for (number, peer) in peers.iter_mut().enumerate() {
        peer.send(format!("echo {number}\n"));
    }
    // The kernel has shared them out by their addresses: half of them, more or less, wait.
    let answered = half_that_is_answered(&server, &mut peers, other);
    assert!((1..32).contains(&answered), "{answered} of 32 were answered");
    signal(victim, Signal::KILL);
    for (number, peer) in peers.iter_mut().enumerate() {
        peer.expect(format!("{number}\n")).end().expect_end();
    }
    assert!(has_ended(victim));
    drop(peers);
    expect_counts(&server.stop(), 32, 0);
}

/// Waits until the one process that runs has answered everyone whom the kernel gave it.
#[track_caller]
fn half_that_is_answered(server: &Running, peers: &mut [Client], runs: u32) -> usize {
    let count = |peers: &mut [Client]| {
        peers.iter_mut().filter_map(|peer| (!peer.unexpected().is_empty()).then_some(())).count()
    };
    let mut answered = 0;
    until("all that are accepted to be answered", || {
        answered = count(peers);
        let sockets = crate::system::descriptors(runs).into_iter();
        // Its listener, its channel, and its peers.
        let accepted = sockets.filter(|link| link.starts_with("socket:")).count();
        answered > 0 && accepted == answered + 2
    });
    assert_eq!(children(server.pid()).len(), 2);
    answered
}

/// Chance, other at every run (xorshift; Marsaglia 2003).
struct Chance(u64);

impl Chance {
    fn new() -> Chance {
        let since_1970 = SystemTime::UNIX_EPOCH.elapsed().unwrap();
        Chance(since_1970.as_nanos() as u64 | 1)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}
