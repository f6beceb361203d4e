//! An experiment: its claim and its verdict, pictures, figures.

use maud::{Markup, html};

use super::chart::{Dots, Extent, Line, Lines, Look, Row, Spot};
use super::facts::facts;
use super::series::{Group, groups};
use super::{capital, tables, verdict, worded};
use crate::record::{Cell, Comparison, Experiment, Figure, Metric, Point, Scale, Value};
use crate::report;

/// How far apart the points of an axis lie that is drawn as a logarithmic one, as a factor.
const SPAN_MIN: f64 = 8.0;

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
            (facts(&experiment.claim))
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
                        @for metric in others { (measured(comparison, experiment, metric)) }
                    }
                }
            }
        }
    }
}

fn labels(metrics: &[Metric]) -> String {
    metrics.iter().map(|metric| metric.label.as_str()).collect::<Vec<_>>().join(", ")
}

/// One metric: pictures, then all figures.
fn measured(comparison: &Comparison, experiment: &Experiment, metric: &Metric) -> Markup {
    let extent = extent(experiment, metric);
    html! {
        h3 { (capital(&metric.label)) }
        @if let Some(sentence) = flat(experiment, metric) {
            p class="flat" { (sentence) }
        } @else if !extent.is_empty() {
            div class="charts" {
                @match has_an_axis(experiment) {
                    true => (lines(comparison, experiment, metric, &extent)),
                    false => (dots(experiment, metric, &extent)),
                }
            }
        }
        @let absent = absent(experiment, metric);
        @if !absent.is_empty() {
            ul class="notes" {
                @for (reason, who) in &absent { li { "n/a " (who.join(", ")) ": " (reason) } }
            }
        }
        (tables::table(comparison, experiment, metric))
    }
}

/// Whether something changes along the points: a line from one to the only other says nothing of what
/// is between them.
fn has_an_axis(experiment: &Experiment) -> bool {
    experiment.axis.scale != Scale::Kinds && experiment.points.len() > 2
}

/// What is to be said in place of charts where all figures are the same, which no picture shows better.
fn flat(experiment: &Experiment, metric: &Metric) -> Option<String> {
    let mut figures = figures(experiment, metric);
    let first = figures.next()?;
    let told = |figure: &Figure| {
        [figure.spread[0], figure.median, figure.spread[1]]
            .map(|number| report::number(number, &metric.unit))
    };
    let [low, median, high] = told(first);
    let same = |figure: &Figure| figure.at_least == first.at_least && told(figure) == told(first);
    (figures.all(same) && low == median && median == high).then(|| {
        format!("{} under every model that was measured.", report::figure(first, &metric.unit))
    })
}

/// The figures of a metric that are known.
fn figures<'a>(experiment: &'a Experiment, metric: &'a Metric) -> impl Iterator<Item = &'a Figure> {
    let cells = experiment.points.iter().flat_map(|point| &point.cells);
    cells.filter_map(|cell| cell.values.get(&metric.name)?.figure())
}

/// All numbers that charts of this metric show.
fn extent(experiment: &Experiment, metric: &Metric) -> Extent {
    let all: Vec<_> =
        figures(experiment, metric).map(|figure| (figure.median, figure.spread)).collect();
    Extent::of(&all, metric.scale == Scale::Log)
}

/// A chart for each group of models, all with the same axes.
fn lines(
    comparison: &Comparison,
    experiment: &Experiment,
    metric: &Metric,
    extent: &Extent,
) -> Markup {
    let points: Vec<(f64, String)> =
        experiment.points.iter().map(|point| (point.x, point.label.clone())).collect();
    let line = |(model, look): &(&str, Look)| line(experiment, metric, model, *look);
    let chart = |group: &Group<'_>| {
        let mut lines: Vec<Line> = group.models.iter().map(line).collect();
        if lines.iter().all(|line| line.spots.is_empty()) {
            return None;
        }
        if lines.iter().all(|line| line.look != Look::Reference) {
            lines.insert(0, self::line(experiment, metric, &comparison.reference, Look::Reference));
        }
        let (axis, label) = (axis_title(experiment), &metric.label);
        let of = if group.name.is_empty() { String::new() } else { format!(": {}", group.name) };
        let chart = Lines {
            title: format!("{}: {label} against {axis}{of}", experiment.title),
            x: (axis, &points),
            x_log: experiment.axis.scale == Scale::Log || spans(&points),
            y: (&metric.label, &metric.unit),
            extent,
            lines,
        };
        Some((capital(group.name), chart))
    };
    let charts: Vec<(String, Lines<'_>)> = groups(comparison).iter().filter_map(chart).collect();
    let names = charts.iter().map(|(_, chart)| chart.room_for_names()).fold(0.0, f64::max);
    html! {
        @for (caption, chart) in &charts {
            (figure(caption, chart.draw(names)))
        }
    }
}

