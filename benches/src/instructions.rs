//! `instructions`: user-mode instructions and allocations per message, counted and not timed.
//!
//! The difference between a long and a short run with the same peers, so that starting, accepting,
//! closing and stopping cancel out. On one core the client sends to all before the server runs, so
//! that one wait reports nearly all peers: its own cost is spread over as many in every run.

use clap::Args;

use crate::Result;
use crate::callgrind::Counts;
use crate::figure::Figure;
use crate::pinning::pin_to_one_core;
use crate::programs::{Programs, Subject};
use crate::rivals;
use crate::table::{Measure, Role, Table};

/// What `epoll` may take per message.
const INSTRUCTIONS_MAX: f64 = 150.0;
const INSTRUCTIONS: Measure = Measure { name: "instructions/message", decimals: 1 };
/// To three decimals: one allocation that depends on timing is not one per message.
const ALLOCATIONS: Measure = Measure { name: "allocations/message", decimals: 3 };

/// What to run under callgrind, and for how long.
#[derive(Args, Debug)]
pub(crate) struct Instructions {
    /// Further models, besides epoll; only their allocations have a bound.
    #[arg(long, value_delimiter = ',', value_name = "MODEL,...")]
    models: Vec<String>,
    /// How the echo of the further models is written: event or straight-line.
    #[arg(long, default_value = "event", value_name = "STYLE")]
    style: String,
    /// Further servers of others.
    #[arg(long, value_delimiter = ',', value_name = "NAME,...", value_parser = rivals::rival)]
    beside: Vec<String>,
    /// Peers in a closed loop.
    #[arg(long, default_value_t = 50, value_parser = crate::at_least_one)]
    peers: usize,
    /// Messages per peer in the short run.
    #[arg(long, default_value_t = 40, value_parser = crate::at_least_one)]
    short: usize,
    /// Messages per peer that the long run has more.
    #[arg(long, default_value_t = 400, value_parser = crate::at_least_one)]
    more: usize,
    /// How often the two runs are repeated for each subject.
    #[arg(long, default_value_t = 3, value_parser = crate::at_least_one)]
    repeat: usize,
}

impl Instructions {
    pub(crate) fn run(&self, programs: &Programs) -> Result<Table> {
        crate::crowd::allow_descriptors(self.peers)?;
        let mut table = Table::new(format!(
            "User-mode instructions and allocations per message under callgrind: {} peers, 64 \
             bytes, closed loop, one core;\n{} more messages in the long run than in the short one; \
             median and spread of {} pairs of runs",
            self.peers,
            self.peers * self.more,
            self.repeat
        ));
        let mut subjects = self.subjects(programs)?;
        for name in &self.beside {
            match programs.rival(name)? {
                Ok(subject) if subject.name == "monoio" => {
                    table.add_missing(name, INSTRUCTIONS, "valgrind does not know io_uring");
                }
                Ok(subject) => subjects.push(subject),
                Err(missing) => table.add_missing(name, INSTRUCTIONS, &missing.reason),
            }
        }
        pin_to_one_core()?;
        for subject in subjects {
            let (instructions, allocations) = self.measure(&subject, programs)?;
            let bounds = match subject.ours {
                false => [Role::Reference; 2],
                true if subject.name == "switchboard epoll" => {
                    [Role::AtMost(INSTRUCTIONS_MAX), Role::AtMost(0.0)]
                }
                true => [Role::Shown, Role::AtMost(0.0)],
            };
            table.add(&subject.name, INSTRUCTIONS, instructions, bounds[0]);
            // Go has an allocator of its own, which is not counted.
            if subject.name != "go" {
                table.add(&subject.name, ALLOCATIONS, allocations, bounds[1]);
            }
        }
        Ok(table)
    }

    fn subjects(&self, programs: &Programs) -> Result<Vec<Subject>> {
        let mut subjects = vec![programs.c_reference("epoll")?];
        subjects.push(programs.rust_reference("mio")?);
        subjects.push(programs.rust_reference("tokio")?);
        subjects.extend(programs.switchboard("epoll"));
        let others = self.models.iter().filter(|model| *model != "epoll");
        subjects.extend(others.filter_map(|model| {
            programs.serving("echo", model, &["--style", &self.style, "--listen", "127.0.0.1:0"])
        }));
        Ok(subjects)
    }

    fn measure(&self, subject: &Subject, programs: &Programs) -> Result<(Figure, Figure)> {
        let count = |rounds| Counts::take(subject, self.peers, rounds, programs.scratch());
        let mut instructions = Vec::new();
        let mut allocations = Vec::new();
        for _ in 0..self.repeat {
            let short = count(self.short)?;
            let long = count(self.short + self.more)?;
            let (instruction, allocation) = long.per_message(short, self.peers * self.more);
            instructions.push(instruction);
            allocations.push(allocation);
        }
        Ok((Figure::of(&instructions), Figure::of(&allocations)))
    }
}
