//! Peers on stacks: how deep they may be, what happens beyond, and a crowd of them that is cut off.

#![allow(clippy::unwrap_used, reason = "clippy does not see that helpers of tests are tests")]

use std::os::unix::process::ExitStatusExt;

use rustix::process::{Resource, Signal, getrlimit, setrlimit};
use switchboard::testing::{Client, Program, program};

/// The program under test.
const SWITCHBOARD: &str = env!("CARGO_BIN_EXE_switchboard");

fn probe(model: &str) -> Program {
    program(SWITCHBOARD).args(["serve", "probe", "--style", "straight-line"]).model(model)
}

#[track_caller]
fn expect_service(peer: &mut Client) {
    peer.send("echo are you there\n").expect("are you there\n");
}

/// Kills: an overflow that writes into what lies below, one that ends the process without a word,
/// a sentence that advises what was given already.
#[test]
fn a_stack_that_overflows_ends_the_process_with_a_sentence() {
    for (model, advised) in [
        ("epoll:stack=64KiB", "epoll"),
        ("coroutine:stack=64KiB,threads=2", "coroutine:threads=2"),
        ("poll:stack=100KiB,workers=1", "poll:stack=400KiB,workers=1"),
    ] {
        let server = probe(model).start();
        let mut peer = server.connect();
        peer.send("recurse 40\n").expect("recursed\n");
        peer.send("recurse 300\n");
        let stopped = server.wait();
        let size = if model.contains("100KiB") { "100KiB" } else { "64KiB" };
        let sentence = format!(
            "error: a peer of the service `probe` needs more stack than the {size} that it has; if \
             that is no endless recursion, give it more: --model {advised}\n"
        );
        assert!(stopped.stderr.contains(&sentence), "{model}: {}", stopped.stderr);
        assert_eq!(stopped.status.signal(), Some(Signal::ABORT.as_raw()), "{model}");
    }
}

/// Kills: event-style sessions of `coroutine` on their loop's stack.
#[test]
fn an_event_style_session_of_a_coroutine_has_such_a_stack_too() {
    let command = program(SWITCHBOARD).args(["serve", "probe"]).model("coroutine:stack=64KiB");
    let server = command.start();
    server.connect().send("recurse 300\n");
    let stopped = server.wait();
    assert!(stopped.stderr.contains("needs more stack than the 64KiB"), "{}", stopped.stderr);
    assert_eq!(stopped.status.signal(), Some(Signal::ABORT.as_raw()));
}

/// Kills: an overflow in one process that takes the others along.
#[test]
fn an_overflow_in_one_process_is_the_end_of_its_own_peers() {
    let server = probe("coroutine:processes=2,stack=64KiB").start();
    let mut peers: Vec<Client> = (0..20).map(|_| server.connect()).collect();
    peers.iter_mut().for_each(expect_service);
    peers[0].send("recurse 300\n").expect_closed();
    server.until_stderr("was killed by signal 6");
    server.until_stderr("needs more stack");
    let mut lost = 1;
    for peer in &mut peers[1..] {
        // The process has ended, and its peers know.
        match peer.closed() {
            true => lost += 1,
            false => expect_service(peer),
        }
    }
    assert!(lost < 20, "nobody is left");
    let mut newcomer = server.connect();
    expect_service(&mut newcomer);
    drop((peers, newcomer));
    let stopped = server.stop();
    assert_eq!((stopped.get("accepted"), stopped.get("failed")), (21, lost), "{stopped:?}");
}

/// Kills: a stack that is lost with the peer that was cut off, a count that is off by one of many,
/// a handler that waits on although its peer is over.
#[test]
fn ten_thousand_peers_of_which_half_are_cut_off() {
    const PEERS: usize = 10_000;
    let limit = getrlimit(Resource::Nofile);
    let raised = rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised).unwrap();
    let server = probe("coroutine").start();
    let mut peers: Vec<Client> = (0..PEERS).map(|_| server.connect()).collect();
    peers.iter_mut().for_each(expect_service);
    for (number, peer) in peers.iter_mut().enumerate() {
        if number % 2 == 0 {
            peer.send(["echo half a line", "sleep 3600000\n"][number / 2 % 2]);
        }
    }
    // What was sent before has been read when this has been answered.
    expect_service(&mut server.connect());
    server.terminate();
    for peer in peers.iter_mut().skip(1).step_by(2) {
        peer.expect_end();
    }
    let stopped = server.stop();
    let counted = ["accepted", "failed", "timed_out", "cut_off"].map(|field| stopped.get(field));
    assert_eq!(counted, [PEERS as u64 + 1, 0, 0, PEERS as u64 / 2], "{stopped:?}");
}
