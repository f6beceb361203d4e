//! One thread that applies its share of the load: an epoll loop, level-triggered.
//!
//! In a closed loop a message costs one recv(2), one send(2) and one look at the clock, which is both
//! when the reply was there and when the next message went. Connecting, warming up, measuring and
//! finishing are phases of the same loop.

mod alarm;
mod bad;
mod scripted;
mod slicing;
mod traffic;
mod waiting;

use std::io;
use std::sync::mpsc::Sender;
use std::time::Duration;

use rustix::event::epoll::Event;

use crate::clock::{self, MILLISECOND, SECOND};
use crate::conversation::{Conversation, Terms};
use crate::crowd::{Crowd, Ramp, Size};
use crate::error::LoadError;
use crate::message::Exchange;
use crate::plan::{End, Plan};
use crate::record::Record;
use crate::schedule::{Schedule, Timetable};
use crate::share::Share;
use crate::slices::Slicer;
use crate::socket::Target;
use crate::sources::Sources;
use crate::spares::Spares;
use crate::watch::Phase;
use crate::word::{Orders, Word};

use alarm::{ALARM, Alarm};
use bad::BadPeer;
use scripted::Scripted;

/// Between two looks for what has taken too long.
const TICK: u64 = 100 * MILLISECOND;
/// Between two reports, which take turns with messages that are due: histograms are large.
const REPORT: u64 = 500 * MILLISECOND;
/// The same while connecting, so that the start is seen in time.
const TICK_BEFORE: u64 = 5 * MILLISECOND;
/// At the end, what is in flight is awaited for the time-out and so much longer.
const GRACE: u64 = SECOND;
/// Events that are taken at a time: in an open loop, other messages become due meanwhile.
const BATCH: usize = 64;
/// The longest receive.
const BUFFER: usize = 64 * 1024;

/// One thread's part of the load.
pub(crate) struct Driver<'a> {
    plan: &'a Plan,
    share: Share,
    orders: Orders,
    reports: Sender<Word>,
    terms: Terms,
    crowd: Crowd,
    /// Of the first places.
    bad: Vec<BadPeer>,
    /// Of the places that talk; those of bad peers stay empty.
    conversations: Vec<Conversation>,
    /// Instead of them, if there is a script.
    scripted: Option<Scripted>,
    record: Box<Record>,
    spares: Spares,
    slicer: Option<Slicer>,
    /// In an open loop, from the start on.
    timetable: Option<Timetable>,
    phase: Phase,
    /// Whether whoever conducts has been told that all connections are there.
    ready: bool,
    /// When the phase ends, if time ends it.
    until: u64,
    /// Messages of a closed loop that are still to be sent in this phase.
    left: u64,
    /// Messages that are to be sent or answered.
    outstanding: u64,
    /// Since when no connection has been open.
    alone_since: Option<u64>,
    next_tick: u64,
    next_report: u64,
    /// Until when who stays awake had better sleep.
    disturbed_until: u64,
    processor_time: u64,
    /// Nanoseconds spent looking whether it is time, since the last report.
    idled: u64,
    buffer: Box<[u8]>,
}

