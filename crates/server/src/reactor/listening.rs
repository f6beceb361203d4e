//! A loop's listeners: when it accepts, when it pauses, when it lets them go.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Instant;

use super::Reactor;
use crate::admission::Accepted;
use crate::listening::Listener;
use crate::mechanism::{Interest, Key, Mechanism};

/// Peers accepted at a time; then those who are served already get their turn.
const BATCH: usize = 64;

/// Why a loop does not accept now, if it does not.
pub(super) struct Listening {
    lent: Vec<Arc<Listener>>,
    /// The mechanism watches the listeners.
    watched: bool,
    /// The mechanism watches for a peer that leaves, anywhere in the server.
    awaits_leaving: bool,
    /// Another thread accepts for this loop, and may still send newcomers.
    pub(super) awaits_handoffs: bool,
    /// The operator said `pause`.
    pub(super) held: bool,
    /// Full, or out of descriptors.
    pause: Option<Pause>,
    /// Listeners whose backlogs are still to be taken in, once the drain has begun.
    closing: Vec<Arc<Listener>>,
    /// How many may still be taken from there.
    left: usize,
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
            watched: false,
            awaits_leaving: false,
            awaits_handoffs,
            held: false,
            pause: None,
            closing: Vec::new(),
            left: 0,
        }
    }

    /// When the pause ends by itself.
    pub(super) fn resumes(&self) -> Option<Instant> {
        self.pause.and_then(|pause| pause.until)
    }

    /// There is room for another.
    pub(super) fn peer_left(&mut self) {
        self.pause = None;
    }

    /// All listeners were given back, and nobody else sends newcomers.
    pub(super) fn closed(&self) -> bool {
        self.closing.is_empty() && !self.awaits_handoffs
    }

    /// Full: there will be room when a peer leaves, be it another loop's.
    fn full(&self) -> bool {
        matches!(self.pause, Some(Pause { until: None }))
    }

    fn wanted(&self) -> bool {
        !self.held && self.pause.is_none()
    }
}

impl<M: Mechanism> Reactor<'_, M> {
    /// Watches the listeners if the loop is to accept, and does not if it is not.
    pub(super) fn listen(&mut self) -> io::Result<()> {
        if self.listening.resumes().is_some_and(|until| until <= self.hand.now) {
            self.listening.pause = None;
        }
        self.await_leaving()?;
        let wanted = self.listening.wanted() && !self.workers_are_full();
        if wanted == self.listening.watched {
            return Ok(());
        }
        self.hand.stats.arms += M::ARMS * self.listening.lent.len() as u64;
        for (index, listener) in self.listening.lent.iter().enumerate() {
            match wanted {
                true => {
                    self.mechanism.add(listener.as_fd(), Key::listener(index), Interest::READ)?;
                }
                false => self.mechanism.remove(listener.as_fd())?,
            }
        }
        self.listening.watched = wanted;
        Ok(())
    }

    /// While the server is full, watches for a peer that leaves another loop.
    pub(super) fn await_leaving(&mut self) -> io::Result<()> {
        let wanted = self.listening.full();
        if wanted != self.listening.awaits_leaving {
            self.listening.awaits_leaving = wanted;
            self.hand.stats.arms += M::ARMS;
            let left = self.site.gate.left.fd();
            match wanted {
                true => self.mechanism.add(left, Key::LEFT, Interest::READ)?,
                false => self.mechanism.remove(left)?,
            }
        }
        Ok(())
    }

    /// Takes peers out of one listener's backlog.
    pub(super) fn accept(&mut self, index: usize) {
        for _ in 0..BATCH {
            if self.workers_are_full() {
                return;
            }
            let Some(listener) = self.listening.lent.get(index).map(Arc::clone) else { return };
            if !self.accept_one(&listener) {
                return;
            }
        }
    }

    /// The drain has begun: nobody watches the listeners any more, only their backlogs count.
    pub(super) fn begin_to_close(&mut self) {
        for listener in &self.listening.lent {
            if self.listening.watched
                && let Err(error) = self.mechanism.remove(listener.as_fd())
            {
                tracing::warn!("{} cannot let go of a listener: {error}", M::CALL);
            }
        }
        self.listening.closing = std::mem::take(&mut self.listening.lent);
        self.listening.watched = false;
        self.listening.left = self.site.listeners.backlog();
    }

    /// Takes in who waits in the backlogs, then gives the listeners back. Those for whom there is no
    /// room wait on, until another peer has left. In all no more than a backlog holds, so that a
    /// flood of newcomers does not put the stop off.
    pub(super) fn accept_rest(&mut self) {
        while let Some(listener) = self.listening.closing.last().map(Arc::clone) {
            while self.listening.left > 0 && self.accept_one(&listener) {
                self.listening.left -= 1;
            }
            if self.listening.left > 0 && self.listening.pause.is_some() {
                return;
            }
            self.listening.closing.pop();
        }
        self.give_back();
    }

    /// The listeners are closed, if they were this loop's: those of a thread that accepts for it have
    /// backlogs of which only that thread knows when they are empty.
    fn give_back(&self) {
        if !self.station.handoff {
            self.site.listeners.close();
        }
    }

    /// Closes those who still wait, and gives the listeners back.
    pub(super) fn refuse_rest(&mut self) {
        let closing = std::mem::take(&mut self.listening.closing);
        for listener in &closing {
            self.hand.stats.refused += self.acceptor.refuse_all(listener, &mut self.listening.left);
        }
        self.give_back();
    }

    /// Whether there may be another.
    fn accept_one(&mut self, listener: &Listener) -> bool {
        match self.acceptor.accept(&self.site.gate, listener) {
            Accepted::Peer(newcomer) => self.open(newcomer),
            Accepted::Refused => self.hand.stats.refused += 1,
            Accepted::Nobody => return false,
            Accepted::Full => {
                self.listening.pause = Some(Pause { until: None });
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
