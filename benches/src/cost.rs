//! What a peer costs a server: processor time per message in turns, memory per idle peer at two sizes.
//!
//! Two sizes tell a cost per peer from one that grows in steps.

use clap::Args;

use crate::Result;
use crate::beside::Beside;
use crate::figure::Figure;
use crate::process::pss_bytes;
use crate::programs::Subject;
use crate::table::{Measure, Role, Table};
use crate::turns::{Contender, take_turns};

/// Peers that are there before memory is read, so that what the first ones touch is not counted.
pub(crate) const FIRST: usize = 10;
/// In a microsecond.
const NANOSECONDS: f64 = 1e3;
/// The measure of [`Sampling::time`].
pub(crate) const TIME: Measure = Measure { name: "CPU us/message", decimals: 3 };
/// The measures of [`Sampling::memory`].
pub(crate) const MEMORY: [Measure; 2] = [
    Measure { name: "KiB/idle peer (PSS), --idle", decimals: 2 },
    Measure { name: "KiB/idle peer (PSS), twice that", decimals: 2 },
];

/// How often something is measured.
#[derive(Args, Debug)]
pub(crate) struct Sampling {
    /// Sets of freshly started servers.
    #[arg(long, default_value_t = 5, value_parser = crate::at_least_one)]
    pub(crate) sets: usize,
    /// Measurements of each server in a set.
    #[arg(long, default_value_t = 40, value_parser = crate::at_least_one)]
    pub(crate) turns: usize,
}

impl Sampling {
    /// Microseconds of processor time per message of each of `subjects`, which take turns, with `busy`
    /// peers each that send `rounds` messages in one measurement.
    pub(crate) fn time(&self, subjects: &[&Subject], busy: usize, rounds: usize) -> Result<Beside> {
        let mut beside = Beside::new(subjects.len());
        for _ in 0..self.sets {
            let start = |subject: &&Subject| Contender::start(subject, busy);
            let mut contenders = subjects.iter().map(start).collect::<Result<Vec<_>>>()?;
            let figures = take_turns(&mut contenders, self.turns, rounds)?;
            beside.add(&figures, NANOSECONDS);
            contenders.into_iter().try_for_each(Contender::finish)?;
        }
        Ok(beside)
    }

    /// The rows of a server's memory per idle peer, at `idle` peers and at twice as many.
    pub(crate) fn memory(
        &self,
        subject: &Subject,
        idle: usize,
        role: Role,
        table: &mut Table,
    ) -> Result<()> {
        let mut kibibytes = [Vec::new(), Vec::new()];
        for _ in 0..self.sets {
            let mut contender = Contender::start(subject, FIRST)?;
            let before = pss_bytes(contender.server.pid())? as f64;
            for (samples, peers) in kibibytes.iter_mut().zip([idle, 2 * idle]) {
                contender.add_idle(idle)?;
                let grown = pss_bytes(contender.server.pid())? as f64 - before;
                samples.push(grown / 1024.0 / peers as f64);
            }
            contender.finish()?;
        }
        for (measure, samples) in MEMORY.into_iter().zip(&kibibytes) {
            table.add(&subject.name, measure, Figure::of(samples), role);
        }
        Ok(())
    }
}
