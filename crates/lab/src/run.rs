//! Runs a plan: in every round every model has its turn at every point, next to the others.
//!
//! What is compared is measured within seconds, so that whatever else the machine does strikes all
//! alike; every other round goes through the models in the opposite order. A cell that fails costs
//! itself only.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::collected::Collected;
use crate::environment;
use crate::experiment::{Design, Place, Readings, Unmeasured};
use crate::plan::Plan;
use crate::record::{Comparison, Environment, SCHEMA};
use crate::stage::Stage;
use crate::target::Target;

/// A cell that failed and took longer is not tried again: a server that hangs would take as long each
/// time.
const COSTLY: Duration = Duration::from_secs(1);
/// So many such cells of a model that never had a figure, and it is not tried at all any more.
const HOPELESS: u32 = 2;

/// Measures one model at one point, once.
pub trait Runner {
    /// # Errors
    /// Why there is nothing.
    fn measure(&mut self, turn: &Turn<'_>) -> Result<Readings, Unmeasured>;
}

/// Whose turn it is.
#[derive(Clone, Copy, Debug)]
pub struct Turn<'a> {
    /// The experiment.
    pub design: &'static Design,
    /// The point.
    pub place: &'a Place,
    /// The model.
    pub target: &'a Target,
    /// The round, from 1.
    pub round: u32,
}

/// Who is told how a comparison goes.
pub trait Watch {
    /// A turn begins; so many cells of all are done, and it takes about so much longer.
    fn turn(&mut self, turn: &Turn<'_>, done: usize, of: usize, left: Duration);

    /// A round is over, and more are to come: what there is, as if it had been stopped here.
    fn round_is_over(&mut self, so_far: &Comparison) {
        let _ = so_far;
    }
}

/// This machine.
#[derive(Debug)]
pub struct Machine<'a> {
    /// What is measured.
    pub plan: &'a Plan,
    /// Raised when somebody stops it.
    pub stop: Arc<AtomicBool>,
}

impl Runner for Machine<'_> {
    fn measure(&mut self, turn: &Turn<'_>) -> Result<Readings, Unmeasured> {
        if let Some(reason) = turn.target.subject().unavailable {
            return Err(Unmeasured::Because(reason));
        }
        let mut stage = Stage {
            target: turn.target,
            talk: &self.plan.talk,
            cores: &self.plan.cores,
            pace: self.plan.pace,
            descriptors: self.plan.descriptors,
            stop: Arc::clone(&self.stop),
        };
        (turn.design.measure)(&mut stage, turn.place.x)
    }
}

/// Measures what `plan` says. With `stop` raised it ends soon, with what it has.
pub fn run(
    plan: &Plan,
    runner: &mut dyn Runner,
    watch: &mut dyn Watch,
    stop: &AtomicBool,
) -> Comparison {
    let mut run = Run {
        plan,
        runner,
        watch,
        stop,
        began: Instant::now(),
        environment: environment::here(plan),
        ticks_before: environment::ticks(),
        collected: Collected::of(plan),
        done: 0,
        given_up: GivenUp::default(),
    };
    let interrupted = run.rounds();
    run.comparison(interrupted)
}

struct Run<'a> {
    plan: &'a Plan,
    runner: &'a mut dyn Runner,
    watch: &'a mut dyn Watch,
    stop: &'a AtomicBool,
    began: Instant,
    environment: Environment,
    ticks_before: Option<environment::Ticks>,
    collected: Collected,
    done: usize,
    given_up: GivenUp,
}

/// What is not tried again, and why.
#[derive(Default)]
struct GivenUp {
    /// A model at a point of an experiment, whose place is given as bits.
    cells: HashMap<(&'static str, u64, usize), String>,
    /// A model.
    models: HashMap<usize, String>,
    /// Models that have had a figure.
    alive: HashSet<usize>,
    /// How many cells a model failed in that took long.
    costly: HashMap<usize, u32>,
}

impl GivenUp {
    fn reason(&self, turn: &Turn<'_>, target: usize) -> Option<String> {
        let cell = (turn.design.name, turn.place.x.to_bits(), target);
        self.models.get(&target).or_else(|| self.cells.get(&cell)).cloned()
    }

    /// A cell was tried, and took so long. A model whose server does not come up, or that has hung
    /// wherever it was tried, would hold up every experiment that is still to come.
    fn tried(
        &mut self,
        turn: &Turn<'_>,
        target: usize,
        (found, took): (&Result<Readings, Unmeasured>, Duration),
    ) {
        let (reason, no_server) = match found {
            Ok(readings) if readings.iter().any(|(_, sample)| sample.is_ok()) => {
                self.alive.insert(target);
                return;
            }
            Err(Unmeasured::Because(reason)) => (reason, false),
            Err(Unmeasured::NoServer(reason)) => (reason, true),
            Ok(_) | Err(Unmeasured::Interrupted) => return,
        };
        if took <= COSTLY {
            return;
        }
        let costly = self.costly.entry(target).or_default();
        *costly += 1;
        if no_server || (*costly >= HOPELESS && !self.alive.contains(&target)) {
            self.models.insert(target, reason.clone());
        }
        let cell = (turn.design.name, turn.place.x.to_bits(), target);
        self.cells.insert(cell, reason.clone());
    }
}

impl Run<'_> {
    /// Whether somebody stopped it.
    fn rounds(&mut self) -> bool {
        for round in 1..=self.plan.rounds {
            if round > 1 && !self.has_time_for_another(round) {
                return false;
            }
            if round > 1 {
                let so_far = self.comparison(true);
                self.watch.round_is_over(&so_far);
            }
            for design in &self.plan.designs {
                for place in self.plan.places(design) {
                    for target in self.order(round) {
                        let turn = Turn {
                            design,
                            place: &place,
                            target: &self.plan.targets[target],
                            round,
                        };
                        if self.turn(&turn, target).is_err() {
                            return true;
                        }
                    }
                }
                self.collected.round_is_over(design);
            }
        }
        false
    }

