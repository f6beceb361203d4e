//! Rooms whose members are served by different processes, some of which are killed or stopped.

use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use switchboard::testing::{Client, Running, program, until};

use crate::system::{children, owners, processes, signal, stop};
use crate::{SWITCHBOARD, expect_counts};

/// A chat that is about to run.
fn chat(model: &str) -> switchboard::testing::Program {
    program(SWITCHBOARD).args(["serve", "chat", "--rate", "0"]).model(model)
}

fn come(server: &Running, name: &str) -> Client {
    let mut peer = server.connect();
    peer.expect("Welcome to the chat. What is your name?\n").send(format!("{name}\n"));
    until_line(&mut peer, "-- Type to talk;");
    peer
}

/// Reads lines until one that begins with this.
#[track_caller]
fn until_line(peer: &mut Client, beginning: &str) -> String {
    loop {
        let line = peer.line();
        if line.starts_with(beginning) {
            return line;
        }
    }
}

/// So many people, called `p0` and so on, who have heard of all others.
fn crowd(server: &Running, count: usize) -> Vec<Client> {
    let mut peers: Vec<Client> =
        (0..count).map(|number| come(server, &format!("p{number}"))).collect();
    if let Some((_, others)) = peers.split_last_mut() {
        let last = format!("--> p{} has joined", count - 1);
        others.iter_mut().for_each(|peer| drop(until_line(peer, &last)));
    }
    peers
}

/// Kills: members that outlive their process, a death that is not told or told of others, a
/// replacement that does not know who is there or what was said.
#[test]
fn the_rooms_of_others_live_on_when_a_process_is_killed() {
    kill_one("epoll:processes=3", 12, 3);
    kill_one("thread:processes=2", 12, 2);
    kill_one("process", 12, 0);
}

fn kill_one(model: &str, count: usize, supervised: usize) {
    let server = chat(model).start();
    let mut peers = crowd(&server, count);
    let owners = owners(&server, &peers);
    let victim = owners[0];
    let (dead, mut living): (Vec<_>, Vec<_>) =
        (0..count).zip(peers.drain(..)).partition(|(number, _)| owners[*number] == victim);
    assert!(!living.is_empty(), "one of {owners:?} has them all");
    living[0].1.send("before\n");
    living[1..].iter_mut().for_each(|(_, peer)| drop(until_line(peer, "<p")));
    signal(victim, Signal::KILL);
    for (_, peer) in &mut living {
        for (number, _) in &dead {
            peer.expect(format!("<-- p{number} is gone: the server has lost the connection\n"));
        }
    }
    match supervised {
        0 => until("the dead to be waited for", || !children(server.pid()).contains(&victim)),
        count => drop(processes(&server, count)),
    }
    // As many as make sure that the replacement has one of them.
    for number in 0..2 * supervised.max(1) {
        let mut newcomer = server.connect();
        newcomer.expect("Welcome to the chat. What is your name?\n").send(format!("n{number}\n"));
        until_line(&mut newcomer, "-- Said in the lobby lately:");
        assert!(newcomer.line().ends_with("> before"));
        newcomer.send("/who\n");
        let who = until_line(&mut newcomer, "-- In the lobby: ");
        for (number, _) in &dead {
            assert!(!who.contains(&format!(" p{number},")), "{who}");
        }
        assert_eq!(who.matches(", ").count(), living.len(), "{who}");
        living.push((count + number, newcomer));
        living.iter_mut().rev().skip(1).for_each(|(_, peer)| {
            drop(until_line(peer, &format!("--> n{number} has joined")));
        });
    }
    let accepted = count + 2 * supervised.max(1);
    for (_, mut peer) in living {
        peer.end().expect_closed();
    }
    expect_counts(&server.stop(), accepted, dead.len());
}

/// Kills: a process that others wait for, for ever; one that is given up while it only is slow to
/// read; members of it that are kept.
#[test]
fn a_process_that_hears_nothing_is_given_up_and_the_room_is_told() {
    // The others are to be as slow to read as the machine is now.
    let server = chat("process").args(["--mail-max", "100000000"]).start();
    let mut peers = crowd(&server, 3);
    let stopped = owners(&server, &peers)[2];
    stop(stopped);
    let line = format!("{}\n", "x".repeat(990));
    // Some of them fit into its line, and a little is kept for it: nobody notices.
    for _ in 0..50 {
        peers[0].send(&line);
        until_line(&mut peers[1], "<p0> ");
    }
    assert!(children(server.pid()).contains(&stopped));
    let (mut talks, mut told) = (peers.remove(0), false);
    until("the process to be given up", || {
        for _ in 0..200 {
            talks.send(&line);
        }
        told |= !talks.unexpected().is_empty();
        while !peers[0].unexpected().is_empty() && !told {
            told = peers[0].line().starts_with("<-- p2 is gone");
        }
        told
    });
    server.until_stderr("hears nothing: it is killed");
    for mut peer in [talks, peers.remove(0)] {
        peer.end().expect_closed();
    }
    let counted = server.stop();
    assert_eq!((counted.get("accepted"), counted.get("failed")), (3, 1), "{counted:?}");
}

