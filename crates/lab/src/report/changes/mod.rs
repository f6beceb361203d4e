//! What has changed between two comparisons, and whether it has become worse.
//!
//! # Layout
//!
//! - `figures`: which figures both have, and which of them have changed by more than the noise.
//! - `gone`: what the one before had, and this one has not, though it was asked for.
//! - `asked`: what a command line asks for. `circumstances`: what else is different.
//! - `contradictions`: where the two say the opposite of each other.

mod asked;
mod circumstances;
mod contradictions;
mod figures;
mod gone;

use switchboard_load::units::{percent, several};

use crate::record::{Better, Comparison};

use self::figures::{Figures, Pair};
use super::{number, times};

/// What has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// In words, a line for each.
    pub text: String,
    /// Whether somebody has to look: a figure is worse by more than is allowed, or gone, or there is
    /// none that could be compared.
    pub fails: bool,
    /// The same in parts.
    pub(super) parts: Parts,
}

/// What has changed, in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parts {
    /// When the earlier comparison was made.
    pub(super) since: String,
    /// Where the two say the opposite of each other.
    pub(super) turned: Vec<String>,
    /// What else is different, or has turned within the noise.
    pub(super) notes: Vec<String>,
    /// Figures that have changed beyond the noise, the worst first.
    pub(super) changed: Vec<Change>,
    /// What there was, and is no more.
    pub(super) gone: Vec<String>,
    /// How many of each there are, and what could have been seen, a line each.
    pub(super) summary: String,
}

/// A figure that has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) kind: Kind,
    /// Where it stands: `idle 900, select`.
    pub(super) place: String,
    /// The label of what is measured.
    pub(super) label: String,
    /// What it was and what it is, with the unit.
    pub(super) figures: [String; 2],
    /// How many times what it was it is, or which way it went.
    pub(super) by: String,
}

/// Which way a figure has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It is worse by more than is allowed.
    TooMuch,
    Worse,
    Better,
}

/// What has changed from `old` to `new`. Worse is what has changed beyond the noise, and by more than
/// the share `worse_than`; of what differs by no more than the noise nothing is said. Where the two
/// contradict each other comes first.
pub fn changes(old: &Comparison, new: &Comparison, worse_than: f64) -> Changes {
    let figures = Figures::of(old, new);
    let gone = gone::gone(old, new);
    let mut notes = circumstances::circumstances(old, new);
    notes.extend(contradictions::open(old, new));
    notes.extend(gone.not_asked_for);
    let mut changed: Vec<&Pair<'_>> =
        figures.pairs.iter().filter(|pair| figures.has_changed(pair)).collect();
    changed.sort_by(|one, other| worse_by(other).total_cmp(&worse_by(one)));
    let changed: Vec<Change> = changed.iter().map(|pair| Change::of(pair, worse_than)).collect();
    let count = |kind: Kind| changed.iter().filter(|change| change.kind == kind).count();
    let counts = [Kind::TooMuch, Kind::Worse, Kind::Better].map(count);
    let fails = counts[0] > 0 || !gone.lines.is_empty() || figures.pairs.is_empty();
    let parts = Parts {
        since: old.environment.date.clone(),
        turned: contradictions::contradictions(old, new, &figures),
        notes,
        gone: gone.lines,
        summary: summary(&figures, counts, worse_than),
        changed,
    };
    Changes { text: parts.text(), fails, parts }
}

impl Parts {
    fn text(&self) -> String {
        let turned = self.turned.iter().map(|line| format!("TURNED {line}\n"));
        let notes = self.notes.iter().map(|sentence| format!("NOTE   {sentence}\n"));
        let changed = self.changed.iter().map(|change| change.told() + "\n");
        let gone = self.gone.iter().map(|line| format!("GONE   {line}\n"));
        turned.chain(notes).chain(changed).chain(gone).collect::<String>() + &self.summary
    }
}

impl Change {
    fn of(pair: &Pair<'_>, worse_than: f64) -> Change {
        let kind = match worse_by(pair) {
            times if times > 1.0 + worse_than => Kind::TooMuch,
            times if times > 1.0 => Kind::Worse,
            _ => Kind::Better,
        };
        let unit = &pair.metric.unit;
        Change {
            kind,
            place: pair.place.clone(),
            label: pair.metric.label.clone(),
            figures: [pair.before, pair.now].map(|figure| number(figure.median, unit)),
            by: match pair.times {
                Some(by) => times(by),
                None if kind == Kind::Better => "which is better".to_owned(),
                None => "which is worse".to_owned(),
            },
        }
    }

    fn told(&self) -> String {
        let word = match self.kind {
            Kind::TooMuch => "WORSE ",
            Kind::Worse => "worse ",
            Kind::Better => "better",
        };
        let [old, new] = &self.figures;
        format!("{word} {}: {} {old} -> {new}, {}", self.place, self.label, self.by)
    }
}

/// How many times worse a figure is; without an end where there was nothing before, and 0 where it is
/// better than nothing can be compared with.
fn worse_by(pair: &Pair<'_>) -> f64 {
    match (pair.times, pair.metric.better) {
        (Some(times), Better::Lower) => times,
        (Some(times), Better::Higher) => 1.0 / times,
        (None, better) => match (pair.now.median > pair.before.median) == (better == Better::Lower)
        {
            true => f64::INFINITY,
            false => 0.0,
        },
    }
}

/// How many of the figures are worse by more than is allowed, worse by less, and better.
fn summary(figures: &Figures<'_>, counts: [usize; 3], worse_than: f64) -> String {
    let compared = figures.pairs.len();
    let few = "with fewer than two rounds in both noise cannot be told from a change";
    if compared == 0 {
        return match figures.unclear {
            0 => "Nothing could be compared: no model has a figure at the same point of the same \
                  experiment in both."
                .to_owned(),
            unclear => format!(
                "Nothing could be compared: of {}, none is comparable; {few}.",
                several(unclear as u64, "figure", "figures")
            ),
        };
    }
    let [worse, less, better] = counts;
    let mut text = format!(
        "Of {} {worse} {} worse by more than {}, {less} by less, {better} {} better, and {} by no \
         more than the noise.",
        several(compared as u64, "figure", "figures"),
        are(worse),
        percent(worse_than),
        are(better),
        match compared - worse - less - better {
            1 => "1 differs".to_owned(),
            same => format!("{} differ", switchboard_load::units::count(same as u64)),
        }
    );
    if figures.unclear > 0 {
        let unclear = switchboard_load::units::count(figures.unclear as u64);
        text += &format!(" {unclear} more are not comparable: {few}.");
    }
    text + &figures.sight()
}

fn are(count: usize) -> &'static str {
    if count == 1 { "is" } else { "are" }
}

#[cfg(test)]
mod tests;
