//! The result as plain data: what was asked, what was achieved, how long it took, what went wrong.

use serde::Serialize;

mod times;

pub use times::{Bucket, Times};

use crate::errors::{ErrorKind, Errors};
use crate::plan::Plan;
use crate::watch::{Interval, Outcome};

/// The name and version of [`Report`] as JSON.
pub const SCHEMA: &str = "switchboard.load/1";

/// The result of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// What was asked.
    pub asked: Plan,
    /// Messages a second that were asked for; `None` in a closed loop.
    pub asked_rate: Option<f64>,
    /// What was achieved.
    pub achieved: Achieved,
    /// From when messages were intended to be sent to their replies.
    pub latency: Times,
    /// From when they were sent. In a closed loop the same.
    pub service_time: Times,
    /// The measurement, second by second.
    pub over_time: Vec<Interval>,
    /// What went wrong in the measurement, kinds that occurred only.
    pub errors: Vec<ErrorLine>,
    /// What went wrong before it: while connecting and warming up.
    pub errors_before: Vec<ErrorLine>,
    /// What the generator itself did.
    pub generator: Generator,
    /// The server's side, if it was watched.
    pub server: Option<ServerSide>,
    /// Whether the run was stopped before its end.
    pub interrupted: bool,
}

/// What was achieved.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Achieved {
    /// Connections, bad peers included, that were open when the measurement began.
    pub connections: u64,
    /// Silent connections that were open when the measurement began.
    pub idle: u64,
    /// How long connecting took.
    pub connecting_s: f64,
    /// How long load was applied and counted.
    pub seconds: f64,
    /// Messages sent.
    pub sent: u64,
    /// Right replies.
    pub answered: u64,
    /// Messages sent, by the second.
    pub sent_rate: f64,
    /// Right replies, by the second.
    pub rate: f64,
    /// Bytes that the kernel took.
    pub bytes_sent: u64,
    /// Bytes that came.
    pub bytes_received: u64,
    /// Connections opened during the measurement.
    pub opened: u64,
    /// Messages that were due when no connection could take them.
    pub skipped: u64,
    /// Messages that nobody waited for any longer at the end.
    pub unanswered: u64,
    /// Messages of bad peers that went out whole.
    pub bad_sent: u64,
    /// Bad peers that the server got rid of.
    pub bad_closed: u64,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ErrorLine {
    /// What it was.
    pub kind: ErrorKind,
    /// How often.
    pub count: u64,
    /// The first one in words.
    pub first: Option<String>,
}

/// What the generator itself did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Generator {
    /// Processes that applied the load.
    pub processes: u32,
    /// Threads in all of them that applied the load.
    pub threads: u32,
    /// Their processor time during the measurement.
    pub cpu_s: f64,
    /// Of the processor time that as many threads could have had, between 0 and 1.
    pub cpu_share: f64,
    /// Messages of an open loop that the generator itself handled over 1 ms late.
    pub late_sends: u64,
    /// Of all messages sent, between 0 and 1.
    pub late_share: f64,
    /// The latest of them.
    pub latest_ns: u64,
}

/// What the server's processes took while it was measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ServerSide {
    /// Processes at the end, the one that was named and its descendants.
    pub processes: u32,
    /// Threads of all of them, at most.
    pub threads: u64,
    /// Descriptors of all of them, at most.
    pub descriptors: u64,
    /// Processor time.
    pub cpu_s: f64,
    /// Of it for each message that was answered.
    pub cpu_per_message_ns: Option<f64>,
    /// Memory (PSS) before the first connection.
    pub pss_before_bytes: u64,
    /// Memory (PSS), at most.
    pub pss_bytes: u64,
    /// How much memory each connection added.
    pub bytes_per_peer: Option<f64>,
    /// Switches because a thread waited.
    pub voluntary_switches: u64,
    /// Switches because a thread had had its time.
    pub involuntary_switches: u64,
}

impl Report {
    /// What `outcome` comes to. The server's side is filled in by whoever watched it.
    pub fn of(outcome: &Outcome) -> Report {
        let (record, plan) = (&outcome.record, &outcome.plan);
        Report {
            schema: SCHEMA,
            asked: plan.clone(),
            asked_rate: plan.schedule.rate(plan.connections),
            achieved: Achieved::of(outcome),
            latency: Times::of(&record.latency),
            service_time: Times::of(record.service_time()),
            over_time: outcome.intervals.clone(),
            errors: lines(&record.errors),
            errors_before: lines(&outcome.before.errors),
            generator: Generator::of(outcome),
            server: None,
            interrupted: outcome.interrupted,
        }
    }
}

impl Achieved {
    fn of(outcome: &Outcome) -> Achieved {
        let counts = &outcome.record.counts;
        let seconds = outcome.measured.as_secs_f64();
        let rate = |count: u64| if seconds > 0.0 { count as f64 / seconds } else { 0.0 };
        Achieved {
            connections: outcome.connected,
            idle: outcome.idle,
            connecting_s: outcome.connecting.as_secs_f64(),
            seconds,
            sent: counts.sent,
            answered: counts.answered,
            sent_rate: rate(counts.sent),
            rate: rate(counts.answered),
            bytes_sent: counts.bytes_sent,
            bytes_received: counts.bytes_received,
            opened: counts.opened,
            skipped: counts.skipped,
            unanswered: counts.unanswered,
            bad_sent: counts.bad_sent,
            bad_closed: counts.bad_closed,
        }
    }
}

impl Generator {
    fn of(outcome: &Outcome) -> Generator {
        let counts = &outcome.record.counts;
        let threads = outcome.processes * outcome.plan.threads;
        let cpu_s = counts.cpu_ns as f64 / 1e9;
        let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
        Generator {
            processes: outcome.processes,
            threads,
            cpu_s,
            cpu_share: share(cpu_s, outcome.measured.as_secs_f64() * f64::from(threads)),
            late_sends: counts.late,
            late_share: share(counts.late as f64, counts.sent as f64),
            latest_ns: counts.latest_ns,
        }
    }
}

fn lines(errors: &Errors) -> Vec<ErrorLine> {
    let line = |kind| {
        let entry = errors.of(kind);
        ErrorLine { kind, count: entry.count, first: entry.first.clone() }
    };
    ErrorKind::ALL.into_iter().map(line).filter(|line| line.count > 0).collect()
}
