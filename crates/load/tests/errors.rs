//! Every kind of error, provoked.

#![allow(clippy::unwrap_used, reason = "clippy does not see that helpers of tests are tests")]
#![allow(missing_docs, reason = "this is a test")]

mod fake;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use fake::{answering, plan, report, server, try_report};
use switchboard_load::message::Protocol;
use switchboard_load::report::ErrorLine;
use switchboard_load::{Control, End, ErrorKind, LoadError, Plan, Report, Silent, run};

/// What went wrong, of one kind and no other.
#[track_caller]
fn only(kind: ErrorKind, report: &Report) -> ErrorLine {
    let all: Vec<_> = report.errors.iter().chain(&report.errors_before).collect();
    assert_eq!(all.len(), 1, "{report:#?}");
    assert_eq!(all[0].kind, kind);
    all[0].clone()
}

/// A load that ends by time, because its messages never do.
fn for_a_moment(target: std::net::SocketAddr) -> Plan {
    Plan { end: End::After(Duration::from_millis(250)), connections: 1, ..plan(target) }
}

#[test]
fn where_nobody_listens_no_load_is_applied() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for short in [false, true] {
        match try_report(&Plan { short, ..for_a_moment(free) }) {
            Err(LoadError::NotApplied(sentence)) => {
                assert!(sentence.contains("nothing listens"), "{sentence}");
            }
            other => unreachable!("{other:?}"),
        }
    }
}

/// Kills: ten thousand attempts where a hundred have shown enough.
#[test]
fn where_nobody_listens_few_try() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let free = listener.local_addr().unwrap();
    drop(listener);
    // All of them would take ten seconds.
    let asked = Plan { idle: 10_000, connect_rate: Some(1000.0), ..for_a_moment(free) };
    let start = std::time::Instant::now();
    assert!(matches!(try_report(&asked), Err(LoadError::NotApplied(_))));
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

/// Kills: a server that goes away and is not missed.
#[test]
fn a_server_that_stops_listening_refuses() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut peer = listener.accept().unwrap().0;
        drop(listener);
        let mut byte = [0; 64];
        peer.read_exact(&mut byte).unwrap();
        peer.write_all(&byte).unwrap();
    });
    let found = report(&for_a_moment(target));
    let kinds: Vec<ErrorKind> = found.errors.iter().map(|error| error.kind).collect();
    assert!(kinds.contains(&ErrorKind::Refused), "{found:#?}");
    assert_eq!(found.achieved.answered, 1);
}

#[test]
fn a_reset_is_one() {
    let target = server(|mut peer| {
        let _ = peer.read(&mut [0; 1]);
        let now = Some(Duration::ZERO);
        rustix::net::sockopt::set_socket_linger(peer.as_fd(), now).unwrap();
    });
    let error = only(ErrorKind::Reset, &report(&for_a_moment(target)));
    assert!(error.count > 0);
}

/// A listener whose backlog is full drops whoever wants to connect.
///
/// Kills: a connection that is waited for without end.
#[test]
fn connecting_that_takes_too_long_is_timed_out() {
    use rustix::net::{AddressFamily, SocketType, bind, getsockname, listen, socket};
    let listener = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&listener, &std::net::SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    listen(&listener, 0).unwrap();
    let target = getsockname(&listener).unwrap().try_into().unwrap();
    let timeout = Duration::from_millis(200);
    let asked = Plan {
        connections: 5,
        timeout,
        expect: "nothing".parse().unwrap(),
        ..for_a_moment(target)
    };
    let error = only(ErrorKind::TimedOut, &report(&asked));
    assert_eq!(error.first.as_deref(), Some("connecting took over 0.2 s"));
}

/// Kills: a reply that is waited for without end.
#[test]
fn a_reply_that_does_not_come_is_timed_out() {
    let target = server(|mut peer| drop(std::io::copy(&mut peer, &mut std::io::sink())));
    let timeout = Duration::from_millis(100);
    let error = only(ErrorKind::TimedOut, &report(&Plan { timeout, ..for_a_moment(target) }));
    assert_eq!(error.first.as_deref(), Some("no reply within 0.1 s"));
}

#[test]
fn an_end_before_the_reply_is_early() {
    let target = server(|mut peer| drop(peer.read(&mut [0; 64])));
    let error = only(ErrorKind::ClosedEarly, &report(&for_a_moment(target)));
    assert!(error.first.is_some_and(|first| first.contains("1 replies due")));
}

/// Kills: one wrong byte among sixty-four that is overlooked, at either end or in the middle.
#[test]
fn one_wrong_byte_is_a_mismatch_with_both_in_words() {
    for place in [0, 31, 63] {
        let target = answering(move |bytes| {
            let mut bytes = bytes.to_vec();
            bytes[place] ^= 1;
            bytes
        });
        let found = report(&plan(target));
        let error = only(ErrorKind::Mismatch, &found);
        assert_eq!((error.count, found.achieved.answered), (100, 0));
        let first = error.first.unwrap();
        assert!(first.starts_with(&format!("from byte {} on expected ", place + 1)), "{first}");
    }
}

#[test]
fn a_reply_without_end_is_a_mismatch() {
    let target = answering(|_| vec![0xff; 4]);
    let error = only(
        ErrorKind::Mismatch,
        &report(&Plan { protocol: Protocol::Length4, ..for_a_moment(target) }),
    );
    assert!(error.first.is_some_and(|first| first.contains("4294967295 bytes")));
}

/// Kills: a source that is no address of this machine and is left out in silence.
#[test]
fn a_source_that_is_not_ours_is_said() {
    let target = fake::echo();
    let sources = vec!["192.0.2.1".parse().unwrap()];
    match try_report(&Plan { sources, ..for_a_moment(target) }) {
        Err(LoadError::NotApplied(sentence)) => {
            assert!(sentence.contains("192.0.2.1 is no address of this machine"), "{sentence}");
        }
        other => unreachable!("{other:?}"),
    }
}

/// Kills: a run that begins only when nobody is on the way, which is never as long as the server
/// turns peers away and they come again.
#[test]
fn a_server_that_turns_most_away_is_loaded_with_the_rest() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap();
    thread::spawn(move || {
        let mut let_in = Vec::new();
        for mut peer in listener.incoming().flatten() {
            match let_in.len() {
                // The one that talks comes first.
                0 => let_in.push(thread::spawn(move || {
                    let mut buffer = [0; 65536];
                    while let Ok(count @ 1..) = peer.read(&mut buffer) {
                        peer.write_all(&buffer[..count]).unwrap();
                    }
                })),
                // Slower than those come again who were turned away.
                _ => {
                    thread::sleep(Duration::from_millis(2));
                    drop(peer);
                }
            }
        }
    });
    let plan = Plan { idle: 300, ..for_a_moment(target) };
    let (tell, told) = channel();
    thread::spawn(move || tell.send(Box::new(report(&plan))).is_ok());
    let report = told.recv_timeout(Duration::from_secs(30)).expect("the run to end");
    assert!(report.achieved.answered > 0, "{:?}", report.achieved);
    assert!(report.achieved.idle < 300, "{:?}", report.achieved);
}

/// Kills: a load that cannot be applied, and with it stops all that whoever shares its flag does.
#[test]
fn a_load_that_fails_stops_no_other() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap();
    drop(listener);
    let stop = Arc::new(AtomicBool::new(false));
    let found = run(&plan(target), &Control::stopped_by(Arc::clone(&stop)), &mut Silent);
    assert!(matches!(found, Err(LoadError::NotApplied(_))), "{found:?}");
    assert!(!stop.load(Ordering::Acquire));
}
