//! No descriptor left: the server neither spins nor floods its log nor dies.

use std::thread;
use std::time::Duration;

use switchboard::testing::{Client, program, until};

use crate::client::{expect_service, is_served};
use crate::ground::{Case, Ground, SWITCHBOARD, case};
use crate::process::expect_rest;

pub(crate) const CASES: &[Case] = &[case!(lives_through_a_lack_of_descriptors, unless_it_runs_out)];

fn unless_it_runs_out(ground: &Ground) -> Option<&'static str> {
    if ground.has_processes() {
        return Some(
            "a process leaves peers in the backlog to others before its descriptors run out",
        );
    }
    if ground.accepts_in_turns() {
        return Some("it has no more peers at a time than threads");
    }
    None
}

/// Kills: a listener that stays ready because nobody can be accepted, so that the loop spins; a
/// line in the log for each try; EMFILE that ends the server; a pause that does not end when peers
/// leave.
fn lives_through_a_lack_of_descriptors(ground: &Ground) {
    // The hard limit: the program raises its soft one itself.
    let server = program("prlimit")
        .args(["--nofile=40:40", SWITCHBOARD, "serve", "probe", "--style", ground.style])
        .args(["--peers-max", "10000"])
        .model(&ground.model)
        .start();
    let mut first: Vec<Client> = (0..5).map(|_| server.connect()).collect();
    first.iter_mut().for_each(expect_service);
    // One at a time, so that hardly anybody waits when the last descriptor is taken.
    let mut more = Vec::new();
    while !server.stderr().contains("no descriptor left") {
        more.push(server.connect());
        thread::sleep(Duration::from_millis(5));
        assert!(more.len() < 100, "they do not run out");
    }
    if !ground.spins() {
        expect_rest(&server);
    }
    more.extend((0..60).map(|_| server.connect()));
    first.iter_mut().for_each(expect_service);
    if !ground.spins() {
        expect_rest(&server);
    }
    first.iter_mut().for_each(expect_service);
    let lines = server.stderr().lines().count();
    assert!(lines < 20, "{lines} lines\n{}", server.stderr());
    drop(more);
    until("a place to be free", || is_served(&mut server.connect()));
    first.iter_mut().for_each(expect_service);
    drop(first);
    let stopped = server.stop();
    assert!(stopped.status.success(), "{stopped:?}");
    assert!(stopped.get("refused") > 0, "{stopped:?}");
    stopped.in_order();
}
