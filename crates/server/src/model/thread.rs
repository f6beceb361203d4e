//! A thread for each peer: it waits in recv(2) for its own peer and for nobody else's.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use super::floor::Floor;
use super::{Kind, blocking_model, operating};
use crate::admission::Newcomer;
use crate::site::Site;

/// The model.
pub(super) const MODEL: Kind = Kind {
    name: "thread",
    summary: "a thread for each peer, waiting for it in recv",
    source: "thread per connection",
    parallel: true,
    threads: &[("main", "accepts"), ("sb-peer-N", "serves peer N")],
    run: |site, _| run(site),
    ..blocking_model()
};

/// The threads of a server: those that run, by their peers, and the one that ended last.
///
/// A thread that ends joins the one that ended before it, so that at most one is ever unjoined,
/// however long nobody comes.
#[derive(Default)]
struct Threads {
    running: Mutex<BTreeMap<u64, JoinHandle<()>>>,
    last: Mutex<Option<JoinHandle<()>>>,
}

fn run(site: &Arc<Site>) -> io::Result<()> {
    let floor = Arc::new(Floor::new(site)?);
    let threads = Arc::new(Threads::default());
    let operator = operating::start(&floor)?;
    floor.accept(|newcomer| start(&floor, &threads, newcomer));
    floor.drain();
    let ended = || threads.running().is_empty();
    if !floor.see_off(floor.bell(), ended) {
        floor.cut_off(ended);
    }
    threads.join_last();
    operator.stop();
    Ok(())
}

/// Starts the thread of one peer. If none can be started, the peer is closed.
fn start(floor: &Arc<Floor>, threads: &Arc<Threads>, newcomer: Newcomer) -> io::Result<()> {
    let id = newcomer.info.id;
    let (own_floor, own_threads) = (Arc::clone(floor), Arc::clone(threads));
    // Held until the thread has its place, which it looks for at its end.
    let mut running = threads.running();
    let thread = thread::Builder::new().name(format!("sb-peer-{id}")).spawn(move || {
        own_floor.serve(newcomer);
        own_threads.end(id);
        own_floor.ring();
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

    /// Joins the thread that ended last.
    fn join_last(&self) {
        Threads::join(self.exchange_last(None));
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
