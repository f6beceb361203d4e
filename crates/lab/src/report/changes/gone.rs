//! What a comparison had and the next one has not: gone where it was asked for again, or else not
//! asked for.

use switchboard_load::units::several;

use super::asked::Asked;
use crate::record::{Comparison, Experiment, Subject};

/// What the next comparison has not.
#[derive(Debug, Default)]
pub(super) struct Gone {
    /// What was asked for and is not there, a line each.
    pub(super) lines: Vec<String>,
    /// What was not asked for, a sentence for each kind.
    pub(super) not_asked_for: Vec<String>,
}

/// What `old` has and `new` has not.
///
/// Whoever checks with fewer experiments or models than there are in what is compared against has said
/// so on the command line, and is told what is left out. What is missing for any other reason has
/// been lost, and must not pass.
pub(super) fn gone(old: &Comparison, new: &Comparison) -> Gone {
    let mut gone = Gone::default();
    let asked = Asked::by(new);
    let same_pace = old.quick == new.quick;
    let mut left_out: [Vec<&str>; 2] = Default::default();
    let is_missing = |subject: &&Subject| new.subject(&subject.name).is_none();
    for subject in old.models.iter().filter(is_missing) {
        let wanted = match subject.model.is_some() {
            true => asked.model(&subject.name) && same_pace,
            false => asked.external(&subject.name),
        };
        let each = old.experiments.iter();
        let count: usize = each.map(|one| figures(one, |_, model| model == subject.name)).sum();
        match wanted {
            true => gone.whole(&format!("the model {}", subject.name), count),
            false => left_out[1].push(&subject.name),
        }
    }
    for before in &old.experiments {
        match new.experiment(&before.name) {
            Some(now) => gone.parts(before, now, same_pace),
            None if asked.experiment(&before.name) => {
                let count = figures(before, |_, _| true);
                gone.whole(&format!("the experiment {}", before.name), count);
            }
            None => left_out[0].push(&before.name),
        }
    }
    for (what, names) in ["experiments", "models"].iter().zip(&left_out) {
        if !names.is_empty() {
            let names = names.join(", ");
            gone.not_asked_for
                .push(format!("not asked for now, and not compared: the {what} {names}"));
        }
    }
    gone
}

/// How many figures an experiment has at those points of those models.
fn figures(experiment: &Experiment, wanted: impl Fn(f64, &str) -> bool) -> usize {
    let cells = experiment
        .points
        .iter()
        .flat_map(|point| point.cells.iter().filter(|cell| wanted(point.x, &cell.model)));
    cells.flat_map(|cell| cell.values.values()).filter(|value| value.figure().is_some()).count()
}

impl Gone {
    /// A part of which nothing is left: how many figures it had.
    fn whole(&mut self, what: &str, count: usize) {
        if count > 0 {
            let had = several(count as u64, "figure", "figures");
            self.lines.push(format!("{what}, which had {had} before"));
        }
    }

    /// Points, metrics and figures of an experiment that both have. Another pace has other points.
    fn parts(&mut self, before: &Experiment, now: &Experiment, same_pace: bool) {
        let name = &before.name;
        for point in &before.points {
            let is_left = now.points.iter().any(|one| one.x == point.x);
            let count = figures(before, |x, _| x == point.x);
            if !is_left && same_pace {
                self.whole(&format!("{name} {}", point.label), count);
            }
            if !is_left {
                continue;
            }
            for metric in &before.metrics {
                for cell in &point.cells {
                    let had = before.figure(point.x, &cell.model, &metric.name).is_some();
                    let has = now.figure(point.x, &cell.model, &metric.name).is_some();
                    let cells = now.points.iter().flat_map(|point| &point.cells);
                    let is_compared = cells.into_iter().any(|one| one.model == cell.model);
                    if had && !has && is_compared {
                        let place = format!("{name} {}, {}", point.label, cell.model);
                        self.lines.push(format!("{place}: {} had a figure before", metric.label));
                    }
                }
            }
        }
    }
}
