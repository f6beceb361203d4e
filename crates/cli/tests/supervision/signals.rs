//! Signals to the whole process group, as a terminal sends them.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use switchboard::testing::{Running, program, until};

use crate::system::{children, has_ended, has_signal_pending, signal_group};
use crate::{SWITCHBOARD, expect_counts, expect_service};

const MODELS: &[&str] = &["epoll:processes=2", "thread:processes=2", "process"];

/// A server that leads a process group of its own, and shares it with all its children.
pub(crate) fn lead(model: &str, arguments: &[&str]) -> Running {
    let server = program("setsid").args([SWITCHBOARD, "serve", "probe"]).args(arguments);
    server.model(model).start()
}

/// Kills: a signal that counts twice, once from the terminal and once from the parent, so that peers
/// are cut off; a child that dies of it; a second stop line.
#[test]
fn a_signal_to_the_group_drains_once() {
    for (model, stop) in
        MODELS.iter().flat_map(|model| [(model, Signal::INT), (model, Signal::TERM)])
    {
        let server = lead(model, &[]);
        let mut idle = server.connect();
        expect_service(&mut idle);
        let mut busy = server.connect();
        busy.send("echo begun\nsleep 300\necho behind it\n").expect("begun\n");
        let processes = children(server.pid());
        signal_group(server.pid(), stop);
        idle.expect_end();
        busy.expect("slept\nbehind it\n").expect_end();
        let stopped = server.wait();
        expect_counts(&stopped, 2, 0);
        assert_eq!(stopped.stderr, "", "under {model}, by {stop:?}");
        assert!(processes.into_iter().all(has_ended));
    }
}

/// Kills: a second signal that does nothing, or that kills children whose peers nobody counts.
#[test]
fn a_second_signal_to_the_group_cuts_the_drain_short() {
    for (model, stop) in
        MODELS.iter().flat_map(|model| [(model, Signal::INT), (model, Signal::TERM)])
    {
        let server = lead(model, &["--drain", "forever"]);
        let mut busy = server.connect();
        busy.send("echo begun\nsleep 60000\n").expect("begun\n");
        let mut idle = server.connect();
        expect_service(&mut idle);
        signal_group(server.pid(), stop);
        idle.expect_end();
        // A second one that came before the first is delivered would be the same (signal(7)).
        until("the first to be delivered", || !has_signal_pending(server.pid()));
        assert!(!busy.closed(), "cut off by the first signal under {model}");
        let begun = Instant::now();
        signal_group(server.pid(), stop);
        let stopped = server.wait();
        assert!(begun.elapsed() < Duration::from_secs(2), "it took {:?}", begun.elapsed());
        busy.expect_closed();
        let counted = ["accepted", "failed", "cut_off"].map(|field| stopped.get(field));
        assert_eq!((stopped.status.code(), counted), (Some(0), [2, 0, 1]), "{model} {stopped:?}");
    }
}

/// Kills: children that outlive a supervisor that could not say goodbye, and keep its port.
#[test]
fn children_of_a_supervisor_that_is_killed_die() {
    for model in MODELS {
        let server = lead(model, &[]);
        let mut peers: Vec<_> = (0..5).map(|_| server.connect()).collect();
        peers.iter_mut().for_each(expect_service);
        let orphans = children(server.pid());
        assert!(orphans.len() >= 2, "{orphans:?}");
        server.kill();
        until("the children to die", || orphans.iter().all(|pid| has_ended(*pid)));
        peers.iter_mut().for_each(|peer| drop(peer.expect_closed()));
    }
}
