//! Peers that come, are asked once each and stay, until nobody else is served any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use switchboard_load::report::ErrorLine;
use switchboard_load::{
    Control, ErrorKind, Interval, Phase, Plan, Progress, Record, Report, Watch, run,
};

use crate::experiment::Unmeasured;
use crate::server::Running;
use crate::stage::Stage;

/// What became of those who came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrivals {
    /// Those who were served, and were there at the same time.
    pub served: u64,
    /// Whether they had come to rest: all were served, or nobody else for a while.
    pub rested: bool,
}

impl Stage<'_> {
    /// Drives the server by `plan`, in which every peer is asked once, until all are served, or
    /// nobody else was within `rest`.
    ///
    /// # Errors
    /// Why nothing was measured.
    pub fn drive_until_rest(
        &self,
        server: &mut Running,
        plan: Plan,
        rest: Duration,
    ) -> Result<Arrivals, Unmeasured> {
        let plan = Plan { target: server.address.into(), ..plan };
        let enough = Arc::new(AtomicBool::new(false));
        let mut doorkeeper = Doorkeeper {
            asked: plan.connections,
            arrivals: Calm::new(rest),
            stopped: &self.stop,
            enough: Arc::clone(&enough),
        };
        let result = run(&plan, &Control::stopped_by(enough), &mut doorkeeper);
        let arrivals = doorkeeper.arrivals;
        if self.stop.load(Ordering::Acquire) {
            return Err(Unmeasured::Interrupted);
        }
        if let Some(ended) = server.ended() {
            return Err(Unmeasured::Because(ended));
        }
        let outcome = result.map_err(|error| Unmeasured::Because(error.to_string()))?;
        // Each peer is asked once and stays: as many were served at a time as were answered.
        let served = outcome.record.counts.answered;
        // When all have been asked it ends by itself, unless they waited until nobody would any more.
        let late = |line: &ErrorLine| line.kind == ErrorKind::TimedOut;
        let all_asked = !outcome.interrupted && !Report::of(&outcome).errors.iter().any(late);
        let rested = all_asked || served >= plan.connections || arrivals.is_over;
        Ok(Arrivals { served, rested })
    }
}

/// Whether a count has stopped growing.
#[derive(Debug)]
struct Calm {
    rest: Duration,
    count: u64,
    since: Option<Instant>,
    is_over: bool,
}

impl Calm {
    fn new(rest: Duration) -> Calm {
        Calm { rest, count: 0, since: None, is_over: false }
    }

    /// The count is this now.
    fn look(&mut self, count: u64, now: Instant) {
        if self.since.is_none() || count > self.count {
            (self.count, self.since) = (count, Some(now));
        }
        self.is_over = self.since.is_some_and(|since| now >= since + self.rest);
    }
}

/// Counts who comes in, and ends the load when nobody does any more.
struct Doorkeeper<'a> {
    asked: u64,
    arrivals: Calm,
    stopped: &'a AtomicBool,
    enough: Arc<AtomicBool>,
}

impl Watch for Doorkeeper<'_> {
    fn progress(&mut self, progress: &Progress<'_>) {
        if progress.phase >= Phase::Measuring {
            self.arrivals.look(progress.total.answered, Instant::now());
        }
        let all = progress.total.answered >= self.asked;
        if all || self.arrivals.is_over || self.stopped.load(Ordering::Acquire) {
            self.enough.store(true, Ordering::Release);
        }
    }

    fn interval(&mut self, _: &Interval, _: &Record) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kills: arrivals that are taken to be over while somebody is still let in, or never are.
    #[test]
    fn it_is_over_when_nobody_came_for_a_while() {
        let begin = Instant::now();
        let at = |ms| begin + Duration::from_millis(ms);
        let mut calm = Calm::new(Duration::from_millis(100));
        for (now, count, is_over) in [
            (0, 0, false),
            (90, 1, false),
            (180, 1, false),
            (189, 2, false),
            (288, 2, false),
            (289, 2, true),
        ] {
            calm.look(count, at(now));
            assert_eq!(calm.is_over, is_over, "at {now} ms");
        }
    }
}
