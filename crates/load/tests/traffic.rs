//! What is sent, counted and checked, against servers that do one thing.

#![allow(clippy::unwrap_used, reason = "clippy does not see that helpers of tests are tests")]
#![allow(missing_docs, reason = "this is a test")]

mod fake;

use std::collections::HashSet;
use std::io::{Read, Write};
use std::sync::mpsc::channel;
use std::time::Duration;

use fake::{answering, echo, plan, report, server, text};
use switchboard_load::message::{Message, Protocol, Records};
use switchboard_load::{Arrivals, BadPeers, End, ErrorKind, Manner, Plan, Rate, Report, Schedule};

/// Every message was answered, and nothing went wrong.
#[track_caller]
fn expect_all(report: &Report, messages: u64) {
    let achieved = &report.achieved;
    assert_eq!((achieved.sent, achieved.answered), (messages, messages), "{report:#?}");
    assert!(report.errors.is_empty(), "{report:#?}");
    assert_eq!((achieved.unanswered, achieved.skipped, achieved.not_reached), (0, 0, 0));
}

/// Kills: a count that is off by what is in flight, by threads, or by the warm-up.
#[test]
fn so_many_messages_are_sent_as_were_asked_for() {
    let target = echo();
    for (connections, threads, pipeline) in [(1, 1, 1), (3, 2, 1), (2, 1, 7), (5, 3, 4)] {
        let schedule = Schedule::Closed { pipeline };
        let warm_up = Duration::from_millis(20);
        let end = End::Messages(1001);
        let asked = Plan { connections, threads, schedule, warm_up, end, ..plan(target) };
        let report = report(&asked);
        expect_all(&report, 1001);
        assert_eq!(report.latency.samples, 1001);
        assert_eq!(report.achieved.connections, connections);
        let over_time: u64 = report.over_time.iter().map(|interval| interval.answered).sum();
        assert_eq!(over_time, 1001);
    }
}

/// Kills: an open loop that waits for replies, or whose threads do not share the rate.
#[test]
fn an_open_loop_sends_what_is_due() {
    let target = echo();
    let end = End::After(Duration::from_millis(500));
    for (rate, threads) in [(Rate::Total(2000.0), 1), (Rate::PerConnection(250.0), 3)] {
        let schedule = Schedule::Open { rate, arrivals: Arrivals::Even };
        let report = report(&Plan { connections: 4, threads, schedule, end, ..plan(target) });
        let expected = if threads == 1 { 1000 } else { 500 };
        expect_all(&report, expected);
        assert_eq!(report.achieved.seconds, 0.5);
        assert!(report.service_time.p50_ns <= report.latency.p50_ns);
    }
    let schedule = Schedule::Open { rate: Rate::Total(4000.0), arrivals: Arrivals::Poisson };
    let sent = report(&Plan { schedule, end, ..plan(target) }).achieved.sent;
    assert!(sent.abs_diff(2000) < 250, "{sent} of 2000 expected, give or take 45");
}

/// Kills: connections that share numbers; messages of a template that are counted from elsewhere.
#[test]
fn templates_number_connections_and_messages() {
    let (tell, lines) = channel();
    let target = answering(move |bytes| {
        tell.send(bytes.to_vec()).unwrap();
        bytes.to_vec()
    });
    let message = text("{connection}:{seq}");
    let asked = Plan { message, protocol: Protocol::Line, end: End::Messages(6), ..plan(target) };
    expect_all(&report(&Plan { threads: 2, ..asked }), 6);
    let seen: HashSet<String> =
        lines.try_iter().map(|line| String::from_utf8(line).unwrap()).collect();
    let expected = ["0:0\n", "0:1\n", "0:2\n", "1:0\n", "1:1\n", "1:2\n"];
    assert_eq!(seen, expected.map(str::to_owned).into());
}

/// Kills: a protocol that frames one way and reads another.
#[test]
fn each_protocol_carries_messages_of_every_length() {
    let target = echo();
    for protocol in [Protocol::Raw, Protocol::Line, Protocol::Length4] {
        let message = text("{random 0..100000000} {hex 3}");
        expect_all(&report(&Plan { message, protocol, ..plan(target) }), 100);
    }
    // Longer than a receive, and than what the kernel takes at a time.
    let message = Message::Size(1_000_000);
    let end = End::Messages(20);
    expect_all(&report(&Plan { message, end, ..plan(target) }), 20);
}

