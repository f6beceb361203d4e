//! Peers on stacks of their own: what makes straight-line code run where nobody may wait.
//!
//! A handler on a stack **is a session** ([`OnStack`]): a call of the session resumes it with the
//! call's context, and whenever it would wait it is suspended, which ends the call. So no carrier,
//! mechanism or model knows of stacks, and all that is true of a session (limits, deadlines, jobs,
//! drain, counting) is true of a handler. See docs/decisions/0029.
//!
//! A stack lives, ends and unwinds on the thread that first resumed it.

mod handler;
mod memory;
mod overflow;
pub(crate) mod prefetch;
mod session;
#[cfg(test)]
mod tests;

use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;

use switchboard_core::{Ending, PeerInfo, Service, Session, Style, Terms};

use crate::model::Model;
use session::OnStack;

/// The key of models that says how large each stack is.
pub(crate) const SETTING: &str = "stack";

/// The least that a stack may have, in bytes: the formatting of numbers, a panic's message.
pub(crate) const LEAST: u64 = 64 << 10;

/// The most, in bytes.
pub(crate) const MOST: u64 = 1 << 30;

/// What a stack has unless it is told, in bytes: see docs/decisions/0029 for how that was measured.
pub(crate) const DEFAULT: u64 = 256 << 10;

/// How this server's sessions are made.
pub(crate) struct Sessions {
    service: Arc<Service>,
    /// They get stacks.
    stacks: bool,
    /// Bytes of each.
    size: usize,
    /// What is said when a stack is too small.
    overflow: &'static str,
}

impl Sessions {
    pub(crate) fn new(service: Arc<Service>, model: &Model) -> Sessions {
        let stacks = model.kind().family.has_loops()
            && (model.kind().stacks || matches!(service.style(), Style::StraightLine(_)));
        let overflow = match stacks {
            true => overflow::sentence(service.name(), model),
            false => "",
        };
        let size = if stacks { model.count(SETTING) } else { 0 };
        Sessions { service, stacks, size, overflow }
    }

    /// How many peers a process may have at a time, as far as stacks bound that.
    pub(crate) fn peers_that_fit(&self) -> usize {
        if self.stacks { memory::stacks_that_fit() } else { usize::MAX }
    }

    /// Whether all calls of a session must come from the thread that made it.
    pub(crate) fn stay_on_their_thread(&self) -> bool {
        self.stacks
    }

    /// Makes a new peer's session, on the thread that will call it.
    ///
    /// # Errors
    /// [`Ending::Panicked`], if making it panics; the panic hook has printed the message.
    /// [`Ending::Error`], if there is no memory for its stack, which is told here.
    pub(crate) fn open(
        &self,
        info: &PeerInfo,
        terms: &Arc<Terms>,
    ) -> Result<Box<dyn Session>, Ending> {
        match self.service.style() {
            Style::Event(open) if !self.stacks => {
                panic::catch_unwind(AssertUnwindSafe(|| open(info))).map_err(|_| Ending::Panicked)
            }
            _ => match self.on_stack(info, terms) {
                Ok(session) => Ok(Box::new(session)),
                Err(error) => {
                    tracing::warn!("peer {} {}: no stack for it: {error}", info.id, info.address);
                    Err(Ending::Error)
                }
            },
        }
    }

    fn on_stack(&self, info: &PeerInfo, terms: &Arc<Terms>) -> io::Result<OnStack> {
        overflow::watch()?;
        let (service, info) = (Arc::clone(&self.service), info.clone());
        match self.service.style() {
            Style::StraightLine(_) => {
                let terms = Arc::clone(terms);
                OnStack::new(self.size, self.overflow, move |waits, call| {
                    handler::serve(&service, info, terms, waits, call)
                })
            }
            Style::Event(_) => OnStack::new(self.size, self.overflow, move |waits, call| {
                session::forward(&service, &info, waits, call)
            }),
            Style::Future(_) => unreachable!("a future is no session, and needs no stack"),
        }
    }
}
