//! What to measure: which models, which experiments, how often; and how long that takes.

use std::time::Duration;

use crate::experiment::{Design, Pace, Place};
use crate::record::Cores;
use crate::talk::Talk;
use crate::target::Target;

/// To start a server, to begin and to end a load, to stop it: about.
const AROUND: Duration = Duration::from_millis(50);
/// What is planned takes up to so many times as long where the machine has other things to do.
const SLOWER: f64 = 1.25;
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

    /// Puts the experiments named `first` before the others, and leaves out those for which there is
    /// no time in all rounds, if there is a time in which it has to end; which ones.
    pub fn prefer(&mut self, first: &[&str]) -> Vec<&'static Design> {
        let Some(budget) = self.budget() else { return Vec::new() };
        let is_first = |design: &&'static Design| first.contains(&design.name);
        let (wanted, others): (Vec<_>, Vec<_>) = self.designs.drain(..).partition(is_first);
        self.designs = wanted;
        let mut left_out = Vec::new();
        for design in others {
            self.designs.push(design);
            let lasts = (self.round_lasts() * self.rounds).mul_f64(SLOWER);
            // With nothing to prefer there is something to measure all the same.
            if lasts > budget && self.designs.len() > 1 {
                left_out.extend(self.designs.pop());
            }
        }
        left_out
    }

    /// How long it may take.
    pub fn budget(&self) -> Option<Duration> {
        (self.pace == Pace::Quick).then_some(QUICK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::EXPERIMENTS;
    use crate::target::Launch;

    fn plan(pace: Pace) -> Plan {
        let target = |name: &str| Target {
            name: name.to_owned(),
            model: Some(name.parse().expect("a model")),
            launch: Launch::Stock { program: "switchboard".into(), service: vec!["echo".into()] },
        };
        let nine = [
            "process",
            "thread",
            "pool",
            "select",
            "epoll",
            "epoll-et",
            "uring",
            "coroutine",
            "poll",
        ];
        Plan {
            targets: nine.map(target).to_vec(),
            reference: 0,
            designs: EXPERIMENTS.to_vec(),
            rounds: 3,
            pace,
            talk: Talk::echo(),
            cores: Cores { usable: 2, server: vec![0], client: vec![1], note: String::new() },
            descriptors: 1000,
            command_line: Vec::new(),
        }
    }

    /// Kills: two minutes that are over before what an answer needs was measured three times.
    #[test]
    fn what_is_preferred_has_time_for_all_its_rounds() {
        let mut quick = plan(Pace::Quick);
        let needed = ["idle", "few", "many", "compute", "memory", "limit"];
        let left_out = quick.prefer(&needed);
        let names: Vec<&str> = quick.designs.iter().map(|design| design.name).collect();
        assert_eq!(names[..needed.len()], needed);
        assert!(quick.round_lasts() * 3 < QUICK.mul_f64(1.0 / SLOWER), "{:?}", quick.round_lasts());
        assert!(!left_out.is_empty() && names.len() + left_out.len() == EXPERIMENTS.len());
        let mut full = plan(Pace::Full);
        assert!(full.prefer(&needed).is_empty() && full.designs.len() == EXPERIMENTS.len());
    }
}
