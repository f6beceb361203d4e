//! `stacks`: the straight-line echo on stacks beside the event-style one, and beside may and Go.
//!
//! Processor time per message in turns, as a ratio within each turn, with few and with many busy
//! peers; `epoll` a second time shows by how much two equal servers differ. Memory per idle peer at
//! two sizes.

use clap::Args;

use crate::Result;
use crate::cost::{FIRST, MEMORY, Sampling};
use crate::crowd::allow_descriptors;
use crate::pinning::pin_to_one_core;
use crate::programs::{Programs, Subject};
use crate::rivals::{self, Missing};
use crate::table::{Measure, Role, Table};

const RATIO_MAX: f64 = 1.10;
const KIBIBYTES_MAX: f64 = 8.0;
/// Of each peer in one measurement. The first round finds the caches as the server before has left
/// them, and the more peers there are the more that costs: with 2 rounds of 1,000 peers, `epoll` was up
/// to 1.1 times itself.
const ROUNDS_LEAST: usize = 20;
/// Those of others where each peer has a stack, too: ours must take less processor time.
const STACKFUL: [&str; 2] = ["may", "go"];
/// Of processor time, at each number of busy peers: per message, over `epoll`, ours over another's.
const MEASURES: [[Measure; 3]; 2] = [
    [
        Measure { name: "CPU us/message, --busy", decimals: 3 },
        Measure { name: "CPU / epoll event, --busy", decimals: 3 },
        Measure { name: "CPU ratio, --busy", decimals: 3 },
    ],
    [
        Measure { name: "CPU us/message, --many", decimals: 3 },
        Measure { name: "CPU / epoll event, --many", decimals: 3 },
        Measure { name: "CPU ratio, --many", decimals: 3 },
    ],
];

/// How many peers, and how often.
#[derive(Args, Debug)]
pub(crate) struct Stacks {
    /// The model with the bounds.
    #[arg(long, default_value = "coroutine")]
    model: String,
    /// Servers of others; it must stay below those that have stacks, may and go.
    #[arg(long, value_delimiter = ',', value_name = "NAME,...", default_value = "may,go",
          value_parser = rivals::rival)]
    beside: Vec<String>,
    /// Busy peers.
    #[arg(long, default_value_t = 50, value_parser = crate::at_least_one)]
    busy: usize,
    /// Busy peers, the second time.
    #[arg(long, default_value_t = 1000, value_parser = crate::at_least_one)]
    many: usize,
    /// Messages in one measurement, of all busy peers together; each sends at least 20.
    #[arg(long, default_value_t = 2000, value_parser = crate::at_least_one)]
    messages: usize,
    /// Idle peers; then as many again.
    #[arg(long, default_value_t = 1000, value_parser = crate::at_least_one)]
    idle: usize,
    #[command(flatten)]
    sampling: Sampling,
}

impl Stacks {
    pub(crate) fn run(&self, programs: &Programs) -> Result<Table> {
        let busy = (3 + self.beside.len()) * self.busy.max(self.many);
        allow_descriptors(busy.max(2 * self.idle + FIRST))?;
        let mut table = Table::new(format!(
            "A stack per peer: processor time at {} and {} busy peers (64 bytes, closed loop, one core), \
             memory at {} and {} idle ones;\nmedian and spread of {} sets of fresh servers, {} turns on each",
            self.busy,
            self.many,
            self.idle,
            2 * self.idle,
            self.sampling.sets,
            self.sampling.turns
        ));
        let (others, missing) = programs.rivals(&self.beside)?;
        pin_to_one_core()?;
        for (peers, measures) in [self.busy, self.many].into_iter().zip(MEASURES) {
            self.time(programs, &others, (peers, measures), &mut table)?;
            tell_missing(&missing, &measures[..1], &mut table);
        }
        self.memory(programs, &others, &mut table)?;
        tell_missing(&missing, &MEMORY, &mut table);
        Ok(table)
    }

    fn time(
        &self,
        programs: &Programs,
        others: &[Subject],
        (peers, [time, over_epoll, over]): (usize, [Measure; 3]),
        table: &mut Table,
    ) -> Result<()> {
        let base = echo(programs, "epoll", "event")?;
        let ours = echo(programs, &self.model, "straight-line")?;
        // The base, the base again, ours, and others'.
        let subjects: Vec<_> = [&base, &base, &ours].into_iter().chain(others).collect();
        let rounds = self.messages.div_ceil(peers).max(ROUNDS_LEAST);
        let beside = self.sampling.time(&subjects, peers, rounds)?;
        table.add(&base.name, time, beside.figure(0), Role::Shown);
        table.add(&base.name, over_epoll, beside.ratio(1, 0), Role::Noise);
        table.add(&ours.name, time, beside.figure(2), Role::Shown);
        table.add(&ours.name, over_epoll, beside.ratio(2, 0), Role::AtMost(RATIO_MAX));
        for (place, other) in (3..).zip(others) {
            table.add(&other.name, time, beside.figure(place), Role::Reference);
            let ratio = format!("{} over {}", ours.name, other.name);
            let stackful = STACKFUL.contains(&other.name.as_str());
            let role = if stackful { Role::Below(1.0) } else { Role::Shown };
            table.add(&ratio, over, beside.ratio(2, place), role);
        }
        Ok(())
    }

    fn memory(&self, programs: &Programs, others: &[Subject], table: &mut Table) -> Result<()> {
        for (model, style, role) in [
            (self.model.as_str(), "straight-line", Role::AtMost(KIBIBYTES_MAX)),
            (self.model.as_str(), "event", Role::Shown),
            ("epoll", "straight-line", Role::Shown),
        ] {
            let subject = echo(programs, model, style)?;
            self.sampling.memory(&subject, self.idle, role, table)?;
        }
        for other in others {
            self.sampling.memory(other, self.idle, Role::Reference, table)?;
        }
        Ok(())
    }
}

/// Our echo in one of its styles.
fn echo(programs: &Programs, model: &str, style: &str) -> Result<Subject> {
    let options = ["--style", style, "--listen", "127.0.0.1:0"];
    let mut subject = programs.ours("echo", model, &options)?;
    subject.name = format!("{model} {style}");
    Ok(subject)
}

fn tell_missing(missing: &[Missing], measures: &[Measure], table: &mut Table) {
    for unavailable in missing {
        for measure in measures {
            table.add_missing(&unavailable.name, *measure, &unavailable.reason);
        }
    }
}
