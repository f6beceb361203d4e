//! The entrance: where a thread waits for newcomers, until the drain has emptied backlogs and lobby.
//!
//! Listeners, the stop and the thread's own bell are in one epoll set; of several threads that wait
//! for one listener the kernel wakes one (`EPOLLEXCLUSIVE`), and none of them blocks in accept(2),
//! where no stop would reach it.

use std::io;
use std::iter;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::lobby::{Lobby, turn_away};
use crate::admission::{Accepted, Acceptor, Newcomer, Whose};
use crate::counters::{RowHandle, Stats};
use crate::listening::{Attention, Listener};
use crate::queue::Queue;
use crate::site::Site;
use crate::stopping::Bell;
use crate::supervision::staff::Begun;
use crate::waiting::{Watch, until_readable};

const STOP: u64 = 0;
const BELL: u64 = 1;
const LEFT: u64 = 2;
/// From here on two for each listener: its own, and its bell's.
const LISTENERS: u64 = 4;

/// Descriptors of an entrance: its bell, what it waits with, the reserve of its acceptor.
pub(super) const ENTRANCE_DESCRIPTORS: usize = 3;

/// One thread's entrance.
pub(crate) struct Entrance {
    site: Arc<Site>,
    row: RowHandle,
    /// Whether accepted sockets are to be non-blocking.
    nonblocking: bool,
    begun: Begun,
    /// Whom the warden takes in when the drain begins.
    lobby: Arc<Queue<Newcomer>>,
    /// Rung when the operator says `pause` or `resume`, or there is room at the host's.
    bell: Arc<Bell>,
}

/// Who gets the newcomers of an entrance.
pub(crate) trait Host {
    /// Serves a newcomer, or hands it on.
    ///
    /// # Errors
    /// If there is nobody to serve it; it was closed.
    fn serve(&mut self, newcomer: Newcomer) -> io::Result<()>;

    /// Whether it can take another newcomer. If not, it rings the entrance's bell when it may.
    fn has_room(&self) -> bool {
        true
    }

    /// Looks after those who were handed on; after which time to do it again, at the latest.
    fn look(&mut self) -> Option<Duration> {
        None
    }
}

impl<F: FnMut(Newcomer) -> io::Result<()>> Host for F {
    fn serve(&mut self, newcomer: Newcomer) -> io::Result<()> {
        self(newcomer)
    }
}

/// The name of a listener's bell, by the listener's own, or by itself.
fn bell_of(name: u64) -> u64 {
    name | 1
}

/// The thread's own part of it.
struct Guard<'e> {
    entrance: &'e Entrance,
    /// Not held: the warden closes them for all, those included who are busy with a peer.
    lent: Vec<Weak<Listener>>,
    watched: Attention,
    acceptor: Acceptor,
    watch: Watch,
    /// Newcomers at listeners that all processes share are left to the others, until a peer leaves
    /// this one, which is watched for.
    leaves: bool,
}

impl Entrance {
    /// `row`: where the thread counts.
    pub(crate) fn new(
        site: &Arc<Site>,
        row: RowHandle,
        nonblocking: bool,
        begun: Begun,
        lobby: &Lobby,
    ) -> io::Result<Entrance> {
        let (site, lobby, bell) = (Arc::clone(site), lobby.waiting(), Arc::new(Bell::new()?));
        Ok(Entrance { site, row, nonblocking, begun, lobby, bell })
    }

    /// Accepts until the drain begins, and then takes in whoever is in the lobby; `serve` is called
    /// for each. Returns when nobody else will come.
    ///
    /// # Errors
    /// If nothing can be waited for.
    pub(crate) fn admit(
        &self,
        mut serve: impl FnMut(Newcomer) -> io::Result<()>,
    ) -> io::Result<()> {
        self.admit_for(&mut serve)
    }

    /// As [`admit`](Entrance::admit), for a host that looks after its newcomers.
    ///
    /// # Errors
    /// If nothing can be waited for.
    pub(crate) fn admit_for(&self, host: &mut impl Host) -> io::Result<()> {
        let mut guard = Guard {
            entrance: self,
            lent: self.site.listeners.lend(0).iter().map(Arc::downgrade).collect(),
            watched: Attention::default(),
            acceptor: Acceptor::new(self.nonblocking, self.row.clone()),
            watch: Watch::new()?,
            leaves: false,
        };
        guard.watch.add(self.site.stop.drain_fd(), STOP, false)?;
        guard.watch.add(self.bell.fd(), BELL, false)?;
        self.begun.say();
        while !self.site.stop.draining() {
            guard.accept_waiting(host)?;
        }
        guard.serve_rest(host);
        Ok(())
    }

    /// What makes the thread look again.
    pub(crate) fn bell(&self) -> &Arc<Bell> {
        &self.bell
    }

    /// The listeners are held from now on, or no longer: the thread looks again.
    pub(crate) fn heed_hold(&self) {
        self.bell.ring();
    }
}

