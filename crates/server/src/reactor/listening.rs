//! A loop's listeners: when it accepts, when it pauses, when it lets them go.

use std::io;
use std::iter;
use std::mem;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Instant;

use super::{Engine, Reactor};
use crate::admission::{Accepted, Intake, Whose};
use crate::listening::{Attention, Listener};
use crate::mechanism::{Interest, Key};

/// Peers accepted at a time; then those who are served already get their turn.
const BATCH: usize = 64;

/// Why a loop does not accept now, if it does not.
pub(super) struct Listening {
    lent: Vec<Arc<Listener>>,
    /// Those that the mechanism watches.
    watched: Attention,
    /// The mechanism watches for a peer that leaves, anywhere in the server; in this process.
    awaits_leaving: bool,
    awaits_own: bool,
    /// Another thread accepts for this loop, and may still send newcomers.
    pub(super) awaits_handoffs: bool,
    /// The operator said `pause`.
    pub(super) held: bool,
    /// Full, or out of descriptors.
    pause: Option<Pause>,
    /// Newcomers at listeners that all processes share are left to the others.
    leaves: bool,
    /// Takes in who waits in their backlogs, once the drain has begun.
    intake: Option<Intake>,
}

#[derive(Clone, Copy)]
struct Pause {
    /// It ends then, or when a peer leaves.
    until: Option<Instant>,
}

impl Listening {
    pub(super) fn new(lent: Vec<Arc<Listener>>, awaits_handoffs: bool) -> Listening {
        Listening {
            lent,
            watched: Attention::default(),
            awaits_leaving: false,
            awaits_own: false,
            awaits_handoffs,
            held: false,
            pause: None,
            leaves: false,
            intake: None,
        }
    }

    /// When the pause ends by itself.
    pub(super) fn resumes(&self) -> Option<Instant> {
        self.pause.and_then(|pause| pause.until)
    }

    /// There is room for another.
    pub(super) fn peer_left(&mut self, whose: Whose) {
        match whose {
            Whose::Servers => self.pause = None,
            Whose::Own => self.leaves = false,
        }
    }

    /// All listeners were given back, and nobody else sends newcomers.
    pub(super) fn closed(&self) -> bool {
        self.intake.as_ref().is_none_or(Intake::over) && !self.awaits_handoffs
    }

    /// There will be room when a peer leaves, be it another loop's.
    fn full(&self) -> bool {
        matches!(self.pause, Some(Pause { until: None }))
    }

    fn wanted(&self) -> bool {
        !self.held && self.pause.is_none() && self.intake.is_none()
    }
}

