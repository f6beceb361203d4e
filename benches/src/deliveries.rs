//! `deliveries`: user-mode instructions and allocations for each line that a member of a room is sent,
//! counted and not timed.
//!
//! The difference between a long and a short run with the same members, as in `instructions`, so that
//! their coming and going cancels out. The kernel's part, which is most of a delivery's time, is in
//! `room`.

use clap::Args;

use crate::Result;
use crate::callgrind::Counts;
use crate::figure::Figure;
use crate::pinning::pin_to_one_core;
use crate::programs::{Programs, Subject};
use crate::room::members::Members;
use crate::table::{Measure, Role, Table};

/// Lines that are said at once.
const PIPELINE: usize = 100;

const SINGLE: Measure = Measure { name: "instructions/delivery", decimals: 1 };
const PIPELINED: Measure =
    Measure { name: "instructions/delivery, 100 lines at once", decimals: 1 };
const ALLOCATIONS: Measure = Measure { name: "allocations/delivery", decimals: 3 };

/// What to run under callgrind, and for how long.
#[derive(Args, Debug)]
pub(crate) struct Deliveries {
    /// Further models, besides epoll.
    #[arg(long, value_delimiter = ',', value_name = "MODEL,...")]
    models: Vec<String>,
    /// Who is in the room.
    #[arg(long, default_value_t = 300, value_parser = crate::at_least_one)]
    members: usize,
    /// How often the first of them talks in the short run.
    #[arg(long, default_value_t = 5, value_parser = crate::at_least_one)]
    short: usize,
    /// How often more in the long run.
    #[arg(long, default_value_t = 50, value_parser = crate::at_least_one)]
    more: usize,
    /// How often the two runs are repeated for each subject.
    #[arg(long, default_value_t = 3, value_parser = crate::at_least_one)]
    repeat: usize,
}

impl Deliveries {
    pub(crate) fn run(&self, programs: &Programs) -> Result<Table> {
        if self.members < 2 {
            return Err("a room of at least 2 members is needed".to_owned());
        }
        let mut table = Table::new(format!(
            "User-mode instructions and allocations under callgrind for each line that a member is \
             sent:\na room of {} members, one of whom talks, one core; median and spread of {} pairs \
             of runs",
            self.members, self.repeat
        ));
        let others = self.models.iter().map(String::as_str).filter(|model| *model != "epoll");
        let subjects = ["epoll"].into_iter().chain(others).map(|model| {
            let options = ["-l", "127.0.0.1:0", "--rate", "0", "--announce-max", "1"];
            programs.ours("chat", model, &options)
        });
        let subjects: Vec<Subject> = subjects.collect::<Result<_>>()?;
        pin_to_one_core()?;
        for subject in subjects {
            let (instructions, allocations) = self.measure(&subject, 1, programs)?;
            table.add(&subject.name, SINGLE, instructions, Role::Shown);
            table.add(&subject.name, ALLOCATIONS, allocations, Role::Shown);
            let (instructions, _) = self.measure(&subject, PIPELINE, programs)?;
            table.add(&subject.name, PIPELINED, instructions, Role::Shown);
        }
        Ok(table)
    }

    /// Instructions and allocations, when so many lines are said at once.
    fn measure(
        &self,
        subject: &Subject,
        lines: usize,
        programs: &Programs,
    ) -> Result<(Figure, Figure)> {
        let count = |times| {
            Counts::take_while(subject, self.members, programs.scratch(), |address| {
                Members::of(address, self.members, subject.ours).talk(times, lines)
            })
        };
        let (mut instructions, mut allocations) = (Vec::new(), Vec::new());
        for _ in 0..self.repeat {
            let (short, long) = (count(self.short)?, count(self.short + self.more)?);
            let deliveries = self.more * lines * (self.members - 1);
            let (instruction, allocation) = long.per_message(short, deliveries);
            instructions.push(instruction);
            allocations.push(allocation);
        }
        Ok((Figure::of(&instructions), Figure::of(&allocations)))
    }
}
