//! Who cannot serve a workload at all: for want of room, of memory, or of isolation.

use switchboard::Model;
use switchboard_load::units;

use super::Workload;
use super::choice::Choice;
use super::estimate::Estimates;
use crate::record::Comparison;
use crate::report;

/// The share of the machine's memory that peers may take.
const MEMORY_MAX: f64 = 0.8;
/// Keys that say for how many peers a model has room.
const CAPACITY: [&str; 3] = ["children", "threads", "fd-set-size"];

/// Why a model cannot serve the workload, if it cannot.
pub(super) fn excluded(
    estimates: &Estimates<'_>,
    name: &str,
    model: Option<&str>,
    choice: &mut Choice,
) -> Option<String> {
    let (comparison, workload) = (estimates.comparison, estimates.workload);
    let subject = comparison.subject(name)?;
    if let Some(reason) = &subject.unavailable {
        return Some(reason.clone());
    }
    let Some(model) = model else {
        return Some(
            "it is no model of switchboard, which could be started with another".to_owned(),
        );
    };
    too_few(comparison, workload, name, model)
        .or_else(|| lets_others_die(estimates, name, choice))
        .or_else(|| weighs_too_much(estimates, name))
}

/// Because it has no room for so many, as it declares or as was measured.
fn too_few(
    comparison: &Comparison,
    workload: &Workload,
    name: &str,
    model: &str,
) -> Option<String> {
    let asked = workload.connections as f64;
    let model = model.parse::<Model>().ok();
    let declared = model.as_ref().and_then(|model| (model.kind().peers_max)(model));
    if let Some(most) = declared.filter(|most| (*most as f64) < asked && !workload.short) {
        let settings = model.iter().flat_map(|model| model.kind().settings);
        let key = settings.map(|setting| setting.name).find(|name| CAPACITY.contains(name));
        let unless = key.map_or(String::new(), |key| format!(", unless `{key}=` says more"));
        let peers = units::several(most, "peer", "peers");
        return Some(format!("it has room for {peers} at a time{unless}"));
    }
    let limit = comparison.experiment("limit")?;
    // Only whom it turned away shows a limit: others may have been on their way in.
    let refuses = |x: f64| limit.figure(x, name, "refused").is_some_and(|one| one.median > 0.0);
    let mut figures = limit
        .points
        .iter()
        .filter_map(|point| limit.figure(point.x, name, "served").filter(|_| refuses(point.x)));
    let bounded = figures.find(|figure| !figure.at_least && figure.median < asked)?;
    let count = units::count(bounded.median as u64);
    Some(format!("it served {count} peers at a time, and no more (experiment limit)"))
}

/// Because a crash of one peer would take others along.
fn lets_others_die(estimates: &Estimates<'_>, name: &str, choice: &mut Choice) -> Option<String> {
    if !estimates.workload.isolate {
        return None;
    }
    match estimates.lost(name) {
        Some(0.0) => None,
        Some(lost) => {
            let lost = report::number(lost, metric_unit(estimates.comparison, "crash", "lost"));
            Some(format!(
                "a peer that crashed its process took others along: {lost} (experiment crash)"
            ))
        }
        None => {
            choice.needs("crash");
            None
        }
    }
}

fn metric_unit<'a>(comparison: &'a Comparison, experiment: &str, metric: &str) -> &'a str {
    let found = comparison.experiment(experiment).and_then(|one| one.metric(metric));
    found.map_or("", |metric| metric.unit.as_str())
}

/// Because its peers would not fit into memory.
fn weighs_too_much(estimates: &Estimates<'_>, name: &str) -> Option<String> {
    let each = estimates.memory(name).ok()?.median();
    let all = each * estimates.workload.connections as f64;
    let machine = estimates.comparison.environment.memory_bytes as f64;
    (all > machine * MEMORY_MAX)
        .then(|| format!("its peers would need {} of {}", units::bytes(all), units::bytes(machine)))
}