#[test]
fn a_reply_may_be_the_message_in_upper_case_or_something_else() {
    let shout = answering(<[u8]>::to_ascii_uppercase);
    let upper = || "upper".parse().unwrap();
    expect_all(&report(&Plan { expect: upper(), ..plan(shout) }), 100);
    let message = text("abc {hex 5}");
    expect_all(&report(&Plan { expect: upper(), message, ..plan(shout) }), 100);
    let pong = answering(|bytes| b"+PONG\r\n".repeat(bytes.split(|b| *b == b'\n').count() - 1));
    for expect in ["+PONG", "/^.PONG$/"] {
        let expect = expect.parse().unwrap();
        let (message, protocol) = (text("PING"), Protocol::Line);
        let schedule = Schedule::Closed { pipeline: 5 };
        expect_all(&report(&Plan { message, protocol, expect, schedule, ..plan(pong) }), 100);
    }
}

/// Kills: a server that takes everything and is thought to answer; one that answers unasked.
#[test]
fn where_nothing_is_expected_nothing_may_come() {
    let nothing = || "nothing".parse().unwrap();
    let sink = server(|mut peer| drop(std::io::copy(&mut peer, &mut std::io::sink())));
    let quiet = report(&Plan { expect: nothing(), ..plan(sink) });
    expect_all(&quiet, 100);
    assert_eq!(quiet.latency.samples, 0);
    let talker = server(|mut peer| {
        let _ =
            peer.write_all(b"hello").and_then(|()| std::io::copy(&mut peer, &mut std::io::sink()));
    });
    let end = End::After(Duration::from_millis(300));
    let schedule = Schedule::Open { rate: Rate::Total(100.0), arrivals: Arrivals::Even };
    let loud = report(&Plan { expect: nothing(), end, schedule, ..plan(talker) });
    let all = loud.errors.iter().chain(&loud.errors_before);
    let unasked: Vec<_> = all.filter(|error| error.kind == ErrorKind::Mismatch).collect();
    assert_eq!(unasked.iter().map(|error| error.count).sum::<u64>(), 2, "{loud:#?}");
    assert_eq!(unasked[0].first.as_deref(), Some("\"hello\" came unasked"));
}

#[test]
fn messages_come_from_a_file_in_turn() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("messages");
    std::fs::write(&path, "one\ntwo\nthree\n").unwrap();
    let (tell, lines) = channel();
    let target = answering(move |bytes| {
        tell.send(String::from_utf8(bytes.to_vec()).unwrap()).unwrap();
        bytes.to_vec()
    });
    let message = Message::File { path, records: Records::Lines };
    let (protocol, end) = (Protocol::Line, End::Messages(4));
    expect_all(&report(&Plan { connections: 1, message, protocol, end, ..plan(target) }), 4);
    assert_eq!(lines.try_iter().collect::<Vec<_>>(), ["one\n", "two\n", "three\n", "one\n"]);
}

/// Kills: a connection that is used twice, or left open; a message that is lost between two.
#[test]
fn with_short_each_message_has_a_connection() {
    let (tell, ended) = channel();
    let target = server(move |mut peer| {
        let mut all = Vec::new();
        let mut buffer = [0; 64];
        while let Ok(count @ 1..) = peer.read(&mut buffer) {
            all.extend_from_slice(&buffer[..count]);
            peer.write_all(&buffer[..count]).unwrap();
        }
        tell.send(all).unwrap();
    });
    let message = text("{seq}");
    let asked = Plan { short: true, message, end: End::Messages(50), ..plan(target) };
    let found = report(&asked);
    expect_all(&found, 50);
    assert_eq!(found.achieved.opened, 50);
    let all: Vec<Vec<u8>> = (0..50).map(|_| ended.recv().unwrap()).collect();
    assert!(all.iter().all(|bytes| (1..=2).contains(&bytes.len())), "{all:?}");
    let schedule = Schedule::Open { rate: Rate::Total(500.0), arrivals: Arrivals::Even };
    let end = End::After(Duration::from_millis(200));
    let open = report(&Plan { short: true, schedule, end, ..plan(target) });
    expect_all(&open, 100);
    assert_eq!(open.achieved.opened, 100);
}

