//! The floor of the blocking models: who is served by which thread, and how they are all stopped.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use switchboard_core::{Ending, PeerInfo, Terms};

use super::DESCRIPTORS;
use super::answering::answer;
use super::entrance::{ENTRANCE_DESCRIPTORS, Entrance};
use super::lobby::Lobby;
use super::presence::Presence;
use crate::admission::Newcomer;
use crate::carrier::blocking::Buffers;
use crate::carrier::delivered;
use crate::counters::{RowHandle, Stats};
use crate::offload::{Desk, Hears};
use crate::site::Site;
use crate::stopping::Bell;
use crate::supervision::{Crew, Seen, Staff};

/// How long threads get to notice that their peers were cut off.
const CUT_GRACE: Duration = Duration::from_secs(1);

/// How often those are looked after for whom the kernel holds bytes.
const LOOK: Duration = Duration::from_millis(20);

/// Descriptors that a process opens for itself where so many threads accept: their entrances, and the
/// reserve of the lobby.
pub(super) const fn descriptors(accepting: usize) -> usize {
    DESCRIPTORS + accepting * ENTRANCE_DESCRIPTORS + 1
}

/// All peers of a blocking model in this process.
pub(crate) struct Floor {
    pub(crate) site: Arc<Site>,
    peers: Arc<Mutex<Present>>,
    /// Where they hand in their jobs.
    desk: Arc<Desk>,
    /// What each of them is granted.
    terms: Arc<Terms>,
    /// Rung when a thread has ended, or a peer has left in the drain.
    pub(super) bell: Arc<Bell>,
}

/// Peers by their identities.
type Present = BTreeMap<u64, Arc<Presence>>;

/// The threads of those peers.
struct Threads(Arc<Mutex<Present>>);

impl Threads {
    fn tell(&self, peer: u64, tell: impl Fn(&Presence)) {
        let present = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        present.get(&peer).into_iter().for_each(|presence| tell(presence));
    }
}

impl Hears for Threads {
    fn job_done(&self, peer: u64) {
        self.tell(peer, Presence::ring);
    }

    fn mail(&self, peer: u64, _: u64, overrun: bool) {
        self.tell(peer, |presence| presence.mail(overrun));
    }
}

impl Floor {
    pub(crate) fn new(site: &Arc<Site>) -> io::Result<Floor> {
        let bell = Arc::new(Bell::new()?);
        let peers: Arc<Mutex<Present>> = Arc::default();
        let desk = Arc::new(Desk::new(&site.jobs, Threads(Arc::clone(&peers))));
        let terms = desk.terms(site.terms.limits);
        Ok(Floor { site: Arc::clone(site), peers, desk, terms, bell })
    }

    /// Serves one peer on this thread, from its opening to the closing of its socket. `row` is where
    /// it is counted; `buffers`, those of a thread that serves several.
    pub(crate) fn serve(&self, newcomer: Newcomer, row: &RowHandle, buffers: &mut Buffers) {
        row.gather(&mut Stats { accepted: 1, ..Stats::default() });
        let presence = Arc::new(Presence::new(newcomer, row.clone()));
        self.peers().insert(presence.info.id, Arc::clone(&presence));
        self.site.say_opened(&presence.info);
        let (ending, error) = answer(&self.site, &presence, &self.desk, &self.terms, buffers);
        if self.leave(presence, ending, error.as_ref()) {
            self.site.gate.leave(row);
        }
        if self.site.stop.draining() {
            self.bell.ring();
        }
    }

    /// A peer leaves the list before its socket is closed, so that no one shuts down a descriptor
    /// that has been given to somebody else. Whether it was there: one that was left behind has been
    /// counted, and has left the gate.
    fn leave(&self, presence: Arc<Presence>, ending: Ending, error: Option<&io::Error>) -> bool {
        let traffic = presence.traffic();
        let mut stats = Stats::default();
        stats.ended(ending);
        self.site.say_closed((presence.info.id, &presence.info.address), ending, traffic, error);
        let row = presence.row.clone();
        self.desk.forget(presence.info.id);
        let mut peers = self.peers();
        let present = peers.remove(&presence.info.id).is_some();
        if present {
            row.gather(&mut stats);
        }
        drop(peers);
        drop(presence);
        present
    }

    /// Wakes the threads that wait for the beginning of a request. Not those for whose peers the
    /// kernel still holds bytes: a socket that is shut on both sides resets a peer that says more
    /// (RFC 9293, 3.10.7.4). Whether there are any, who are to be looked after again.
    pub(crate) fn release_idle(&self) -> bool {
        let mut held = false;
        for presence in self.peers().values() {
            if presence.between.load(SeqCst) && !presence.shut.load(SeqCst) {
                match delivered(&presence.socket) {
                    true => presence.shut_reading(),
                    false => held = true,
                }
            }
        }
        held
    }

