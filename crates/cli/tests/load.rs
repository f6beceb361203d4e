//! `switchboard load` as people run it: against our services, against servers that are not ours,
//! interrupted, in several processes. What its figures are worth: `truth`.

#![allow(clippy::unwrap_used, reason = "clippy does not see that helpers of tests are tests")]

#[path = "load/network.rs"]
mod network;
#[path = "load/output.rs"]
mod output;
#[allow(dead_code, reason = "the tests of all commands use the rest of it")]
#[path = "commands/said.rs"]
mod said;
#[path = "load/truth.rs"]
mod truth;

use std::fs;
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use switchboard::testing::{PATIENCE, program};

use said::{Said, refuses, run, run_command};

const SWITCHBOARD: &str = env!("CARGO_BIN_EXE_switchboard");

/// What the result says of `name`, in words.
#[track_caller]
fn field(said: &Said, name: &str) -> String {
    let report: Value = serde_json::from_str(&said.stdout).expect(&said.stderr);
    let at = |path: &str| report.pointer(path).unwrap().to_string();
    match name {
        "messages" => {
            format!("{} sent, {} answered", at("/achieved/sent"), at("/achieved/answered"))
        }
        "connections" => format!("{} of {}", at("/achieved/connections"), at("/asked/connections")),
        "idle" => format!("{} of {}", at("/achieved/idle"), at("/asked/idle")),
        "interrupted" => at("/interrupted"),
        "errors" => ["errors", "errors_before"].map(|list| errors(&report[list])).concat(),
        _ => unreachable!("no {name} in {said:?}"),
    }
}

/// A line for each kind: how many, and the first in words.
fn errors(list: &Value) -> String {
    let line = |error: &Value| {
        let kind = error["kind"].as_str().unwrap().replace('_', " ");
        format!("{} {kind}: {}\n", error["count"], error["first"].as_str().unwrap())
    };
    list.as_array().unwrap().iter().map(line).collect()
}

/// The load was applied, all its messages were answered, and nothing went wrong.
#[track_caller]
fn expect_all(said: &Said, messages: u64) {
    assert_eq!(said.status, Some(0), "{said:?}");
    assert_eq!(field(said, "messages"), format!("{messages} sent, {messages} answered"));
    assert_eq!(field(said, "errors"), "", "{said:?}");
}

fn load(words: &[&str]) -> Said {
    run(&[&["load", "--json"], words].concat())
}

/// `switchboard load` in a shell with a lower limit on descriptors.
fn with_descriptors(limit: u32, words: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("ulimit -n {limit}; exec {SWITCHBOARD} load --json {words}"));
    shell
}

#[test]
fn the_stock_services_are_driven() {
    let echo = program(SWITCHBOARD).args(["serve", "echo"]).start();
    let target = echo.address();
    expect_all(&load(&[target, "-n", "1000"]), 1000);
    expect_all(&load(&[target, "-n", "1000", "--pipeline", "16", "--threads", "2"]), 1000);
    expect_all(&load(&[target, "-r", "1k", "-d", "300ms", "-c", "3"]), 300);
    expect_all(
        &load(&[target, "--every", "50ms", "-d", "500ms", "--message", "{random 0..100}"]),
        100,
    );
    expect_all(&load(&[target, "-n", "100", "--short"]), 100);
    assert_eq!(echo.stop().get("failed"), 0);
    let upper = program(SWITCHBOARD).args(["serve", "upper"]).start();
    let shout = ["-n", "100", "--expect", "upper", "--protocol", "line"];
    expect_all(&load(&[&[upper.address()], &shout[..]].concat()), 100);
    let discard = program(SWITCHBOARD).args(["serve", "discard"]).start();
    expect_all(&load(&[discard.address(), "-n", "100", "--expect", "nothing"]), 100);
}

#[test]
fn unix_sockets_and_ipv6_are_loaded_as_well() {
    let directory = tempfile::tempdir().unwrap();
    let path = format!("unix:{}", directory.path().join("socket").display());
    for address in [&*path, "[::1]:0"] {
        let echo = program(SWITCHBOARD).args(["serve", "echo"]).listen(address).start();
        let said = load(&[echo.address(), "-n", "500", "-c", "5", "--idle", "5"]);
        expect_all(&said, 500);
        assert_eq!(field(&said, "idle"), "5 of 5");
        assert_eq!(echo.stop().get("accepted"), 10);
    }
}

