//! Workers: threads that call sessions, so that a loop never computes.
//!
//! A loop sends a whole connection, together with what it is to be told, and gets it back through its
//! letters. The queue is one for all loops and workers of a process, first come, first served; a
//! connection is in it at most once, so its requests are answered in their order and never by two
//! workers at once.

use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
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

/// The queue of a process's workers. Once nobody holds it any more, they end.
#[derive(Clone)]
pub(crate) struct Workers {
    queue: Giver<Work>,
    count: usize,
}

impl Workers {
    /// Starts so many workers among `staff`.
    pub(crate) fn start(staff: &mut Staff, site: &Arc<Site>, count: usize) -> io::Result<Workers> {
        let (queue, works) = Queue::new(usize::MAX);
        for number in 0..count {
            let (site, works) = (Arc::clone(site), Arc::clone(&works));
            staff.start(format!("sb-worker-{number}"), move || {
                work(&site, &works);
                Ok(())
            })?;
        }
        Ok(Workers { queue, count })
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Puts work into the queue. It has no bound of its own: each loop bounds what it has sent.
    pub(crate) fn send(&self, work: Work) {
        let _ = self.queue.give(work);
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
    let session = site.open_session(info)?;
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
