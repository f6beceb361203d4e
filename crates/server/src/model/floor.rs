//! The floor of the blocking models: who is served by which thread, and how they are all stopped.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use switchboard_core::{Connection, Ending, Outcome, Peer, PeerInfo, Style};

use super::presence::Presence;
use crate::admission::{Accepted, Acceptor, Newcomer};
use crate::carrier::blocking::{BlockingWire, converse};
use crate::carrier::delivered;
use crate::counters::Stats;
use crate::listening::Listener;
use crate::site::Site;
use crate::stopping::Bell;
use crate::waiting::until_readable;

/// How long threads get to notice that their peers were cut off.
const CUT_GRACE: Duration = Duration::from_secs(1);

/// How often those are looked after who were cut off, or for whom the kernel holds bytes.
const LOOK: Duration = Duration::from_millis(20);

/// All peers of a blocking model, its acceptor's bell, its counters.
pub(crate) struct Floor {
    pub(crate) site: Arc<Site>,
    peers: Mutex<BTreeMap<u64, Arc<Presence>>>,
    /// Rung for the accepting or the draining thread.
    bell: Bell,
    /// The operator said `pause`.
    held: AtomicBool,
}

impl Floor {
    pub(crate) fn new(site: &Arc<Site>) -> io::Result<Floor> {
        Ok(Floor {
            site: Arc::clone(site),
            peers: Mutex::default(),
            bell: Bell::new()?,
            held: AtomicBool::new(false),
        })
    }

    /// Serves one peer on this thread, from its opening to the closing of its socket.
    pub(crate) fn serve(&self, newcomer: Newcomer) {
        let presence = Arc::new(Presence::new(newcomer));
        self.peers().insert(presence.info.id, Arc::clone(&presence));
        self.site.counters.gather(&mut Stats { accepted: 1, ..Stats::default() });
        self.site.say_opened(&presence.info);
        // A panic that no session's or handler's own guard caught, such as in a destructor.
        let answered = AssertUnwindSafe(|| self.answer(&presence));
        let (ending, error) = panic::catch_unwind(answered).unwrap_or((Ending::Panicked, None));
        self.leave(presence, ending, error.as_ref());
    }

    fn answer(&self, presence: &Arc<Presence>) -> (Ending, Option<io::Error>) {
        let mut wire = BlockingWire::new(Arc::clone(presence), self.site.stop.clone());
        let terms = Arc::clone(&self.site.terms);
        match self.site.service.style() {
            Style::StraightLine(handler) => {
                let linger = terms.linger;
                let peer = Peer::new(&mut wire, presence.info.clone(), terms);
                let (ending, error) = peer.serve(&**handler);
                if ending == Ending::Closed
                    || (ending.outcome() == Outcome::InOrder && wire.holds())
                {
                    wire.linger(linger);
                }
                (ending, error)
            }
            Style::Event(open) => {
                let info = &presence.info;
                let session = panic::catch_unwind(AssertUnwindSafe(|| open(info)));
                let Ok(session) = session else { return (Ending::Panicked, None) };
                let bounds = terms.limits;
                let mut connection = Connection::new(session, info, terms, Instant::now());
                let ending = converse(&mut connection, &mut wire, bounds);
                (connection.close(ending), None)
            }
        }
    }

    /// A peer leaves the list before its socket is closed, so that no one shuts down a descriptor
    /// that has been given to somebody else.
    fn leave(&self, presence: Arc<Presence>, ending: Ending, error: Option<&io::Error>) {
        let traffic = presence.traffic();
        let mut stats = Stats { received: traffic.0, sent: traffic.1, ..Stats::default() };
        stats.ended(ending);
        self.site.say_closed((presence.info.id, &presence.info.address), ending, traffic, error);
        {
            // Under the lock, so that no one counts this peer's bytes twice or not at all.
            let mut peers = self.peers();
            // One that was left behind has been counted.
            if peers.remove(&presence.info.id).is_some() {
                self.site.counters.gather(&mut stats);
            }
        }
        drop(presence);
        self.site.gate.leave();
    }

