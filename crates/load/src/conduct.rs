//! Whoever conducts the threads: lets them begin together, adds up what they saw, and says so.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use crate::clock::{self, MILLISECOND, SECOND};
use crate::error::LoadError;
use crate::errors::ErrorKind;
use crate::plan::{End, Plan};
use crate::record::Record;
use crate::spares::Spares;
use crate::watch::{Interval, Outcome, Phase, Progress, Watch};
use crate::word::{Order, Word};

/// Between two calls of [`Watch::progress`].
const PROGRESS: u64 = 100 * MILLISECOND;
/// From the order to begin to the beginning: long enough to reach every process.
const LEAD: u64 = 50 * MILLISECOND;
/// The same where only threads of this process have to be reached, and a crowd to be let in.
const LEAD_HERE: u64 = 20 * MILLISECOND;

/// Adds up what threads tell.
pub(crate) struct Conductor<'a> {
    plan: &'a Plan,
    watch: &'a mut dyn Watch,
    workers: u32,
    processes: u32,
    ready: u32,
    done: u32,
    began: u64,
    /// When the measurement begins, once that is decided.
    counted_from: Option<u64>,
    /// When the last measurement of a thread ended.
    counted_to: u64,
    phase: Phase,
    open: Vec<[u64; 2]>,
    before: Record,
    /// Without the seconds that are not over.
    total: Record,
    next_progress: u64,
    /// Seconds of the measurement that are not over for all threads.
    seconds: BTreeMap<u64, Box<Record>>,
    spares: Spares,
    reached: Vec<u64>,
    /// Whether the watcher knows that the measurement is over.
    over: bool,
    intervals: Vec<Interval>,
    at_start: [u64; 2],
    connecting: u64,
}

