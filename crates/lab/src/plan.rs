//! What to measure: which models, which experiments, how often; and how long that takes.

use std::time::Duration;

use crate::experiment::{Design, Pace, Place};
use crate::record::Cores;
use crate::talk::Talk;
use crate::target::Target;

/// To start a server, to begin and to end a load, to stop it: about.
const AROUND: Duration = Duration::from_millis(50);
/// `--quick` begins nothing that would end later.
const QUICK: Duration = Duration::from_secs(117);

/// A comparison that is to be made.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What is compared, at least one.
    pub targets: Vec<Target>,
    /// The place of the one that the others are compared with.
    pub reference: usize,
    /// What is measured.
    pub designs: Vec<&'static Design>,
    /// How often.
    pub rounds: u32,
    /// How thoroughly.
    pub pace: Pace,
    /// What peers say.
    pub talk: Talk,
    /// Who runs where.
    pub cores: Cores,
    /// Descriptors that this process may have.
    pub descriptors: u64,
    /// The command line that asks for it.
    pub command_line: Vec<String>,
}

impl Plan {
    /// The points of an experiment, at this pace.
    pub fn places(&self, design: &Design) -> Vec<Place> {
        (design.points)(self.pace)
    }

    /// Cells of one round.
    pub fn cells(&self) -> usize {
        let points: usize = self.designs.iter().map(|design| self.places(design).len()).sum();
        points * self.targets.len()
    }

    /// How long a round takes, about, if every model can do everything.
    pub fn round_lasts(&self) -> Duration {
        let each = |design: &&'static Design| -> Duration {
            let cell = |place: &Place| (design.lasts)(self.pace, place.x) + AROUND;
            self.places(design).iter().map(cell).sum()
        };
        let all: Duration = self.designs.iter().map(each).sum();
        all * self.targets.len() as u32
    }

    /// How long all of it takes, about.
    pub fn lasts(&self) -> Duration {
        let all = self.round_lasts() * self.rounds;
        self.budget().map_or(all, |budget| all.min(budget))
    }

    /// How long it may take.
    pub fn budget(&self) -> Option<Duration> {
        (self.pace == Pace::Quick).then_some(QUICK)
    }
}