/// Kills: a blocking or a forked model under which a crowd hears less, or in another order, than
/// under a loop.
#[test]
fn two_hundred_chat_under_blocking_and_forked_models() {
    for model in
        ["thread", "pool:threads=200", "process", "prefork:processes=60", "epoll:processes=4"]
    {
        let server = chat(model).start();
        let count = if model.starts_with("prefork") { 60 } else { 200 };
        let mut peers = crowd(&server, count);
        // Ten talk at the same time, five lines each.
        for round in 0..5 {
            for peer in &mut peers[..10] {
                peer.send(format!("line {round}\n"));
            }
        }
        let mut heard = peers[10..]
            .iter_mut()
            .map(|peer| (0..50).map(|_| until_line(peer, "<p")).collect::<Vec<_>>());
        let first = heard.next().unwrap();
        for speaker in 0..10 {
            let own = first.iter().filter(|line| line.starts_with(&format!("<p{speaker}>")));
            let rounds: Vec<_> = own.map(|line| line.rsplit(' ').next().unwrap()).collect();
            assert_eq!(rounds, ["0", "1", "2", "3", "4"], "{model}: {first:?}");
        }
        assert!(heard.all(|other| other == first), "{model}: all hear the same in the same order");
        peers[0].send("/who\n");
        let who = until_line(&mut peers[0], "-- In the lobby");
        assert_eq!(who.contains(" and 100 more."), count == 200, "{who}");
        let stopped = server.stop();
        for mut peer in peers {
            let rest = String::from_utf8(peer.expect_closed()).unwrap();
            assert!(rest.ends_with("-- The server is closing. Goodbye!\n"), "{model}: {rest:?}");
            assert!(!rest.contains("<--"), "{model}: {rest}");
        }
        expect_counts(&stopped, count, 0);
    }
}

/// Kills: joins and leaves that are lost, doubled, or out of order where many happen at once.
#[test]
fn a_thousand_come_and_go_at_once() {
    for model in ["epoll:processes=2", "epoll:threads=2", "thread"] {
        let server = chat(model).args(["--announce-max", "10"]).start();
        let mut stays = come(&server, "stays");
        let mut peers: Vec<Client> = (0..1000).map(|_| server.connect()).collect();
        for (number, peer) in peers.iter_mut().enumerate() {
            peer.send(format!("p{number}\n/join r{}\n", number % 7));
        }
        peers.iter_mut().for_each(|peer| {
            until_line(peer, "-- Type to talk;");
            until_line(peer, "-- You are in r");
        });
        stays.send("/rooms\n");
        until_line(&mut stays, "-- Rooms");
        let people =
            |line: String| line.split_whitespace().nth(2).unwrap().parse::<usize>().unwrap();
        let counts: Vec<_> = (0..8).map(|_| people(stays.line())).collect();
        assert_eq!(counts, [143, 143, 143, 143, 143, 143, 142, 1], "{model}");
        for (number, mut peer) in peers.drain(..).enumerate() {
            match number % 3 {
                0 => drop(peer.send("/quit\n")),
                1 => peer.reset(),
                _ => drop(peer),
            }
        }
        until("all to have left", || {
            stays.send("/rooms\n");
            until_line(&mut stays, "-- Rooms");
            let first = stays.line();
            stays.send("/me is done\n/who nowhere\n");
            until_line(&mut stays, "-- There is no room");
            first.starts_with("--   lobby  1")
        });
        drop(stays);
        let stopped = server.stop();
        assert_eq!(stopped.get("accepted"), 1001, "{model}: {stopped:?}");
    }
}

