//! Processor time for each message, slice by slice of a measurement.
//!
//! A slice is so many messages, some milliseconds. What the host of a virtual machine takes of a
//! processor, or an interrupt that somebody else caused, comes in bursts that last as long: it spoils
//! a few slices of each measurement, and the median of all is what a message costs undisturbed. In
//! the sum over all messages every burst would be there.
//!
//! The clock of a process is exact when its threads sleep. Of one that runs on, it is brought up to
//! date by the tick only (`thread_group_cputime` of the kernel, 4 ms with CONFIG_HZ=250). So slices
//! of a server that hardly ever sleeps, or of which a slice has used nothing at all, are put together
//! until they are many ticks long, and it is measured for all the time there is.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use switchboard_load::{Clocks, Slices};

use crate::experiment::Sample;
use crate::statistics::median;

/// Slices whose median says something.
const ENOUGH: usize = 3;
/// The share of the time that a server runs who hardly ever sleeps.
const BUSY: f64 = 0.5;
/// What its slices last at least: fifteen ticks of 4 ms.
const BUSY_SLICE: Duration = Duration::from_millis(60);

/// How a measurement is sliced.
#[derive(Clone, Copy, Debug)]
pub struct Slicing {
    /// Messages of a slice, at least.
    pub messages: u64,
    /// Slices after which the measurement is over, unless the server hardly ever sleeps; and if its
    /// time is not over before.
    pub slices: usize,
}

/// The account of a server's processor time, written by the load between messages.
#[derive(Debug, Default)]
pub(crate) struct Account {
    clocks: OnceLock<Result<Clocks, String>>,
    marks: Mutex<Vec<Mark>>,
}

/// The end of a slice, or the beginning of the first.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Mark {
    at: Instant,
    answered: u64,
    /// Processor time of the server until then; `None` once one of its processes had ended.
    used: Option<Duration>,
}

/// What was used from one mark to another.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Slice {
    lasted: Duration,
    answered: u64,
    used: Duration,
}

impl Account {
    /// An account of the server with that process, and who fills it. The family is looked for when
    /// the measurement begins: all peers are let in, and have their threads and processes.
    pub(crate) fn open(pid: u32, slicing: Slicing) -> (Arc<Account>, Slices) {
        let account = Arc::new(Account::default());
        let own = Arc::clone(&account);
        let slices = Slices::new(slicing.messages, move |answered| {
            let clocks = own.clocks.get_or_init(|| Clocks::of(pid));
            let used = clocks.as_ref().ok().and_then(Clocks::now);
            let mut marks = own.marks.lock().expect("nobody panics with it");
            marks.push(Mark { at: Instant::now(), answered, used });
            marks.len() <= slicing.slices || by_ticks(&marks)
        });
        (account, slices)
    }

    /// What a message costs: the median of the slices, or the mean of all messages if there are only
    /// one or two whole slices.
    ///
    /// # Errors
    /// Why it is not known.
    pub(crate) fn cpu_ns(&self, slicing: Slicing) -> Result<Sample, String> {
        if let Some(Err(reason)) = self.clocks.get() {
            return Err(reason.clone());
        }
        let marks = self.marks.lock().expect("nobody panics with it");
        each(&marks, slicing.messages).map(Into::into)
    }
}

impl Slice {
    /// `None` if a process ended, or nothing was answered, in between.
    fn of(from: &Mark, to: &Mark) -> Option<Slice> {
        Some(Slice {
            lasted: to.at - from.at,
            answered: to.answered.checked_sub(from.answered).filter(|answered| *answered > 0)?,
            used: to.used?.checked_sub(from.used?)?,
        })
    }

    fn is_busy(&self) -> bool {
        self.used > self.lasted.mul_f64(BUSY)
    }

    /// Whether messages were answered in no time, by a clock that has not gone on yet.
    fn is_free(&self) -> bool {
        self.used.is_zero()
    }

    fn each_ns(&self) -> f64 {
        self.used.as_nanos() as f64 / self.answered as f64
    }
}

/// Whether the server's clock goes by ticks: it hardly ever sleeps, or did not when it was looked at.
fn by_ticks(marks: &[Mark]) -> bool {
    let whole = marks.first().zip(marks.last()).and_then(|(from, to)| Slice::of(from, to));
    whole.is_some_and(|whole| whole.is_busy())
        || marks
            .windows(2)
            .filter_map(|ends| Slice::of(&ends[0], &ends[1]))
            .any(|one| one.is_free())
}

