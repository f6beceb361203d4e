//! Samples as they come, and the record that they make.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use crate::experiment::{Design, Found, Measure, Readings, Sample};
use crate::plan::Plan;
use crate::record::{
    Axis, Better, Cell, Claim, Compared, Experiment, Fact, Figure, Fit, Point, Value, Verdict,
};
use crate::run::Turn;
use crate::statistics::{Confidence, differs, line, median, paired, spread};

/// Rounds from which on a model is said to be as good as the best.
const ENOUGH: usize = 3;
/// What is as good as the best: by a tenth, whatever the noise hides.
const NEAR: f64 = 1.1;

/// An experiment, the place of a point as its bits, the place of a model.
type Key = (&'static str, u64, usize);

/// What was measured so far.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    cells: HashMap<Key, Vec<Result<Samples, String>>>,
    rounds: HashMap<&'static str, u32>,
    took: HashMap<&'static str, Duration>,
}

/// A sample for each measure, of one round.
type Samples = HashMap<&'static str, Result<Sample, String>>;

impl Collected {
    pub(crate) fn of(plan: &Plan) -> Collected {
        let rounds = plan.designs.iter().map(|design| (design.name, 0)).collect();
        Collected { rounds, ..Collected::default() }
    }

    /// What a turn has brought, and how long it took.
    pub(crate) fn add(
        &mut self,
        turn: &Turn<'_>,
        target: usize,
        (readings, took): (Result<Readings, String>, Duration),
    ) {
        *self.took.entry(turn.design.name).or_default() += took;
        let key = (turn.design.name, turn.place.x.to_bits(), target);
        self.cells.entry(key).or_default().push(readings.map(|all| all.into_iter().collect()));
    }

    /// Every model has had its turn at every point of `design`, once more.
    pub(crate) fn round_is_over(&mut self, design: &Design) {
        *self.rounds.entry(design.name).or_default() += 1;
    }

    /// The record of all experiments.
    pub(crate) fn experiments(&self, plan: &Plan) -> Vec<Experiment> {
        plan.designs.iter().map(|design| self.experiment(plan, design)).collect()
    }

    fn experiment(&self, plan: &Plan, design: &'static Design) -> Experiment {
        let places = plan.places(design);
        let mut experiment = Experiment {
            name: design.name.to_owned(),
            title: design.title.to_owned(),
            method: design.method.to_owned(),
            axis: Axis {
                name: design.axis.0.to_owned(),
                unit: design.axis.1.to_owned(),
                scale: design.axis.2,
            },
            metrics: design.measures.iter().map(|measure| measure.metric()).collect(),
            points: places
                .iter()
                .map(|place| self.point(plan, design, place.x, &place.label))
                .collect(),
            fits: Vec::new(),
            claim: Claim {
                sentence: design.claim.to_owned(),
                verdict: Verdict::NotJudged,
                facts: Vec::new(),
            },
            rounds: self.rounds.get(design.name).copied().unwrap_or(0),
            seconds: self.took.get(design.name).map_or(0.0, Duration::as_secs_f64),
        };
        experiment.fits = fits(plan, design, &experiment);
        experiment.claim = self.judged(plan, design, &experiment);
        experiment
    }

    fn point(&self, plan: &Plan, design: &'static Design, x: f64, label: &str) -> Point {
        let cell = |(place, target): (usize, &crate::target::Target)| {
            let turns = self.cells.get(&(design.name, x.to_bits(), place));
            let turns = turns.map_or(&[][..], Vec::as_slice);
            let value = |name: &'static str| (name.to_owned(), value(turns, name));
            let values: BTreeMap<String, Value> =
                design.measures.iter().map(|measure| value(measure.name)).collect();
            Cell { model: target.name.clone(), values }
        };
        let mut cells: Vec<Cell> = plan.targets.iter().enumerate().map(cell).collect();
        for measure in design.measures {
            compare(&mut cells, measure, plan);
        }
        Point { x, label: label.to_owned(), cells }
    }

    fn judged(&self, plan: &Plan, design: &Design, experiment: &Experiment) -> Claim {
        let models: Vec<_> = plan.targets.iter().map(|target| target.subject()).collect();
        let mut facts = (design.judge)(&Found { experiment, models: &models });
        let held: Vec<bool> = facts.iter().filter_map(|fact| fact.held).collect();
        let verdict = match held.as_slice() {
            [] => Verdict::NotJudged,
            all if all.iter().all(|held| *held) => Verdict::Held,
            _ => Verdict::DidNotHold,
        };
        if facts.is_empty() {
            let sentence = "the models or the figures that it is about are missing here".to_owned();
            facts.push(Fact { sentence, held: None, untested: true, open: false });
        }
        Claim { sentence: design.claim.to_owned(), verdict, facts }
    }
}

