//! Who connects, from where, how fast, and what whoever watches is told.

#![allow(clippy::unwrap_used, reason = "clippy does not see that helpers of tests are tests")]
#![allow(missing_docs, reason = "this is a test")]

mod fake;

use std::collections::HashMap;
use std::io::Write;
use std::sync::mpsc::channel;
use std::time::Duration;

use fake::{echo, plan, report, server, text};
use switchboard_load::{
    Arrivals, Control, End, ErrorKind, Interval, Phase, Plan, Progress, Rate, Record, Schedule,
    Watch, run,
};

/// Kills: a source that is asked for and not used, or one that has all connections.
#[test]
fn connections_come_from_the_sources_in_turn() {
    let (tell, peers) = channel();
    let target = server(move |mut peer| {
        let _ = tell.send(peer.peer_addr().unwrap().ip());
        let mut copy = peer.try_clone().unwrap();
        drop(std::io::copy(&mut copy, &mut peer));
    });
    let sources = ["127.0.0.2", "127.0.0.3"].map(|text| text.parse().unwrap()).to_vec();
    let found = report(&Plan { connections: 6, sources, ..plan(target) });
    assert!(found.errors.is_empty(), "{found:#?}");
    let mut from: HashMap<String, u32> = HashMap::new();
    for _ in 0..6 {
        *from.entry(peers.recv().unwrap().to_string()).or_default() += 1;
    }
    assert_eq!(from, [("127.0.0.2".to_owned(), 3), ("127.0.0.3".to_owned(), 3)].into());
}

/// Kills: a ramp that only the first thread keeps to, or one that idle connections jump.
#[test]
fn connections_are_opened_at_the_rate_that_was_asked_for() {
    for threads in [1, 3] {
        let ramp = Plan { connections: 11, idle: 10, connect_rate: Some(100.0), ..plan(echo()) };
        let found = report(&Plan { threads, ..ramp });
        let took = found.achieved.connecting_s;
        // 21 connections, 10 ms apart. Threads that never slept too long end on time.
        assert!((0.195..2.0).contains(&took), "connecting took {took} s");
        assert_eq!((found.achieved.connections, found.achieved.idle), (11, 10));
    }
}

/// Kills: a silent connection that is not watched.
#[test]
fn what_happens_to_silent_connections_is_seen() {
    let target = server(|mut peer| {
        // Whoever talks is echoed; the others are told to leave.
        peer.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let mut byte = [0; 64];
        match std::io::Read::read(&mut peer, &mut byte) {
            Ok(count) => {
                peer.write_all(&byte[..count]).unwrap();
                peer.set_read_timeout(None).unwrap();
                let mut copy = peer.try_clone().unwrap();
                drop(std::io::copy(&mut copy, &mut peer));
            }
            Err(_) => drop(peer.write_all(b"bye")),
        }
    });
    let schedule = Schedule::Open { rate: Rate::Total(100.0), arrivals: Arrivals::Even };
    let end = End::After(Duration::from_millis(90));
    let found = report(&Plan { connections: 1, idle: 2, schedule, end, ..plan(target) });
    let all: Vec<_> = found.errors.iter().chain(&found.errors_before).collect();
    let early = all.iter().find(|error| error.kind == ErrorKind::ClosedEarly);
    assert!(early.is_some_and(|early| early.count >= 2), "{found:#?}");
    let unasked = all.iter().find(|error| error.kind == ErrorKind::Mismatch).unwrap();
    assert!(unasked.first.as_ref().is_some_and(|first| first.contains("3 bytes came")));
}

/// Adds up what it is told.
#[derive(Default)]
struct Sum {
    phases: Vec<Phase>,
    seen: u64,
    total: u64,
    intervals: Vec<u64>,
    in_records: u64,
}

impl Watch for Sum {
    fn seen(&mut self, record: &Record) {
        self.seen += record.counts.answered;
    }

    fn progress(&mut self, progress: &Progress<'_>) {
        self.phases.push(progress.phase);
        assert!(progress.total.answered >= self.total, "it only grows: {progress:?}");
        self.total = progress.total.answered;
    }

    fn interval(&mut self, interval: &Interval, record: &Record) {
        self.intervals.push(interval.answered);
        self.in_records += record.latency.len();
    }
}

/// Kills: a second that is told twice or not at all, progress that never comes, a total that forgets
/// the seconds that are not over.
#[test]
fn who_watches_is_told_each_second_and_in_between() {
    let schedule = Schedule::Open { rate: Rate::Total(1000.0), arrivals: Arrivals::Even };
    let end = End::After(Duration::from_millis(2500));
    let asked = Plan { schedule, end, threads: 2, message: text("{seq}"), ..plan(echo()) };
    let mut sum = Sum::default();
    let outcome = run(&asked, &Control::default(), &mut sum).unwrap();
    assert_eq!(outcome.record.counts.answered, 2500);
    assert_eq!(sum.intervals.len(), 3, "{:?}", sum.intervals);
    let answered: u64 = sum.intervals.iter().sum();
    // The last reply may be on its way when the measurement ends.
    assert!((2490..=2500).contains(&answered), "{:?}", sum.intervals);
    assert_eq!(sum.in_records, answered);
    assert!(sum.phases.len() > 10 && sum.phases.contains(&Phase::Measuring), "{:?}", sum.phases);
    // The last time is before the end, and a thread tells twice a second.
    assert!(sum.total > 1000 && sum.seen == 2500, "{} {}", sum.seen, sum.total);
}
