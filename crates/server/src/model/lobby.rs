//! The lobby: where those wait whom the warden lets in when the drain begins, until a thread is free.
//!
//! Threads that accept may all be busy then. If the backlogs were left to them, the port would be
//! open until one of them is done, and peers would come who are served by nobody.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::admission::{Accepted, Acceptor, Intake, Newcomer};
use crate::counters::{RowHandle, Stats};
use crate::queue::{Giver, Queue};
use crate::site::Site;

/// How often it is looked whether there is room for those who wait in the backlogs.
const LOOK: Duration = Duration::from_millis(20);

/// Peers let in at a time by one of several processes that share a backlog, and how long the next
/// ones are left to the others: so each gets its part.
const BATCH: usize = 16;
const OTHERS_TURN: Duration = Duration::from_millis(1);

/// The lobby of a process, as its warden sees it.
pub(super) struct Lobby {
    site: Arc<Site>,
    row: RowHandle,
    acceptor: Acceptor,
    /// From the beginning of the drain on.
    intake: Option<Intake>,
    /// No more than the intake takes.
    waiting: Arc<Queue<Newcomer>>,
    /// Gone when nobody else will come.
    door: Option<Giver<Newcomer>>,
    /// Nobody is accepted before that.
    resumes: Option<Instant>,
}

impl Lobby {
    /// `row`: where the warden counts; `nonblocking`: what the accepted sockets are to be.
    pub(super) fn new(site: &Arc<Site>, row: RowHandle, nonblocking: bool) -> Lobby {
        let (door, waiting) = Queue::new(usize::MAX);
        let acceptor = Acceptor::new(nonblocking, row.clone());
        let site = Arc::clone(site);
        Lobby { site, row, acceptor, intake: None, waiting, door: Some(door), resumes: None }
    }

    /// For the threads: those who wait, and their end once there will be no more.
    pub(super) fn waiting(&self) -> Arc<Queue<Newcomer>> {
        Arc::clone(&self.waiting)
    }

    /// The drain has begun: lets in who waits in the backlogs, and closes the listeners. While there
    /// is no room for somebody they stay open; when to try again.
    pub(super) fn fill(&mut self) -> Option<Duration> {
        let now = Instant::now();
        if self.site.drain_deadline().is_some_and(|end| end <= now) {
            self.clear();
        }
        self.begin();
        let (door, intake) = (self.door.as_ref()?, self.intake.as_mut()?);
        if let Some(resumes) = self.resumes
            && resumes > now
        {
            return Some(resumes - now);
        }
        let gate = &self.site.gate;
        for _ in 0..if gate.has_others() { BATCH } else { usize::MAX } {
            match intake.next(&mut self.acceptor, gate) {
                Accepted::Peer(newcomer) => drop(door.give(newcomer)),
                Accepted::Refused => count_refused(&self.row, 1),
                Accepted::Nobody => {
                    self.close();
                    return None;
                }
                Accepted::Full | Accepted::Left => return Some(LOOK),
                Accepted::Exhausted { refused, pause } => {
                    count_refused(&self.row, u64::from(refused));
                    self.resumes = Some(now + pause);
                    return Some(pause);
                }
            }
        }
        Some(OTHERS_TURN)
    }

    /// The drain is over: closes those who wait here and in the backlogs.
    pub(super) fn clear(&mut self) {
        self.begin();
        if let Some(intake) = &mut self.intake {
            count_refused(&self.row, intake.refuse_rest(&mut self.acceptor));
        }
        while let Some(newcomer) = self.waiting.take_now() {
            turn_away(newcomer, &self.site, &self.row);
        }
        self.close();
    }

    /// Whether nobody waits here, and nobody else will.
    pub(super) fn is_closed(&self) -> bool {
        self.door.is_none() && self.waiting.is_empty()
    }

    fn begin(&mut self) {
        let listeners = &self.site.listeners;
        let first = || Intake::of(&listeners.lend(0), listeners.backlog());
        self.intake.get_or_insert_with(first);
    }

    fn close(&mut self) {
        self.door = None;
        self.site.listeners.close();
    }
}

/// One that was let in is closed without a session: the server stops.
pub(super) fn turn_away(newcomer: Newcomer, site: &Site, row: &RowHandle) {
    drop(newcomer);
    count_refused(row, 1);
    site.gate.leave(row);
}

fn count_refused(row: &RowHandle, refused: u64) {
    row.gather(&mut Stats { refused, ..Stats::default() });
}