fn each(marks: &[Mark], messages: u64) -> Result<f64, String> {
    let (Some(first), Some(last)) = (marks.first(), marks.last()) else {
        return Err("no message was answered".to_owned());
    };
    if last.used.is_none() {
        return Err("a process of the server ended meanwhile".to_owned());
    }
    let all = Slice::of(first, last).ok_or("no message was answered")?;
    if all.is_free() {
        return Err("its clock did not go on in so short a time".to_owned());
    }
    let shortest = if by_ticks(marks) { BUSY_SLICE } else { Duration::ZERO };
    let mut costs: Vec<f64> = Vec::new();
    let mut from = first;
    for to in &marks[1..] {
        let slice = Slice::of(from, to);
        if let Some(whole) =
            slice.filter(|slice| slice.answered >= messages && slice.lasted >= shortest)
        {
            costs.push(whole.each_ns());
            from = to;
        }
    }
    Ok(median(&costs).filter(|_| costs.len() >= ENOUGH).unwrap_or_else(|| all.each_ns()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From slices: messages, microseconds that they lasted, microseconds of processor time.
    fn marks(slices: &[(u64, u64, u64)]) -> Vec<Mark> {
        let used = Some(Duration::from_secs(1));
        let mut now = Mark { at: Instant::now(), answered: 0, used };
        let mut marks = vec![now];
        for (answered, lasted, micros) in slices {
            now.at += Duration::from_micros(*lasted);
            now.answered += answered;
            now.used = now.used.map(|used| used + Duration::from_micros(*micros));
            marks.push(now);
        }
        marks
    }

    /// Kills: a mean, in which every burst is there; a rest that counts as a slice.
    #[test]
    fn a_burst_spoils_its_slice_only() {
        let costs = [(100, 500), (100, 510), (101, 50_000), (100, 490), (100, 505), (3, 900)];
        let slices = costs.map(|(answered, used)| (answered, 40_000, used));
        assert_eq!(each(&marks(&slices), 100), Ok(5_050.0));
    }

    /// Kills: slices of a few ticks, whose cost is a whole number of ticks.
    #[test]
    fn who_never_sleeps_has_long_slices() {
        // 30 µs a message, 100 messages in 3 ms; the clock goes in steps of 4 ms.
        let ticks = (1..=100).map(|end| (end * 3_000 / 4_000 - (end - 1) * 3_000 / 4_000) * 4_000);
        let slices: Vec<_> = ticks.map(|used| (100, 3_000, used)).collect();
        let found = each(&marks(&slices), 100).unwrap();
        assert!((found / 30_000.0 - 1.0).abs() < 0.05, "{found}");
    }

    /// Kills: a message that costs nothing, under a server that never sleeps and has half a processor
    /// only.
    #[test]
    fn who_has_half_a_processor_is_measured_in_long_slices_too() {
        // 100 messages in 1 ms, of which it has 0.4; the clock goes in steps of 4 ms.
        let ticks = (1..=400).map(|end| (end * 400 / 4_000 - (end - 1) * 400 / 4_000) * 4_000);
        let slices: Vec<_> = ticks.map(|used| (100, 1_000, used)).collect();
        let found = each(&marks(&slices), 100).unwrap();
        assert!((found / 4_000.0 - 1.0).abs() < 0.15, "{found}");
        assert!(each(&marks(&[(100, 1_000, 0)]), 100).is_err_and(|error| error.contains("clock")));
    }

    /// Kills: a slow service that has no figure because it never fills its slices.
    #[test]
    fn few_messages_are_counted_together() {
        assert_eq!(each(&marks(&[(7, 1_000, 14)]), 100), Ok(2_000.0));
        assert_eq!(each(&marks(&[(100, 1_000, 100), (50, 1_000, 200)]), 100), Ok(2_000.0));
        assert!(each(&marks(&[]), 100).is_err_and(|error| error.contains("no message")));
        let mut ended = marks(&[(100, 1_000, 100), (100, 1_000, 100)]);
        ended[2].used = None;
        assert!(each(&ended, 100).is_err_and(|error| error.contains("ended")));
    }
}
