//! The roster: all peers of a process that are tasks, and how other threads reach them.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::Ordering::{AcqRel, Relaxed, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use switchboard_core::{Ending, PeerInfo, Terms};
use tokio::sync::watch;

use crate::carrier::asynchronous::News;
use crate::counters::{RowHandle, Stats};
use crate::future::Draining;
use crate::offload::{Desk, Hears};
use crate::site::Site;
use crate::stopping::Bell;
use crate::supervision::Seen;

/// All peers of this process.
pub(super) struct Roster {
    pub(super) site: Arc<Site>,
    entries: Arc<Mutex<Entries>>,
    /// Where they hand in their jobs.
    pub(super) desk: Arc<Desk>,
    /// What each of them is granted.
    pub(super) terms: Arc<Terms>,
    /// Rung when a peer has left in the drain.
    bell: Arc<Bell>,
    /// Tells futures that the server drains.
    drains: watch::Sender<bool>,
    /// How many peers each runtime has.
    loads: Vec<AtomicUsize>,
    /// Threads of each runtime.
    threads: usize,
}

/// Peers by their identities.
type Entries = HashMap<u64, Arc<Entry>>;

/// The tasks of those peers.
struct Tasks(Arc<Mutex<Entries>>);

impl Tasks {
    fn tell(&self, peer: u64, news: News) {
        let entry = lock(&self.0).get(&peer).map(Arc::clone);
        entry.iter().for_each(|entry| entry.tell(news));
    }
}

impl Hears for Tasks {
    fn job_done(&self, peer: u64) {
        self.tell(peer, News::JOBS);
    }

    fn mail(&self, peer: u64, _: u64, _: bool) {
        self.tell(peer, News::MAIL);
    }
}

/// One peer, as other threads than its task's see it.
pub(super) struct Entry {
    pub(super) info: PeerInfo,
    /// Which runtime its task is on.
    pub(super) place: usize,
    /// Where it is counted that it came and went: a task may move from thread to thread, so not in
    /// the row of whichever runs it, or a row could count more endings than peers.
    pub(super) row: RowHandle,
    /// Its task has begun: it counts as accepted.
    begun: AtomicBool,
    /// A set of [`News`] that its task has not heard.
    news: AtomicU8,
    /// Wakes its task, once that has begun.
    waker: Mutex<Option<Waker>>,
    received: AtomicU64,
    sent: AtomicU64,
}

impl Roster {
    /// Nobody yet, on so many runtimes of so many threads each. `bell` is that of the crew.
    pub(super) fn new(site: &Arc<Site>, bell: &Arc<Bell>, places: usize, threads: usize) -> Roster {
        let entries: Arc<Mutex<Entries>> = Arc::default();
        let desk = Arc::new(Desk::new(&site.jobs, Tasks(Arc::clone(&entries))));
        let terms = desk.terms(site.terms.limits);
        let loads = (0..places).map(|_| AtomicUsize::new(0)).collect();
        let (site, bell) = (Arc::clone(site), Arc::clone(bell));
        Roster {
            site,
            entries,
            desk,
            terms,
            bell,
            drains: watch::Sender::new(false),
            loads,
            threads,
        }
    }

    /// Puts one down who was let in; its task is to begin on the runtime that has the fewest. Called
    /// by one thread.
    pub(super) fn enter(&self, info: PeerInfo) -> Arc<Entry> {
        let loads = self.loads.iter().map(|load| load.load(SeqCst)).enumerate();
        let place = loads.min_by_key(|(_, load)| *load).map_or(0, |(place, _)| place);
        self.loads[place].fetch_add(1, SeqCst);
        let thread = usize::try_from(info.id).unwrap_or(0) % self.threads;
        let entry = Arc::new(Entry {
            info,
            place,
            row: self.site.row(place * self.threads + thread),
            begun: AtomicBool::new(false),
            news: AtomicU8::new(0),
            waker: Mutex::default(),
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
        });
        self.entries().insert(entry.info.id, Arc::clone(&entry));
        entry
    }

    /// Its task begins, unless it was given up meanwhile. From now on it can be woken: what it has
    /// not been woken for it finds by looking now.
    pub(super) fn begin(&self, entry: &Entry, waker: &Waker) -> bool {
        *lock(&entry.waker) = Some(waker.clone());
        let entries = self.entries();
        let present = entries.contains_key(&entry.info.id);
        if present {
            entry.begun.store(true, SeqCst);
            entry.row.gather(&mut Stats { accepted: 1, ..Stats::default() });
        }
        present
    }

    /// A peer has gone, and its session knows; or it never began (`ending` is `None`), and counts as
    /// refused. One that was given up has been counted, and has left the gate.
    pub(super) fn leave(&self, entry: &Entry, ending: Option<Ending>) {
        self.desk.forget(entry.info.id);
        let present = self.entries().remove(&entry.info.id).is_some();
        if present {
            self.count_out(entry, ending);
        }
        if self.site.stop.draining() {
            self.bell.ring();
        }
    }

    fn count_out(&self, entry: &Entry, ending: Option<Ending>) {
        let mut stats = Stats::default();
        match ending {
            Some(ending) => stats.ended(ending),
            None => stats.refused += 1,
        }
        entry.row.gather(&mut stats);
        self.loads[entry.place].fetch_sub(1, SeqCst);
        self.site.gate.leave(&entry.row);
    }

