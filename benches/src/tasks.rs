//! `tasks`: the model `tokio` beside a bare echo on tokio that does the same and nothing more.
//!
//! Processor time per message in turns, as a ratio within each turn; a second bare server shows by
//! how much two equal ones differ, a third what its build alone is worth.

use clap::Args;

use crate::Result;
use crate::beside::Beside;
use crate::crowd::allow_descriptors;
use crate::pinning::{cores, pin_to};
use crate::programs::{Programs, Subject};
use crate::table::{Measure, Table};
use crate::turns::{Contender, take_turns};

const RATIO_MAX: f64 = 1.05;
/// In a microsecond.
const NANOSECONDS: f64 = 1e3;
const TIME: Measure = Measure { name: "CPU us/message", decimals: 3 };
const RATIO: Measure = Measure { name: "CPU / bare tokio", decimals: 3 };

/// How many peers, and how often.
#[derive(Args, Debug)]
pub(crate) struct Tasks {
    /// A model, instead of tokio; repeatable.
    #[arg(long = "model", value_name = "MODEL", default_values = ["tokio"])]
    models: Vec<String>,
    /// Busy peers.
    #[arg(long, default_value_t = 100, value_parser = crate::at_least_one)]
    busy: usize,
    /// Sets of freshly started servers.
    #[arg(long, default_value_t = 5, value_parser = crate::at_least_one)]
    sets: usize,
    /// Measurements of each server in a set.
    #[arg(long, default_value_t = 40, value_parser = crate::at_least_one)]
    turns: usize,
    /// Messages per busy peer in one measurement.
    #[arg(long, default_value_t = 40, value_parser = crate::at_least_one)]
    rounds: usize,
}

impl Tasks {
    pub(crate) fn run(&self, programs: &Programs) -> Result<Table> {
        let best = programs.rust_reference("tokio")?;
        let alike = programs.rust_reference_alike("tokio")?;
        let ours = self.models.iter().filter_map(|model| programs.switchboard(model));
        let subjects: Vec<Subject> = [best.clone(), best, alike].into_iter().chain(ours).collect();
        allow_descriptors(subjects.len() * self.busy)?;
        let mut table = Table::new(format!(
            "Tasks of tokio: processor time at {} busy peers (64 bytes, closed loop), servers on one \
             core and the client on another;\nmedian and spread of {} sets of fresh servers, {} turns \
             of each",
            self.busy, self.sets, self.turns
        ));
        let subjects: Vec<&Subject> = subjects.iter().collect();
        let mut beside = Beside::new(subjects.len());
        let cores = cores()?;
        let (first, last) =
            cores.first().zip(cores.last()).ok_or("this process may use no core")?;
        for _ in 0..self.sets {
            // What starts here stays here; interrupts tend to go to the first.
            pin_to(*last)?;
            let start = |subject: &&Subject| Contender::start(subject, self.busy);
            let mut contenders = subjects.iter().map(start).collect::<Result<Vec<_>>>()?;
            pin_to(*first)?;
            let figures = take_turns(&mut contenders, self.turns, self.rounds)?;
            beside.add(&figures, NANOSECONDS);
            contenders.into_iter().try_for_each(Contender::finish)?;
        }
        beside.tell(&mut table, &subjects, (TIME, RATIO), RATIO_MAX);
        Ok(table)
    }
}
