//! A thread for each peer: it waits in recv(2) for its own peer and for nobody else's.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use super::floor::{Floor, FloorCrew};
use super::{Kind, Model, Run, blocking_model, settings, tasks};
use crate::admission::Newcomer;
use crate::carrier::blocking::Buffers;
use crate::mappings;
use crate::site::Site;
use crate::supervision::Crew;

/// The model.
pub(super) const MODEL: Kind = Kind {
    name: "thread",
    summary: "a thread for each peer, waiting for it in recv",
    source: "thread per connection",
    settings: &[&settings::PROCESS_ACCEPT, &settings::PROCESSES],
    parallel: true,
    check: settings::check_process_accept,
    threads: |_| {
        tasks(&[
            ("main", "waits for the stop"),
            ("sb-accept", "accepts"),
            ("sb-peer-N", "serves peer N"),
        ])
    },
    rows: |_| ROWS,
    fits: || mappings::threads_that_fit(SPARE),
    run: Run::Crew(start),
    ..blocking_model()
};

/// Rows of counters that its threads share: with one, every message would move a cache line from
/// core to core.
const ROWS: usize = 8;

/// Of the mappings that this process may have, one part in so many is kept free: by the limit on
/// peers, unless that was given, and in any case.
const SPARE: usize = 16;
const SPARE_AT_LEAST: usize = 32;

fn row_of(id: u64) -> usize {
    usize::try_from(id % ROWS as u64).expect("less than the number of rows")
}

/// The threads of a server: those that run, by their peers, and the one that ended last.
///
/// A thread that ends joins the one that ended before it, so that at most one is ever unjoined,
/// however long nobody comes.
struct Threads {
    /// The most that can run: one more, and the standard library would end the process.
    most: usize,
    running: Mutex<BTreeMap<u64, JoinHandle<()>>>,
    last: Mutex<Option<JoinHandle<()>>>,
}

fn start(site: &Arc<Site>, _: &Model) -> io::Result<Box<dyn Crew>> {
    let floor = Arc::new(Floor::new(site)?);
    let most = mappings::threads_that_fit(SPARE_AT_LEAST);
    let threads = Arc::new(Threads { most, running: Mutex::default(), last: Mutex::default() });
    let mut crew = FloorCrew::new(&floor);
    let entrance = crew.entrance(site.row(0))?;
    crew.staff.start("sb-accept".to_owned(), {
        let (floor, threads) = (Arc::clone(&floor), Arc::clone(&threads));
        move || entrance.admit(|newcomer| serve(&floor, &threads, newcomer))
    })?;
    crew.others_ended = Box::new(move || threads.all_joined());
    crew.begun()
}

/// Starts the thread of one peer. If none can be started, the peer is closed.
fn serve(floor: &Arc<Floor>, threads: &Arc<Threads>, newcomer: Newcomer) -> io::Result<()> {
    let id = newcomer.info.id;
    let (own_floor, own_threads) = (Arc::clone(floor), Arc::clone(threads));
    // Held until the thread has its place, which it looks for at its end.
    let mut running = threads.running();
    if running.len() >= threads.most {
        let limit = mappings::limit().unwrap_or_default();
        return Err(io::Error::other(format!(
            "vm.max_map_count={limit} is enough for {} threads; raise it, or take a loop model",
            threads.most
        )));
    }
    let thread = thread::Builder::new().name(format!("sb-peer-{id}")).spawn(move || {
        own_floor.serve(newcomer, &own_floor.site.row(row_of(id)), &mut Buffers::default());
        own_threads.end(id);
        own_floor.bell.ring();
    })?;
    running.insert(id, thread);
    Ok(())
}

impl Threads {
    fn running(&self) -> MutexGuard<'_, BTreeMap<u64, JoinHandle<()>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread of that peer, which calls this, is about to end: it joins the one that ended
    /// before it.
    fn end(&self, id: u64) {
        // Under one lock: whoever sees that none is running finds the last one here.
        let mut running = self.running();
        let own = running.remove(&id);
        let before = self.exchange_last(own);
        drop(running);
        Threads::join(before);
    }

    /// Whether none is running; then the one that ended last is joined, too.
    fn all_joined(&self) -> bool {
        if !self.running().is_empty() {
            return false;
        }
        Threads::join(self.exchange_last(None));
        true
    }

    fn exchange_last(&self, own: Option<JoinHandle<()>>) -> Option<JoinHandle<()>> {
        std::mem::replace(&mut *self.last.lock().unwrap_or_else(PoisonError::into_inner), own)
    }

    fn join(thread: Option<JoinHandle<()>>) {
        if let Some(before) = thread
            && before.join().is_err()
        {
            tracing::warn!("a peer's thread panicked outside its service");
        }
    }
}
