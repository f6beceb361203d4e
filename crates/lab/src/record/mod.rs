//! What a comparison found, as plain data: the contents of results.json, which everything that is
//! shown is made from.

mod check;
mod environment;
mod experiment;
#[cfg(test)]
pub(crate) mod made_up;
mod plain;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::answer::Answer;

pub use environment::{Cores, Environment, Limits, Versions};
pub use experiment::{
    Axis, Better, Cell, Claim, Compared, Experiment, Fact, Figure, Fit, Metric, Point, Ratio,
    Scale, Value, Verdict,
};

pub use plain::escaped;

/// The name and version of [`Comparison`] as JSON.
pub const SCHEMA: &str = "switchboard.compare/1";

/// A comparison of models: what was compared, where, and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// [`SCHEMA`].
    pub schema: String,
    /// Where and when it was measured, and with which command line.
    pub environment: Environment,
    /// What the peers say, in words: `echo, 64 bytes`.
    pub work: String,
    /// The model that the others are compared with: a [`Subject::name`].
    pub reference: String,
    /// What was compared, in the order of the command line.
    pub models: Vec<Subject>,
    /// Rounds that were to be measured. In each, every model has its turn at every point.
    pub rounds: u32,
    /// How sure the intervals of ratios are, between 0 and 1.
    pub confidence: f64,
    /// Whether times and crowds were those of `--quick`.
    pub quick: bool,
    /// Whether somebody stopped it before its end: what is here was measured, what is missing says so.
    pub interrupted: bool,
    /// How long it took.
    pub seconds: f64,
    /// What was found, an experiment each.
    pub experiments: Vec<Experiment>,
    /// Which model a workload should be served with, if that was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
}

/// A server in the comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Subject {
    /// Its name here: the model as it was asked for, or what `--external` calls it.
    pub name: String,
    /// The model with every number that was chosen for this machine; `None` for anyone's server.
    pub model: Option<String>,
    /// The family of that model.
    pub family: Option<String>,
    /// The command line that starts it, where port 0 stands for a free one.
    pub command: String,
    /// Why it could not be measured at all, if so.
    pub unavailable: Option<String>,
}

impl Comparison {
    /// The comparison in `text`.
    ///
    /// # Errors
    /// A sentence, if it is not one of this version, or contradicts itself.
    pub fn from_json(text: &str) -> Result<Comparison, String> {
        check::read(text)
    }

    /// As indented JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("plain data with text keys") + "\n"
    }

    /// Whether anything was measured at all.
    pub fn has_figures(&self) -> bool {
        let points = self.experiments.iter().flat_map(|experiment| &experiment.points);
        let cells = points.flat_map(|point| &point.cells);
        cells.flat_map(|cell| cell.values.values()).any(|value| value.figure().is_some())
    }

    /// How many rounds were measured to their end: `3`, or `2 to 3` where experiments differ.
    pub fn rounds_measured(&self) -> String {
        let rounds = self.experiments.iter().map(|experiment| experiment.rounds);
        let (least, most) = (rounds.clone().min().unwrap_or(0), rounds.max().unwrap_or(0));
        if least == most { most.to_string() } else { format!("{least} to {most}") }
    }

    /// How many rounds it rests on: `3 rounds`, or `interrupted in round 2 of 5`.
    pub fn rounds_in_words(&self) -> String {
        let least = self.experiments.iter().map(|experiment| experiment.rounds).min().unwrap_or(0);
        let measured = self.rounds_measured();
        match measured.as_str() {
            _ if self.interrupted && least < self.rounds => {
                format!("interrupted in round {} of {}", least + 1, self.rounds)
            }
            "1" => "1 round".to_owned(),
            measured => format!("{measured} rounds"),
        }
    }

    /// The experiment of that name.
    pub fn experiment(&self, name: &str) -> Option<&Experiment> {
        self.experiments.iter().find(|experiment| experiment.name == name)
    }

    /// The model of that name.
    pub fn subject(&self, name: &str) -> Option<&Subject> {
        self.models.iter().find(|subject| subject.name == name)
    }
}

/// Values by the name of their metric.
pub type Values = BTreeMap<String, Value>;
