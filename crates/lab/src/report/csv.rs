//! A line for each sample (RFC 4180): what a spreadsheet or a plot wants.

use crate::record::{Comparison, Value};

const HEADINGS: &str = "experiment,x,point,model,metric,unit,round,value,median,low,high,ratio,\
                        ratio_low,ratio_high,compared,na";

/// The samples of a comparison; a value that is not known has one line, with the reason.
pub fn csv(comparison: &Comparison) -> String {
    let mut out = format!("{HEADINGS}\n");
    for experiment in &comparison.experiments {
        for point in &experiment.points {
            for cell in &point.cells {
                for metric in &experiment.metrics {
                    let place = [
                        field(&experiment.name),
                        point.x.to_string(),
                        field(&point.label),
                        field(&cell.model),
                        field(&metric.name),
                        field(&metric.unit),
                    ];
                    let value = cell.values.get(&metric.name);
                    value.into_iter().for_each(|value| lines(&mut out, &place.join(","), value));
                }
            }
        }
    }
    out
}

fn lines(out: &mut String, place: &str, value: &Value) {
    let figure = match value {
        Value::Known(figure) => figure,
        Value::Unknown { na } => {
            *out += &format!("{place},,,,,,,,,,{}\n", field(na));
            return;
        }
    };
    let [low, high] = figure.spread;
    let ratio = figure.ratio.map_or(",,,".to_owned(), |ratio| {
        let [least, most] = ratio
            .interval
            .map_or([String::new(), String::new()], |interval| interval.map(|end| end.to_string()));
        let compared = format!("{:?}", ratio.compared).to_lowercase();
        format!("{},{least},{most},{compared}", ratio.estimate)
    });
    for (round, sample) in figure.samples.iter().enumerate() {
        let sample = sample.map_or(String::new(), |sample| sample.to_string());
        *out +=
            &format!("{place},{},{sample},{},{low},{high},{ratio},\n", round + 1, figure.median);
    }
}

fn field(text: &str) -> String {
    match text.contains([',', '"', '\n']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}
