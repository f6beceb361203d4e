//! Workers: threads that call sessions, so that a loop never computes.
//!
//! A loop sends a whole connection, together with what it is to be told, and gets it back through its
//! letters. The queue is one for all loops and workers of a process, first come, first served; a
//! connection is in it at most once, so its requests are answered in their order and never by two
//! workers at once. Peers on stacks, which must not change their thread, each belong to one worker,
//! and each worker has a queue of its own then.

use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use switchboard_core::{Call, Connection, Ending, PeerInfo, Terms};

use crate::mechanism::Key;
use crate::queue::{Giver, Queue};
use crate::reactor::{Letter, Letters};
use crate::site::Site;
use crate::supervision::Staff;

/// How long a worker goes on with one peer whose session leaves input for another call, before it is
/// the others' turn.
const SLICE: Duration = Duration::from_millis(1);

/// What a worker is asked to do for one peer.
pub(crate) struct Work {
    pub(crate) key: Key,
    pub(crate) task: Task,
    /// When the loop's last wait returned.
    pub(crate) now: Instant,
    /// Where the answer goes.
    pub(crate) letters: Arc<Letters>,
}

/// The kinds of work.
pub(crate) enum Task {
    /// Makes the peer's session and lets it greet.
    Begin(PeerInfo, Arc<Terms>),
    /// Tells a connection something.
    Call(Connection, Call),
    /// Tells a session that its peer is gone.
    Close(Connection, Ending),
}

/// What came of it.
pub(crate) struct Back {
    pub(crate) key: Key,
    /// The connection; or how the peer has ended: there is no session any more.
    pub(crate) came: Result<Connection, Ending>,
    /// What the session wrote.
    pub(crate) room: Vec<u8>,
    /// What the call said: see [`Connection::perform`].
    pub(crate) said: bool,
}

/// The queues of a process's workers. Once nobody holds them any more, they end.
#[derive(Clone)]
pub(crate) struct Workers {
    queues: Arc<[WorkQueue]>,
    count: usize,
}

/// One queue: that of all workers, or of one.
struct WorkQueue {
    works: Giver<Work>,
    /// Peers that belong to it.
    peers: AtomicUsize,
}

/// Which queue a peer belongs to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Home(u16);

impl Workers {
    /// Starts so many workers among `staff`.
    pub(crate) fn start(staff: &mut Staff, site: &Arc<Site>, count: usize) -> io::Result<Workers> {
        let queues = if site.sessions.stay_on_their_thread() { count } else { 1 };
        let (queues, works): (Vec<_>, Vec<_>) = (0..queues)
            .map(|_| Queue::new(usize::MAX))
            .map(|(works, queue)| (WorkQueue { works, peers: AtomicUsize::new(0) }, queue))
            .unzip();
        for number in 0..count {
            let (site, works) = (Arc::clone(site), Arc::clone(&works[number % works.len()]));
            staff.start(format!("sb-worker-{number}"), move || {
                work(&site, &works);
                Ok(())
            })?;
        }
        Ok(Workers { queues: queues.into(), count })
    }

    /// Where a new peer will belong, until it [`leaves`](Workers::leave): the queue with the fewest.
    pub(crate) fn home(&self) -> Home {
        let peers = |(_, queue): &(usize, &WorkQueue)| queue.peers.load(Relaxed);
        let least = self.queues.iter().enumerate().min_by_key(peers);
        let home = least.map_or(0, |(home, _)| home);
        self.queues[home].peers.fetch_add(1, Relaxed);
        Home(u16::try_from(home).expect("at most 1,024 workers"))
    }

    /// A peer that belonged there is gone.
    pub(crate) fn leave(&self, Home(home): Home) {
        self.queues[usize::from(home)].peers.fetch_sub(1, Relaxed);
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Puts work for a peer into its queue, which has no bound of its own: each loop bounds what it
    /// has sent.
    pub(crate) fn send(&self, Home(home): Home, work: Work) {
        let _ = self.queues[usize::from(home)].works.give(work);
    }
}

fn work(site: &Site, works: &Queue<Work>) {
    while let Some(Work { key, task, now, letters }) = works.take() {
        let mut room = Vec::new();
        let mut said = true;
        // A panic that no session's own guard caught, such as in a destructor.
        let done = AssertUnwindSafe(|| match task {
            Task::Begin(info, terms) => begin(site, &info, terms, now, &mut room),
            Task::Call(mut connection, call) => {
                said = call_for_a_slice(&mut connection, call, now, &mut room);
                Ok(connection)
            }
            Task::Close(connection, ending) => Err(connection.close(ending)),
        });
        let came = panic::catch_unwind(done).unwrap_or(Err(Ending::Panicked));
        letters.put(Letter::Back(Back { key, came, room, said }));
    }
}

fn begin(
    site: &Site,
    info: &PeerInfo,
    terms: Arc<Terms>,
    now: Instant,
    room: &mut Vec<u8>,
) -> Result<Connection, Ending> {
    let session = site.sessions.open(info, &terms)?;
    let mut connection = Connection::new(session, info, terms, now);
    connection.set_apart();
    if site.stop.draining() {
        connection.drain();
    }
    connection.open(now, room);
    Ok(connection)
}

/// Calls the session, and again while it leaves something and its slice lasts.
fn call_for_a_slice(
    connection: &mut Connection,
    call: Call,
    now: Instant,
    room: &mut Vec<u8>,
) -> bool {
    let begun = Instant::now();
    let said = connection.perform(call, now, room);
    while connection.resumable(room) && begun.elapsed() < SLICE {
        connection.resume(now, room);
    }
    said
}
