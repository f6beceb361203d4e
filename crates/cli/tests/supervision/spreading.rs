//! Which loop a newcomer goes to.

use std::process::Stdio;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::{Duration, Instant};

use switchboard::testing::{Client, program, until};

use crate::operator::field;
use crate::{SWITCHBOARD, expect_counts, probe};

/// Kills: newcomers for the loop with the fewest peers, although it computes; one that was given to
/// it before it began, and stays there.
#[test]
fn newcomers_do_not_wait_for_a_loop_that_computes() {
    for model in ["epoll:threads=2", "poll:threads=3", "epoll:processes=1,threads=2"] {
        let server = program(SWITCHBOARD).args(["serve", "work"]).model(model).start();
        let mut burning = server.connect();
        burning.send("echo begun\n").expect("begun\n");
        burning.send("burn 2s\n");
        let mut newcomers: Vec<Client> = Vec::new();
        for number in 0..20 {
            let mut one = server.connect();
            one.send(format!("echo {number}\n")).expect(format!("{number}\n"));
            newcomers.push(one);
        }
        // And in a burst.
        let mut burst: Vec<Client> = (0..20).map(|_| server.connect()).collect();
        burst.iter_mut().for_each(|peer| {
            peer.send("echo here\n");
        });
        burst.iter_mut().for_each(|peer| {
            peer.expect("here\n");
        });
        assert_eq!(burning.unexpected(), b"", "they waited for its end under {model}");
        burning.expect("burnt 2s\n");
        drop((burning, newcomers, burst));
        expect_counts(&server.stop(), 41, 0);
    }
}

/// Kills: newcomers that are passed around among loops that all compute, each time before the loop
/// that has them is done.
#[test]
fn newcomers_are_answered_where_all_loops_compute() {
    // Never at the same time for long, so that one is always done while the others are not.
    const CALLS: [&str; 3] = ["150ms", "200ms", "270ms"];
    let server = program(SWITCHBOARD).args(["serve", "work"]).model("epoll:threads=3").start();
    // Each loop has one of them: a newcomer is given to the loop with the fewest peers.
    let mut busy: Vec<Client> = CALLS.iter().map(|_| server.connect()).collect();
    busy.iter_mut().for_each(|peer| {
        peer.send("echo begun\n").expect("begun\n");
    });
    let over = AtomicBool::new(false);
    let times: Vec<Duration> = thread::scope(|scope| {
        for (peer, call) in busy.iter_mut().zip(CALLS) {
            let over = &over;
            scope.spawn(move || {
                while !over.load(SeqCst) {
                    peer.send(format!("sleep {call}\n")).expect(format!("slept {call}\n"));
                }
            });
        }
        let times = (0..20).map(|number| {
            let (begun, mut one) = (Instant::now(), server.connect());
            one.send(format!("echo {number}\n")).expect(format!("{number}\n"));
            begun.elapsed()
        });
        let times = times.collect();
        over.store(true, SeqCst);
        times
    });
    assert!(times.iter().all(|time| *time < Duration::from_secs(2)), "{times:?}");
    assert!(times.iter().sum::<Duration>() < Duration::from_secs(6), "{times:?}");
    drop(busy);
    expect_counts(&server.stop(), 20 + CALLS.len(), 0);
}

/// What a loop may have at one worker, in all.
const AT_A_WORKER: u64 = 64;

/// Kills: newcomers that are taken in without bound, while the workers who would make their sessions
/// have more than they can do; some who are never taken in, or only when the next one comes.
#[test]
fn newcomers_wait_in_the_backlog_while_the_workers_are_busy() {
    for (model, loops) in [("epoll:threads=2,workers=1", 2), ("epoll:workers=1", 1)] {
        let server = probe(model).arg("--console").stdin(Stdio::piped()).start();
        let mut busy = server.connect();
        busy.send("echo begun\n").expect("begun\n");
        busy.send("spin 3000\n");
        server.until_stderr("console: ");
        until("the worker to be busy", || field(&server, "received") == "21");
        let mut newcomers: Vec<Client> = (0..400).map(|_| server.connect()).collect();
        newcomers.iter_mut().for_each(|peer| {
            peer.send("echo in\n");
        });
        // As many as there is room for, and no more, however often it is asked.
        let accepted = || field(&server, "accepted").parse::<u64>().unwrap();
        until("the workers to have all they may have", || accepted() >= loops * AT_A_WORKER);
        for _ in 0..20 {
            let accepted = accepted();
            assert!(accepted <= loops * AT_A_WORKER + 1, "{accepted} under {model}");
        }
        assert_eq!(busy.unexpected(), b"", "it is too late to tell under {model}");
        for peer in &mut newcomers {
            peer.expect("in\n");
        }
        busy.expect("spun\n");
        drop((busy, newcomers));
        expect_counts(&server.stop(), 401, 0);
    }
}

/// Kills: a deadline that comes while the workers are busy and is forgotten, or is told before what
/// the peer has said meanwhile is waited for again.
#[test]
fn deadlines_that_come_while_the_workers_are_busy_are_told() {
    for model in ["epoll:threads=2,workers=1", "epoll-et:workers=1", "poll:workers=1"] {
        let server = probe(model).start();
        let mut sleeping: Vec<Client> = (0..200).map(|_| server.connect()).collect();
        for peer in &mut sleeping {
            peer.send("echo begun\nsleep 600\n").expect("begun\n");
        }
        let mut busy = server.connect();
        busy.send("echo begun\n").expect("begun\n");
        busy.send("spin 1200\n");
        for (number, peer) in sleeping.iter_mut().enumerate() {
            peer.send(format!("echo {number}\n"));
        }
        for (number, peer) in sleeping.iter_mut().enumerate() {
            peer.expect(format!("slept\n{number}\n"));
        }
        busy.expect("spun\n");
        drop((busy, sleeping));
        expect_counts(&server.stop(), 201, 0);
    }
}
