//! Whether a text is a comparison: of this version, complete, and without contradiction.

use std::collections::HashSet;

use serde::Deserialize;

use super::{Comparison, Experiment, Figure, SCHEMA, Value, plain};

/// What every version has.
#[derive(Deserialize)]
struct Header {
    schema: String,
}

pub(super) fn read(text: &str) -> Result<Comparison, String> {
    let strange = |error| format!("it is no result of `compare`: {}", told(error));
    let mut json: serde_json::Value = serde_json::from_str(text).map_err(strange)?;
    plain::escape(&mut json);
    let header = Header::deserialize(&json).map_err(strange)?;
    if header.schema != SCHEMA {
        return Err(format!(
            "it says schema `{}`, and this version reads `{SCHEMA}`; measure again, or take the \
             version of switchboard that wrote it",
            header.schema
        ));
    }
    let odd =
        |error| format!("it says schema `{SCHEMA}`, but does not keep to it: {}", told(error));
    // Only the text itself knows in which line it goes wrong.
    serde_json::from_str::<Comparison>(text).map_err(odd)?;
    let comparison = Comparison::deserialize(json).map_err(odd)?;
    consistent(&comparison)
        .map_err(|sentence| format!("it contradicts itself: {sentence}"))
        .map(|()| comparison)
}

/// An error may quote the text.
fn told(error: serde_json::Error) -> String {
    plain::escaped(&error.to_string()).into_owned()
}

fn consistent(comparison: &Comparison) -> Result<(), String> {
    let date = &comparison.environment.date;
    if date.parse::<jiff::Timestamp>().is_err() {
        return Err(format!("`{date}` is no date of RFC 3339"));
    }
    let confidence = comparison.confidence;
    if !(confidence > 0.0 && confidence < 1.0) {
        return Err(format!("the confidence {confidence} does not lie between 0 and 1"));
    }
    once("model", comparison.models.iter().map(|model| model.name.as_str()))?;
    once("experiment", comparison.experiments.iter().map(|one| one.name.as_str()))?;
    if comparison.subject(&comparison.reference).is_none() {
        return Err(format!("the reference `{}` is none of its models", comparison.reference));
    }
    comparison.experiments.iter().try_for_each(|experiment| {
        measured(experiment).and_then(|()| points(comparison, experiment))
    })
}

/// Whether no name comes twice.
fn once<'a>(what: &str, names: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let mut seen = HashSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(format!("it has two of the {what} `{name}`"));
        }
    }
    Ok(())
}

/// An experiment has metrics, and points in the order of its axis.
fn measured(experiment: &Experiment) -> Result<(), String> {
    let name = &experiment.name;
    if experiment.metrics.is_empty() {
        return Err(format!("`{name}` has no metrics"));
    }
    if experiment.points.is_empty() {
        return Err(format!("`{name}` has no points"));
    }
    once(&format!("metric of `{name}`"), experiment.metrics.iter().map(|one| one.name.as_str()))?;
    let rises = experiment.points.windows(2).all(|pair| pair[0].x < pair[1].x);
    match rises && experiment.points.iter().all(|point| point.x.is_finite()) {
        true => Ok(()),
        false => Err(format!("the points of `{name}` are not in the order of its axis")),
    }
}

/// Every point has a cell for each model, in their order, with a value for each metric.
fn points(comparison: &Comparison, experiment: &Experiment) -> Result<(), String> {
    let models: Vec<&str> = comparison.models.iter().map(|model| model.name.as_str()).collect();
    for point in &experiment.points {
        let at = format!("`{}` at {}", experiment.name, point.label);
        let cells: Vec<&str> = point.cells.iter().map(|cell| cell.model.as_str()).collect();
        if cells != models {
            return Err(format!("{at} has cells for {cells:?}, not for {models:?}"));
        }
        for cell in &point.cells {
            for metric in &experiment.metrics {
                match cell.values.get(&metric.name) {
                    None => {
                        return Err(format!("{at}, {} has no value `{}`", cell.model, metric.name));
                    }
                    Some(Value::Known(figure)) if !ordered(figure) => {
                        return Err(format!(
                            "{at}, {}: the median of `{}` is none of its samples",
                            cell.model, metric.name
                        ));
                    }
                    Some(_) => {}
                }
            }
        }
    }
    Ok(())
}

/// Whether a figure has samples, and its median lies in its spread, among them.
fn ordered(figure: &Figure) -> bool {
    let samples = figure.samples.iter().flatten().copied();
    let (least, most) = samples
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), one| (low.min(one), high.max(one)));
    let [low, high] = figure.spread;
    let steps = [least, low, figure.median, high, most];
    steps.iter().all(|step| step.is_finite()) && steps.is_sorted()
}