/// Python's own server, in turn with lines and with bytes.
#[test]
fn a_server_that_is_not_ours_is_driven() {
    let script = "
import socketserver, sys
class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile: self.wfile.write(line)
class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
server = Server(('127.0.0.1', 0), Echo)
print(server.server_address[1], flush=True)
server.serve_forever()
";
    let mut python =
        Command::new("python3").args(["-c", script]).stdout(Stdio::piped()).spawn().unwrap();
    let mut port = [0; 6];
    let count = python.stdout.as_mut().unwrap().read(&mut port).unwrap();
    let port = String::from_utf8_lossy(&port[..count]).trim().to_owned();
    let said = load(&[&port, "-n", "200", "--protocol", "line", "--message", "{connection} {seq}"]);
    python.kill().unwrap();
    python.wait().unwrap();
    expect_all(&said, 200);
}

/// A port that nobody has at the moment, for servers that do not say which one they take.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Starts a server that is not ours and waits until it listens; `None`, aloud, if it is not installed.
fn foreign(words: &[&str], port: u16) -> Option<Child> {
    let mut command = Command::new(words[0]);
    let started = command.args(&words[1..]).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut child = match started {
        Ok(child) => child,
        Err(error) => {
            eprintln!("skipped: {} cannot be started: {error}", words[0]);
            return None;
        }
    };
    let end = Instant::now() + PATIENCE;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < end && child.try_wait().unwrap().is_none(), "{words:?}");
        thread::sleep(Duration::from_millis(5));
    }
    Some(child)
}

#[test]
fn redis_is_driven_with_a_line_each() {
    let port = free_port().to_string();
    let words = ["redis-server", "--port", &port, "--save", "", "--bind", "127.0.0.1"];
    let Some(mut redis) = foreign(&words, port.parse().unwrap()) else { return };
    let ping = [&*port, "-n", "1000", "--message", "PING", "--protocol", "line"];
    let right = load(&[&ping[..], &["--expect", "+PONG", "--pipeline", "4"]].concat());
    let wrong = load(&[&ping[..], &["--expect", "+PENG"]].concat());
    redis.kill().unwrap();
    redis.wait().unwrap();
    expect_all(&right, 1000);
    let sentence = "1000 mismatch: from byte 3 on expected \"+PENG\", got \"+PONG\"\n";
    assert_eq!(field(&wrong, "errors"), sentence);
}

#[test]
fn socat_is_driven() {
    let port = free_port().to_string();
    let listen = format!("TCP-LISTEN:{port},fork,reuseaddr,bind=127.0.0.1");
    let Some(mut socat) = foreign(&["socat", &listen, "PIPE"], port.parse().unwrap()) else {
        return;
    };
    let said = load(&[&port, "-n", "500", "-c", "5"]);
    socat.kill().unwrap();
    socat.wait().unwrap();
    expect_all(&said, 500);
}

#[test]
fn a_script_goes_through_a_phone_menu() {
    let hotline = program(SWITCHBOARD).args(["serve", "hotline"]).start();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("call.toml");
    let steps = r#"
        [[step]]
        until = "operator.\n"
        [[step]]
        send = "1{random 100..1000}\n"
        [[step]]
        expect = "Please enter again.\n"
        [[step]]
        send = "0\n"
        [[step]]
        expect = "This call may be recorded. Blah blah blah, and a lot more of that.\n"
        [[step]]
        close = true
    "#;
    fs::write(&path, steps).unwrap();
    let said =
        load(&[hotline.address(), "--script", path.to_str().unwrap(), "-n", "30", "-c", "3"]);
    assert_eq!(said.status, Some(0), "{said:?}");
    // Three steps expect something, two send.
    assert_eq!(field(&said, "messages"), "60 sent, 90 answered");
    assert_eq!(field(&said, "errors"), "", "{said:?}");
}

#[test]
fn a_script_is_read_from_its_file() {
    let echo = program(SWITCHBOARD).args(["serve", "echo"]).start();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("script.toml");
    let name = path.to_str().unwrap();
    fs::write(&path, "[[step]]\nsend = 'a{seq}\\n'\n[[step]]\nexpect = 'a{seq}\\n'\n").unwrap();
    expect_all(&load(&[echo.address(), "--script", name, "-n", "50"]), 50);
    fs::write(&path, "[[step]]\nsay = 'a'\n").unwrap();
    refuses(&["load", "--script", name], 2, &["unknown variant `say`", "`send`"]);
    refuses(&["load", "--script", "/nowhere"], 2, &["cannot read the script /nowhere"]);
}

