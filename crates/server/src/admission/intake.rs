//! The intake: whoever waits in the backlogs when the drain begins is taken in before the listeners
//! close.

use std::mem;
use std::sync::{Arc, Weak};

use super::{Accepted, Acceptor, Gate};
use crate::listening::Listener;

/// Empties the backlogs of some listeners. In all it takes no more than one backlog holds, so that a
/// flood of newcomers does not put the stop off.
pub(crate) struct Intake {
    /// Those that may still hold somebody. Not held: whoever finds the backlogs of shared listeners
    /// empty closes them for all.
    open: Vec<Weak<Listener>>,
    /// How many may still be taken.
    left: usize,
}

impl Intake {
    /// The intake of these listeners, which takes up to `most`.
    pub(crate) fn of(listeners: &[Arc<Listener>], most: usize) -> Intake {
        Intake { open: listeners.iter().map(Arc::downgrade).collect(), left: most }
    }

    /// Whether nobody waits any more who is to be taken in.
    pub(crate) fn over(&self) -> bool {
        self.open.is_empty()
    }

    /// The next of those who wait, if there is room; [`Accepted::Nobody`]: it is over.
    pub(crate) fn next(&mut self, acceptor: &mut Acceptor, gate: &Gate) -> Accepted {
        while let Some(listener) = self.open.last() {
            let accepted = match listener.upgrade() {
                Some(listener) if self.left > 0 => acceptor.accept(gate, &listener),
                // Nobody waits at one that another has closed.
                _ => Accepted::Nobody,
            };
            match accepted {
                Accepted::Nobody => drop(self.open.pop()),
                Accepted::Peer(_) | Accepted::Refused => {
                    self.left -= 1;
                    return accepted;
                }
                Accepted::Full | Accepted::Left | Accepted::Exhausted { .. } => return accepted,
            }
        }
        Accepted::Nobody
    }

    /// Closes those who still wait, at once; how many there were.
    pub(crate) fn refuse_rest(&mut self, acceptor: &mut Acceptor) -> u64 {
        let open = mem::take(&mut self.open);
        let open = open.iter().filter_map(Weak::upgrade);
        open.map(|listener| acceptor.refuse_all(&listener, &mut self.left)).sum()
    }
}
