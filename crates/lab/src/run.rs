//! Runs a plan: in every round every model has its turn at every point, next to the others.
//!
//! What is compared is measured within seconds, so that whatever else the machine does strikes all
//! alike; every other round goes through the models in the opposite order. A cell that fails costs
//! itself only.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::collected::Collected;
use crate::environment;
use crate::experiment::{Design, Place, Readings, Unmeasured};
use crate::plan::Plan;
use crate::record::{Comparison, SCHEMA};
use crate::stage::Stage;
use crate::target::Target;

/// A cell that failed and took longer is not tried again: a server that hangs would take as long each
/// time.
const COSTLY: Duration = Duration::from_secs(1);

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
    let began = Instant::now();
    let mut environment = environment::here(plan);
    let mut run = Run {
        plan,
        runner,
        watch,
        stop,
        began,
        collected: Collected::of(plan),
        done: 0,
        given_up: HashMap::new(),
    };
    let interrupted = run.rounds();
    environment.load_average[1] = environment::load_average();
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
        seconds: began.elapsed().as_secs_f64(),
        experiments: run.collected.experiments(plan),
        answer: None,
    }
}

struct Run<'a> {
    plan: &'a Plan,
    runner: &'a mut dyn Runner,
    watch: &'a mut dyn Watch,
    stop: &'a AtomicBool,
    began: Instant,
    collected: Collected,
    done: usize,
    /// Why a model is not tried again in an experiment.
    given_up: HashMap<(&'static str, usize), String>,
}

impl Run<'_> {
    /// Whether somebody stopped it.
    fn rounds(&mut self) -> bool {
        for round in 1..=self.plan.rounds {
            if round > 1 && !self.has_time_for_another(round) {
                return false;
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
        let key = (turn.design.name, target);
        let readings = match self.given_up.get(&key) {
            _ if late => Err("the two minutes of --quick were over".to_owned()),
            Some(reason) => Err(reason.clone()),
            None => match self.runner.measure(turn) {
                Ok(readings) => Ok(readings),
                Err(Unmeasured::Because(reason)) => Err(reason),
                Err(Unmeasured::Interrupted) => return Err(Interrupted),
            },
        };
        if let Err(reason) = &readings
            && began.elapsed() > COSTLY
        {
            self.given_up.insert(key, reason.clone());
        }
        self.collected.add(turn, target, (readings, began.elapsed()));
        Ok(())
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
