//! What has changed between two comparisons, and whether it has become worse.

use crate::record::{Better, Compared, Comparison, Metric, Ratio};
use crate::statistics::{Confidence, paired};

use super::{number, ratio};

/// What has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// In words, a line for each.
    pub text: String,
    /// Whether a figure is worse by more than is allowed.
    pub worse: bool,
}

/// A figure that has changed.
struct Change {
    line: String,
    /// By how much it is worse beyond the noise: the near end of the interval, as a factor.
    worse_by: f64,
}

/// What has changed from `old` to `new`. Worse is what the whole interval says is worse by more than
/// the share `worse_than`; of what differs by no more than the noise nothing is said.
pub fn changes(old: &Comparison, new: &Comparison, worse_than: f64) -> Changes {
    let mut found: Vec<Change> = Vec::new();
    let (mut compared, mut missing) = (0, Vec::new());
    for experiment in &new.experiments {
        for point in &experiment.points {
            for cell in &point.cells {
                for metric in &experiment.metrics {
                    let before = old
                        .experiment(&experiment.name)
                        .and_then(|old| old.figure(point.x, &cell.model, &metric.name));
                    let now = cell.values.get(&metric.name).and_then(|value| value.figure());
                    let place = format!("{} {}, {}", experiment.name, point.label, cell.model);
                    match (before, now) {
                        (Some(before), Some(now)) => {
                            compared += 1;
                            let ratio = paired(&now.samples, &before.samples, Confidence::High);
                            let medians = (before.median, now.median);
                            found.extend(
                                ratio.and_then(|ratio| change(&place, metric, medians, &ratio)),
                            );
                        }
                        (Some(_), None) => missing.push(format!("{place}: {}", metric.label)),
                        (None, _) => {}
                    }
                }
            }
        }
    }
    told(found, compared, &missing, worse_than)
}

/// The change that a ratio of new to old is, if it is one.
fn change(place: &str, metric: &Metric, medians: (f64, f64), found: &Ratio) -> Option<Change> {
    let [low, high] = found.interval?;
    let worse_by = match (found.compared, metric.better) {
        (Compared::Same, _) => return None,
        (_, Better::Lower) => low,
        (_, Better::Higher) => 1.0 / high,
    };
    let (before, now) = (number(medians.0, &metric.unit), number(medians.1, &metric.unit));
    let line = format!("{place}: {} {before} -> {now}, {}", metric.label, ratio(found));
    Some(Change { line, worse_by })
}

fn told(mut found: Vec<Change>, compared: usize, missing: &[String], worse_than: f64) -> Changes {
    found.sort_by(|one, other| other.worse_by.total_cmp(&one.worse_by));
    let mut text = String::new();
    let (mut worse, mut better) = (0, 0);
    for change in &found {
        let is_worse = change.worse_by > 1.0;
        let word = match is_worse {
            true if change.worse_by > 1.0 + worse_than => {
                worse += 1;
                "WORSE "
            }
            true => "worse ",
            false => {
                better += 1;
                "better"
            }
        };
        text += &format!("{word} {}\n", change.line);
    }
    for line in missing {
        text += &format!("GONE   {line} had a figure before\n");
    }
    let small = found.len() - worse - better;
    text += &format!(
        "Of {compared} figures {worse} are worse by more than {}, {small} by less, {better} are \
         better, and {} differ by no more than the noise.",
        switchboard_load::units::percent(worse_than),
        compared - found.len()
    );
    Changes { text, worse: worse > 0 || !missing.is_empty() }
}
