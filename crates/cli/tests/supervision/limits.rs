//! Limits of the whole server, however many loops and processes it has.

use std::thread;

use switchboard::testing::{Client, program, until};

use crate::system::{has_signal_pending, listens};
use crate::{SWITCHBOARD, expect_service, probe};

/// Whether this peer was let in: it is answered, or it is closed.
#[track_caller]
fn is_served(peer: &mut Client) -> bool {
    let _ = peer.try_send("echo in\n");
    until("an answer or the end", || peer.unexpected().ends_with(b"\n") || peer.closed());
    match peer.unexpected().is_empty() {
        true => false,
        false => {
            peer.expect("in\n");
            true
        }
    }
}

/// Kills: a limit that each process counts for itself; places that a killed process keeps.
#[test]
fn the_limit_on_peers_is_that_of_the_whole_server() {
    for model in
        ["epoll:processes=2", "thread:processes=2", "epoll:processes=2,threads=2", "process"]
    {
        let server = probe(model).args(["--peers-max", "10"]).start();
        let mut peers: Vec<Client> = (0..10).map(|_| server.connect()).collect();
        peers.iter_mut().for_each(expect_service);
        for _ in 0..20 {
            assert_eq!(server.connect().expect_closed(), b"", "under {model}");
        }
        let owners = crate::system::owners(&server, &peers);
        crate::system::signal(owners[0], rustix::process::Signal::KILL);
        // Its places are free, and no others.
        let mut refused = 20;
        until("all its peers to be gone", || {
            let mut theirs =
                peers.iter_mut().zip(&owners).filter(|(_, owner)| **owner == owners[0]);
            theirs.all(|(peer, _)| peer.closed())
        });
        peers.retain_mut(|peer| !peer.closed());
        until("its places to be taken", || {
            let mut peer = server.connect();
            match is_served(&mut peer) {
                true => peers.push(peer),
                false => refused += 1,
            }
            peers.len() == 10
        });
        for _ in 0..5 {
            assert_eq!(server.connect().expect_closed(), b"", "under {model}");
            refused += 1;
        }
        peers.iter_mut().for_each(expect_service);
        drop(peers);
        let stopped = server.stop();
        assert!(stopped.status.success(), "{stopped:?}");
        assert_eq!(stopped.get("refused"), refused, "under {model}: {stopped:?}");
        stopped.in_order();
    }
}

/// Kills: a loop that waits for one of its own peers to leave, while another loop's peer makes room.
#[test]
fn whoever_waits_for_room_is_let_in_whichever_loop_makes_it() {
    let models = [
        "epoll:threads=2",
        "epoll:accept=reuseport,threads=2",
        "poll:accept=reuseport,processes=2",
        "epoll:processes=2,threads=2",
        "thread:processes=2",
    ];
    for model in models {
        let server = probe(model).args(["--peers-max", "2", "--when-full", "wait"]).start();
        let mut present = vec![server.connect(), server.connect()];
        present.iter_mut().for_each(expect_service);
        for number in 0..60 {
            let mut next = server.connect();
            next.send(format!("echo {number}\n"));
            // Now this one leaves, now that one; the newcomer waits at either's loop, or at another's.
            let mut leaves = present.remove(number % 2);
            assert_eq!(next.unexpected(), b"");
            leaves.end().expect_end();
            drop(leaves);
            next.expect(format!("{number}\n"));
            present.push(next);
        }
        drop(present);
        let stopped = server.stop();
        assert_eq!(
            (stopped.get("accepted"), stopped.get("refused")),
            (62, 0),
            "{model} {stopped:?}"
        );
        assert_eq!(stopped.in_order(), 62);
    }
}

/// Kills: a drain that gives up whoever waits in the backlog while the server is full, long before
/// its deadline.
#[test]
fn whoever_waits_in_the_backlog_of_a_full_server_that_drains_is_served() {
    let models: &[(&str, &[&str])] = &[
        ("process:children=1", &[]),
        ("process", &["--peers-max", "1", "--when-full", "wait"]),
        ("prefork:processes=1", &[]),
        ("epoll:processes=2", &["--peers-max", "1", "--when-full", "wait"]),
    ];
    thread::scope(|scope| {
        for (model, arguments) in models {
            scope.spawn(|| drain_while_full(model, arguments));
        }
    });
}

fn drain_while_full(model: &str, arguments: &[&str]) {
    let server = probe(model).args(arguments).start();
    let mut busy = server.connect();
    // Longer than a drain goes without looking after those who are left.
    busy.send("echo begun\nsleep 1800\n").expect("begun\n");
    let mut waiting = [server.connect(), server.connect()];
    waiting.iter_mut().for_each(|peer| {
        peer.send("echo waited\n");
    });
    server.terminate();
    busy.expect("slept\n").expect_end();
    waiting.iter_mut().for_each(|peer| peer.expect("waited\n").expect_end());
    let stopped = server.wait();
    assert_eq!((stopped.get("accepted"), stopped.in_order()), (3, 3), "{model}: {stopped:?}");
}

