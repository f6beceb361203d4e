//! The figures of a metric: a row for each model, a column for each point, the best marked.

use maud::{Markup, html};

use crate::record::{Compared, Comparison, Experiment, Figure, Metric, Point, Value};
use crate::report;

/// All figures of a metric.
pub(super) fn table(comparison: &Comparison, experiment: &Experiment, metric: &Metric) -> Markup {
    let single = experiment.points.len() == 1;
    let heading = |point: &Point| match experiment.axis.name.as_str() {
        "" if single => metric.label.clone(),
        _ => point.label.clone(),
    };
    let over = match experiment.axis.name.as_str() {
        "" => metric.label.clone(),
        axis => format!("{}, by {axis}", metric.label),
    };
    html! {
        div class="scroll" tabindex="0" role="region" aria-label=(over) {
            table {
                caption { (over) "; below each its spread, and how many times that of " (comparison.reference) " it is" }
                thead {
                    tr {
                        th scope="col" { "model" }
                        @for point in &experiment.points { th scope="col" { (heading(point)) } }
                    }
                }
                tbody {
                    @for (row, subject) in comparison.models.iter().enumerate() {
                        tr class=[(subject.name == comparison.reference).then_some("reference")] {
                            th scope="row" { (subject.name) }
                            @for point in &experiment.points {
                                @match point.cells.get(row).and_then(|cell| cell.values.get(&metric.name)) {
                                    Some(Value::Known(figure)) => (known(figure, metric)),
                                    Some(Value::Unknown { na }) => td class="reason" { "n/a: " (na) },
                                    None => td class="reason" { "n/a: not in the results" },
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn known(figure: &Figure, metric: &Metric) -> Markup {
    let [low, high] = figure.spread.map(|end| report::number(end, &metric.unit));
    html! {
        td class=[figure.best.then_some("best")] {
            @if figure.best { span class="star" title="the best, or within a tenth of it and no worse beyond the noise" { "★ " } }
            (report::figure(figure, &metric.unit))
            span class="spread-text" { (low) " – " (high) }
            @if let Some(ratio) = &figure.ratio {
                span class="spread-text" {
                    @match ratio.compared {
                        Compared::Same => "≈",
                        _ => { "×" (report::ratio(ratio)) },
                    }
                }
            }
        }
    }
}