impl<'a> Driver<'a> {
    /// Must be called in the thread that will run it.
    pub(crate) fn new(
        plan: &'a Plan,
        target: Target,
        share: Share,
        orders: Orders,
        reports: Sender<Word>,
        spares: Spares,
    ) -> Result<Driver<'a>, LoadError> {
        let now = clock::now();
        let size = Size {
            talking: share.of(plan.connections) as usize,
            idle: share.of(plan.idle) as usize,
            short: plan.short,
        };
        let address = match &target {
            Target::Tcp(address) => Some(*address),
            Target::Unix(_) => None,
        };
        let sources = Sources::new(&plan.sources, address, share.worker, share.workers);
        let timeout = nanoseconds(plan.timeout);
        let crowd = Crowd::new(target, sources, ramp(plan, share, now), size, timeout)
            .map_err(|error| LoadError::system("make an epoll instance", error))?;
        let numbers = (0..size.talking).map(|own| share.number(own));
        let bad =
            numbers.clone().map_while(|number| Some(BadPeer::new(plan.manner(number)?, number)));
        let slicer = orders.slices().cloned().map(Slicer::new);
        Ok(Driver {
            plan,
            share,
            orders,
            reports,
            terms: Terms::new(Exchange::new(plan)?, plan.seed),
            crowd,
            bad: bad.collect(),
            scripted: Scripted::of(plan, numbers.clone()),
            conversations: numbers.map(Conversation::new).collect(),
            record: spares.take(),
            spares,
            slicer,
            timetable: None,
            phase: Phase::Connecting,
            ready: false,
            until: u64::MAX,
            left: 0,
            outstanding: 0,
            alone_since: None,
            next_tick: now + TICK_BEFORE,
            next_report: now,
            disturbed_until: 0,
            processor_time: clock::thread_time(),
            idled: 0,
            buffer: vec![0; BUFFER].into(),
        })
    }

    /// Applies the load to its end.
    pub(crate) fn run(mut self) -> Result<(), LoadError> {
        let system = |error: io::Error| LoadError::system("wait for connections", error);
        let mut alarm = Alarm::new(&self.crowd.epoll).map_err(system)?;
        let mut events: Vec<Event> = Vec::with_capacity(BATCH);
        loop {
            let now = clock::now();
            if now >= self.next_tick && !self.tick(now) {
                return Ok(());
            }
            if !self.go_on(now) {
                self.report(now);
                self.tell(Word::Done);
                return Ok(());
            }
            self.crowd.dial_due(now, &mut self.record);
            self.bury();
            let due = self.send_due();
            let others = self.wake_due(now).min(self.next_tick).min(self.crowd.next_at());
            events.clear();
            self.wait(&mut alarm, due, others.min(self.until), &mut events).map_err(system)?;
            for event in &events {
                let data = event.data.u64();
                if data != ALARM {
                    self.event(data as usize, event.flags);
                }
            }
        }
    }

    /// What is done ten times a second; `false` when nobody wants to know any more.
    fn tick(&mut self, now: u64) -> bool {
        self.crowd.expire(now, &mut self.record);
        if self.phase != Phase::Connecting {
            self.give_up_on_the_late(now);
            self.give_up_on_late_dialogues(now);
            self.step_badly();
        }
        self.next_tick = match self.phase {
            Phase::Connecting => now + TICK_BEFORE,
            _ => self.next_tick + ((now - self.next_tick) / TICK + 1) * TICK,
        };
        if now < self.next_report {
            return true;
        }
        if self.phase != Phase::Connecting {
            self.next_report += ((now - self.next_report) / REPORT + 1) * REPORT;
        }
        self.report(now)
    }

    /// Changes the phase if it is time to; `false` when all is over.
    fn go_on(&mut self, now: u64) -> bool {
        if self.orders.stopped() {
            self.record.counts.unanswered += self.outstanding;
            return false;
        }
        let over = match self.phase {
            Phase::Measuring => {
                self.has_slices_enough(now);
                self.is_through(now) || self.is_past_the_end(now)
            }
            _ => now >= self.until,
        };
        match self.phase {
            Phase::Connecting => self.start_in_time(now),
            Phase::WarmUp if over => self.measure(now),
            Phase::Measuring if over => {
                self.end_slices();
                self.report(now.min(self.until));
                (self.phase, self.left) = (Phase::Finishing, 0);
                self.until = now + nanoseconds(self.plan.timeout) + GRACE;
            }
            Phase::Finishing if over || self.outstanding == 0 => {
                self.record.counts.unanswered += self.outstanding;
                return false;
            }
            _ => {}
        }
        true
    }

    /// Whether the time is over, and what was due in it has been sent. What the generator has not got
    /// to a little later is given up, and counted.
    fn is_past_the_end(&mut self, now: u64) -> bool {
        let Some(table) = &mut self.timetable else { return now >= self.until };
        if now < self.until || (table.next() < self.until && now < self.until + TICK) {
            return false;
        }
        self.record.counts.not_reached += table.left_before(self.until);
        self.timetable = None;
        true
    }

    /// Whether all messages have been sent and answered, or nobody is there to send the rest.
    fn is_through(&mut self, now: u64) -> bool {
        let End::Messages(_) = self.plan.end else { return false };
        if self.outstanding == 0 && self.left == 0 {
            return true;
        }
        if self.crowd.open()[0] > 0 || self.plan.short {
            self.alone_since = None;
            return false;
        }
        now - *self.alone_since.get_or_insert(now) > nanoseconds(self.plan.timeout)
    }

    /// Says once that all is ready, and starts when it is told to.
    fn start_in_time(&mut self, now: u64) {
        if !self.ready && self.crowd.is_settled() {
            self.ready = true;
            self.report(now);
            self.tell(Word::Ready);
        }
        let Some(start) = self.orders.started() else { return };
        self.until = start;
        if now < start {
            return;
        }
        self.report(now);
        (self.phase, self.left) = (Phase::WarmUp, u64::MAX);
        self.until = start + nanoseconds(self.plan.warm_up);
        self.next_tick = self.until - self.until.saturating_sub(now) / TICK * TICK;
        self.set_timetable(start);
        if now >= self.until {
            self.measure(now);
        }
        for place in 0..self.conversations.len() {
            self.open_up(place, clock::now());
        }
    }

    /// From here on everything counts.
    fn measure(&mut self, now: u64) {
        self.report(now);
        self.begin_slices();
        // Whoever is told of slices may take a while to begin.
        let start = if self.slicer.is_some() { clock::now() } else { self.until };
        let now = now.max(start);
        self.phase = Phase::Measuring;
        // In a closed loop, messages were sent until now that count no more than those before.
        self.terms.counted_from = if self.plan.is_open() { start } else { now };
        self.processor_time = clock::thread_time();
        (self.until, self.left) = match self.plan.end {
            End::After(time) => (start + nanoseconds(time), u64::MAX),
            End::Messages(total) => (u64::MAX, self.messages(total)),
        };
        self.next_tick = start + ((now - start) / TICK + 1) * TICK;
        self.next_report = start + ((now - start) / REPORT + 1) * REPORT;
    }

    /// How many of all messages are this thread's: those who have no connection have none.
    fn messages(&self, total: u64) -> u64 {
        match self.active() {
            Some((worker, workers)) => Share { worker, workers }.of(total),
            None => 0,
        }
    }

    /// Which one this thread is of those that have a good connection that talks.
    fn active(&self) -> Option<(u32, u32)> {
        let (bad, workers) = (self.plan.bad_connections(), self.share.workers);
        let active = u64::from(workers).min(self.plan.connections - bad) as u32;
        // The first good connection is that of the thread whose turn comes after the bad ones.
        let first = (bad % u64::from(workers)) as u32;
        let own = (self.share.worker + workers - first) % workers;
        (own < active).then_some((own, active))
    }

    fn set_timetable(&mut self, start: u64) {
        let good = self.plan.connections - self.plan.bad_connections();
        let rate = self.plan.schedule.rate(good);
        if let (Schedule::Open { arrivals, .. }, Some(rate), Some(active)) =
            (self.plan.schedule, rate, self.active())
        {
            let seed = self.plan.seed;
            self.timetable = Some(Timetable::new(rate, arrivals, active, start, seed));
        }
    }

    /// Tells what was seen since the last time; `false` when nobody wants to know.
    fn report(&mut self, now: u64) -> bool {
        let processor_time = clock::thread_time();
        let used = processor_time - self.processor_time;
        self.record.counts.cpu_ns = used.saturating_sub(std::mem::take(&mut self.idled));
        self.processor_time = processor_time;
        self.report_slices();
        let record = std::mem::replace(&mut self.record, self.spares.take());
        let open = self.crowd.open().map(|count| count as u64);
        let (worker, phase) = (self.share.worker, self.phase);
        self.tell(Word::Seen { worker, phase, at: now, open, record })
    }

    fn tell(&self, word: Word) -> bool {
        self.reports.send(word).is_ok()
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX / 4).min(u64::MAX / 4)
}

/// When this thread opens its connections: in turn with the others.
fn ramp(plan: &Plan, share: Share, now: u64) -> Ramp {
    match plan.connect_rate {
        None => Ramp { next: now, step: 0 },
        Some(rate) => {
            let step = SECOND as f64 / rate;
            let lead = (step * f64::from(share.worker)) as u64;
            Ramp { next: now + lead, step: (step * f64::from(share.workers)) as u64 }
        }
    }
}
