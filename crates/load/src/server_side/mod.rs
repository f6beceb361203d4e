//! The server's side: a thread of the generator looks at the server's processes in /proc, before the
//! first connection and while the load is measured.
//!
//! Processor time is read when the measurement begins and when it ends. The rest costs more: memory
//! makes the kernel walk the pages of each process, some 30 µs for a small one, and holds up changes
//! of its address space meanwhile. So it is read at both ends, shortly before the end, when the crowd
//! is still there, and in between such that it takes at most a fiftieth of the time: of a small
//! server five times a second, of a hundred processes every second, of thousands less often.

mod clocks;
mod family;
mod proc;

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::Pid;

use crate::cpus;
pub use clocks::Clocks;
use family::{Family, Holdings};
use proc::Switches;

/// After a look that took some time, so many times that passes before the next one.
const PATIENCE: u32 = 50;
/// And at least so much.
const PAUSE: Duration = Duration::from_millis(200);
/// The last look before the end is over so long before it.
const AHEAD: Duration = Duration::from_millis(10);

/// What the server's processes used in the measurement, and had at most.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs, reason = "as in ServerSide")]
pub struct Seen {
    pub pid: u32,
    pub processes: u32,
    pub threads: u64,
    pub descriptors: u64,
    pub cpu_ns: u64,
    pub pss_before_bytes: u64,
    pub pss_bytes: u64,
    /// Memory that is no page of a file, before and at most.
    pub own_before_bytes: u64,
    pub own_bytes: u64,
    pub voluntary_switches: u64,
    pub involuntary_switches: u64,
    /// Processor time of threads that ended after they were last seen; `None` if that is not known.
    pub unseen_ns: Option<u64>,
    pub cpus: Vec<u32>,
    pub looks: u64,
    pub looking: Duration,
    pub unread: u32,
    pub ended: bool,
}

/// Looks at a server while it is measured.
#[derive(Debug)]
pub struct Onlooker {
    tell: Sender<Event>,
    thread: JoinHandle<Option<Seen>>,
}

/// What the onlooker is told.
enum Event {
    /// The measurement begins then, and lasts so long if that is known.
    Begins(Instant, Option<Duration>),
    Ends,
}

impl Onlooker {
    /// Looks at a process and its descendants for the first time, before anybody connects.
    ///
    /// # Errors
    /// A sentence, if there is no such process or it may not be read.
    pub fn of(pid: u32) -> Result<Onlooker, String> {
        let stat = readable(pid)?;
        let mut family = Family::of(stat.id);
        let unreadable = |error| format!("cannot list the processes in /proc: {error}");
        family.processor_time().map_err(unreadable)?;
        let before = family.holdings();
        let cpus = i32::try_from(pid).ok().and_then(Pid::from_raw);
        let seen = Seen {
            pid,
            cpus: cpus::of(cpus),
            pss_before_bytes: before.memory.all,
            own_before_bytes: before.memory.own,
            ..Seen::default()
        };
        let (tell, events) = channel();
        let thread = thread::Builder::new()
            .name("onlooker".into())
            .spawn(move || Look { family, seen, events, took: Duration::ZERO }.on())
            .map_err(|error| format!("cannot start a thread to look at the server: {error}"))?;
        Ok(Onlooker { tell, thread })
    }

    /// The measurement begins after `lead`; how long it lasts, if time ends it.
    pub fn begins(&self, lead: Duration, lasts: Option<Duration>) {
        // An onlooker that has ended is asked for its reason at the end.
        let _ = self.tell.send(Event::Begins(Instant::now() + lead, lasts));
    }

    /// The measurement has ended, if the time that it lasts did not say so before.
    pub fn ends(&self) {
        let _ = self.tell.send(Event::Ends);
    }

    /// What was seen; `None` if no measurement began.
    pub fn finish(self) -> Option<Seen> {
        self.ends();
        self.thread.join().expect("an onlooker does not panic")
    }
}

/// The process, if all of it may be read.
fn readable(pid: u32) -> Result<proc::Stat, String> {
    let about = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => format!(
            "there is no process {pid}; the server's ready line ends with its pid, and \
             `ss -ltnp` names the process of each listener"
        ),
        io::ErrorKind::PermissionDenied => format!(
            "process {pid} is another user's and may not be looked at; run this as the same \
             user, or as root"
        ),
        _ => format!("process {pid} cannot be looked at in /proc: {error}"),
    };
    let process = proc::process_of(pid).map_err(about)?;
    if process != pid {
        return Err(format!("{pid} is a thread of process {process}; name that one"));
    }
    proc::memory(pid).and_then(|_| proc::descriptors(pid)).map_err(about)?;
    match proc::stat(pid) {
        Some(stat) if !stat.ended => Ok(stat),
        _ => Err(about(io::ErrorKind::NotFound.into())),
    }
}

/// The thread that looks.
struct Look {
    family: Family,
    seen: Seen,
    events: Receiver<Event>,
    /// How long the last look at everything took.
    took: Duration,
}