/// Kills: a greeting that is not awaited, a pass that begins in the midst of another, a connection
/// that is used again after it was closed.
#[test]
fn a_script_is_gone_through_again_and_again() {
    let target = server(|mut peer| {
        peer.write_all(b"welcome\n> ").unwrap();
        let mut buffer = [0; 64];
        while let Ok(count @ 1..) = peer.read(&mut buffer) {
            let line = String::from_utf8_lossy(&buffer[..count]).to_uppercase();
            peer.write_all(format!("you said {line}> ").as_bytes()).unwrap();
        }
    });
    let script = |end: &str| {
        let text = format!(
            "step = [{{ until = '> ' }}, {{ send = 'abc{{seq}}\\n' }}, {{ expect = 'you said ABC{{seq}}\\n' }}, \
             {{ until = '> ' }}, {{ wait = '1ms' }}, {end}]"
        );
        Some(text.parse().unwrap())
    };
    let closing =
        Plan { script: script("{ close = true }"), end: End::Messages(20), ..plan(target) };
    let found = report(&closing);
    assert!(found.errors.is_empty(), "{found:#?}");
    assert_eq!((found.achieved.sent, found.achieved.answered, found.latency.samples), (20, 60, 60));
    assert!(found.achieved.opened >= 18);
    // Without closing, the second pass awaits a greeting that does not come.
    let timeout = Duration::from_millis(100);
    let end = End::After(Duration::from_millis(300));
    let stuck = report(&Plan { script: script("{ wait = '1ms' }"), timeout, end, ..plan(target) });
    assert!(stuck.errors.iter().all(|error| error.kind == ErrorKind::TimedOut), "{stuck:#?}");
    assert!(!stuck.errors.is_empty());
}

/// A server that greets, and answers lines in upper case.
fn greeting() -> std::net::SocketAddr {
    server(|mut peer| {
        peer.write_all(b"> ").unwrap();
        let mut buffer = [0; 65536];
        while let Ok(count @ 1..) = peer.read(&mut buffer) {
            let reply = buffer[..count].to_ascii_uppercase();
            if peer.write_all(&reply).is_err() {
                return;
            }
        }
    })
}

const GREETED: &str = "step = [{ until = '> ' }, { send = 'a{seq}\\n' }, { expect = 'A{seq}\\n' }]";

/// Kills: a connection that goes through the script twice although each pass is to have its own; a
/// pass that counts as its steps; a time without the connect.
#[test]
fn each_pass_has_a_connection_of_its_own() {
    let script = Some(GREETED.parse().unwrap());
    let asked = Plan { script, short: true, end: End::Messages(60), ..plan(greeting()) };
    let found = report(&asked);
    expect_all(&found, 60);
    assert_eq!((found.achieved.opened, found.latency.samples), (60, 60), "{found:#?}");
    // After some passes nobody listens any more: the others fail, and the load ends.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let gone = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut peer in listener.incoming().flatten().take(5) {
            peer.write_all(b"> ").unwrap();
            let mut buffer = [0; 64];
            let count = peer.read(&mut buffer).unwrap_or(0);
            let _ = peer.write_all(&buffer[..count].to_ascii_uppercase());
        }
    });
    let end = End::After(Duration::from_millis(250));
    let found = report(&Plan { target: gone.into(), connections: 1, end, ..asked });
    assert!((1..=5).contains(&found.achieved.answered), "{found:#?}");
    assert!(found.errors.iter().any(|line| line.kind == ErrorKind::Refused), "{found:#?}");
}

