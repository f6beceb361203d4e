//! `thread`: the model `thread` beside the bare C server that does the same and nothing more.
//!
//! Processor time per message in turns, as a ratio within each turn; a second bare server shows by
//! how much two equal ones differ. Memory per idle peer at two sizes, which tells a cost per peer
//! from one that grows in steps.

use clap::Args;

use crate::Result;
use crate::beside::Beside;
use crate::crowd::allow_descriptors;
use crate::figure::Figure;
use crate::pinning::pin_to_one_core;
use crate::process::pss_bytes;
use crate::programs::{Programs, Subject};
use crate::table::{Measure, Role, Table};
use crate::turns::{Contender, take_turns};

const RATIO_MAX: f64 = 1.05;
const KIBIBYTES_MAX: f64 = 12.0;
/// Peers that are there before memory is read, so that what the first ones touch is not counted.
const FIRST: usize = 10;
/// In a microsecond.
const NANOSECONDS: f64 = 1e3;
const TIME: Measure = Measure { name: "CPU us/message", decimals: 3 };
const RATIO: Measure = Measure { name: "CPU / bare C", decimals: 3 };
const MEMORY: [Measure; 2] = [
    Measure { name: "KiB/idle peer (PSS), --idle", decimals: 2 },
    Measure { name: "KiB/idle peer (PSS), twice that", decimals: 2 },
];

/// How many peers, and how often.
#[derive(Args, Debug)]
pub(crate) struct Thread {
    /// Busy peers.
    #[arg(long, default_value_t = 50, value_parser = crate::at_least_one)]
    busy: usize,
    /// Idle peers; then as many again.
    #[arg(long, default_value_t = 500, value_parser = crate::at_least_one)]
    idle: usize,
    /// Sets of freshly started servers.
    #[arg(long, default_value_t = 5, value_parser = crate::at_least_one)]
    sets: usize,
    /// Pairs of measurements on each set.
    #[arg(long, default_value_t = 40, value_parser = crate::at_least_one)]
    turns: usize,
    /// Messages per busy peer in one measurement.
    #[arg(long, default_value_t = 40, value_parser = crate::at_least_one)]
    rounds: usize,
}

impl Thread {
    pub(crate) fn run(&self, programs: &Programs) -> Result<Table> {
        allow_descriptors(2 * self.idle + FIRST + 3 * self.busy)?;
        let bare = programs.c_reference("threads")?;
        let ours = programs.switchboard("thread");
        let mut table = Table::new(format!(
            "A thread per peer: processor time at {} busy peers (64 bytes, closed loop, one core), memory at \
             {} and {} idle ones;\nmedian and spread of {} sets of fresh servers, {} pairs on each",
            self.busy,
            self.idle,
            2 * self.idle,
            self.sets,
            self.turns
        ));
        pin_to_one_core()?;
        self.time(&bare, ours.as_ref(), &mut table)?;
        self.memory(&bare, Role::Reference, &mut table)?;
        if let Some(ours) = &ours {
            self.memory(ours, Role::AtMost(KIBIBYTES_MAX), &mut table)?;
        }
        Ok(table)
    }

    fn time(&self, bare: &Subject, ours: Option<&Subject>, table: &mut Table) -> Result<()> {
        // The bare server, the bare server again, and ours.
        let subjects: Vec<&Subject> = [bare, bare].into_iter().chain(ours).collect();
        let mut beside = Beside::new(subjects.len());
        for _ in 0..self.sets {
            let start = |subject: &&Subject| Contender::start(subject, self.busy);
            let mut contenders = subjects.iter().map(start).collect::<Result<Vec<_>>>()?;
            let figures = take_turns(&mut contenders, self.turns, self.rounds)?;
            beside.add(&figures, NANOSECONDS);
            contenders.into_iter().try_for_each(Contender::finish)?;
        }
        beside.tell(table, &subjects, (TIME, RATIO), RATIO_MAX);
        Ok(())
    }

    fn memory(&self, subject: &Subject, role: Role, table: &mut Table) -> Result<()> {
        let mut kibibytes = [Vec::new(), Vec::new()];
        for _ in 0..self.sets {
            let mut contender = Contender::start(subject, FIRST)?;
            let before = pss_bytes(contender.server.pid())? as f64;
            for (samples, peers) in kibibytes.iter_mut().zip([self.idle, 2 * self.idle]) {
                contender.add_idle(self.idle)?;
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
