//! An experiment: its claim and its verdict, pictures, figures.

use maud::{Markup, html};

use super::chart::{Dots, Line, Lines, Row, Spot};
use super::series::{Group, groups};
use super::{tables, verdict, worded};
use crate::record::{Comparison, Experiment, Figure, Metric, Point, Scale, Value};
use crate::report;

/// An experiment of a comparison.
pub(super) fn section(comparison: &Comparison, experiment: &Experiment) -> Markup {
    let (first, others) = match experiment.metrics.split_first() {
        Some((first, others)) => (Some(first), others),
        None => (None, &[][..]),
    };
    html! {
        section id=(experiment.name) {
            h2 { (experiment.title) " " code { (experiment.name) } }
            p class="claim" { (verdict(&experiment.claim)) " " (worded(&experiment.claim.sentence)) }
            (facts(experiment))
            p class="method" { (worded(&experiment.method)) }
            @if experiment.points.is_empty() {
                p class="reason" { "n/a: no point of it was measured" }
            } @else {
                @if let Some(metric) = first {
                    (measured(comparison, experiment, metric))
                }
                @if !others.is_empty() {
                    details {
                        summary { "Also measured: " (labels(others)) }
                        @for metric in others {
                            h3 { (capital(&metric.label)) }
                            (measured(comparison, experiment, metric))
                        }
                    }
                }
            }
        }
    }
}

fn labels(metrics: &[Metric]) -> String {
    metrics.iter().map(|metric| metric.label.as_str()).collect::<Vec<_>>().join(", ")
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// What speaks for the claim and against it.
fn facts(experiment: &Experiment) -> Markup {
    html! {
        @if !experiment.claim.facts.is_empty() {
            ul class="facts" {
                @for fact in &experiment.claim.facts {
                    @match fact.held {
                        Some(true) => li class="for" { (worded(&fact.sentence)) },
                        Some(false) => li class="against" { (worded(&fact.sentence)) },
                        None => li { (worded(&fact.sentence)) },
                    }
                }
            }
        }
    }
}

/// One metric: pictures, then all figures.
fn measured(comparison: &Comparison, experiment: &Experiment, metric: &Metric) -> Markup {
    let charts = match has_an_axis(experiment) {
        true => lines(comparison, experiment, metric),
        false => dots(experiment, metric),
    };
    html! {
        @if !charts.is_empty() {
            div class="charts" {
                @for (caption, chart) in &charts {
                    figure {
                        figcaption { (caption) }
                        (chart)
                    }
                }
            }
        }
        (tables::table(comparison, experiment, metric))
    }
}

/// Whether points are numbers along which something changes.
fn has_an_axis(experiment: &Experiment) -> bool {
    experiment.axis.scale != Scale::Kinds && experiment.points.len() > 1
}

/// What a chart is called, and the chart.
type Captioned = (String, Markup);

/// A chart for each group of models, all with the same axes.
fn lines(comparison: &Comparison, experiment: &Experiment, metric: &Metric) -> Vec<Captioned> {
    let points: Vec<(f64, String)> =
        experiment.points.iter().map(|point| (point.x, point.label.clone())).collect();
    let extent = extent(experiment, metric);
    let chart = |group: &Group<'_>| {
        let mut lines: Vec<Line> = Vec::new();
        if !group.models.contains(&comparison.reference.as_str()) {
            lines.push(line(experiment, metric, &comparison.reference, None));
        }
        let own = group.models.iter().enumerate();
        lines.extend(own.map(|(look, model)| line(experiment, metric, model, Some(look))));
        if lines.iter().all(|line| line.look.is_none() || line.spots.is_empty()) {
            return None;
        }
        let caption = match group.name {
            "" => capital(&metric.label),
            name => format!("{}: {name}", capital(&metric.label)),
        };
        let axis = axis_title(experiment);
        let chart = Lines {
            title: format!("{}: {} against {axis}", experiment.title, metric.label),
            x: (axis, &points),
            x_log: experiment.axis.scale == Scale::Log || spans(&points),
            y_log: metric.scale == Scale::Log,
            y: (&metric.label, &metric.unit),
            extent: &extent,
            lines,
        };
        (!extent.is_empty()).then(|| (caption, chart.draw()))
    };
    groups(comparison).iter().filter_map(chart).collect()
}

