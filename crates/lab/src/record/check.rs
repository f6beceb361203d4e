//! Whether a text is a comparison: of this version, complete, and without contradiction.

use serde::Deserialize;

use super::{Comparison, Experiment, Figure, SCHEMA, Value};

/// What every version has.
#[derive(Deserialize)]
struct Header {
    schema: String,
}

pub(super) fn read(text: &str) -> Result<Comparison, String> {
    let header: Header = serde_json::from_str(text)
        .map_err(|error| format!("it is no result of `compare`: {error}"))?;
    if header.schema != SCHEMA {
        return Err(format!(
            "it says schema `{}`, and this version reads `{SCHEMA}`; measure again, or take the \
             version of switchboard that wrote it",
            header.schema
        ));
    }
    let comparison: Comparison = serde_json::from_str(text)
        .map_err(|error| format!("it says schema `{SCHEMA}`, but does not keep to it: {error}"))?;
    consistent(&comparison)
        .map_err(|sentence| format!("it contradicts itself: {sentence}"))
        .map(|()| comparison)
}

fn consistent(comparison: &Comparison) -> Result<(), String> {
    if comparison.subject(&comparison.reference).is_none() {
        return Err(format!("the reference `{}` is none of its models", comparison.reference));
    }
    comparison.experiments.iter().try_for_each(|experiment| points(comparison, experiment))
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