/// Kills: one process that is stopped and holds up every room; one for which others wait without a
/// bound; lines that are lost or doubled while somebody waits.
#[test]
fn a_stopped_process_holds_up_only_who_talks_to_it() {
    const LINES: usize = 4000;
    let server = chat("process").args(["--mail-max", "100000000"]).start();
    let mut peers = crowd(&server, 5);
    let victim = owners(&server, &peers)[2];
    let (mut answers, mut asks) = (peers.pop().unwrap(), peers.pop().unwrap());
    for peer in [&mut asks, &mut answers] {
        peer.send("/join elsewhere\n");
        until_line(peer, "-- You are in elsewhere");
    }
    stop(victim);
    let (stopped, mut hears, mut talks) =
        (peers.pop().unwrap(), peers.pop().unwrap(), peers.pop().unwrap());
    let talks = thread::spawn(move || {
        for number in 0..LINES {
            talks.send(format!("{number} {}\n", "x".repeat(980)));
        }
        talks
    });
    let hears = thread::spawn(move || {
        let heard = (0..LINES).map(|number| {
            until_line(&mut hears, &format!("<p0> {number} x"));
            Instant::now()
        });
        let heard: Vec<Instant> = heard.collect();
        (hears, heard)
    });
    let mut answered = Vec::new();
    while !hears.is_finished() {
        asks.send("are you there?\n");
        until_line(&mut answers, "<p3> are you there?");
        answered.push(Instant::now());
    }
    let (hears, heard) = hears.join().unwrap();
    let held = heard.windows(2).max_by_key(|pair| pair[1] - pair[0]).unwrap();
    let wait = held[1] - held[0];
    let meanwhile = answered.iter().filter(|at| held[0] < **at && **at < held[1]).count();
    assert!(wait < Duration::from_secs(6), "who talks to it waits for {wait:?}");
    assert!(meanwhile > 10, "others were answered {meanwhile} times in {wait:?}");
    server.until_stderr("hears nothing: it is killed");
    for mut peer in [talks.join().unwrap(), hears, asks, answers] {
        peer.end().expect_closed();
    }
    drop(stopped);
    expect_counts(&server.stop(), 5, 1);
}

/// Kills: a process that goes on without the others when nothing of what it says is taken; one that
/// does so in silence; members of it that nobody misses.
#[test]
fn a_process_that_is_not_heard_ends_and_the_room_is_told() {
    let server = chat("process").start();
    let mut peers = crowd(&server, 2);
    let mut talks = peers.remove(0);
    stop(server.pid());
    for _ in 0..1000 {
        talks.send(format!("{}\n", "x".repeat(980)));
    }
    server.until_stderr("the exchange has taken nothing for 10s");
    talks.expect_closed();
    signal(server.pid(), Signal::CONT);
    until_line(&mut peers[0], "<-- p0 is gone: the server has lost the connection");
    server.until_stderr("ended with status 1");
    peers.remove(0).end().expect_closed();
    expect_counts(&server.stop(), 2, 1);
}

/// Kills: joins and leaves that are lost, doubled or out of order between processes; one that waits for
/// another.
#[test]
fn a_thousand_move_at_once_under_forked_models() {
    for model in ["process", "prefork:processes=50"] {
        const PEOPLE: usize = 50;
        const ROUNDS: usize = 20;
        let server = chat(model).args(["--announce-max", "0"]).start();
        let mut peers: Vec<Client> =
            (0..PEOPLE).map(|number| come(&server, &format!("p{number}"))).collect();
        for (number, peer) in peers.iter_mut().enumerate() {
            let room = format!("/join r{}\n", number % 7);
            peer.send(format!("{room}/leave\n").repeat(ROUNDS) + &room);
        }
        for (number, peer) in peers.iter_mut().enumerate() {
            for _ in 0..ROUNDS {
                until_line(peer, &format!("-- You are in r{}, ", number % 7));
                until_line(peer, "-- You are in the lobby, ");
            }
            until_line(peer, &format!("-- You are in r{}, ", number % 7));
        }
        let full = (0..7).map(|room| (format!("r{room}"), if room == 0 { 8 } else { 7 }));
        let full: Vec<_> = full.collect();
        for peer in &mut peers {
            until("a process to have heard of all", || rooms(peer) == full);
        }
        let mut last = peers.pop().unwrap();
        for mut peer in peers {
            peer.send("/quit\n");
            until_line(&mut peer, "-- Goodbye, ");
        }
        until("all to have left", || rooms(&mut last) == [("r0".to_owned(), 1)]);
        drop(last);
        expect_counts(&server.stop(), PEOPLE, 0);
    }
}

/// The rooms of which somebody's process knows, and how many are there.
fn rooms(peer: &mut Client) -> Vec<(String, usize)> {
    peer.send("/rooms\n/who nowhere\n");
    until_line(peer, "-- Rooms");
    let lines = std::iter::from_fn(|| Some(peer.line()).filter(|line| line.starts_with("--   ")));
    let room = |line: String| {
        let mut words = line.split_whitespace().skip(1);
        (words.next().unwrap().to_owned(), words.next().unwrap().parse().unwrap())
    };
    lines.map(room).collect()
}