#[test]
fn bad_usage_is_explained() {
    refuses(&["load", "-d", "10"], 2, &["a duration needs a unit", "10s"]);
    refuses(&["load", "-c", "0"], 2, &["--idle 1"]);
    refuses(&["load", "-r", "fast"], 2, &["10k"]);
    refuses(&["load", "-r", "10", "--pipeline", "2"], 2, &["--pipeline"]);
    refuses(&["load", "--arrivals", "poisson"], 2, &["needs an open loop"]);
    refuses(&["load", "--message", "{sequence}"], 2, &["{seq}"]);
    refuses(&["load", "--message", ""], 2, &["at least one byte"]);
    refuses(&["load", "--expect", "/(/"], 2, &["unclosed group"]);
    refuses(&["load", "--stall", "10"], 2, &["10%"]);
    refuses(&["load", "--source", "::1"], 2, &["from every --source; give addresses of IPv4"]);
    refuses(&["load", "unix:/a", "--source", "::1"], 2, &["leave --source out"]);
    refuses(&["load", "--file", "/nowhere"], 2, &["cannot read the messages in /nowhere"]);
}

/// Kills: a load of nothing that looks like a success.
#[test]
fn a_load_that_cannot_be_applied_is_status_3() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    refuses(&["load", &free, "-d", "1s"], 3, &["nothing listens at", "switchboard serve echo"]);
    refuses(&["load", "unix:/nowhere/socket"], 3, &["nothing listens at unix:/nowhere/socket"]);
    refuses(&["load", "no.such.host.invalid:1"], 3, &["check its spelling"]);
}

/// Kills: a process that is missing from the sum, a connection that two have, a peer that is left.
#[test]
fn processes_share_what_is_too_much_for_one() {
    let echo = program(SWITCHBOARD).args(["serve", "echo"]).start();
    let words = format!("{} -c 30 --idle 200 -n 1000 --threads 2", echo.address());
    let said = run_command(&mut with_descriptors(100, &words));
    expect_all(&said, 1000);
    assert_eq!(field(&said, "connections"), "30 of 30");
    assert_eq!(field(&said, "idle"), "200 of 200");
    let stopped = echo.stop();
    assert_eq!((stopped.get("accepted"), stopped.in_order()), (230, 230), "{stopped:?}");
}

/// Kills: a connection that cannot be opened and is not missed.
#[test]
fn descriptors_run_out_and_are_said_to() {
    let echo = program(SWITCHBOARD).args(["serve", "echo"]).start();
    // What was open before is not known to whoever counts connections.
    let script = format!(
        "for number in {{10..84}}; do eval \"exec $number< /dev/null\"; done; ulimit -n 100
         exec {SWITCHBOARD} load --json {} -c 30 -n 500",
        echo.address()
    );
    let said = run_command(Command::new("bash").args(["-c", &script]));
    assert_eq!(said.status, Some(3), "{said:?}");
    assert!(field(&said, "errors").contains("out of descriptors: opening a socket"), "{said:?}");
}

/// A server that tells of each message that came, and of each connection that ended.
fn attentive() -> (String, Receiver<()>, Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let ((came, messages), (ended, ends)) = (channel(), channel());
    thread::spawn(move || {
        for mut peer in listener.incoming().flatten() {
            let (came, ended) = (came.clone(), ended.clone());
            thread::spawn(move || {
                let mut buffer = [0; 64];
                while let Ok(1..) = peer.read(&mut buffer) {
                    let _ = came.send(());
                }
                let _ = ended.send(());
            });
        }
    });
    (address, messages, ends)
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

/// Kills: a result that is lost with the run, or one that looks whole.
#[test]
fn interrupted_it_prints_what_it_has() {
    for (limit, end) in [(1000, "-d 60s"), (80, "-d 60s"), (1000, "-n 6000")] {
        let (address, messages, _ends) = attentive();
        let mut command = with_descriptors(limit, &format!("{address} -c 20 {end} -r 100"));
        let child = command.stdout(Stdio::piped()).spawn().unwrap();
        (0..10).for_each(|_| messages.recv_timeout(PATIENCE).unwrap());
        signal(&child, Signal::INT);
        let output = child.wait_with_output().unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        let said = Said { status: output.status.code(), stdout, stderr: String::new() };
        assert_eq!(said.status, Some(0), "{said:?}");
        assert_eq!(field(&said, "interrupted"), "true");
        let sent = field(&said, "messages").split(' ').next().unwrap().parse::<u64>().unwrap();
        assert!(sent >= 10, "{said:?}");
    }
}

/// Kills: parts that go on when nobody is there to tell them to stop.
#[test]
fn processes_die_with_the_first_one() {
    let (address, messages, ends) = attentive();
    let mut command = with_descriptors(80, &format!("{address} -c 40 -d 60s -r 100"));
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    messages.recv_timeout(PATIENCE).unwrap();
    signal(&child, Signal::KILL);
    child.wait().unwrap();
    for _ in 0..40 {
        ends.recv_timeout(Duration::from_secs(5)).unwrap();
    }
}