    /// Accepts until the drain begins, and then whoever is in the backlogs; `serve` is called for
    /// each. Returns after the listeners were closed.
    pub(crate) fn accept(&self, mut serve: impl FnMut(Newcomer) -> io::Result<()>) {
        let lent = self.site.listeners.lend();
        let mut acceptor = Acceptor::new(false);
        while !self.site.stop.draining() {
            self.accept_waiting(&mut acceptor, &lent, &mut serve);
        }
        self.release_idle();
        // In all no more than a backlog holds, so that a flood does not put the stop off.
        let mut left = self.site.listeners.backlog();
        for listener in &lent {
            self.accept_rest(&mut acceptor, listener, &mut left, &mut serve);
            let refused = acceptor.refuse_all(listener, &mut left);
            self.site.counters.gather(&mut Stats { refused, ..Stats::default() });
        }
        self.site.listeners.close();
    }

    /// Takes in who waits in a backlog; those for whom there is no room wait until another has left.
    fn accept_rest(
        &self,
        acceptor: &mut Acceptor,
        listener: &Listener,
        left: &mut usize,
        serve: &mut impl FnMut(Newcomer) -> io::Result<()>,
    ) {
        let over = || {
            let passed = |deadline| deadline <= Instant::now();
            self.site.stop.cutting() || self.site.drain_deadline().is_some_and(passed)
        };
        while *left > 0 && !over() {
            match self.accept_one(acceptor, listener, serve) {
                None => *left -= 1,
                Some(Duration::ZERO) => return,
                Some(pause) => {
                    let end = self.site.drain_deadline();
                    let left = end.map(|end| end.saturating_duration_since(Instant::now()));
                    self.pause(self.site.stop.cut_fd(), left.map_or(pause, |left| left.min(pause)));
                }
            }
        }
    }

    /// Waits once for the listeners, the stop, the bell; accepts from each listener that is ready.
    fn accept_waiting(
        &self,
        acceptor: &mut Acceptor,
        lent: &[Arc<Listener>],
        serve: &mut impl FnMut(Newcomer) -> io::Result<()>,
    ) {
        let watched = if self.held.load(SeqCst) { &[] } else { lent };
        let mut fds = vec![self.site.stop.drain_fd(), self.bell.fd()];
        fds.extend(watched.iter().map(|listener| listener.as_fd()));
        let ready = until_readable(&fds, None);
        if ready.contains(&1) {
            self.bell.quiet();
        }
        for (index, listener) in watched.iter().enumerate() {
            if !ready.contains(&(index + 2)) {
                continue;
            }
            if let Some(pause) = self.accept_one(acceptor, listener, serve)
                && pause > Duration::ZERO
            {
                self.pause(self.site.stop.drain_fd(), pause);
            }
        }
    }

    /// `Some`: nobody can be accepted for that long (zero: nobody waits).
    fn accept_one(
        &self,
        acceptor: &mut Acceptor,
        listener: &Listener,
        serve: &mut impl FnMut(Newcomer) -> io::Result<()>,
    ) -> Option<Duration> {
        let refuse = || self.site.counters.gather(&mut Stats { refused: 1, ..Stats::default() });
        match acceptor.accept(&self.site.gate, listener) {
            Accepted::Peer(newcomer) => {
                let Err(error) = serve(newcomer) else { return None };
                // No thread could be started, and the peer was closed with it: as with descriptors.
                self.site.gate.withdraw();
                match acceptor.exhausted(true, || format!("no thread for a peer: {error}")) {
                    Accepted::Exhausted { pause, .. } => {
                        refuse();
                        Some(pause)
                    }
                    _ => None,
                }
            }
            Accepted::Refused => {
                refuse();
                None
            }
            Accepted::Nobody => Some(Duration::ZERO),
            Accepted::Full => Some(Duration::MAX),
            Accepted::Exhausted { refused, pause } => {
                if refused {
                    refuse();
                }
                Some(pause)
            }
        }
    }

    /// Accepts nobody for that long, or until a peer leaves or `stop` is readable.
    fn pause(&self, stop: BorrowedFd<'_>, pause: Duration) {
        let gate = &self.site.gate;
        gate.left.quiet();
        gate.await_leaving();
        // For ever means that it is full: someone may have left before that could be told.
        if pause == Duration::MAX && !gate.full() {
            return;
        }
        until_readable(&[stop, gate.left.fd()], Some(pause));
    }

