//! What has changed between two comparisons, and whether it has become worse.

use switchboard_load::units::{percent, several};

use crate::record::{Better, Compared, Comparison, Figure, Metric, Ratio};
use crate::statistics::{Confidence, differs, paired};

use super::{contradictions, number, ratio};

/// What has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// In words, a line for each.
    pub text: String,
    /// Whether somebody has to look: a figure is worse by more than is allowed, or gone, or there is
    /// none that could be compared.
    pub fails: bool,
}

/// A figure that has changed.
struct Change {
    line: String,
    /// By how much it is worse beyond the noise: the near end of the interval, as a factor; without
    /// an end where there was nothing before.
    worse_by: f64,
}

/// What became of all figures.
#[derive(Default)]
struct Tally {
    changes: Vec<Change>,
    same: usize,
    /// With too few rounds, here or there, to tell a change from noise.
    unclear: usize,
    gone: Vec<String>,
}

/// What has changed from `old` to `new`. Worse is what the whole interval says is worse by more than
/// the share `worse_than`; of what differs by no more than the noise nothing is said. Where the two
/// contradict each other comes first.
pub fn changes(old: &Comparison, new: &Comparison, worse_than: f64) -> Changes {
    let mut tally = Tally::default();
    for experiment in &new.experiments {
        let before = old.experiment(&experiment.name);
        for point in &experiment.points {
            for cell in &point.cells {
                for metric in &experiment.metrics {
                    let before =
                        before.and_then(|old| old.figure(point.x, &cell.model, &metric.name));
                    let now = cell.values.get(&metric.name).and_then(|value| value.figure());
                    let place = format!("{} {}, {}", experiment.name, point.label, cell.model);
                    tally.add(&place, metric, (before, now));
                }
            }
        }
    }
    let told = tally.told(&circumstances(old, new), worse_than);
    let turned: String =
        contradictions(old, new).iter().map(|line| format!("TURNED {line}\n")).collect();
    Changes { text: turned + &told.text, ..told }
}

impl Tally {
    fn add(&mut self, place: &str, metric: &Metric, pair: (Option<&Figure>, Option<&Figure>)) {
        let (before, now) = match pair {
            (Some(before), Some(now)) => (before, now),
            (Some(_), None) => {
                return self.gone.push(format!("{place}: {}", metric.label));
            }
            (None, _) => return,
        };
        let rounds = before.samples.iter().zip(&now.samples);
        if rounds.filter(|(before, now)| before.is_some() && now.is_some()).count() < 2 {
            self.unclear += 1;
            return;
        }
        match change(place, metric, (before, now)) {
            Some(change) => self.changes.push(change),
            None => self.same += 1,
        }
    }

    fn told(mut self, circumstances: &[String], worse_than: f64) -> Changes {
        self.changes.sort_by(|one, other| other.worse_by.total_cmp(&one.worse_by));
        let mut text: String =
            circumstances.iter().map(|sentence| format!("NOTE   {sentence}\n")).collect();
        let (mut worse, mut better) = (0, 0);
        for change in &self.changes {
            let word = if change.worse_by > 1.0 + worse_than {
                worse += 1;
                "WORSE "
            } else if change.worse_by > 1.0 {
                "worse "
            } else {
                better += 1;
                "better"
            };
            text += &format!("{word} {}\n", change.line);
        }
        for line in &self.gone {
            text += &format!("GONE   {line} had a figure before\n");
        }
        let compared = self.changes.len() + self.same;
        let few = "with fewer than two rounds in common noise cannot be told from a change";
        text += &match (compared, self.unclear) {
            (0, 0) => {
                "Nothing could be compared: no model has a figure at the same point of the same \
                       experiment in both."
                    .to_owned()
            }
            (0, unclear) => format!(
                "Nothing could be compared: of {}, none is comparable; {few}.",
                several(unclear as u64, "figure", "figures")
            ),
            _ => format!(
                "Of {compared} figures {worse} are worse by more than {}, {} by less, {better} are \
                 better, and {} differ by no more than the noise.",
                percent(worse_than),
                self.changes.len() - worse - better,
                self.same
            ),
        };
        if compared > 0 && self.unclear > 0 {
            text += &format!(" {} more are not comparable: {few}.", self.unclear);
        }
        Changes { text, fails: worse > 0 || !self.gone.is_empty() || compared == 0 }
    }
}

/// The change of a figure, if it is one beyond the noise.
fn change(place: &str, metric: &Metric, (before, now): (&Figure, &Figure)) -> Option<Change> {
    let found = paired(&now.samples, &before.samples, Confidence::High);
    let (worse_by, times) = match &found {
        Some(found) => (factor(found, metric.better)?, ratio(found)),
        // Where something is nothing there is no ratio: peers that were lost, and none before.
        None => {
            let compared = differs(&now.samples, &before.samples, Confidence::High);
            let worse = match (compared, metric.better) {
                (Compared::Same, _) => return None,
                (Compared::Higher, Better::Lower) | (Compared::Lower, Better::Higher) => true,
                _ => false,
            };
            let times = if worse { "which is worse" } else { "which is better" };
            (if worse { f64::INFINITY } else { 0.0 }, times.to_owned())
        }
    };
    let (old, new) = (number(before.median, &metric.unit), number(now.median, &metric.unit));
    let line = format!("{place}: {} {old} -> {new}, {times}", metric.label);
    Some(Change { line, worse_by })
}