impl<'a> Conductor<'a> {
    /// For so many threads in so many processes, this one or others, that take their records from
    /// `spares`.
    pub(crate) fn new(
        plan: &'a Plan,
        (workers, processes): (u32, u32),
        spares: Spares,
        watch: &'a mut dyn Watch,
    ) -> Conductor<'a> {
        let empty = || Record::new(plan.is_open());
        let began = clock::now();
        Conductor {
            plan,
            watch,
            workers,
            processes,
            ready: 0,
            done: 0,
            began,
            counted_from: None,
            counted_to: 0,
            phase: Phase::Connecting,
            open: vec![[0; 2]; workers as usize],
            before: empty(),
            total: empty(),
            next_progress: began + PROGRESS,
            seconds: BTreeMap::new(),
            spares,
            reached: vec![0; workers as usize],
            over: false,
            intervals: Vec::new(),
            at_start: [0; 2],
            connecting: 0,
        }
    }

    /// Listens until all threads are through, which do as `order` tells them.
    pub(crate) fn conduct(
        mut self,
        words: &Receiver<Word>,
        mut order: impl FnMut(Order),
        stop: &AtomicBool,
    ) -> Result<Outcome, LoadError> {
        let listened = self.listen(words, &mut order, stop);
        if listened.is_err() {
            order(Order::Stop);
        }
        listened?;
        self.finish(stop.load(Ordering::Acquire))
    }

    fn listen(
        &mut self,
        words: &Receiver<Word>,
        order: &mut impl FnMut(Order),
        stop: &AtomicBool,
    ) -> Result<(), LoadError> {
        let mut stopped = false;
        while self.done < self.workers {
            let patience = self.next_progress.saturating_sub(clock::now());
            match words.recv_timeout(Duration::from_nanos(patience)) {
                Ok(word) => self.hear(word)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(LoadError::NotApplied("a thread of the load has died".into()));
                }
            }
            if !stopped && stop.load(Ordering::Acquire) {
                stopped = true;
                order(Order::Stop);
            }
            if self.counted_from.is_none() && self.ready == self.workers && !stopped {
                order(Order::Start(self.begin()?));
            }
            self.tell();
        }
        Ok(())
    }

    /// All are ready: when they begin.
    fn begin(&mut self) -> Result<u64, LoadError> {
        let now = clock::now();
        self.at_start = self.open_now();
        self.connecting = now - self.began;
        let wanted = self.plan.connections > 0 && !self.plan.short;
        if (wanted && self.at_start[0] == 0) || (self.plan.idle > 0 && self.at_start == [0; 2]) {
            return Err(nobody(self.plan, &self.before));
        }
        let lead = if self.processes == 1 { LEAD_HERE } else { LEAD };
        let start = now + lead;
        self.counted_from = Some(start + self.plan.warm_up.as_nanos() as u64);
        let lasts = match self.plan.end {
            End::After(time) => Some(time),
            End::Messages(_) => None,
        };
        self.watch.begins(Duration::from_nanos(lead) + self.plan.warm_up, lasts);
        Ok(start)
    }

    fn open_now(&self) -> [u64; 2] {
        self.open.iter().fold([0; 2], |sum, open| [sum[0] + open[0], sum[1] + open[1]])
    }

    fn hear(&mut self, word: Word) -> Result<(), LoadError> {
        match word {
            Word::Ready => self.ready += 1,
            Word::Done => self.done += 1,
            Word::Failed(sentence) => return Err(LoadError::NotApplied(sentence)),
            Word::Seen { worker, phase, at, open, record } => {
                self.open[worker as usize] = open;
                self.phase = phase;
                self.watch.seen(&record);
                self.see(worker as usize, phase, at, record);
            }
        }
        Ok(())
    }

    fn see(&mut self, worker: usize, phase: Phase, at: u64, record: Box<Record>) {
        let start = match (phase, self.counted_from) {
            (Phase::Measuring | Phase::Finishing, Some(start)) => start,
            _ => {
                self.before.merge(&record);
                return self.spares.give_back(record);
            }
        };
        if phase == Phase::Finishing {
            self.total.merge(&record);
            self.spares.give_back(record);
            self.reached[worker] = u64::MAX;
            if self.reached.iter().all(|reached| *reached == u64::MAX) && !self.over {
                self.over = true;
                self.watch.ends();
            }
        } else {
            // A thread that was kept from its core tells of the last second after the end.
            let at = at.min(start.saturating_add(self.plan.end_ns()));
            self.counted_to = self.counted_to.max(at);
            self.reached[worker] = at - start;
            // What was told a little after a second's end happened in it.
            let second = (at - start).saturating_sub(PROGRESS / 2) / SECOND;
            match self.seconds.entry(second) {
                Entry::Vacant(entry) => drop(entry.insert(record)),
                Entry::Occupied(mut entry) => {
                    entry.get_mut().merge(&record);
                    self.spares.give_back(record);
                }
            }
        }
        let all = self.reached.iter().copied().min().unwrap_or(0);
        while let Some(entry) = self.seconds.first_entry()
            // No thread can tell of it any more: what is told at its very end still belongs to it.
            && (entry.key() + 1) * SECOND + PROGRESS / 2 < all
            && all < u64::MAX
        {
            let (second, record) = entry.remove_entry();
            self.add_interval(second, 1.0, record);
        }
    }

    /// This second is over for all.
    fn add_interval(&mut self, second: u64, seconds: f64, record: Box<Record>) {
        let times = &record.latency;
        let at = |quantile| (!times.is_empty()).then(|| times.value_at_quantile(quantile));
        let interval = Interval {
            start_s: second as f64,
            seconds,
            sent: record.counts.sent,
            answered: record.counts.answered,
            errors: record.errors.total(),
            p50_ns: at(0.5),
            p99_ns: at(0.99),
            max_ns: at(1.0),
        };
        self.watch.interval(&interval, &record);
        self.intervals.push(interval);
        self.total.merge(&record);
        self.spares.give_back(record);
    }

    /// Tells the watcher, if it is time to.
    fn tell(&mut self) {
        let now = clock::now();
        if now < self.next_progress {
            return;
        }
        self.next_progress = now + PROGRESS;
        let began = match (self.phase, self.counted_from) {
            (Phase::Measuring | Phase::Finishing, Some(start)) => start,
            _ => self.began,
        };
        let [talking, idle] = self.open_now();
        let mut total = self.total.counts.clone();
        self.seconds.values().for_each(|record| total.merge(&record.counts));
        self.watch.progress(&Progress {
            phase: self.phase,
            elapsed: Duration::from_nanos(now.saturating_sub(began)),
            connected: talking + idle,
            total: &total,
        });
    }

    fn finish(mut self, stopped: bool) -> Result<Outcome, LoadError> {
        let start = self.counted_from.unwrap_or(self.counted_to);
        let measured = self.counted_to.saturating_sub(start).min(self.plan.end_ns());
        for (second, record) in std::mem::take(&mut self.seconds) {
            let seconds = (measured as f64 / 1e9 - second as f64).min(1.0);
            self.add_interval(second, seconds, record);
        }
        if self.plan.short && self.before.counts.opened + self.total.counts.opened == 0 && !stopped
        {
            return Err(nobody(self.plan, &self.total));
        }
        // Nobody misses the last tenth of a second.
        let whole = self.over || measured.saturating_add(PROGRESS) >= self.plan.end_ns();
        Ok(Outcome {
            plan: self.plan.clone(),
            record: self.total,
            intervals: self.intervals,
            measured: Duration::from_nanos(measured),
            connected: match self.plan.short {
                true => self.plan.connections,
                false => self.at_start[0],
            },
            idle: self.at_start[1],
            connecting: Duration::from_nanos(self.connecting),
            before: self.before,
            processes: self.processes,
            interrupted: stopped && !whole,
        })
    }
}