    /// Waits for the drain and lets those go who are between requests.
    pub(crate) fn drain(&self) {
        until_readable(&[self.site.stop.drain_fd()], None);
        self.release_idle();
    }

    /// Wakes the threads that wait for the beginning of a request. Not those for whose peers the
    /// kernel still holds bytes: a socket that is shut on both sides resets a peer that says more
    /// (RFC 9293, 3.10.7.4). Whether there are any, who are to be looked after again.
    fn release_idle(&self) -> bool {
        let mut held = false;
        for presence in self.peers().values() {
            if presence.between.load(SeqCst) && !presence.shut.load(SeqCst) {
                match delivered(&presence.socket) {
                    true => presence.shut_reading(),
                    false => held = true,
                }
            }
            presence.rouse();
        }
        held
    }

    /// Wakes the thread that drains, or accepts.
    pub(crate) fn ring(&self) {
        self.bell.ring();
    }

    /// Readable when it was rung.
    pub(crate) fn bell(&self) -> BorrowedFd<'_> {
        self.bell.fd()
    }

    /// Waits until everyone has left and all threads have ended, of which `end` becomes readable
    /// to tell; false: some have not when the drain is over.
    pub(crate) fn see_off(&self, end: BorrowedFd<'_>, ended: impl Fn() -> bool) -> bool {
        let mut announced = false;
        let begin = Instant::now();
        loop {
            // Before looking, so that a ring after it is not lost.
            self.bell.quiet();
            if ended() && self.peers().is_empty() {
                return true;
            }
            let deadline = self.site.drain_deadline();
            let left = deadline.map(|end| end.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) || self.site.stop.cutting() {
                return false;
            }
            // Those who were between requests are gone by then.
            if !announced && begin.elapsed() >= LOOK {
                announced = true;
                self.site.say_draining(self.peers().len());
            }
            let look = (self.release_idle() || !announced).then_some(LOOK);
            let wait = look.map_or(left, |look| Some(left.map_or(look, |left| left.min(look))));
            until_readable(&[self.site.stop.cut_fd(), end], wait);
        }
    }

    /// Cuts everyone off and gives their threads a moment to notice; says who did not.
    pub(crate) fn cut_off(&self, ended: impl Fn() -> bool) {
        self.site.stop.cut();
        let end = Instant::now() + CUT_GRACE;
        loop {
            for presence in self.peers().values() {
                presence.cut_off();
            }
            let left = end.saturating_duration_since(Instant::now());
            if (ended() && self.peers().is_empty()) || left.is_zero() {
                break;
            }
            until_readable(&[self.bell.fd()], Some(left.min(LOOK)));
            self.bell.quiet();
        }
        for presence in std::mem::take(&mut *self.peers()).into_values() {
            self.leave_behind(&presence);
        }
    }

    /// A handler computes on: its peer is counted as cut off, its thread is named.
    fn leave_behind(&self, presence: &Presence) {
        let PeerInfo { id, address, .. } = &presence.info;
        tracing::warn!("left behind: the thread of peer {id} still computes for {address}");
        let (received, sent) = presence.traffic();
        let mut stats = Stats { received, sent, ..Stats::default() };
        stats.ended(Ending::CutOff);
        self.site.counters.gather(&mut stats);
    }

    /// The counters, with the bytes of those who are still here.
    pub(crate) fn stats(&self) -> Stats {
        let peers = self.peers();
        let mut stats = self.site.counters.read();
        for presence in peers.values() {
            let (received, sent) = presence.traffic();
            stats.received += received;
            stats.sent += sent;
        }
        stats
    }

    /// Calls `each` for every peer.
    pub(crate) fn each_peer(&self, mut each: impl FnMut(&Presence)) -> usize {
        let peers = self.peers();
        peers.values().for_each(|presence| each(presence));
        peers.len()
    }

    /// Stops or resumes accepting.
    pub(crate) fn hold(&self, held: bool) {
        self.held.store(held, SeqCst);
        self.bell.ring();
    }

    fn peers(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Presence>>> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