/// Kills: passes that are due and are begun when the one before is over, whatever the clock says; one
/// that is due twice on a connection while others had none.
#[test]
fn passes_are_due_by_the_clock() {
    let script = Some(GREETED.parse().unwrap());
    let schedule = Schedule::Open { rate: Rate::Total(200.0), arrivals: Arrivals::Even };
    let end = End::After(Duration::from_millis(250));
    // Each connection has one pass: a second one would await a greeting that does not come.
    let found = report(&Plan { connections: 50, script, schedule, end, ..plan(greeting()) });
    expect_all(&found, 50);
    assert_eq!(found.achieved.connections, 50);
}

/// Kills: slow readers that say to a service what it does not understand.
#[test]
fn bad_peers_say_what_the_script_says() {
    let (tell, heard) = channel();
    let target = server(move |mut peer| {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = peer.read(&mut buffer) {
            let _ = tell.send(String::from_utf8_lossy(&buffer[..count]).into_owned());
            let _ = peer.write_all(&buffer[..count]);
        }
    });
    let script: Option<_> =
        "step = [{ send = 'good' }, { expect = 'good' }, { send = '-' }, { expect = '-' }]"
            .parse()
            .ok();
    let bad = vec![BadPeers { manner: Manner::HalfClose, share: 0.5 }];
    let end = End::After(Duration::from_millis(100));
    let found = report(&Plan { script, bad, end, ..plan(target) });
    assert!(found.errors.is_empty() && found.achieved.answered > 0, "{found:#?}");
    assert!(heard.try_iter().any(|said| said == "good-"), "a pass at once");
}

/// Fifty million messages in as many milliseconds.
///
/// Kills: messages that the generator did not get to and that nobody misses, or that a connection is
/// blamed for; a count of them that takes longer than sending.
#[test]
fn what_the_generator_does_not_get_to_is_counted() {
    let schedule = Schedule::Open { rate: Rate::Total(1e9), arrivals: Arrivals::Even };
    let end = End::After(Duration::from_millis(50));
    let found = report(&Plan { connections: 1, schedule, end, ..plan(echo()) });
    let (achieved, asked) = (&found.achieved, 50_000_000);
    assert!(achieved.not_reached > 0 && achieved.skipped == 0, "{found:#?}");
    // What its connection took and could not send until the time-out was over is unanswered.
    let known = achieved.sent + achieved.not_reached;
    assert!(known <= asked && known + achieved.unanswered >= asked, "{found:#?}");
}

/// A server that reads nothing for a while: what is due meanwhile is sent later and is not lost.
///
/// Kills: messages that a full socket swallows, or that are counted as sent when they were due.
#[test]
fn a_full_socket_delays_messages_and_loses_none() {
    let target = server(|mut peer| {
        std::thread::sleep(Duration::from_millis(500));
        let mut copy = peer.try_clone().unwrap();
        drop(std::io::copy(&mut copy, &mut peer));
    });
    // What is due meanwhile is several times what the kernel keeps for a socket.
    let schedule = Schedule::Open { rate: Rate::Total(1000.0), arrivals: Arrivals::Even };
    let end = End::After(Duration::from_millis(400));
    let message = Message::Size(100_000);
    let found = report(&Plan { connections: 1, message, schedule, end, ..plan(target) });
    expect_all(&found, 400);
    assert!(found.latency.max_ns > Some(250_000_000), "{found:#?}");
    // Those that the kernel did not take at first were sent when the server read: at 500 ms, and due
    // in the 400 ms before.
    let waited = found.latency.mean_ns.unwrap() - found.service_time.mean_ns.unwrap();
    assert!(waited > 50e6, "sent {waited} ns after they were due: {found:#?}");
}

/// Kills: a pass that would begin in the very moment in which the warm-up ends, and does not.
#[test]
fn a_script_goes_on_when_the_warm_up_ends() {
    let target = echo();
    let script = "[[step]]\nsend = 'a'\n[[step]]\nexpect = 'a'\n".parse().ok();
    for warm_up in 1..=12 {
        let warm_up = Duration::from_millis(warm_up);
        let end = End::After(Duration::from_millis(20));
        let plan = Plan { connections: 1, script: script.clone(), warm_up, end, ..plan(target) };
        let achieved = report(&plan).achieved;
        assert!(achieved.answered > 0, "after a warm-up of {warm_up:?}: {achieved:?}");
    }
}