/// The figure of a measure, or why there is none.
fn value(turns: &[Result<Samples, String>], name: &str) -> Value {
    let missing = || "this measure was not taken".to_owned();
    let reading = |turn: &Result<Samples, String>| match turn {
        Ok(samples) => samples.get(name).cloned().unwrap_or_else(|| Err(missing())),
        Err(reason) => Err(reason.clone()),
    };
    let readings: Vec<Result<Sample, String>> = turns.iter().map(reading).collect();
    let failed = readings.iter().find_map(|reading| reading.as_ref().err());
    let sample = |reading: &Result<Sample, String>| {
        reading.as_ref().ok().map(|sample| sample.value).filter(|value| value.is_finite())
    };
    let samples: Vec<Option<f64>> = readings.iter().map(sample).collect();
    let known: Vec<f64> = samples.iter().flatten().copied().collect();
    let (Some(median), Some(spread)) = (median(&known), spread(&known)) else {
        let stopped = "the comparison was stopped before its turn";
        return Value::Unknown { na: failed.cloned().unwrap_or_else(|| stopped.to_owned()) };
    };
    let missing = failed.map(|reason| {
        format!("{} of {} rounds: {reason}", samples.len() - known.len(), samples.len())
    });
    Value::Known(Figure {
        at_least: readings.iter().flatten().any(|sample| sample.at_least),
        samples,
        median,
        spread,
        missing,
        ratio: None,
        best: false,
    })
}

/// Sets a measure's ratios to the reference, and marks those that nobody is better than.
fn compare(cells: &mut [Cell], measure: &Measure, plan: &Plan) {
    let (name, better, reference) = (measure.name, measure.better, plan.reference);
    let confidence = plan.pace.confidence();
    let samples = |cell: &Cell| Some(cell.values.get(name)?.figure()?.samples.clone());
    let all: Vec<Option<Vec<Option<f64>>>> = cells.iter().map(samples).collect();
    let medians = cells.iter().map(|cell| Some(cell.values.get(name)?.figure()?.median));
    let known = medians.enumerate().filter_map(|(place, median)| Some((place, median?)));
    let first = known.min_by(|(_, one), (_, other)| match better {
        Better::Lower => one.total_cmp(other),
        Better::Higher => other.total_cmp(one),
    });
    let Some((first, best_median)) = first else { return };
    let worse = match better {
        Better::Lower => Compared::Higher,
        Better::Higher => Compared::Lower,
    };
    // When all are the same, no model is the best.
    let beaten = |place: usize| {
        all[place]
            .as_ref()
            .zip(all[first].as_ref())
            .is_some_and(|(one, best)| differs(one, best, confidence) == worse)
    };
    let any_is_beaten = (0..cells.len()).any(beaten);
    let near = |place: usize| {
        let both = all[place].as_ref().zip(all[first].as_ref());
        let median = cells[place].values.get(name).and_then(Value::figure).map(|one| one.median);
        both.zip(median).is_some_and(|((one, best), median)| {
            median == best_median
                || (is_within(NEAR, median, best_median) && is_near(one, best, confidence))
        })
    };
    let best: Vec<bool> =
        (0..cells.len()).map(|place| any_is_beaten && !beaten(place) && near(place)).collect();
    for (place, cell) in cells.iter_mut().enumerate() {
        let Some(Value::Known(figure)) = cell.values.get_mut(name) else { continue };
        figure.best = best[place];
        if place != reference {
            figure.ratio =
                all[reference].as_ref().and_then(|base| paired(&figure.samples, base, confidence));
        }
    }
}

/// Whether two numbers that are not negative are no more than so many times apart.
fn is_within(times: f64, one: f64, other: f64) -> bool {
    one.max(other) <= one.min(other) * times
}

/// Whether samples can be the best, too: there are enough of them to say so, and they are about as
/// good as those of the best. A model of which little is known is not better for it.
fn is_near(samples: &[Option<f64>], best: &[Option<f64>], confidence: Confidence) -> bool {
    let known = samples.iter().zip(best).filter(|(one, other)| one.is_some() && other.is_some());
    if known.count() < ENOUGH {
        return false;
    }
    match paired(samples, best, confidence) {
        Some(ratio) => (1.0 / NEAR..=NEAR).contains(&ratio.estimate),
        None => differs(samples, best, confidence) == Compared::Same,
    }
}

/// The straight lines that the claim is about.
fn fits(plan: &Plan, design: &Design, experiment: &Experiment) -> Vec<Fit> {
    let Some((metric, last)) = design.shape else { return Vec::new() };
    let fit = |target: &crate::target::Target| {
        let mut curve = experiment.curve(&target.name, metric);
        curve.retain(|(x, _)| *x <= last);
        let (from, to) = (curve.first()?, curve.last()?);
        // A line goes through any two points.
        let line = line(&curve).filter(|_| curve.len() >= 3)?;
        Some(Fit {
            model: target.name.clone(),
            metric: metric.to_owned(),
            over: [from.0, to.0],
            intercept: line.intercept,
            slope: line.slope,
            r2: line.r2,
            fold: to.1 / from.1,
        })
    };
    plan.targets.iter().filter_map(fit).collect()
}
