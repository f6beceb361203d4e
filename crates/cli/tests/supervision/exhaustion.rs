//! What the system does not give: descriptors, processes.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use switchboard::testing::{Client, PATIENCE, Running, program, until};

use crate::system::{children, processes, signal, stop};
use crate::{SWITCHBOARD, expect_counts, expect_service};

/// Kills: a ready line of a server that nobody serves; children that are started for ever; an exit
/// status that says that all is well.
#[test]
fn a_server_whose_processes_never_come_up_gives_up() {
    let mut given_up = 0;
    // Each process needs some descriptors more than the supervisor has: with one number of them it
    // starts, and they do not.
    for most in 6.. {
        let mut command = Command::new("prlimit");
        command.arg(format!("--nofile={most}:{most}"));
        command.args([SWITCHBOARD, "serve", "echo", "--listen", "127.0.0.1:0"]);
        command.args(["--model", "epoll:processes=2"]).stdin(Stdio::null());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        if !line.is_empty() {
            signal(child.id(), Signal::TERM);
            assert!(child.wait().unwrap().success(), "{most} descriptors are enough");
            break;
        }
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{most}: {said}");
        let last = said.lines().last().unwrap();
        if last.contains("never comes up") {
            given_up += 1;
            assert!(last.starts_with("error: process ") && last.contains("gives up"), "{said}");
            assert!(said.contains("Too many open files"), "{said}");
        }
    }
    assert!(given_up > 0, "the supervisor itself never started: other limits are needed here");
}

/// Kills: EAGAIN of fork(2) that ends the server, or its peer's loss that is not counted, or a parent
/// that tries again without a pause, or never.
#[test]
fn a_peer_that_gets_no_process_is_refused() {
    if !rustix::process::getuid().is_root() {
        eprintln!("not tested: only root can become a user with a limit on processes of its own");
        return;
    }
    // A user that has no other process. The limit does not hold for root (getrlimit(2)).
    let user = (40_000 + std::process::id() % 20_000).to_string();
    let directory = tempfile::tempdir().unwrap();
    let copy = directory.path().join("switchboard");
    fs::copy(SWITCHBOARD, &copy).unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    // The parent, and three children.
    let limited = ["--reuid", &user, "--clear-groups", "prlimit", "--nproc=4:4"];
    let server = program("setpriv").args(limited).arg(&copy).args(["serve", "probe"]);
    let server = server.model("process").start();
    let mut first: Vec<Client> = (0..3).map(|_| server.connect()).collect();
    first.iter_mut().for_each(expect_service);
    let mut refused = 0;
    for _ in 0..3 {
        server.connect().expect_closed();
        refused += 1;
    }
    let sentence = "no process for a peer: Resource temporarily unavailable (os error 11); ";
    server.until_stderr(sentence);
    assert!(server.stderr().contains("accepting pauses for 10 ms"), "{}", server.stderr());
    assert!(server.stderr().lines().count() <= 3, "{}", server.stderr());
    first.iter_mut().for_each(expect_service);
    // Whoever leaves makes room.
    first.pop().unwrap().end().expect_end();
    until("its process to be gone", || children(server.pid()).len() == 2);
    let mut next = server.connect();
    expect_service(&mut next);
    drop((first, next));
    let stopped = server.stop();
    assert!(stopped.status.success(), "{stopped:?}");
    assert_eq!(["accepted", "refused", "failed"].map(|field| stopped.get(field)), [4, refused, 0]);
}

