//! What was seen while a server was driven, a question each.

use switchboard_load::{Outcome, Report};

use crate::counted::Counted;
use crate::experiment::{Sample, Unmeasured};

/// What was seen while a server was driven.
#[derive(Debug)]
pub struct Driven {
    /// What the load saw.
    pub report: Report,
    /// Its histograms and counts.
    pub outcome: Outcome,
    /// What the kernel had for everybody at most, less what it had before anybody connected; of a
    /// crowd only.
    pub kernel_bytes: Option<f64>,
    /// How many peers the server had at most, as it says itself; of a crowd only.
    pub peers: Option<u64>,
    /// Its processor time for each message, if that was measured in slices.
    pub(crate) sliced: Option<Result<Sample, String>>,
    /// What the server counted before and after.
    pub(crate) counted: Result<(Counted, Counted), String>,
}

impl Driven {
    /// Processor time of the server for each message, in nanoseconds: the median of slices, where
    /// it was driven in slices, or else the mean.
    ///
    /// # Errors
    /// Why it is not known.
    pub fn cpu_ns(&self) -> Result<Sample, String> {
        if let Some(sliced) = &self.sliced {
            return sliced.clone();
        }
        let server = self.report.server.as_ref();
        let each = server.and_then(|server| server.cpu_per_message_ns);
        each.map(Sample::from).ok_or_else(|| "no message was answered".to_owned())
    }

    /// System calls of the server for each message, as the server counts them.
    ///
    /// # Errors
    /// Why they are not known.
    pub fn calls(&self) -> Result<Sample, String> {
        self.counted_each(Counted::calls)
    }

    /// What the server counted meanwhile, warm-up included.
    ///
    /// # Errors
    /// Why it is not known.
    pub fn counted(&self, key: &str) -> Result<f64, String> {
        let (before, after) = self.counted.as_ref().map_err(String::clone)?;
        let count = after.number(key).zip(before.number(key));
        let count = count.map(|(after, before)| after.saturating_sub(before) as f64);
        count.ok_or_else(|| format!("it does not count `{key}`"))
    }

    /// What the server counted meanwhile, for each message.
    ///
    /// # Errors
    /// Why it is not known.
    pub fn counted_each(&self, of: impl Fn(&Counted) -> Option<u64>) -> Result<Sample, String> {
        let (before, after) = self.counted.as_ref().map_err(String::clone)?;
        let answered = self.outcome.before.counts.answered + self.outcome.record.counts.answered;
        let count = of(after).zip(of(before)).map(|(after, before)| after.saturating_sub(before));
        let count = count.ok_or("it does not count its system calls")?;
        match answered {
            0 => Err("no message was answered".into()),
            _ => Ok((count as f64 / answered as f64).into()),
        }
    }

    /// Half of the replies took no longer, in nanoseconds.
    ///
    /// # Errors
    /// If there was none.
    pub fn p50_ns(&self) -> Result<Sample, String> {
        Driven::known(self.report.latency.p50_ns)
    }

    /// All but a hundredth of the replies took no longer, in nanoseconds.
    ///
    /// # Errors
    /// If there was none.
    pub fn p99_ns(&self) -> Result<Sample, String> {
        Driven::known(self.report.latency.p99_ns)
    }

    fn known(ns: Option<u64>) -> Result<Sample, String> {
        ns.map(|ns| Sample::from(ns as f64)).ok_or_else(|| "no message was answered".to_owned())
    }

    /// Right replies a second.
    pub fn rate(&self) -> f64 {
        self.report.achieved.rate
    }

    /// Whether every message was answered rightly.
    ///
    /// # Errors
    /// What went wrong, if anything did.
    pub fn all_answered(&self) -> Result<(), Unmeasured> {
        self.failure().map_or(Ok(()), |failure| Err(Unmeasured::Because(failure)))
    }

    fn failure(&self) -> Option<String> {
        let errors = self.report.errors_before.iter().chain(&self.report.errors);
        let count: u64 = errors.clone().map(|line| line.count).sum();
        let first = errors.clone().find_map(|line| line.first.clone()).unwrap_or_default();
        let unanswered = self.report.achieved.unanswered;
        match (count, unanswered) {
            (0, 0) => None,
            (0, _) => Some(format!("{unanswered} messages were never answered")),
            (1, _) => Some(format!("a message failed: {first}")),
            _ => Some(format!("{count} messages failed, the first: {first}")),
        }
    }
}
