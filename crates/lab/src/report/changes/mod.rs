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
}

/// What has changed from `old` to `new`. Worse is what has changed beyond the noise, and by more than
/// the share `worse_than`; of what differs by no more than the noise nothing is said. Where the two
/// contradict each other comes first.
pub fn changes(old: &Comparison, new: &Comparison, worse_than: f64) -> Changes {
    let figures = Figures::of(old, new);
    let gone = gone::gone(old, new);
    let mut text = String::new();
    for line in contradictions::contradictions(old, new, &figures) {
        text += &format!("TURNED {line}\n");
    }
    let mut notes = circumstances::circumstances(old, new);
    notes.extend(contradictions::open(old, new, &figures));
    notes.extend(gone.not_asked_for);
    for sentence in notes {
        text += &format!("NOTE   {sentence}\n");
    }
    let mut changed: Vec<&Pair<'_>> =
        figures.pairs.iter().filter(|pair| figures.has_changed(pair)).collect();
    changed.sort_by(|one, other| worse_by(other).total_cmp(&worse_by(one)));
    let (mut worse, mut better) = (0, 0);
    for pair in &changed {
        let word = match worse_by(pair) {
            times if times > 1.0 + worse_than => {
                worse += 1;
                "WORSE "
            }
            times if times > 1.0 => "worse ",
            _ => {
                better += 1;
                "better"
            }
        };
        text += &format!("{word} {}\n", told(pair));
    }
    for line in &gone.lines {
        text += &format!("GONE   {line}\n");
    }
    let counts = [worse, changed.len() - worse - better, better];
    text += &summary(&figures, counts, worse_than);
    let fails = worse > 0 || !gone.lines.is_empty() || figures.pairs.is_empty();
    Changes { text, fails }
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

fn told(pair: &Pair<'_>) -> String {
    let [old, new] = [pair.before, pair.now].map(|figure| number(figure.median, &pair.metric.unit));
    let by = match pair.times {
        Some(by) => times(by),
        None if worse_by(pair) > 1.0 => "which is worse".to_owned(),
        None => "which is better".to_owned(),
    };
    format!("{}: {} {old} -> {new}, {by}", pair.place, pair.metric.label)
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