/// Kills: a drain that waits for peers whom nobody can accept although there are none: without a
/// descriptor accept(2) does not say that nobody waits.
#[test]
fn a_server_without_a_descriptor_left_stops_at_once_when_nobody_waits() {
    let mut stopped = 0;
    // Below, it does not start; above, it has enough.
    for most in 9..=22 {
        for model in ["epoll", "thread", "epoll:processes=1"] {
            let mut command = Command::new("prlimit");
            command.arg(format!("--nofile={most}:{most}"));
            command.args([SWITCHBOARD, "serve", "echo", "--listen", "127.0.0.1:0"]);
            command.args(["--model", model, "--drain", "forever"]).stdin(Stdio::null());
            let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            let mut line = String::new();
            let mut stdout = BufReader::new(child.stdout.take().unwrap());
            stdout.read_line(&mut line).unwrap();
            if line.is_empty() {
                child.wait().unwrap();
                continue;
            }
            signal(child.id(), Signal::TERM);
            let end = Instant::now() + PATIENCE;
            while child.try_wait().unwrap().is_none() && Instant::now() < end {
                thread::sleep(Duration::from_millis(1));
            }
            // Of what should have stopped and has not.
            let _ = child.kill();
            let status = child.wait().unwrap();
            assert!(status.code().is_some(), "{model} with {most} descriptors did not stop");
            stopped += 1;
        }
    }
    assert!(stopped > 10, "it never started: other limits are needed here");
}

/// Kills: a process that goes on accepting at a Unix listener, which all share also where each has
/// its own for an address, until its descriptors run out, and refuses peers for whom another has
/// room; one that leaves its own listener, too, at which nobody else accepts.
#[test]
fn a_full_process_leaves_the_listener_that_all_share_to_the_others() {
    for model in ["epoll:processes=2", "poll:processes=2", "epoll:processes=2,threads=2"] {
        let directory = tempfile::tempdir().unwrap();
        let shared = format!("unix:{}/socket", directory.path().display());
        let limited = program("prlimit").args(["--nofile=160:160", SWITCHBOARD, "serve", "probe"]);
        let server = limited.arg("-v").model(model).listen("127.0.0.1:0").listen(&shared).start();
        server.until_stderr("(descriptor limit ");
        let room = server.stderr().split_once("room for ").unwrap().1.to_owned();
        let room: usize = room.split(' ').next().unwrap().parse().unwrap();
        let sleeping = processes(&server, 2)[1];
        stop(sleeping);
        let connect = |_| Client::connect(&shared).unwrap();
        let mut peers: Vec<Client> = (0..room / 2 + 70).map(connect).collect();
        let (first, others) = peers.split_at_mut(room / 2);
        first.iter_mut().for_each(expect_service);
        // Those of its own listener are still its own.
        let mut own: Vec<Client> = (0..10).map(|_| server.connect()).collect();
        own.iter_mut().for_each(|peer| {
            peer.send("echo own\n");
        });
        until("one to be served", || own.iter_mut().any(|peer| !peer.unexpected().is_empty()));
        assert!(others.iter_mut().all(|peer| !peer.closed()), "refused under {model}");
        signal(sleeping, Signal::CONT);
        others.iter_mut().for_each(expect_service);
        own.iter_mut().for_each(|peer| {
            peer.expect("own\n");
        });
        let count = peers.len() + own.len();
        drop((peers, own));
        expect_counts(&server.stop(), count, 0);
    }
}

/// Kills: room that is kept for descriptors that nobody opens; a process that opens more of them for
/// itself than it keeps room for, and refuses peers for whom it has said that there is room.
#[test]
fn there_is_room_for_as_many_peers_as_there_are_descriptors_for() {
    let models = [
        ("pool:processes=2,threads=120", 1024, 240),
        ("thread:accept=shared,processes=2", 160, 220),
        ("epoll:accept=shared,processes=2,threads=2", 160, 220),
        ("portable:processes=2,threads=3", 160, 200),
    ];
    for (model, most, least) in models {
        // They all share the listener: whichever process has room takes them.
        let directory = tempfile::tempdir().unwrap();
        let address = format!("unix:{}/socket", directory.path().display());
        let (server, room) = limited(model, most, &address, &[]);
        assert!(room >= least, "room for {room} only under {model}");
        let mut peers: Vec<Client> =
            (0..room).map(|_| Client::connect(&address).unwrap()).collect();
        peers.iter_mut().for_each(expect_service);
        drop(peers);
        expect_counts(&server.stop(), room, 0);
    }
}