    /// The server drains.
    pub(super) fn drain(&self) {
        self.drains.send_replace(true);
        self.tell_all(News::DRAIN);
    }

    /// For one future: what tells of the drain.
    pub(super) fn draining(&self) -> Draining {
        Draining::new(self.drains.subscribe())
    }

    /// Tells all tasks.
    pub(super) fn tell_all(&self, news: News) {
        // Not while the list is held: a task that ends on another thread waits for it.
        let all: Vec<Arc<Entry>> = self.entries().values().map(Arc::clone).collect();
        all.iter().for_each(|entry| entry.tell(news));
    }

    /// Those who are left when the grace is over: they count as cut off, or as refused if their tasks
    /// never began.
    pub(super) fn give_up(&self) {
        for entry in std::mem::take(&mut *self.entries()).into_values() {
            let begun = entry.begun.load(SeqCst);
            self.count_out(&entry, begun.then_some(Ending::CutOff));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries().is_empty()
    }

    /// Shows every peer.
    pub(super) fn show(&self, each: &mut dyn FnMut(Seen)) {
        for entry in self.entries().values().filter(|entry| entry.begun.load(SeqCst)) {
            each(Seen {
                id: entry.info.id,
                address: entry.info.address.to_string(),
                traffic: entry.traffic(),
            });
        }
    }

    /// Says why a peer that was let in is not served.
    pub(super) fn say_refused(&self, entry: &Entry, error: &io::Error) {
        tracing::warn!("refused peer {} {}: {error}", entry.info.id, entry.info.address);
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        lock(&self.entries)
    }
}

impl Entry {
    /// From any thread: its task hears of it, now or when it begins.
    fn tell(&self, news: News) {
        self.news.fetch_or(news.0, AcqRel);
        if let Some(waker) = &*lock(&self.waker) {
            waker.wake_by_ref();
        }
    }

    /// What its task has not heard yet.
    #[inline]
    pub(super) fn hear(&self) -> News {
        match self.news.load(Relaxed) {
            0 => News::default(),
            _ => News(self.news.swap(0, AcqRel)),
        }
    }

    /// Bytes received and sent, as they were noted last.
    pub(super) fn traffic(&self) -> (u64, u64) {
        (self.received.load(Relaxed), self.sent.load(Relaxed))
    }

    /// Bytes received and sent so far. Only by its own task.
    #[inline]
    pub(super) fn note(&self, (received, sent): (u64, u64)) {
        self.received.store(received, Relaxed);
        self.sent.store(sent, Relaxed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use switchboard_core::{Context, Flow, Session};

    use super::*;
    use crate::{Address, Endpoint, Server};

    struct Silent;

    impl Session for Silent {
        fn received(&mut self, _: &mut Context<'_>) -> Flow {
            Flow::Continue
        }
    }

    /// Of two runtimes with a thread each.
    fn roster() -> Roster {
        let server =
            Server::sessions("silent", |_| Silent).model("tokio:threads=2".parse().unwrap());
        let site = server.listen("127.0.0.1:0".parse::<Address>().unwrap()).prepare().unwrap().site;
        Roster::new(&site, &Arc::new(Bell::new().unwrap()), 2, 1)
    }

    fn enter(roster: &Roster, id: u64) -> Arc<Entry> {
        let address = Endpoint::Process { uid: 0, pid: 1 };
        roster.enter(PeerInfo { id, address: address.clone(), local: address })
    }

    /// Kills: a peer that its thread lets go of after it was given up, and is counted twice; one whose
    /// task never began that counts as accepted.
    #[test]
    fn whoever_was_given_up_is_counted_once() {
        let roster = roster();
        let (begun, waits) = (enter(&roster, 1), enter(&roster, 2));
        assert!(roster.begin(&begun, Waker::noop()));
        roster.give_up();
        assert!(!roster.begin(&waits, Waker::noop()));
        roster.leave(&begun, Some(Ending::Left));
        roster.leave(&waits, None);
        let stats = roster.site.counters.read();
        assert_eq!((stats.accepted, stats.cut_off, stats.in_order), (1, 1, 0));
        assert_eq!((stats.refused, stats.present()), (1, 0));
        assert!(roster.is_empty());
    }

    /// Kills: news that are lost because their task had not begun, or that are heard twice.
    #[test]
    fn news_wait_for_a_task_that_has_not_begun() {
        let roster = roster();
        let entry = enter(&roster, 1);
        roster.tell_all(News::DRAIN);
        roster.tell_all(News::CUT);
        assert!(roster.begin(&entry, Waker::noop()));
        let news = entry.hear();
        assert!(news.has(News::DRAIN) && news.has(News::CUT) && !news.has(News::JOBS));
        assert_eq!(entry.hear(), News::default());
    }

    /// Kills: newcomers that go to a runtime in turn, however many peers it has.
    #[test]
    fn a_newcomer_goes_where_the_fewest_are() {
        let roster = roster();
        let entries: Vec<_> = (0..4).map(|id| enter(&roster, id)).collect();
        let places: Vec<usize> = entries.iter().map(|entry| entry.place).collect();
        assert_eq!(places, [0, 1, 0, 1]);
        for entry in &entries[1..] {
            roster.leave(entry, None);
        }
        assert_eq!(enter(&roster, 5).place, 1);
        assert_eq!(enter(&roster, 6).place, 0);
    }
}
