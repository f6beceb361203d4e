//! The figures of a metric: a row for each model, a column for each point, the best marked.

use maud::{Markup, html};

use super::scrolled;
use crate::record::{Compared, Comparison, Experiment, Figure, Metric, Point, Ratio, Value};
use crate::report;

/// All figures of a metric, folded: the charts show most of what they say.
pub(super) fn table(comparison: &Comparison, experiment: &Experiment, metric: &Metric) -> Markup {
    let over = match experiment.axis.name.as_str() {
        "" => metric.label.clone(),
        axis => format!("{}, by {axis}", metric.label),
    };
    let mut notes = Vec::new();
    let rows = rows(comparison, experiment, metric, &mut notes);
    html! {
        details class="all" {
            summary { "All figures: " (over) }
            p class="caption" {
                "Below each its spread, and how many times that of " (comparison.reference)
                " it is; ≈ where " (rounds(experiment.rounds)) " cannot tell the two apart."
            }
            (scrolled(&over, html! {
                table {
                    thead {
                        tr {
                            th scope="col" { "model" }
                            @for point in &experiment.points {
                                th scope="col" { (heading(experiment, metric, point)) }
                            }
                        }
                    }
                    tbody { (rows) }
                }
            }))
            @if !notes.is_empty() {
                ul class="notes" {
                    @for (number, note) in notes.iter().enumerate() { li { sup { (number + 1) } " " (note) } }
                }
            }
        }
    }
}

fn rounds(rounds: u32) -> String {
    if rounds == 1 { "one round".to_owned() } else { format!("{rounds} rounds") }
}

fn heading(experiment: &Experiment, metric: &Metric, point: &Point) -> String {
    let single = experiment.points.len() == 1;
    match experiment.axis.name.as_str() {
        "" if single => metric.label.clone(),
        _ => point.label.clone(),
    }
}

/// A row for each model. Reasons are collected in `notes`, each once, and named by their number.
fn rows(
    comparison: &Comparison,
    experiment: &Experiment,
    metric: &Metric,
    notes: &mut Vec<String>,
) -> Markup {
    let mut cell = |row: usize, point: &Point| {
        let value = point.cells.get(row).and_then(|cell| cell.values.get(&metric.name));
        match value {
            Some(Value::Known(figure)) => {
                let missing = figure.missing.as_ref();
                let note = missing.map(|why| format!("without some rounds: {why}"));
                known(figure, metric, note.map(|note| noted(notes, note)))
            }
            Some(Value::Unknown { na }) => unknown(noted(notes, format!("n/a: {na}"))),
            None => unknown(noted(notes, "n/a: not in the results".to_owned())),
        }
    };
    html! {
        @for (row, subject) in comparison.models.iter().enumerate() {
            tr class=[(subject.name == comparison.reference).then_some("reference")] {
                th scope="row" { (subject.name) }
                @for point in &experiment.points { (cell(row, point)) }
            }
        }
    }
}

/// The number of a note, which is added if it is a new one.
fn noted(notes: &mut Vec<String>, note: String) -> usize {
    match notes.iter().position(|known| *known == note) {
        Some(place) => place + 1,
        None => {
            notes.push(note);
            notes.len()
        }
    }
}

fn unknown(note: usize) -> Markup {
    html! { td class="reason" { "n/a" sup { (note) } } }
}

fn known(figure: &Figure, metric: &Metric, note: Option<usize>) -> Markup {
    html! {
        td class=[figure.best.then_some("best")] {
            @if figure.best { span class="star" { "★ " } }
            (report::figure(figure, &metric.unit))
            @if let Some(note) = note { sup { (note) } }
            // One round has no interval, and so no ≈.
            @let same = |ratio: &Ratio| ratio.compared == Compared::Same && ratio.interval.is_some();
            span class="spread-text" {
                (report::range(figure.spread, &metric.unit))
                @if figure.ratio.as_ref().is_some_and(same) { " ≈" }
            }
            @if let Some(ratio) = figure.ratio.as_ref().filter(|ratio| !same(ratio)) {
                span class="spread-text times" { "×" (report::ratio(ratio)) }
            }
        }
    }
}