/// Models whose acceptors share a listener at which the kernel wakes one of them, and a number of
/// descriptors that makes their processes full before they are busy.
const WOKEN_ONE_AT_A_TIME: [(&str, u32); 4] = [
    ("pool:processes=2,threads=40", 180),
    ("thread:accept=shared,processes=2", 60),
    ("epoll:accept=shared,processes=2,threads=3", 60),
    ("epoll-et:accept=shared,processes=3,threads=2", 60),
];

/// Kills: a newcomer whom the kernel has told to a full process only, and who waits until another
/// comes or goes; one process that takes a ring that was meant for another, and does not look.
#[test]
fn whoever_a_full_process_leaves_to_the_others_is_served() {
    for (model, most) in WOKEN_ONE_AT_A_TIME {
        for in_a_burst in [false, true, true, true] {
            let (server, room) = limited(model, most, "127.0.0.1:0", &[]);
            let mut peers: Vec<Client> = Vec::new();
            for _ in 0..room {
                let mut peer = server.connect();
                if !in_a_burst {
                    expect_service(&mut peer);
                }
                peers.push(peer);
            }
            peers.iter_mut().for_each(expect_service);
            drop(peers);
            expect_counts(&server.stop(), room, 0);
        }
    }
}

/// Kills: processes that are all full and wake each other for a newcomer again and again; newcomers
/// who are forgotten over it when a peer leaves.
#[test]
fn processes_that_are_all_full_wait_until_a_peer_leaves() {
    const NEWCOMERS: usize = 10;
    for (model, most) in WOKEN_ONE_AT_A_TIME {
        let (empty, room) = limited(model, most, "127.0.0.1:0", &[]);
        expect_counts(&empty.stop(), 0, 0);
        // More may come than there are descriptors for: nobody is refused for their number.
        let (server, _) = limited(model, most, "127.0.0.1:0", &["--peers-max", "100000"]);
        let mut peers: Vec<Client> = Vec::new();
        for _ in 0..room {
            peers.push(server.connect());
            expect_service(peers.last_mut().unwrap());
        }
        let mut newcomers: Vec<Client> = (0..NEWCOMERS).map(|_| server.connect()).collect();
        for (number, newcomer) in newcomers.iter_mut().enumerate() {
            newcomer.send(format!("echo {number}\n"));
        }
        // Time enough for those who do not wait to be told from those who do.
        peers[0].send("sleep 200\n").expect("slept\n");
        let waits = newcomers.iter_mut().all(|newcomer| newcomer.unexpected().is_empty());
        assert!(waits, "there is no room under {model}");
        for (number, newcomer) in newcomers.iter_mut().enumerate() {
            peers.swap_remove(number * 7 % peers.len()).end().expect_end();
            newcomer.expect(format!("{number}\n"));
        }
        drop((peers, newcomers));
        let stopped = server.stop();
        expect_counts(&stopped, room + NEWCOMERS, 0);
        let each = stopped.get("waits") / stopped.get("accepted");
        assert!(each < 30, "{each} waits for each peer under {model}: {stopped:?}");
    }
}

/// Kills: a pool that says that it has room for a peer at each thread, and has no descriptors for
/// them.
#[test]
fn a_pool_has_no_more_room_than_descriptors() {
    let (server, room) = limited("pool:processes=2,threads=40", 180, "127.0.0.1:0", &[]);
    assert!((2..=66).contains(&room), "room for {room}");
    expect_counts(&server.stop(), 0, 0);
}

/// A server that may have `most` descriptors, and for how many peers it says that it has room.
fn limited(model: &str, most: u32, address: &str, more: &[&str]) -> (Running, usize) {
    let limited = program("prlimit").arg(format!("--nofile={most}:{most}"));
    let limited = limited.args([SWITCHBOARD, "serve", "probe", "-v"]).args(more).model(model);
    let server = limited.listen(address).start();
    server.until_stderr("thread main");
    let room = server.stderr().split_once("room for ").unwrap().1.to_owned();
    let room = room.split(' ').next().unwrap().parse().unwrap();
    (server, room)
}