/// How many times worse a ratio of new to old is, at least; `None`: no more than the noise.
fn factor(found: &Ratio, better: Better) -> Option<f64> {
    let [low, high] = found.interval?;
    match (found.compared, better) {
        (Compared::Same, _) => None,
        (_, Better::Lower) => Some(low),
        (_, Better::Higher) => Some(1.0 / high),
    }
}

/// What else is different, and may be what made the figures so.
fn circumstances(old: &Comparison, new: &Comparison) -> Vec<String> {
    let mut told = Vec::new();
    let mut tell = |what: &str, before: String, now: String| {
        if before != now {
            told.push(format!("{what}: {before} before, {now} now"));
        }
    };
    let machine = |one: &Comparison| {
        let environment = &one.environment;
        let processor = environment.processor.as_deref().unwrap_or("a processor without a name");
        let cores = several(u64::from(environment.cores.usable), "core", "cores");
        format!("{processor}, {}, {cores}", environment.architecture)
    };
    let pace = |one: &Comparison| if one.quick { "--quick" } else { "full" }.to_owned();
    let build = |one: &Comparison| {
        let debug = one.environment.versions.debug_build;
        if debug { "without optimisation" } else { "optimised" }.to_owned()
    };
    let version = |one: &Comparison| one.environment.versions.switchboard.clone();
    tell("other work", format!("`{}`", old.work), format!("`{}`", new.work));
    tell("another machine", machine(old), machine(new));
    tell("another kernel", old.environment.kernel.clone(), new.environment.kernel.clone());
    tell("another pace, with other times and crowds", pace(old), pace(new));
    tell("another version", version(old), version(new));
    tell("another build", build(old), build(new));
    for (which, one) in [("the one before", old), ("this one", new)] {
        if one.interrupted {
            told.push(format!("{which} was stopped before its end"));
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Scale;
    use crate::record::Value;
    use crate::record::made_up::{comparison, experiment, figure};

    fn with(value: impl Fn(&str, &str) -> Value) -> Comparison {
        let mut found = comparison(&["epoll"]);
        found.experiments.push(experiment("few", "peers", Scale::Log, &[("cpu_ns", "ns")]));
        found.with_point("few", 1.0, value)
    }

    fn samples(samples: &[f64]) -> Value {
        let Value::Known(known) = figure(samples[0], 0.0) else { unreachable!("it is known") };
        Value::Known(Figure { samples: samples.iter().copied().map(Some).collect(), ..known })
    }

    /// Kills: a check that passes because it compared nothing; a figure of one round that is taken for
    /// unchanged.
    #[test]
    fn what_cannot_be_compared_does_not_pass() {
        let (old, new) = (with(|_, _| samples(&[5.0])), with(|_, _| samples(&[50.0])));
        let found = changes(&old, &new, 0.1);
        assert!(found.fails && found.text.contains("none is comparable"), "{}", found.text);
        let none = changes(&comparison(&["epoll"]), &new, 0.1);
        assert!(none.fails && none.text.contains("Nothing could be compared"), "{}", none.text);
        let both = |_: &str, _: &str| samples(&[5.0, 5.0]);
        assert!(!changes(&with(both), &with(both), 0.1).fails);
    }

    /// Kills: peers that are lost where none were, and no ratio says so.
    #[test]
    fn something_where_nothing_was_is_worse() {
        let none = with(|_, _| samples(&[0.0; 5]));
        let some = with(|_, _| samples(&[3.0, 4.0, 3.0, 3.0, 4.0]));
        let found = changes(&none, &some, 0.1);
        assert!(found.fails && found.text.contains("WORSE "), "{}", found.text);
        let found = changes(&some, &none, 0.1);
        assert!(!found.fails && found.text.contains("better "), "{}", found.text);
        assert!(!changes(&none, &none, 0.1).fails);
    }

    /// Kills: figures of another machine, or another pace, that pass for the same ones.
    #[test]
    fn what_else_is_different_is_said() {
        let old = with(|_, _| figure(5.0, 0.01));
        assert!(!changes(&old, &old, 0.1).text.contains("NOTE"));
        let mut new = old.clone();
        new.quick = !old.quick;
        new.environment.processor = Some("another".to_owned());
        new.environment.versions.switchboard = "9.9.9".to_owned();
        new.work = "upper".to_owned();
        let text = changes(&old, &new, 0.1).text;
        for part in ["another machine", "another pace", "9.9.9 now", "other work"] {
            assert!(text.contains(part), "{text}");
        }
    }
}
