//! The result as plain data: what was asked, what was achieved, how long it took, what went wrong.

mod csv;
mod hdr;
mod json;
#[cfg(test)]
pub(crate) mod made_up;
mod server;
mod text;
mod times;

use serde::Serialize;

use crate::cpus;
use crate::errors::{ErrorKind, Errors};
use crate::honesty::{self, Warning};
use crate::plan::Plan;
use crate::server_side::Seen;
use crate::watch::{Interval, Outcome};

pub use csv::{csv, csv_columns};
pub use hdr::HdrLog;
pub use json::json;
pub use server::ServerSide;
pub use text::text;
pub use times::{Bucket, Times};

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
    /// What makes these figures doubtful, and what to do about it.
    pub warnings: Vec<Warning>,
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
    /// Messages sent before the end, by the second.
    pub sent_rate: f64,
    /// Right replies that came before the end, by the second.
    pub rate: f64,
    /// Bytes that the kernel took.
    pub bytes_sent: u64,
    /// Bytes that came.
    pub bytes_received: u64,
    /// Connections opened during the measurement.
    pub opened: u64,
    /// Messages that were due when no connection could take them.
    pub skipped: u64,
    /// Messages that were due and that the generator did not get to before the end.
    pub not_reached: u64,
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
    /// Their processor time during the measurement, but not what they spent looking whether a message
    /// was due already: they could have done something else.
    pub cpu_s: f64,
    /// Of the processor time that these threads could have had on [`cpus`](Generator::cpus),
    /// between 0 and 1.
    pub cpu_share: f64,
    /// Messages of an open loop that the generator itself handled over 1 ms late.
    pub late_sends: u64,
    /// Of all messages sent, between 0 and 1.
    pub late_share: f64,
    /// The latest of them.
    pub latest_ns: u64,
    /// The processors that it may run on, by number.
    pub cpus: Vec<u32>,
    /// Processors of this machine that are switched on.
    pub cpus_online: u32,
}

impl Report {
    /// What `outcome` comes to. Must be called on the machine where the load was applied.
    pub fn of(outcome: &Outcome) -> Report {
        let (record, plan) = (&outcome.record, &outcome.plan);
        let report = Report {
            schema: SCHEMA,
            asked: plan.clone(),
            asked_rate: plan.schedule.rate(plan.connections - plan.bad_connections()),
            achieved: Achieved::of(outcome),
            latency: Times::of(&record.latency),
            service_time: Times::of(record.service_time()),
            over_time: outcome.intervals.clone(),
            errors: lines(&record.errors),
            errors_before: lines(&outcome.before.errors),
            generator: Generator::of(outcome),
            server: None,
            warnings: Vec::new(),
            interrupted: outcome.interrupted,
        };
        report.judged()
    }

    /// With what was seen of the server meanwhile.
    pub fn beside(mut self, seen: &Seen) -> Report {
        self.server = Some(ServerSide::of(seen, &self));
        self.judged()
    }

    /// With its warnings.
    fn judged(mut self) -> Report {
        self.warnings = honesty::warnings(&self);
        self
    }
}

impl Achieved {
    fn of(outcome: &Outcome) -> Achieved {
        let counts = &outcome.record.counts;
        let seconds = outcome.measured.as_secs_f64();
        let rate = |count: u64| if seconds > 0.0 { count as f64 / seconds } else { 0.0 };
        // What went and came after the end counts, but a rate is one of the time measured.
        let in_time = |count: fn(&Interval) -> u64| rate(outcome.intervals.iter().map(count).sum());
        Achieved {
            connections: outcome.connected,
            idle: outcome.idle,
            connecting_s: outcome.connecting.as_secs_f64(),
            seconds,
            sent: counts.sent,
            answered: counts.answered,
            sent_rate: in_time(|interval| interval.sent),
            rate: in_time(|interval| interval.answered),
            bytes_sent: counts.bytes_sent,
            bytes_received: counts.bytes_received,
            opened: counts.opened,
            skipped: counts.skipped,
            not_reached: counts.not_reached,
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
        let cpus = cpus::own();
        let parallel = threads.min(cpus.len() as u32);
        let cpu_s = counts.cpu_ns as f64 / 1e9;
        let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
        Generator {
            processes: outcome.processes,
            threads,
            cpu_s,
            cpu_share: share(cpu_s, outcome.measured.as_secs_f64() * f64::from(parallel)),
            late_sends: counts.late,
            late_share: share(counts.late as f64, counts.sent as f64),
            latest_ns: counts.latest_ns,
            cpus,
            cpus_online: cpus::online(),
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

#[cfg(test)]
mod tests;