    /// Models in turn, in every other round from the last to the first.
    fn order(&self, round: u32) -> Vec<usize> {
        let order = 0..self.plan.targets.len();
        if round.is_multiple_of(2) { order.rev().collect() } else { order.collect() }
    }

    /// Whether another round ends in time, if it takes as long as those before.
    fn has_time_for_another(&self, round: u32) -> bool {
        let elapsed = self.began.elapsed();
        self.plan.budget().is_none_or(|budget| elapsed + elapsed / (round - 1) <= budget)
    }

    fn turn(&mut self, turn: &Turn<'_>, target: usize) -> Result<(), Interrupted> {
        if self.stop.load(Ordering::Acquire) {
            return Err(Interrupted);
        }
        let all = self.plan.cells() * self.plan.rounds as usize;
        self.watch.turn(turn, self.done, all, self.left(all));
        self.done += 1;
        let began = Instant::now();
        let late = self.plan.budget().is_some_and(|budget| self.began.elapsed() > budget);
        let readings = match self.given_up.reason(turn, target) {
            _ if late => Err("the two minutes of --quick were over".to_owned()),
            Some(reason) => Err(reason),
            None => {
                let found = self.runner.measure(turn);
                self.given_up.tried(turn, target, (&found, began.elapsed()));
                match found {
                    Ok(readings) => Ok(readings),
                    Err(Unmeasured::Because(reason) | Unmeasured::NoServer(reason)) => Err(reason),
                    Err(Unmeasured::Interrupted) => return Err(Interrupted),
                }
            }
        };
        self.collected.add(turn, target, (readings, began.elapsed()));
        Ok(())
    }

    /// The record of what there is.
    fn comparison(&self, interrupted: bool) -> Comparison {
        let plan = self.plan;
        let mut environment = self.environment.clone();
        environment.load_average[1] = environment::load_average();
        environment.stolen = environment::stolen_since(self.ticks_before);
        Comparison {
            schema: SCHEMA.to_owned(),
            environment,
            work: plan.talk.words.clone(),
            reference: plan.targets[plan.reference].name.clone(),
            models: plan.targets.iter().map(Target::subject).collect(),
            rounds: plan.rounds,
            confidence: plan.pace.confidence().share(),
            quick: plan.budget().is_some(),
            interrupted,
            seconds: self.began.elapsed().as_secs_f64(),
            experiments: self.collected.experiments(plan),
            answer: None,
        }
    }

    /// How much longer it takes, by the plan at first, and by what it took later.
    fn left(&self, all: usize) -> Duration {
        let elapsed = self.began.elapsed();
        let planned = self.plan.lasts();
        let share = self.done as f64 / all.max(1) as f64;
        let by_now = elapsed.div_f64(share.max(1e-6)).min(planned * 10);
        // Cells differ: the share of cells says little before a whole round is over.
        let trust = (share * f64::from(self.plan.rounds)).min(1.0);
        let whole = planned.mul_f64(1.0 - trust) + by_now.mul_f64(trust);
        let whole = self.plan.budget().map_or(whole, |budget| whole.min(budget));
        whole.saturating_sub(elapsed)
    }
}

/// Somebody stopped it.
struct Interrupted;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::find;
    use crate::target::Launch;

    fn tried(given_up: &mut GivenUp, at: (&str, f64), found: Result<Readings, Unmeasured>) -> bool {
        let (place, target) = (Place { x: at.1, label: String::new() }, target());
        let design = find(at.0).unwrap();
        let turn = Turn { design, place: &place, target: &target, round: 1 };
        if given_up.reason(&turn, 0).is_some() {
            return false;
        }
        given_up.tried(&turn, 0, (&found, COSTLY * 2));
        true
    }

    fn target() -> Target {
        Target { name: "mine".to_owned(), model: None, launch: Launch::External(Vec::new()) }
    }

    fn hangs() -> Result<Readings, Unmeasured> {
        Err(Unmeasured::Because("no reply within 3 s".to_owned()))
    }

    /// Kills: a server that is waited for in every experiment although it never listens.
    #[test]
    fn who_does_not_come_up_is_given_up_for_good() {
        let mut given_up = GivenUp::default();
        let none = Err(Unmeasured::NoServer("does not listen".to_owned()));
        assert!(tried(&mut given_up, ("few", 1.0), none));
        assert!(!tried(&mut given_up, ("idle", 0.0), hangs()));
    }

    /// Kills: a point that is lost because another one hung; a model that hangs everywhere, and is
    /// waited for everywhere.
    #[test]
    fn who_hangs_at_a_point_is_given_up_there() {
        let mut given_up = GivenUp::default();
        let fine = || Ok(vec![("cpu_ns", Ok(1.0.into()))]);
        assert!(tried(&mut given_up, ("idle", 900.0), hangs()));
        assert!(tried(&mut given_up, ("idle", 0.0), fine()));
        assert!(!tried(&mut given_up, ("idle", 900.0), fine()));
        assert!(tried(&mut given_up, ("few", 1.0), hangs()));
        assert!(tried(&mut given_up, ("few", 2.0), hangs()), "it has had figures");
        let mut given_up = GivenUp::default();
        assert!(tried(&mut given_up, ("idle", 0.0), hangs()));
        assert!(tried(&mut given_up, ("few", 1.0), hangs()));
        assert!(!tried(&mut given_up, ("many", 100.0), hangs()), "it never had any");
    }
}