impl Look {
    fn on(mut self) -> Option<Seen> {
        let (begins, lasts) = match self.events.recv() {
            Ok(Event::Begins(at, lasts)) => (at, lasts),
            Ok(Event::Ends) | Err(_) => return None,
        };
        if self.over(begins) {
            return None;
        }
        let ends = lasts.map(|lasts| begins + lasts);
        // What was switched until now does not count.
        let first = self.look()?;
        let (before, used_before) = (self.family.switches(), self.family.used());
        // The end may come at any time: when the load is through, or somebody stops it.
        while !self.over(self.next(ends)) && ends.is_none_or(|ends| Instant::now() < ends) {
            self.look()?;
        }
        let last = self.look()?;
        self.seen.cpu_ns = last.saturating_sub(first);
        self.seen.ended = self.family.has_lost_its_root();
        let Switches { voluntary, involuntary } = self.family.switches();
        self.seen.voluntary_switches = voluntary - before.voluntary;
        self.seen.involuntary_switches = involuntary - before.involuntary;
        let used = self.family.used();
        let (all, by_threads) = (used.0.saturating_sub(used_before.0), used.1 - used_before.1);
        self.seen.unseen_ns = (used.1 > 0).then(|| all.saturating_sub(by_threads));
        Some(self.seen)
    }

    /// When to look next, at the end at the latest. Then the crowd leaves, so that one look is to be
    /// over shortly before.
    fn next(&self, ends: Option<Instant>) -> Instant {
        let now = Instant::now();
        let next = now + PAUSE.max(self.took * PATIENCE);
        let Some(ends) = ends else { return next };
        match ends.checked_sub(self.took * 3 + AHEAD).filter(|before| now < *before) {
            Some(before) => next.min(before),
            None => ends,
        }
    }

    /// Waits until then; whether the measurement, or the run, was over before.
    fn over(&self, until: Instant) -> bool {
        let patience = until.saturating_duration_since(Instant::now());
        !matches!(self.events.recv_timeout(patience), Err(RecvTimeoutError::Timeout))
    }

    /// Looks at everything; the processor time, which is read first.
    fn look(&mut self) -> Option<u64> {
        let began = Instant::now();
        let used = self.family.processor_time().ok()?;
        let Holdings { processes, threads, descriptors, memory, unread } = self.family.holdings();
        let seen = &mut self.seen;
        seen.processes = seen.processes.max(processes);
        seen.threads = seen.threads.max(threads);
        seen.descriptors = seen.descriptors.max(descriptors);
        seen.pss_bytes = seen.pss_bytes.max(memory.all);
        seen.own_bytes = seen.own_bytes.max(memory.own);
        seen.unread = seen.unread.max(unread);
        self.took = began.elapsed();
        seen.looks += 1;
        seen.looking += self.took;
        Some(used)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_is_not_there_is_a_sentence() {
        let error = Onlooker::of(4_194_304 + 1).unwrap_err();
        assert!(error.starts_with("there is no process 4194305"), "{error}");
    }

    /// Kills: time before the measurement, or of the onlooker's own setting up, that counts.
    #[test]
    fn what_is_used_in_the_measurement_is_seen() {
        let onlooker = Onlooker::of(std::process::id()).unwrap();
        onlooker.begins(Duration::from_millis(10), None);
        thread::sleep(Duration::from_millis(20));
        let began = Instant::now();
        while began.elapsed() < Duration::from_millis(100) {
            std::hint::black_box(began);
        }
        let seen = onlooker.finish().unwrap();
        assert!(seen.cpu_ns > 20_000_000, "{seen:?}");
        assert!(seen.pss_bytes > 0 && seen.own_before_bytes > 0 && seen.threads >= 2, "{seen:?}");
        assert!(seen.looks >= 2 && !seen.ended && seen.unread == 0, "{seen:?}");
        assert!(seen.voluntary_switches > 0, "{seen:?}");
    }

    /// Kills: an onlooker that waits for an end that was to come in an hour.
    #[test]
    fn a_run_that_is_stopped_is_over() {
        let onlooker = Onlooker::of(std::process::id()).unwrap();
        onlooker.begins(Duration::ZERO, Some(Duration::from_secs(3600)));
        // The run.
        thread::sleep(Duration::from_millis(50));
        assert!(onlooker.finish().is_some_and(|seen| seen.looks >= 2));
    }

    /// Kills: looks that are all at the two ends, where the crowd is not there yet, or not any more.
    #[test]
    fn a_costly_look_is_over_before_the_end() {
        let (_tell, events) = channel();
        let family = Family::of((0, 0));
        let took = Duration::from_millis(100);
        let look = Look { family, seen: Seen::default(), events, took };
        let now = Instant::now();
        let after = |ends| look.next(ends).duration_since(now).as_millis();
        assert!((5000..5100).contains(&after(None)));
        let ends = |seconds| Some(now + Duration::from_secs(seconds));
        assert!((5000..5100).contains(&after(ends(10))));
        assert_eq!(after(ends(2)), 2000 - 310);
        let soon = now + Duration::from_millis(200);
        assert_eq!(look.next(Some(soon)), soon);
    }

    #[test]
    fn without_a_measurement_nothing_was_seen() {
        let onlooker = Onlooker::of(std::process::id()).unwrap();
        assert_eq!(onlooker.finish(), None);
    }
}
