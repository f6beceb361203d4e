//! Processes that die and are replaced: how soon, and under which name.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use switchboard::testing::until;

use crate::system::{children, has_ended, names, processes, signal};
use crate::{expect_counts, expect_service, probe};

/// Kills: a pause that does not grow, so that a server whose processes die at once forks without
/// end; one that begins with the first death.
#[test]
fn a_process_that_dies_again_and_again_is_replaced_after_longer_and_longer_pauses() {
    let server = probe("epoll:processes=1").start();
    for (pause, said) in [(0, "it is replaced\n"), (100, "100ms"), (200, "200ms"), (400, "400ms")] {
        let [victim] = processes(&server, 1)[..] else { panic!("one process") };
        let mut peer = server.connect();
        expect_service(&mut peer);
        let killed = Instant::now();
        signal(victim, Signal::KILL);
        let mut next = server.connect();
        expect_service(&mut next);
        let passed = killed.elapsed();
        assert!(
            passed >= Duration::from_millis(pause),
            "replaced after {passed:?}, not {pause} ms"
        );
        let sentence =
            format!("process 0 (pid {victim}) was killed by signal 9 (SIGKILL); 1 peer failed; ");
        server.until_stderr(&sentence);
        assert!(server.stderr().contains(said), "{}", server.stderr());
        peer.expect_closed();
        next.end().expect_end();
    }
    expect_counts(&server.stop(), 8, 4);
}

/// Kills: a name that is missing, or not set again for a replacement.
#[test]
fn threads_and_processes_have_names() {
    let server = probe("epoll:accept=handoff,threads=2").start();
    expect_service(&mut server.connect());
    let main = "switchboard";
    let all = |more: &[&str]| {
        let mut all: Vec<String> = more.iter().map(|name| (*name).to_owned()).collect();
        all.sort();
        all
    };
    until("the loops' names", || {
        names(server.pid()) == all(&[main, "sb-accept", "sb-loop-0", "sb-loop-1"])
    });

    let server = probe("pool:accept=queue,threads=2").start();
    until("the pool's names", || {
        names(server.pid()) == all(&[main, "sb-accept", "sb-pool-0", "sb-pool-1"])
    });

    let server = probe("thread").start();
    let mut peer = server.connect();
    expect_service(&mut peer);
    until("the peer's name", || names(server.pid()) == all(&[main, "sb-accept", "sb-peer-1"]));

    let server = probe("process").start();
    let mut peer = server.connect();
    expect_service(&mut peer);
    let [child] = children(server.pid())[..] else { panic!("one child") };
    assert_eq!((names(server.pid()), names(child)), (all(&[main]), all(&["sb-peer-1"])));

    let server = probe("sequential:processes=2").start();
    let one = processes(&server, 2)[1];
    signal(one, Signal::KILL);
    until("it to be gone", || has_ended(one));
    let expected = ["sb-process-0", "sb-process-1"].map(|name| all(&[name, "sb-serve"]));
    until("the processes' names", || {
        let mut found: Vec<_> = children(server.pid()).into_iter().map(names).collect();
        found.sort();
        found == expected
    });
    assert_eq!(names(server.pid()), all(&[main]));
}
