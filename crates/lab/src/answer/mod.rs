//! Which model a workload should be served with, according to a comparison: the rule, the figures it
//! rests on, who comes second, and what would change it.
//!
//! Nothing here prefers a model by its name, but for one thing: of those between which the figures do
//! not decide, the simplest is taken, and the answer says so.
//!
//! # Layout
//!
//! - `workload`: what is asked.
//! - `estimate`: what it costs under a model, from what was measured near it, round by round.
//! - `exclusion`: who cannot serve it at all. `criterion`: by what models are
//!   compared, and the rule. `choice`: who is best by it, and by what ties are broken.
//! - `doubt`: what an answer does not bear. `change`: what would have to be different for another answer.
//! - `again`: what another comparison has to say again. `serve`: the command line that starts it. [`text`]: the answer for a terminal.

mod again;
mod change;
mod choice;
mod criterion;
mod doubt;
mod estimate;
mod exclusion;
mod serve;
mod text;
mod workload;

use serde::{Deserialize, Serialize};

use self::choice::More;
use crate::record::{Comparison, Ratio};
use crate::shell;

pub(crate) use self::again::given;
pub use self::text::text;
pub use self::workload::Workload;

/// The experiments that answers rest on.
const ASKED: [&str; 9] =
    ["idle", "few", "many", "short", "big", "compute", "memory", "limit", "crash"];

/// The answer for a workload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// What was asked: a [`Workload`], as it is written.
    pub asked: String,
    /// The model; null if there are too few figures to say, or none can serve it.
    pub model: Option<String>,
    /// The rule that decided, in a sentence; or why there is no answer.
    pub rule: String,
    /// The command line that starts the service under that model.
    pub serve: Option<String>,
    /// What the rule was applied to, what decided first.
    pub evidence: Vec<Evidence>,
    /// How ties were broken, step by step; empty if there was none.
    pub ties: Vec<String>,
    /// Who comes second.
    pub runner_up: Option<RunnerUp>,
    /// Who cannot serve this workload, and why.
    pub excluded: Vec<Excluded>,
    /// What would have to be different for another answer.
    pub changes: Vec<Change>,
    /// What makes the answer doubtful.
    pub doubts: Vec<String>,
    /// Experiments that would have to be run to answer, or to answer better.
    pub missing: Vec<String>,
    /// The command line that measures those, too, or more rounds; null if nothing is missing.
    pub again: Option<String>,
}

/// A figure of each model that can serve the workload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// What it is, in words.
    pub what: String,
    /// Its unit, as of a [`Metric`](crate::record::Metric).
    pub unit: String,
    /// The best first.
    pub figures: Vec<Estimated>,
}

/// A model's figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimated {
    /// The model.
    pub model: String,
    /// The median of the rounds.
    pub median: f64,
    /// Compared with the model that is answered; null for that one.
    pub ratio: Option<Ratio>,
}

/// Who comes second.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunnerUp {
    /// The model.
    pub model: String,
    /// How far behind it is, in a sentence.
    pub sentence: String,
}

/// Who cannot serve a workload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Excluded {
    /// The model.
    pub model: String,
    /// Why.
    pub reason: String,
}

/// A difference that would change the answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// What would be different: `compute=10ms`.
    pub when: String,
    /// The model that would be answered then.
    pub model: String,
}

/// The experiments without which there is no answer for a workload, and those that break its ties or
/// say who cannot serve it.
pub fn needed(workload: &Workload) -> Vec<&'static str> {
    let needs = |name: &&str| match *name {
        "short" => workload.short,
        "crash" => workload.isolate,
        "big" => !workload.short && estimate::is_large(workload),
        "compute" => !workload.short && !workload.compute.is_zero(),
        "idle" => !workload.short && workload.silent_peers() >= 1.0,
        "few" | "many" => !workload.short,
        _ => true,
    };
    ASKED.into_iter().filter(needs).collect()
}

/// The answer of a comparison for a workload.
pub fn answer(comparison: &Comparison, workload: &Workload) -> Answer {
    let choice = choice::choose(comparison, workload, &[]);
    let mut answer = Answer {
        asked: workload.to_string(),
        model: choice.model.clone(),
        rule: choice.rule.clone(),
        serve: choice.model.as_deref().and_then(|model| serve::line(comparison, model)),
        evidence: choice.evidence,
        ties: choice.ties,
        runner_up: None,
        excluded: choice.excluded,
        changes: Vec::new(),
        doubts: choice.doubts,
        again: again(comparison, workload, &choice.missing, choice.more.as_ref()),
        missing: choice.missing,
    };
    if let Some(model) = &choice.model {
        answer.runner_up = choice::runner_up(comparison, workload, model, &answer.evidence);
        answer.changes = change::changes(comparison, workload, model);
        answer.doubts.extend(doubt::doubts(comparison, workload, model));
    }
    answer
}

/// The command line of a comparison that has what is missing, and what an answer needs of this one; or
/// of one with more rounds of what is in question.
fn again(
    comparison: &Comparison,
    workload: &Workload,
    missing: &[String],
    more: Option<&More>,
) -> Option<String> {
    if more.is_none() && missing.is_empty() {
        return None;
    }
    let needed = needed(workload);
    let asked = |name: &&str| {
        let measured = comparison.experiment(name).is_some();
        let looked_at = more.is_none() || needed.contains(name);
        missing.iter().any(|one| one == name) || (measured && looked_at)
    };
    let names: Vec<&str> = ASKED.iter().copied().filter(asked).collect();
    let mut kept = again::kept(&comparison.environment.command_line);
    if let Some(more) = more.filter(|more| !more.models.is_empty()) {
        kept = again::only(kept, &more.models);
    }
    let kept = if kept.is_empty() { String::new() } else { format!(" {}", shell::line(&kept)) };
    let names = names.join(",");
    let rounds = more.map_or(String::new(), |more| format!(" --rounds {}", more.rounds));
    Some(format!("switchboard compare{kept} --experiments {names}{rounds} --for '{workload}'"))
}

#[cfg(test)]
mod tests;
