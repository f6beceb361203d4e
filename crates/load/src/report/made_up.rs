//! Results for tests: what they say is made up, and the same every time.

use std::time::Duration;

use super::{Achieved, ErrorLine, Generator, Report, SCHEMA, ServerSide, Times};
use crate::errors::ErrorKind;
use crate::plan::{End, Plan};
use crate::record::histogram;
use crate::schedule::{Arrivals, Rate, Schedule};
use crate::watch::Interval;

/// An open loop on another machine in which everything went well.
pub(crate) fn sound() -> Report {
    Report {
        schema: SCHEMA,
        asked: Plan {
            target: "192.0.2.1:7788".parse().expect("an address"),
            connections: 100,
            idle: 1000,
            schedule: Schedule::Open { rate: Rate::Total(100_000.0), arrivals: Arrivals::Even },
            end: End::After(Duration::from_secs(10)),
            ..Plan::default()
        },
        asked_rate: Some(100_000.0),
        achieved: achieved(),
        latency: times(50_000),
        service_time: times(40_000),
        over_time: (0..10).map(interval).collect(),
        errors: Vec::new(),
        errors_before: Vec::new(),
        generator: generator(),
        server: None,
        warnings: Vec::new(),
        interrupted: false,
    }
}

/// A closed loop beside its server in which little went well.
pub(crate) fn troubled() -> Report {
    let sound = sound();
    let first = Some("expected \"PONG\\r\\n\", got \"-ERR unknown command `hello`, with args \\r\\n\" at byte 0 of message 17 on connection 3".to_owned());
    Report {
        asked: Plan {
            connections: 100,
            schedule: Schedule::Closed { pipeline: 4 },
            warm_up: Duration::from_millis(500),
            ..Plan::default()
        },
        asked_rate: None,
        achieved: Achieved {
            connections: 97,
            idle: 0,
            seconds: 2.5,
            sent: 1300,
            answered: 1200,
            sent_rate: 520.0,
            rate: 480.0,
            unanswered: 12,
            ..sound.achieved
        },
        latency: few(),
        service_time: few(),
        over_time: (0..2).map(interval).collect(),
        errors: vec![ErrorLine { kind: ErrorKind::Mismatch, count: 88, first }],
        errors_before: vec![ErrorLine { kind: ErrorKind::Refused, count: 3, first: None }],
        generator: Generator { cpu_share: 0.931, ..sound.generator },
        interrupted: true,
        ..sound
    }
}

/// What a server of four processes used in it.
pub(crate) fn server() -> ServerSide {
    ServerSide {
        pid: 1234,
        processes: 4,
        threads: 4,
        descriptors: 1116,
        cpu_s: 12.3,
        cpu_per_message_ns: Some(12_300.0),
        pss_before_bytes: 3 << 20,
        pss_bytes: 9 << 20,
        bytes_per_peer: Some(5719.0),
        voluntary_switches: 812_345,
        involuntary_switches: 1234,
        unseen_share: Some(0.25),
        cpus: vec![2, 3],
        looks: 48,
        looking_s: 0.012,
        unread: 0,
        ended: false,
    }
}

fn achieved() -> Achieved {
    Achieved {
        connections: 100,
        idle: 1000,
        connecting_s: 0.012_3,
        seconds: 10.0,
        sent: 999_980,
        answered: 999_980,
        sent_rate: 99_998.0,
        rate: 99_998.0,
        bytes_sent: 63_998_720,
        bytes_received: 63_998_720,
        opened: 0,
        skipped: 0,
        not_reached: 0,
        unanswered: 0,
        bad_sent: 0,
        bad_closed: 0,
    }
}

fn generator() -> Generator {
    Generator {
        processes: 1,
        threads: 1,
        cpu_s: 4.7,
        cpu_share: 0.47,
        late_sends: 12,
        late_share: 0.000_012,
        latest_ns: 1_230_000,
        cpus: vec![0, 1],
        cpus_online: 2,
    }
}

/// Most about `typical`, a few up to a hundred times as long.
fn times(typical: u64) -> Times {
    let mut times = histogram();
    for number in 0..1_000_000_u64 {
        let spread = number % 1000;
        let tail = if number % 500 == 0 { typical * (number % 100_000) / 1000 } else { 0 };
        times
            .record(typical / 2 + spread * spread * typical / 1_000_000 + tail)
            .expect("in bounds");
    }
    Times::of(&times)
}

/// Few, the last of them after a stall.
fn few() -> Times {
    let mut times = histogram();
    for number in 0..1200_u64 {
        times.record(40_000 + number * 10).expect("in bounds");
    }
    times.record(512_000_000).expect("in bounds");
    Times::of(&times)
}

fn interval(second: u64) -> Interval {
    let answered = if second == 4 { 60_000 } else { 99_000 + 200 * second };
    Interval {
        start_s: second as f64,
        seconds: 1.0,
        sent: answered,
        answered,
        errors: 0,
        p50_ns: Some(50_000),
        p99_ns: Some(if second == 4 { 4_200_000 } else { 80_000 }),
        max_ns: Some(5_000_000),
    }
}