/// Kills: peers whom a busy server has accepted in its drain, or for its queue, and who are counted
/// nowhere, or as if they had had a session; a cut that waits until a thread is free for them.
#[test]
fn whoever_waits_in_the_lobby_at_the_cut_is_refused() {
    let models = [
        "sequential",
        "prefork:processes=1",
        "pool:processes=1,threads=1",
        "pool:accept=queue,queue=1,threads=1",
        "process:children=1",
    ];
    for model in models {
        let server = probe(model).args(["--drain", "forever"]).start();
        let mut busy = server.connect();
        expect_service(&mut busy);
        busy.send("spin 2500\n");
        let mut waiting: Vec<Client> = (0..5).map(|_| server.connect()).collect();
        server.terminate();
        until("the port to be closed", || !listens(server.address()));
        assert!(waiting.iter_mut().all(|peer| !peer.closed()), "under {model}");
        server.terminate();
        busy.expect_closed();
        waiting.iter_mut().for_each(|peer| drop(peer.expect_closed()));
        let stopped = server.wait();
        let fields = ["accepted", "refused", "cut_off", "failed"];
        let counted = fields.map(|field| stopped.get(field));
        assert_eq!(counted, [1, 5, 1, 0], "under {model}: {stopped:?}");
    }
}

/// Kills: a peer that is left behind in one of several processes, and is counted as cut off there
/// and as refused by the supervisor.
#[test]
fn whoever_is_left_behind_is_counted_once() {
    for model in ["epoll:processes=1", "thread:processes=1", "epoll:processes=1,threads=2"] {
        let server = probe(model).args(["--drain", "forever"]).start();
        let mut busy = server.connect();
        expect_service(&mut busy);
        busy.send("spin 6000\n");
        server.terminate();
        until("the drain to begin", || !has_signal_pending(server.pid()));
        server.terminate();
        busy.expect_closed();
        let stopped = server.wait();
        let fields = ["accepted", "refused", "cut_off", "failed"];
        let counted = fields.map(|field| stopped.get(field));
        assert_eq!(counted, [1, 0, 1, 0], "under {model}: {stopped:?}");
    }
}

/// Kills: a wait in the backlog, or in the queue, that is not counted, or is counted for those who
/// found a thread.
#[test]
fn how_long_peers_of_a_pool_waited_is_counted() {
    for model in ["pool:threads=1", "pool:accept=queue,threads=1"] {
        let server = probe(model).start();
        let mut first = server.connect();
        expect_service(&mut first);
        let mut second = server.connect();
        first.send("sleep 300\n").expect("slept\n").end().expect_end();
        expect_service(&mut second);
        second.end().expect_end();
        // The first one, and those who come when a thread is free, have waited for nothing.
        for _ in 0..3 {
            let mut peer = server.connect();
            expect_service(&mut peer);
            peer.end().expect_end();
        }
        let stopped = server.stop();
        let waited = stopped.get("queued_us");
        assert!((280_000..2_000_000).contains(&waited), "under {model}: {stopped:?}");
        assert!(stopped.get("full") > 0 || model.contains("queue"), "{stopped:?}");
    }
}

/// Kills: a ring asked for again by whoever was woken by one that another had taken: each peer that
/// leaves makes more of them, and more waits that end for nothing.
#[test]
fn a_peer_that_leaves_wakes_no_more_than_those_who_wait() {
    const THREADS: usize = 6;
    const EACH: usize = 500;
    for model in ["epoll:processes=4", "epoll:threads=4,accept=shared", "thread:processes=4"] {
        // Of a Unix socket nothing stays behind.
        let directory = tempfile::tempdir().unwrap();
        let address = format!("unix:{}/socket", directory.path().display());
        let server = probe(model).args(["--peers-max", "2", "--when-full", "wait"]);
        let server = server.listen(&address).start();
        thread::scope(|scope| {
            let one = || expect_service(&mut Client::connect(&address).unwrap());
            let come = move || (0..EACH).for_each(|_| one());
            (0..THREADS).for_each(|_| drop(scope.spawn(come)));
        });
        let stopped = server.stop();
        let each = stopped.get("waits") / stopped.get("accepted");
        assert!(each < 20, "{each} waits for each peer under {model}: {stopped:?}");
    }
}

/// Kills: peers in the backlog of a loop that computes through the cut, whom the kernel resets and
/// nobody counts.
#[test]
fn whoever_waits_for_a_loop_that_is_left_behind_is_refused() {
    let models = [
        "epoll",
        "poll:threads=2,accept=shared",
        "epoll:threads=2,accept=reuseport",
        "epoll:threads=2",
        "epoll:processes=2",
        "epoll:accept=shared,processes=2",
    ];
    thread::scope(|scope| models.map(|model| drop(scope.spawn(move || leave_behind(model)))));
}

fn leave_behind(model: &str) {
    let server = program(SWITCHBOARD).args(["serve", "work", "--drain", "300ms"]);
    let server = server.model(model).start();
    let mut peers: Vec<Client> = (0..4).map(|_| server.connect()).collect();
    peers.iter_mut().for_each(|peer| {
        peer.send("sleep 12s\n");
    });
    peers.extend((0..6).map(|_| server.connect()));
    server.terminate();
    let stopped = server.wait();
    assert!(stopped.status.success(), "under {model}: {stopped:?}");
    let counted = stopped.get("accepted") + stopped.get("refused");
    assert_eq!(counted, 10, "under {model}: {stopped:?}");
    assert_eq!(stopped.get("accepted"), stopped.in_order() + stopped.get("cut_off"));
}
