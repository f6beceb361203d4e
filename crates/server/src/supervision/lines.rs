//! The exchange, if the service has topics, as those see it who fork: lines that are opened before a
//! fork and hung up when the process is gone.

use std::io;
use std::time::Instant;

use switchboard_core::Service;

use super::Branch;
use super::exchange::{Exchange, Hopeless};
use crate::waiting::Watch;

/// The lines of all processes that this one forks.
pub(crate) struct Lines(Option<Exchange>);

/// The line of one process; `None`, where there is no exchange.
pub(crate) type Number = Option<usize>;

/// The lines of processes that are given up.
pub(crate) struct GivenUp(Vec<(usize, Hopeless)>);

impl GivenUp {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Why that of this line is, if it is.
    pub(crate) fn why(&self, line: Number) -> Option<Hopeless> {
        let found = self.0.iter().find(|(number, _)| Some(*number) == line);
        found.map(|(_, why)| *why)
    }
}

impl Lines {
    /// `watch` tells by that name that there is something to [look](Lines::look) after.
    pub(crate) fn of(service: &Service, watch: &Watch, name: u64) -> io::Result<Lines> {
        let exchange = Exchange::of(service)?;
        exchange.iter().try_for_each(|exchange| watch.add(exchange, name, false))?;
        Ok(Lines(exchange))
    }

    /// A line for a process that is about to be forked, and its end of it.
    pub(crate) fn open(&mut self) -> io::Result<(Number, Option<Branch>)> {
        Ok(self.0.as_mut().map(Exchange::line).transpose()?.unzip())
    }

    /// The process is gone, or was never there.
    pub(crate) fn hang_up(&mut self, line: Number) {
        if let (Some(exchange), Some(line)) = (&mut self.0, line) {
            exchange.hang_up(line);
        }
    }

    /// Passes on what processes ask for; those that are to be killed, because there is no hope that
    /// they hear what the others say.
    pub(crate) fn look(&mut self) -> io::Result<GivenUp> {
        self.0.as_mut().map_or_else(|| Ok(Vec::new()), Exchange::look).map(GivenUp)
    }

    /// When to look even if nobody tells.
    pub(crate) fn next_look(&self) -> Option<Instant> {
        self.0.as_ref().and_then(Exchange::next_look)
    }

    /// The whole server stops.
    pub(crate) fn hush(&self) {
        self.0.iter().for_each(Exchange::hush);
    }

    /// In a process that was forked: the lines of others are none of its business.
    pub(super) fn forget(&mut self) {
        self.0 = None;
    }
}