impl<E: Engine> Reactor<'_, E> {
    /// Watches the listeners if the loop is to accept, and does not if it is not.
    pub(super) fn listen(&mut self) -> io::Result<()> {
        if self.listening.resumes().is_some_and(|until| until <= self.hand.now) {
            self.listening.pause = None;
        }
        self.await_leaving()?;
        let any = self.listening.wanted() && !self.workers_are_full();
        let wanted = Attention { any, leaves: self.listening.leaves };
        if wanted == self.listening.watched {
            return if E::ACCEPTS && any { self.engine.listen_on() } else { Ok(()) };
        }
        let before = mem::replace(&mut self.listening.watched, wanted);
        for index in 0..self.listening.lent.len() {
            let listener = &self.listening.lent[index];
            let (before, wanted) = (before.has(listener), wanted.has(listener));
            if before != wanted {
                self.attend(index, wanted)?;
            }
        }
        Ok(())
    }

    /// Watches a listener, or does so no longer; where the kernel tells one loop alone of a newcomer,
    /// the listener's bell as well.
    fn attend(&mut self, index: usize, watch: bool) -> io::Result<()> {
        let listener = &self.listening.lent[index];
        let bell = listener.passed_on().filter(|_| E::EXCLUSIVE);
        let bell = bell.map(|fd| (fd, Key::passed_on(index)));
        let alone = E::ACCEPTS && self.accepts_alone(listener);
        for (fd, key) in iter::once((listener.as_fd(), Key::listener(index))).chain(bell) {
            self.hand.stats.arms += E::ARMS;
            match watch {
                true if alone => self.engine.listen(fd, key)?,
                true => self.engine.add(fd, key, Interest::READ)?,
                false => self.engine.remove(fd, key)?,
            }
        }
        Ok(())
    }

    /// Whether nobody else could serve those who come to this listener, and nobody is to wait there: so
    /// the kernel may accept them all at once.
    fn accepts_alone(&self, listener: &Listener) -> bool {
        (self.station.alone || !listener.shared) && self.site.gate.refuses()
    }

    /// Lets those in whom the kernel has accepted, so many at a time.
    pub(super) fn take_in(&mut self) {
        self.note_accepted();
        for _ in 0..BATCH {
            let Some(listener) = self.first_ahead() else { return };
            let accepted = self.acceptor.accept(&self.site.gate, &listener);
            if !self.receive(accepted) {
                return;
            }
        }
    }

    fn note_accepted(&mut self) {
        while let Some((key, came)) = self.engine.accepted() {
            let listener = key.listener_index().and_then(|index| self.listening.lent.get(index));
            if let Some(listener) = listener {
                self.acceptor.came(listener, came);
            }
        }
    }

    /// Whether somebody can be let in whom the kernel has accepted.
    pub(super) fn has_ahead(&self) -> bool {
        self.first_ahead().is_some()
    }

    fn first_ahead(&self) -> Option<Arc<Listener>> {
        if self.acceptor.ahead() == 0 || !self.listening.wanted() || self.workers_are_full() {
            return None;
        }
        self.listening.lent.iter().find(|listener| self.acceptor.is_next(listener)).cloned()
    }

    /// Leaves newcomers at listeners that all processes share to the others, until one of this
    /// process's own peers has left.
    fn leave_to_others(&mut self) {
        if !mem::replace(&mut self.listening.leaves, true) && E::EXCLUSIVE {
            self.listening.lent.iter().for_each(|listener| listener.pass_on());
        }
    }

    /// While the server is full, or this process is, watches for a peer that leaves another loop.
    pub(super) fn await_leaving(&mut self) -> io::Result<()> {
        let Listening { awaits_leaving, awaits_own, leaves, .. } = self.listening;
        let full = self.listening.full();
        if full != awaits_leaving {
            self.listening.awaits_leaving = full;
            self.await_bell(Whose::Servers, Key::LEFT, full)?;
        }
        if leaves != awaits_own {
            self.listening.awaits_own = leaves;
            self.await_bell(Whose::Own, Key::OWN_LEFT, leaves)?;
        }
        Ok(())
    }

    fn await_bell(&mut self, whose: Whose, key: Key, watch: bool) -> io::Result<()> {
        self.hand.stats.arms += E::ARMS;
        let left = self.site.gate.left(whose);
        match watch {
            true => self.engine.add(left, key, Interest::READ),
            false => self.engine.remove(left, key),
        }
    }

    /// Takes peers out of one listener's backlog. `passed_on`: its bell was rung, which is answered
    /// only by one who looks, so that no ring is lost.
    pub(super) fn accept(&mut self, index: usize, passed_on: bool) {
        let Some(listener) = self.listening.lent.get(index) else { return };
        // One that was left to others in the same wait is not looked at again: they were told.
        if self.workers_are_full() || self.listening.leaves && listener.shared {
            return;
        }
        if passed_on {
            listener.answer();
        }
        for _ in 0..BATCH {
            if self.workers_are_full() {
                return;
            }
            let Some(listener) = self.listening.lent.get(index) else { return };
            let accepted = self.acceptor.accept(&self.site.gate, listener);
            if !self.receive(accepted) {
                return;
            }
        }
    }

    /// The drain has begun: nobody watches the listeners any more, only their backlogs count.
    pub(super) fn begin_to_close(&mut self) {
        let watched = mem::take(&mut self.listening.watched);
        for index in 0..self.listening.lent.len() {
            if watched.has(&self.listening.lent[index])
                && let Err(error) = self.attend(index, false)
            {
                tracing::warn!("{} cannot let go of a listener: {error}", E::CALL);
            }
        }
        self.note_accepted();
        let most = self.site.listeners.backlog() + self.acceptor.ahead();
        self.listening.intake = Some(Intake::of(&self.listening.lent, most));
    }

    /// Takes in who waits in the backlogs, then gives the listeners back. Those for whom there is no
    /// room wait on, until another peer has left.
    pub(super) fn accept_rest(&mut self) {
        while let Some(intake) = &mut self.listening.intake {
            let accepted = intake.next(&mut self.acceptor, &self.site.gate);
            if !self.receive(accepted) {
                break;
            }
        }
        if self.listening.intake.as_ref().is_none_or(Intake::over) {
            self.give_back();
        }
    }

    /// The listeners are closed, if they were this loop's: those of a thread that accepts for it have
    /// backlogs of which only that thread knows when they are empty.
    fn give_back(&mut self) {
        self.listening.lent.clear();
        if !self.station.handoff {
            self.site.listeners.close();
        }
    }

    /// Closes those who still wait, and gives the listeners back.
    pub(super) fn refuse_rest(&mut self) {
        if let Some(intake) = &mut self.listening.intake {
            self.hand.stats.refused += intake.refuse_rest(&mut self.acceptor);
        }
        self.note_accepted();
        self.hand.stats.refused += self.acceptor.refuse_ahead();
        self.give_back();
    }

    /// Whether there may be another.
    fn receive(&mut self, accepted: Accepted) -> bool {
        match accepted {
            Accepted::Peer(newcomer) => self.open(newcomer),
            Accepted::Refused => self.hand.stats.refused += 1,
            Accepted::Nobody => return false,
            Accepted::Full => {
                self.listening.pause = Some(Pause { until: None });
                return false;
            }
            Accepted::Left => {
                self.leave_to_others();
                return false;
            }
            Accepted::Exhausted { refused, pause } => {
                self.hand.stats.refused += u64::from(refused);
                self.listening.pause = Some(Pause { until: Some(self.hand.now + pause) });
                return false;
            }
        }
        true
    }
}
