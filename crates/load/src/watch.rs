//! Who is told how a run goes, and what is left of it at the end.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::plan::Plan;
use crate::record::{Counts, Record};

/// Who is told how a run goes. Called in the thread that called [`run`](crate::run()).
pub trait Watch {
    /// About twice a second for each thread of the load, more often while connecting: what it saw
    /// since it was last heard of, in whatever phase.
    fn seen(&mut self, record: &Record) {
        let _ = record;
    }

    /// Ten times a second.
    fn progress(&mut self, progress: &Progress<'_>);

    /// After each second of the measurement; `record` has what was seen in it.
    fn interval(&mut self, interval: &Interval, record: &Record);

    /// Everybody is connected. The measurement begins after `lead`, and lasts so long if time ends
    /// it.
    fn begins(&mut self, lead: Duration, lasts: Option<Duration>) {
        let _ = (lead, lasts);
    }

    /// The measurement is over in all threads.
    fn ends(&mut self) {}
}

/// Wants to be told nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Watch for Silent {
    fn progress(&mut self, _: &Progress<'_>) {}
    fn interval(&mut self, _: &Interval, _: &Record) {}
}

/// What a run is doing, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Connections are opened.
    Connecting,
    /// The load is applied and not counted.
    WarmUp,
    /// The load is applied and counted.
    Measuring,
    /// Nothing is sent any more; what is in flight is awaited.
    Finishing,
}

/// How a run goes.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// What it is doing.
    pub phase: Phase,
    /// Since the phase began, or since the run began while connecting.
    pub elapsed: Duration,
    /// Connections that are open now, idle ones included.
    pub connected: u64,
    /// What was counted since the measurement began.
    pub total: &'a Counts,
}

/// A second of the measurement, or what was left of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Since the measurement began.
    pub start_s: f64,
    /// How long it was.
    pub seconds: f64,
    /// Messages sent.
    pub sent: u64,
    /// Right replies.
    pub answered: u64,
    /// What went wrong.
    pub errors: u64,
    /// Half of the latencies are at most this long; `None` without any.
    pub p50_ns: Option<u64>,
    /// 99% of the latencies are at most this long.
    pub p99_ns: Option<u64>,
    /// The longest latency.
    pub max_ns: Option<u64>,
}

/// What is left of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What was asked.
    pub plan: Plan,
    /// What was seen in the measurement and while finishing, histograms included.
    pub record: Record,
    /// The measurement, second by second.
    pub intervals: Vec<Interval>,
    /// How long load was applied and counted.
    pub measured: Duration,
    /// Connections, bad peers included, that were open when the measurement began.
    pub connected: u64,
    /// Silent connections that were open when the measurement began.
    pub idle: u64,
    /// How long connecting took.
    pub connecting: Duration,
    /// What went wrong before the measurement began.
    pub before: Record,
    /// Processes that applied the load.
    pub processes: u32,
    /// Whether it was stopped before its end.
    pub interrupted: bool,
}
