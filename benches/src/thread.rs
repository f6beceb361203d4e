//! `thread`: the model `thread` beside the bare C server that does the same and nothing more.
//!
//! Processor time per message in turns, as a ratio within each turn; a second bare server shows by
//! how much two equal ones differ. Memory per idle peer at two sizes.

use clap::Args;

use crate::Result;
use crate::cost::{FIRST, Sampling, TIME};
use crate::crowd::allow_descriptors;
use crate::pinning::pin_to_one_core;
use crate::programs::Programs;
use crate::table::{Measure, Role, Table};

const RATIO_MAX: f64 = 1.05;
const KIBIBYTES_MAX: f64 = 12.0;
const RATIO: Measure = Measure { name: "CPU / bare C", decimals: 3 };

/// How many peers, and how often.
#[derive(Args, Debug)]
pub(crate) struct Thread {
    /// Busy peers.
    #[arg(long, default_value_t = 50, value_parser = crate::at_least_one)]
    busy: usize,
    /// Messages per busy peer in one measurement.
    #[arg(long, default_value_t = 40, value_parser = crate::at_least_one)]
    rounds: usize,
    /// Idle peers; then as many again.
    #[arg(long, default_value_t = 500, value_parser = crate::at_least_one)]
    idle: usize,
    #[command(flatten)]
    sampling: Sampling,
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
            self.sampling.sets,
            self.sampling.turns
        ));
        pin_to_one_core()?;
        // The bare server, the bare server again, and ours.
        let subjects: Vec<_> = [&bare, &bare].into_iter().chain(ours.as_ref()).collect();
        let beside = self.sampling.time(&subjects, self.busy, self.rounds)?;
        beside.tell(&mut table, &subjects, (TIME, RATIO), RATIO_MAX);
        self.sampling.memory(&bare, self.idle, Role::Reference, &mut table)?;
        if let Some(ours) = &ours {
            let bound = Role::AtMost(KIBIBYTES_MAX);
            self.sampling.memory(ours, self.idle, bound, &mut table)?;
        }
        Ok(table)
    }
}