/// A chart under its caption, if it needs one beside the heading of all.
fn figure(caption: &str, chart: Markup) -> Markup {
    html! {
        figure {
            @if !caption.is_empty() { figcaption { (caption) } }
            (chart)
        }
    }
}

/// Whether points lie so far apart that most would stand on each other.
fn spans(points: &[(f64, String)]) -> bool {
    let above = points.iter().map(|(x, _)| *x).filter(|x| *x > 0.0);
    let least = above.clone().fold(f64::INFINITY, f64::min);
    above.fold(0.0, f64::max) >= least * SPAN_MIN
}

fn axis_title(experiment: &Experiment) -> String {
    match experiment.axis.unit.is_empty() {
        true => experiment.axis.name.clone(),
        false => format!("{} ({})", experiment.axis.name, experiment.axis.unit),
    }
}

fn line(experiment: &Experiment, metric: &Metric, model: &str, look: Look) -> Line {
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

/// A chart for each point, with the same rows: those of the models that have a figure somewhere.
fn dots(experiment: &Experiment, metric: &Metric, extent: &Extent) -> Markup {
    let has_figures = |cell: &&Cell| {
        let mut points = experiment.points.iter();
        points.any(|point| experiment.figure(point.x, &cell.model, &metric.name).is_some())
    };
    let row = |point: &Point, cell: &Cell| match cell.values.get(&metric.name) {
        Some(Value::Known(figure)) => Row {
            name: cell.model.clone(),
            figure: Some((figure.median, figure.spread)),
            at_least: figure.at_least,
            best: figure.best,
            text: report::figure(figure, &metric.unit),
            words: words(experiment, metric, &cell.model, point, figure),
        },
        other => Row {
            name: cell.model.clone(),
            figure: None,
            at_least: false,
            best: false,
            text: "n/a".to_owned(),
            words: match other {
                Some(Value::Unknown { na }) => format!("{}: n/a: {na}", cell.model),
                _ => format!("{}: n/a", cell.model),
            },
        },
    };
    let chart = |point: &Point| {
        let at = at(experiment, point);
        let chart = Dots {
            title: format!("{}: {}{at}", experiment.title, metric.label),
            measured: (&metric.label, &metric.unit),
            extent,
            rows: point.cells.iter().filter(has_figures).map(|cell| row(point, cell)).collect(),
        };
        (capital(at.trim_start_matches(", ")), chart)
    };
    let charts: Vec<(String, Dots<'_>)> = experiment.points.iter().map(chart).collect();
    let figures = charts.iter().map(|(_, chart)| chart.room_for_figures()).fold(0.0, f64::max);
    html! {
        @for (caption, chart) in &charts { (figure(caption, chart.draw(figures))) }
    }
}

/// The reasons why models have no figure, and who they hold for: with the points, if not at all.
fn absent(experiment: &Experiment, metric: &Metric) -> Vec<(String, Vec<String>)> {
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    let models = experiment.points.first().map_or(&[][..], |point| &point.cells);
    for (row, model) in models.iter().map(|cell| &cell.model).enumerate() {
        let mut own: Vec<(&str, Vec<&str>)> = Vec::new();
        for point in &experiment.points {
            let value = point.cells.get(row).and_then(|cell| cell.values.get(&metric.name));
            let Some(Value::Unknown { na }) = value else { continue };
            match own.iter_mut().find(|(reason, _)| *reason == na.as_str()) {
                Some((_, points)) => points.push(&point.label),
                None => own.push((na, vec![&point.label])),
            }
        }
        for (reason, points) in own {
            let who = format!("{model}{}", which(&points, &experiment.points));
            match found.iter_mut().find(|(known, _)| *known == reason) {
                Some((_, all)) => all.push(who),
                None => found.push((reason.to_owned(), vec![who])),
            }
        }
    }
    found
}

/// Which points these are, of all: nothing for all of them, `from 100` for those at the end.
fn which(labels: &[&str], all: &[Point]) -> String {
    let end = all.len() - labels.len().min(all.len());
    let are_last = all[end..].iter().map(|point| point.label.as_str()).eq(labels.iter().copied());
    match (are_last, labels) {
        (true, _) if end == 0 => String::new(),
        (true, [first, _, ..]) => format!(" from {first}"),
        _ => format!(" at {}", labels.join(", ")),
    }
}

/// Which point it is, where there are several.
fn at(experiment: &Experiment, point: &Point) -> String {
    match (experiment.axis.name.as_str(), experiment.points.len()) {
        ("", 1) => String::new(),
        ("", _) => format!(", {}", point.label),
        (axis, _) => format!(", {axis}: {}", point.label),
    }
}

/// A figure as it is said where somebody points at it.
fn words(
    experiment: &Experiment,
    metric: &Metric,
    model: &str,
    point: &Point,
    figure: &Figure,
) -> String {
    let at = at(experiment, point);
    let [low, high] = figure.spread.map(|end| report::number(end, &metric.unit));
    format!("{model}{at}: {} ({low} to {high})", report::figure(figure, &metric.unit))
}