/// Whether points lie so far apart that most would stand on each other.
fn spans(points: &[(f64, String)]) -> bool {
    let above = points.iter().map(|(x, _)| *x).filter(|x| *x > 0.0);
    let least = above.clone().fold(f64::INFINITY, f64::min);
    above.fold(0.0, f64::max) >= least * 30.0
}

fn axis_title(experiment: &Experiment) -> String {
    match experiment.axis.unit.is_empty() {
        true => experiment.axis.name.clone(),
        false => format!("{} ({})", experiment.axis.name, experiment.axis.unit),
    }
}

fn line(experiment: &Experiment, metric: &Metric, model: &str, look: Option<usize>) -> Line {
    let spot = |point: &Point| {
        let figure = experiment.figure(point.x, model, &metric.name)?;
        Some(Spot {
            x: point.x,
            median: figure.median,
            spread: figure.spread,
            at_least: figure.at_least,
            words: words(experiment, metric, model, point, figure),
        })
    };
    Line {
        name: model.to_owned(),
        look,
        spots: experiment.points.iter().filter_map(spot).collect(),
    }
}

/// A chart for each point, a row for each model.
fn dots(experiment: &Experiment, metric: &Metric) -> Vec<Captioned> {
    let extent = extent(experiment, metric);
    let chart = |point: &Point| {
        let rows = point.cells.iter().filter_map(|cell| {
            let value = cell.values.get(&metric.name)?;
            Some(match value {
                Value::Known(figure) => Row {
                    name: cell.model.clone(),
                    figure: Some((figure.median, figure.spread)),
                    at_least: figure.at_least,
                    best: figure.best,
                    text: report::figure(figure, &metric.unit),
                    words: words(experiment, metric, &cell.model, point, figure),
                },
                Value::Unknown { na } => Row {
                    name: cell.model.clone(),
                    figure: None,
                    at_least: false,
                    best: false,
                    text: "n/a".to_owned(),
                    words: format!("{}: n/a: {na}", cell.model),
                },
            })
        });
        let label = capital(&metric.label);
        let at = match (experiment.axis.name.as_str(), experiment.points.len()) {
            ("", 1) => String::new(),
            ("", _) => format!(", {}", point.label),
            (axis, _) => format!(", {axis}: {}", point.label),
        };
        let chart = Dots {
            title: format!("{}: {}{at}", experiment.title, metric.label),
            measured: (&metric.label, &metric.unit),
            log: metric.scale == Scale::Log,
            extent: &extent,
            rows: rows.collect(),
        };
        (format!("{label}{at}"), chart.draw())
    };
    match extent.is_empty() {
        true => Vec::new(),
        false => experiment.points.iter().map(chart).collect(),
    }
}

/// All numbers that charts of this metric show.
fn extent(experiment: &Experiment, metric: &Metric) -> Vec<f64> {
    let cells = experiment.points.iter().flat_map(|point| &point.cells);
    let figures = cells.filter_map(|cell| cell.values.get(&metric.name)?.figure());
    figures.flat_map(|figure| [figure.spread[0], figure.median, figure.spread[1]]).collect()
}

/// A figure as it is said where somebody points at it.
fn words(
    experiment: &Experiment,
    metric: &Metric,
    model: &str,
    point: &Point,
    figure: &Figure,
) -> String {
    let at = match experiment.axis.name.as_str() {
        "" if experiment.points.len() == 1 => String::new(),
        "" => format!(", {}", point.label),
        axis => format!(", {axis}: {}", point.label),
    };
    let [low, high] = figure.spread.map(|end| report::number(end, &metric.unit));
    format!("{model}{at}: {} ({low} to {high})", report::figure(figure, &metric.unit))
}
