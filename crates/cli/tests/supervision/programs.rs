//! Programs of users: what is shared among processes, and what cannot be.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::process::Signal;
use switchboard::testing::{Client, program, until};

use crate::examples::examples;
use crate::system::signal;

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

/// A program that has several servers, one after the other.
struct Again {
    process: Child,
    said: BufReader<ChildStdout>,
    address: String,
}

impl Again {
    /// With SIGINT ignored, as a shell does with what it starts in the background.
    fn start(directory: &Path, model: &str) -> Again {
        let address = format!("unix:{}/socket", directory.display());
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' INT; exec \"$@\"", "sh"]).arg(examples().join("again"));
        command.args([&address, model]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let said = BufReader::new(process.stdout.take().unwrap());
        Again { process, said, address }
    }

    /// A peer of the server that runs now, who is answered.
    fn serve_one(&self) -> Client {
        let mut peer = None;
        until("it to listen", || {
            peer = Client::connect(&self.address).ok();
            peer.is_some()
        });
        let mut peer = peer.unwrap();
        peer.send("a line\n").expect("A LINE\n");
        peer
    }

    /// The server that runs is stopped by `how`, in order.
    fn stop(&mut self, how: Signal, model: &str) {
        let mut peer = self.serve_one();
        signal(self.process.id(), how);
        peer.expect_end();
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        let counted =
            line.starts_with("stopped accepted=1 refused=0 failed=0 timed_out=0 cut_off=0 ");
        assert!(counted, "{line:?} after {how:?} under {model}");
    }

    fn begin_anew(&mut self) {
        self.process.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    }
}

impl Drop for Again {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Kills: handlers of a server that has ended, by which the next one dies of its first SIGTERM; a
/// signal that is lost, or taken from the program, while there is no server.
#[test]
fn a_program_with_one_server_after_another_stops_each_and_dies_of_a_signal_in_between() {
    for model in ["thread", "sequential", "process", "thread:processes=2"] {
        let directory = tempfile::tempdir().unwrap();
        let mut again = Again::start(directory.path(), model);
        for how in [Signal::TERM, Signal::TERM, Signal::INT, Signal::INT] {
            again.stop(how, model);
            // It was ignored before, and is.
            signal(again.process.id(), Signal::INT);
            again.begin_anew();
        }
        again.stop(Signal::TERM, model);
        signal(again.process.id(), Signal::TERM);
        let status = again.process.wait().unwrap();
        assert_eq!(status.signal(), Some(Signal::TERM.as_raw()), "under {model}: {status:?}");
    }
}
