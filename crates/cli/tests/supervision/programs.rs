//! Programs of users: what is shared among processes, and what cannot be.

use std::process::{Command, Stdio};

use switchboard::testing::{Client, program, until};

use crate::examples::examples;

/// Kills: a copy of the state in each process, where peers see what those of their own process did.
#[test]
fn a_service_with_shared_state_is_refused_where_its_peers_share_no_memory() {
    for model in ["process", "epoll:processes=2", "prefork", "thread:processes=2"] {
        let mut command = Command::new(examples().join("board"));
        command.args(["--listen", "127.0.0.1:0", "--model", model]).stdin(Stdio::null());
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), &*output.stdout), (Some(2), &b""[..]), "{said}");
        assert!(said.contains("all peers of `board` share one state"), "{said}");
        assert_eq!(said.contains("leave `processes=` out"), model != "process", "{said}");
        assert!(!said.contains("memory: sequential, process"), "{said}");
    }
    let server = program(examples().join("board")).model("epoll:threads=2").start();
    for count in 1..=5 {
        server.connect().send("a line\n").expect(format!("{count}\n")).end().expect_end();
    }
    assert!(server.stop().status.success());
}

/// Kills: a counter of which each process has its own; one that is lost with its process.
#[test]
fn a_services_own_counter_is_exact_over_all_processes() {
    for model in ["epoll:processes=2", "thread:processes=2", "process", "epoll:threads=2"] {
        let server = program(examples().join("tally")).arg("--console").stdin(Stdio::piped());
        let server = server.model(model).start();
        let mut peers: Vec<Client> = (0..20).map(|_| server.connect()).collect();
        for peer in &mut peers {
            peer.send("one\ntwo\nthree\n").expect("ONE\nTWO\nTHREE\n");
        }
        server.say("stats");
        server.until_stderr(" lines=60\n");
        if model != "epoll:threads=2" {
            let victim = crate::system::owners(&server, &peers)[0];
            crate::system::signal(victim, rustix::process::Signal::KILL);
            until("its peers to be gone", || peers.iter_mut().any(Client::closed));
        }
        let mut last = server.connect();
        last.send("four\n").expect("FOUR\n");
        server.say("stats");
        server.until_stderr(" lines=61\n");
        drop((peers, last));
        assert!(server.stop().status.success());
    }
}