/// Not one connection: why, in the words of the most frequent reason.
fn nobody(plan: &Plan, record: &Record) -> LoadError {
    let most = ErrorKind::ALL.into_iter().max_by_key(|kind| record.errors.of(*kind).count);
    let why = most.and_then(|kind| Some((kind, record.errors.of(kind).first.clone()?)));
    LoadError::NotApplied(match why {
        Some((ErrorKind::Refused, _)) => format!(
            "nothing listens at {}; start a server there, such as: switchboard serve echo \
             --listen {}",
            plan.target, plan.target
        ),
        Some((kind, words)) => {
            format!("nobody could connect to {}: {} ({words})", plan.target, kind.name())
        }
        None => format!("nobody could connect to {}", plan.target),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::Silent;

    /// Kills: a second after the last one, of no length, made up by a thread that tells late.
    #[test]
    fn what_is_told_after_the_end_happened_in_the_last_second() {
        let plan = Plan { end: End::After(Duration::from_secs(2)), ..Plan::default() };
        let (mut silent, start) = (Silent, 1000);
        let spares = Spares::new(1, false);
        let mut conductor = Conductor::new(&plan, (1, 1), spares.clone(), &mut silent);
        conductor.counted_from = Some(start);
        for (phase, milliseconds) in [
            (Phase::Measuring, 500),
            (Phase::Measuring, 1000),
            (Phase::Measuring, 1500),
            (Phase::Measuring, 2300),
            (Phase::Finishing, 2400),
        ] {
            let mut record = spares.take();
            record.answered(1, 1);
            conductor.see(0, phase, start + milliseconds * MILLISECOND, record);
        }
        let outcome = conductor.finish(false).unwrap();
        let seconds: Vec<(f64, f64, u64)> = outcome
            .intervals
            .iter()
            .map(|interval| (interval.start_s, interval.seconds, interval.answered))
            .collect();
        assert_eq!(seconds, [(0.0, 1.0, 2), (1.0, 1.0, 2)]);
        assert_eq!((outcome.measured.as_secs_f64(), outcome.record.counts.answered), (2.0, 5));
    }
}