    /// Ends every wait for every peer. The stop has been cut.
    pub(crate) fn cut_off(&self) {
        self.peers().values().for_each(|presence| presence.cut_off());
    }

    /// Whether nobody is there.
    pub(crate) fn is_empty(&self) -> bool {
        self.peers().is_empty()
    }

    /// Those who are left when the grace is over: their peers count as cut off, their threads are
    /// named.
    fn leave_behind(&self) {
        for presence in std::mem::take(&mut *self.peers()).into_values() {
            let PeerInfo { id, address, .. } = &presence.info;
            tracing::warn!("left behind: the thread of peer {id} still computes for {address}");
            let mut stats = Stats::default();
            stats.ended(Ending::CutOff);
            presence.row.gather(&mut stats);
            self.site.gate.leave(&presence.row);
        }
    }

    /// Whether a thread waits for the beginning of a request.
    #[cfg(test)]
    pub(crate) fn any_waits(&self) -> bool {
        self.peers().values().any(|presence| presence.between.load(SeqCst))
    }

    fn peers(&self) -> MutexGuard<'_, Present> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The threads on the floor.
pub(super) struct FloorCrew {
    pub(super) floor: Arc<Floor>,
    /// Those who wait for newcomers.
    pub(super) entrances: Vec<Arc<Entrance>>,
    /// Where those wait whom the drain finds in the backlogs.
    lobby: Lobby,
    pub(super) staff: Staff,
    /// Threads that are not of the staff have ended, too.
    pub(super) others_ended: Box<dyn Fn() -> bool>,
    /// Closes those who wait for threads elsewhere than in the lobby.
    pub(super) clear_others: Box<dyn Fn()>,
}

impl FloorCrew {
    /// Nobody yet.
    pub(super) fn new(floor: &Arc<Floor>) -> FloorCrew {
        let staff = Staff::new(&floor.bell, &floor.site.stop);
        let lobby = Lobby::new(&floor.site, floor.site.row(0), false);
        FloorCrew {
            floor: Arc::clone(floor),
            entrances: Vec::new(),
            lobby,
            staff,
            others_ended: Box::new(|| true),
            clear_others: Box::new(|| ()),
        }
    }

    /// Another entrance, for a thread that counts in `row`.
    pub(super) fn entrance(&mut self, row: RowHandle) -> io::Result<Arc<Entrance>> {
        let (site, begun) = (&self.floor.site, self.staff.begun());
        let entrance = Arc::new(Entrance::new(site, row, false, begun, &self.lobby)?);
        self.entrances.push(Arc::clone(&entrance));
        Ok(entrance)
    }
}

impl FloorCrew {
    /// Ready to serve, once every entrance is watched.
    pub(super) fn begun(mut self) -> io::Result<Box<dyn Crew>> {
        self.staff.await_begun(self.entrances.len())?;
        Ok(Box::new(self))
    }
}

impl Crew for FloorCrew {
    fn fd(&self) -> BorrowedFd<'_> {
        self.staff.fd()
    }

    fn look(&mut self) -> io::Result<()> {
        self.floor.bell.quiet();
        self.staff.failure()
    }

    fn ended(&mut self) -> bool {
        self.staff.ended() && (self.others_ended)() && self.floor.is_empty()
    }

    fn let_go(&mut self) -> Option<Duration> {
        let filled = self.lobby.fill();
        let released = self.floor.release_idle().then_some(LOOK);
        filled.into_iter().chain(released).min()
    }

    fn cut_off(&mut self) {
        self.lobby.clear();
        self.floor.cut_off();
    }

    fn grace(&self) -> Duration {
        CUT_GRACE
    }

    fn leave_behind(&mut self) {
        (self.clear_others)();
        self.floor.leave_behind();
    }

    fn hold(&mut self, _: bool) {
        self.entrances.iter().for_each(|entrance| entrance.heed_hold());
    }

    fn report(&mut self, each: Option<&mut dyn FnMut(Seen)>) {
        let Some(each) = each else { return };
        for presence in self.floor.peers().values() {
            let PeerInfo { id, address, .. } = &presence.info;
            each(Seen { id: *id, address: address.to_string(), traffic: presence.traffic() });
        }
    }

    fn join(&mut self) -> io::Result<()> {
        // Whoever is there has been left by threads that failed.
        self.lobby.clear();
        self.staff.join()
    }
}
