//! What one experiment found: its claim, its points, a cell for each model at each point.

use serde::{Deserialize, Serialize};

use super::Values;

/// What one experiment found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Experiment {
    /// Its word on the command line.
    pub name: String,
    /// A heading for people: `Cost of silent peers`.
    pub title: String,
    /// What was done, in a sentence or two.
    pub method: String,
    /// What is varied from point to point.
    pub axis: Axis,
    /// What is measured, the one that the claim is about first.
    pub metrics: Vec<Metric>,
    /// What was found, in the order of the axis.
    pub points: Vec<Point>,
    /// Straight lines through the points of a model, where the claim is about a shape.
    pub fits: Vec<Fit>,
    /// What is claimed, and whether it held here.
    pub claim: Claim,
    /// Rounds that were measured to their end.
    pub rounds: u32,
    /// How long it took, all rounds together.
    pub seconds: f64,
}

/// What is varied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Axis {
    /// In words: `silent peers`. Empty if there is one point only, or points are kinds.
    pub name: String,
    /// The unit, if it is not things that are counted.
    pub unit: String,
    /// How it is drawn.
    pub scale: Scale,
}

/// How numbers are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// At equal distances.
    Linear,
    /// Each step a multiple of the one before.
    Log,
    /// Points are kinds, and have no distance.
    Kinds,
}

/// What is measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// Its name in [`Cell::values`], and in results.csv: `cpu_ns`.
    pub name: String,
    /// In words: `CPU per message`.
    pub label: String,
    /// `ns`, `bytes`, `per message`, `per second`, `share` (between 0 and 1), `peers`, or others.
    pub unit: String,
    /// What is better.
    pub better: Better,
    /// How it is drawn.
    pub scale: Scale,
}

/// What is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// Less.
    Lower,
    /// More.
    Higher,
}

/// A place on the axis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Where it is; of kinds, their number.
    pub x: f64,
    /// What people read there: `900`, `abort`.
    pub label: String,
    /// A cell for each model, in the order of [`Comparison::models`](super::Comparison::models).
    pub cells: Vec<Cell>,
}

/// What one model did at one point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// The model: a [`Subject::name`](super::Subject::name).
    pub model: String,
    /// A value for each metric.
    pub values: Values,
}

/// A figure, or why there is none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// It was measured.
    Known(Figure),
    /// It was not.
    Unknown {
        /// Why: a sentence without its full stop.
        na: String,
    },
}

/// What was measured in all rounds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// The sample of each round, in the unit of the metric; null where a round has none.
    pub samples: Vec<Option<f64>>,
    /// Half of the samples are at most this.
    pub median: f64,
    /// The quartiles; of fewer than four samples the least and the greatest.
    pub spread: [f64; 2],
    /// Whether the truth is at least this: the experiment went no further.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_least: bool,
    /// Why some rounds have no sample, if some have none: `1 of 5 rounds: ...`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
    /// Compared with the reference; null for the reference itself, where it has no figure, and where
    /// a sample is not above 0.
    pub ratio: Option<Ratio>,
    /// Whether no other model at this point is better by more than the noise.
    pub best: bool,
}

/// How many times the reference's figure a figure is, from pairs of the same round.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ratio {
    /// The ratio that the rounds' ratios point to: see [`paired`](crate::statistics::paired).
    pub estimate: f64,
    /// Where the true ratio lies, with the [confidence](super::Comparison::confidence) of the
    /// comparison; null with fewer than two rounds, of which nothing can be said.
    pub interval: Option<[f64; 2]>,
    /// What may be said of it.
    pub compared: Compared,
}

/// What may be said of a figure and the reference's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compared {
    /// The figure is lower.
    Lower,
    /// They differ by no more than the noise: `≈`.
    Same,
    /// The figure is higher.
    Higher,
}

/// A straight line through the medians of a model: `y = intercept + slope * x`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fit {
    /// The model.
    pub model: String,
    /// The metric.
    pub metric: String,
    /// The first and the last point that were used.
    pub over: [f64; 2],
    /// In the metric's unit.
    pub intercept: f64,
    /// In the metric's unit for one of the axis.
    pub slope: f64,
    /// The share of the variation that the line explains, at most 1; null where nothing varies.
    pub r2: Option<f64>,
    /// The last median over the first.
    pub fold: f64,
}

/// What is claimed, and whether it held here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// What is claimed, in a sentence.
    pub sentence: String,
    /// Whether it held.
    pub verdict: Verdict,
    /// What speaks for it and against it, with figures; or why it was not judged.
    pub facts: Vec<Fact>,
}

/// Whether a claim held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// All of it that was tested and that the noise does not leave open: facts name the rest.
    Held,
    /// Some of it did not.
    DidNotHold,
    /// The models or figures that it is about are missing, or the noise leaves all of it open.
    NotJudged,
}

/// A sentence with figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fact {
    /// The sentence.
    pub sentence: String,
    /// Whether it speaks for the claim; null if it is only said.
    pub held: Option<bool>,
    /// Whether it names a part of the claim that was not tested (absent: no).
    #[serde(default, skip_serializing_if = "is_false")]
    pub untested: bool,
    /// Whether it would speak for the claim or against it, if the noise let it (absent: no).
    #[serde(default, skip_serializing_if = "is_false")]
    pub open: bool,
}

impl Claim {
    /// Whether it held, in words: a claim of which a part was not tested, or is left open by the
    /// noise, held in part.
    pub fn words(&self) -> &'static str {
        match self.verdict {
            Verdict::Held if self.facts.iter().any(|fact| fact.untested) => "held as far as tested",
            Verdict::Held if self.is_open() => "held as far as the noise lets tell",
            verdict => verdict.words(),
        }
    }

    /// Whether the noise leaves a part of it open.
    pub fn is_open(&self) -> bool {
        self.facts.iter().any(|fact| fact.open)
    }
}

fn is_false(flag: &bool) -> bool {
    !flag
}

impl Value {
    /// The figure, if there is one.
    pub fn figure(&self) -> Option<&Figure> {
        match self {
            Value::Known(figure) => Some(figure),
            Value::Unknown { .. } => None,
        }
    }
}

impl Experiment {
    /// The figure of a model's metric at a point.
    pub fn figure(&self, x: f64, model: &str, metric: &str) -> Option<&Figure> {
        let point = self.points.iter().find(|point| point.x == x)?;
        let cell = point.cells.iter().find(|cell| cell.model == model)?;
        cell.values.get(metric)?.figure()
    }

    /// The medians of a model's metric, point by point, where there are any.
    pub fn curve(&self, model: &str, metric: &str) -> Vec<(f64, f64)> {
        let at = |point: &Point| Some((point.x, self.figure(point.x, model, metric)?.median));
        self.points.iter().filter_map(at).collect()
    }

    /// The metric of that name.
    pub fn metric(&self, name: &str) -> Option<&Metric> {
        self.metrics.iter().find(|metric| metric.name == name)
    }
}

impl Verdict {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Verdict::Held => "held",
            Verdict::DidNotHold => "did not hold",
            Verdict::NotJudged => "not judged",
        }
    }
}