impl Guard<'_> {
    /// Waits once for the listeners, the stop, the bell; accepts from each listener that is ready.
    fn accept_waiting(&mut self, host: &mut impl Host) -> io::Result<()> {
        self.listen(host.has_room())?;
        self.entrance.row.waited();
        self.watch.wait(host.look())?;
        for place in 0..self.watch.len() {
            let name = self.watch.ready_at(place);
            match name {
                BELL => self.entrance.bell.quiet(),
                LEFT => self.own_peer_left(),
                _ => {}
            }
            let Some(listener) = self.listener(name) else { continue };
            // The operator may have said so meanwhile, or it has just been left to others.
            if !self.wanted(true).has(&listener) {
                continue;
            }
            // Only by one who looks, so that no ring is lost.
            if name == bell_of(name) {
                listener.answer();
            }
            let accepted = self.acceptor.accept(&self.entrance.site.gate, &listener);
            // It is not held while the peer is served.
            drop(listener);
            if matches!(accepted, Accepted::Left) {
                self.leave_to_others()?;
            }
            if let Some(pause) = self.receive(accepted, host)
                && pause > Duration::ZERO
            {
                let pause = host.look().map_or(pause, |look| pause.min(look));
                self.pause(self.entrance.site.stop.drain_fd(), pause);
            }
        }
        Ok(())
    }

    /// Watches the listeners if the host has room, unless the operator said `pause`.
    fn listen(&mut self, room: bool) -> io::Result<()> {
        let wanted = self.wanted(room);
        if wanted == self.watched {
            return Ok(());
        }
        let before = std::mem::replace(&mut self.watched, wanted);
        for (listener, name) in self.lent.iter().zip((LISTENERS..).step_by(2)) {
            let Some(listener) = listener.upgrade() else { continue };
            let bell = listener.passed_on().map(|fd| (fd, bell_of(name)));
            for (fd, name) in iter::once((listener.as_fd(), name)).chain(bell) {
                match (before.has(&listener), wanted.has(&listener)) {
                    (false, true) => self.watch.add(fd, name, true)?,
                    (true, false) => self.watch.remove(fd),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    fn wanted(&self, room: bool) -> Attention {
        let any = room && !self.entrance.site.listeners.held();
        Attention { any, leaves: self.leaves }
    }

    /// The listener that is watched under this name, or whose bell is.
    fn listener(&self, name: u64) -> Option<Arc<Listener>> {
        let place = usize::try_from(name.checked_sub(LISTENERS)? / 2).ok()?;
        self.lent.get(place)?.upgrade()
    }

    /// Leaves newcomers to other processes until one of this process's own peers has left.
    fn leave_to_others(&mut self) -> io::Result<()> {
        if std::mem::replace(&mut self.leaves, true) {
            return Ok(());
        }
        self.lent.iter().filter_map(Weak::upgrade).for_each(|listener| listener.pass_on());
        self.watch.add(self.entrance.site.gate.left(Whose::Own), LEFT, false)
    }

    /// The gate has rung. One ring is taken, and none is watched for that was not asked for.
    fn own_peer_left(&mut self) {
        let gate = &self.entrance.site.gate;
        if std::mem::take(&mut self.leaves) {
            self.watch.remove(gate.left(Whose::Own));
        }
        self.acceptor.answer(gate, Whose::Own);
    }

    /// The drain has begun: serves whom the warden has taken in, until nobody else will come. One
    /// for whom there is no thread is closed, and the next one waits a little.
    fn serve_rest(&mut self, host: &mut impl Host) {
        while let Some(newcomer) = self.entrance.lobby.take() {
            let site = &self.entrance.site;
            if site.stop.cutting() {
                turn_away(newcomer, site, &self.entrance.row);
            } else if let Some(pause) = self.receive(Accepted::Peer(newcomer), host) {
                self.pause(self.entrance.site.stop.cut_fd(), pause);
            }
        }
    }

    /// `Some`: nobody can be accepted for that long (zero: nobody waits who is not
    /// left to others).
    fn receive(&mut self, accepted: Accepted, host: &mut impl Host) -> Option<Duration> {
        let (gate, row) = (&self.entrance.site.gate, &self.entrance.row);
        let refuse = || row.gather(&mut Stats { refused: 1, ..Stats::default() });
        match accepted {
            Accepted::Peer(newcomer) => {
                let Err(error) = host.serve(newcomer) else { return None };
                // Nobody could be started to serve it, and the peer was closed with it: as with
                // descriptors.
                gate.withdraw(row);
                match self.acceptor.exhausted(true, || format!("nobody to serve a peer: {error}")) {
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
            Accepted::Nobody | Accepted::Left => Some(Duration::ZERO),
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
    fn pause(&mut self, stop: BorrowedFd<'_>, pause: Duration) {
        let gate = &self.entrance.site.gate;
        self.acceptor.ask(gate, Whose::Servers);
        if until_readable(&[stop, gate.left(Whose::Servers)], Some(pause)).contains(&1) {
            self.acceptor.answer(gate, Whose::Servers);
        }
    }
}
