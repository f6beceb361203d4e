//! A row for each model: where its figure is, how far it spreads, and the figure in words.

use maud::{Markup, html};

use super::extent::Extent;
use super::label::legible;
use super::scale::Scale;
use super::unit::{called, for_all, plain};
use super::{BOLD, WIDTH, at, drawing, room, shortened};

const TOP: f64 = 10.0;
const STEP: f64 = 19.0;
/// Letters of a name.
const NAME_MAX: usize = 18;

/// A chart of dots.
#[derive(Clone, Debug)]
pub(in super::super) struct Dots<'a> {
    /// What it shows, in full.
    pub(in super::super) title: String,
    /// What is measured: its label, its unit.
    pub(in super::super) measured: (&'a str, &'a str),
    /// What the axis has room for: charts beside each other share it.
    pub(in super::super) extent: &'a Extent,
    pub(in super::super) rows: Vec<Row>,
}

/// A model's row.
#[derive(Clone, Debug)]
pub(in super::super) struct Row {
    pub(in super::super) name: String,
    /// Median and spread; `None` if there is no figure.
    pub(in super::super) figure: Option<(f64, [f64; 2])>,
    pub(in super::super) at_least: bool,
    pub(in super::super) best: bool,
    /// The figure as it is written, or `n/a`.
    pub(in super::super) text: String,
    /// In words: model, place, figure; or why there is none.
    pub(in super::super) words: String,
}

impl Dots<'_> {
    /// What its figures in words need of its width. Charts beside each other leave them the same room,
    /// so that their axes are the same, too.
    pub(in super::super) fn room_for_figures(&self) -> f64 {
        let figures = self.rows.iter().map(|row| room(&row.text) * BOLD + 24.0);
        figures.fold(60.0, f64::max)
    }

    /// Draws it, with so much room for figures.
    pub(in super::super) fn draw(&self, figures: f64) -> Markup {
        let names = self.rows.iter().map(|row| room(&shortened(&row.name, NAME_MAX)));
        let left = names.fold(30.0, f64::max) * BOLD + 12.0;
        let right = WIDTH - figures;
        let bottom = TOP + STEP * self.rows.len() as f64;
        let (label, own) = self.measured;
        let unit = for_all(own, self.extent);
        let shown = self.extent.numbers().iter().map(|number| number / unit.divisor);
        let scale = Scale::of(shown, self.extent.is_log(), [left + 6.0, right - 8.0]);
        let place = |number: f64| {
            let shown = number / unit.divisor;
            (scale.place(shown), scale.is_beyond(shown))
        };
        let contents = html! {
            @for tick in sparse(&scale) {
                line class="grid" x1=(at(scale.place(tick))) x2=(at(scale.place(tick))) y1=(at(TOP)) y2=(at(bottom)) {}
                text class="tick x" x=(at(scale.place(tick))) y=(at(bottom + 15.0)) text-anchor="middle" { (plain(tick)) }
            }
            line class="axis" x1=(at(left)) x2=(at(right)) y1=(at(bottom)) y2=(at(bottom)) {}
            text class="axis-title" x=(at((left + right) / 2.0)) y=(at(bottom + 33.0)) text-anchor="middle" {
                (called(label, own, unit, scale.is_log()))
            }
            @for (number, row) in self.rows.iter().enumerate() {
                (self.row(row, TOP + STEP * (number as f64 + 0.5), left, right, &place))
            }
        };
        drawing(&self.title, bottom + 40.0, contents)
    }

    fn row(&self, row: &Row, y: f64, left: f64, right: f64, place: &Place<'_>) -> Markup {
        let class = if row.best { "best" } else { "" };
        html! {
            g class=(class) {
                title { (row.words) }
                text class="name" x=(at(left - 6.0)) y=(at(y + 4.0)) text-anchor="end" { (shortened(&row.name, NAME_MAX)) }
                line class="row" x1=(at(left)) x2=(at(right)) y1=(at(y)) y2=(at(y)) {}
                @if let Some((median, spread)) = row.figure {
                    path class="spread dot" d=(whiskers(y, spread.map(place))) {}
                    circle class=(if row.at_least { "dot hollow" } else { "dot" }) cx=(at(place(median).0)) cy=(at(y)) r="4" {}
                }
                text class="figure" x=(at(right + 8.0)) y=(at(y + 4.0)) {
                    (row.text) @if row.best { " ★" }
                }
            }
        }
    }
}

/// Where a number of the record is, and whether the axis ends before it.
type Place<'a> = dyn Fn(f64) -> (f64, bool) + 'a;

/// A line from one end of the spread to the other: with a cap at an end, or the head of an arrow
/// where the spread goes on beyond the axis.
fn whiskers(y: f64, [low, high]: [(f64, bool); 2]) -> String {
    let end = |(x, beyond): (f64, bool), outward: f64| {
        let back = if beyond { 4.0 * outward } else { 0.0 };
        let (x, tail) = (at(x), at(x - back));
        format!("M{tail} {} L{x} {} L{tail} {}", at(y - 3.0), at(y), at(y + 3.0))
    };
    let stem = format!("M{} {} H{}", at(low.0), at(y), at(high.0));
    format!("{stem} {} {}", end(low, -1.0), end(high, 1.0))
}

/// Ticks whose texts leave each other room: of a logarithmic axis that has too many, those of powers
/// of ten and of its ends.
fn sparse(scale: &Scale) -> Vec<f64> {
    let fitting = |ticks: &[f64]| -> Vec<f64> {
        let places: Vec<f64> = ticks.iter().map(|tick| scale.place(*tick)).collect();
        let widths: Vec<f64> = ticks.iter().map(|tick| room(&plain(*tick)) + 6.0).collect();
        legible(&places, &widths).into_iter().map(|one| ticks[one]).collect()
    };
    let all = scale.ticks();
    let kept = fitting(&all);
    if kept.len() == all.len() || !scale.is_log() {
        return kept;
    }
    let is_round = |tick: f64| (tick.log10() - tick.log10().round()).abs() < 1e-6;
    let last = all.len() - 1;
    let round = all
        .iter()
        .enumerate()
        .filter(|(place, tick)| *place == 0 || *place == last || is_round(**tick));
    fitting(&round.map(|(_, tick)| *tick).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kills: ticks upon each other; of many, some that nobody would have chosen.
    #[test]
    fn ticks_have_room_and_are_round() {
        let ticks = |numbers: &[f64], width| {
            sparse(&Scale::of(numbers.iter().copied(), true, [0.0, width]))
        };
        assert_eq!(ticks(&[20.0, 4_000.0], 400.0).len(), 8);
        assert_eq!(ticks(&[20.0, 4_000.0], 200.0), [20.0, 100.0, 1_000.0, 5_000.0]);
        assert_eq!(ticks(&[90.0, 110.0], 200.0), [0.0, 50.0, 100.0, 150.0]);
    }
}
