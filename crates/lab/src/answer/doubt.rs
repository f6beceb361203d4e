//! What an answer does not bear: how the comparison was made, and what the model needs beside it.

use switchboard::Model;
use switchboard_load::units;

use super::Workload;
use crate::record::Comparison;
use crate::report;

/// Descriptors of a process that are not peers': listeners, the kernel's interfaces, standard streams.
const OWN_DESCRIPTORS: u64 = 64;
/// Peers are not spread evenly over processes: the fullest has so many times its share.
const UNEVEN: f64 = 1.25;
/// A model that uses so much of a processor while nobody says anything is told of.
const RESTLESS: f64 = 0.5;

/// What makes the answer `model` doubtful, a sentence each.
pub(super) fn doubts(comparison: &Comparison, workload: &Workload, model: &str) -> Vec<String> {
    let mut doubts = Vec::new();
    doubts.extend(descriptors(comparison, workload, model));
    doubts.extend(restless(comparison, model));
    let environment = &comparison.environment;
    if environment.versions.debug_build {
        doubts.push("the program was built without optimisation".to_owned());
    }
    if comparison.interrupted {
        doubts.push("the comparison was stopped before its end".to_owned());
    }
    if environment.load_average[0] > f64::from(environment.cores.usable) {
        doubts.push("other programs had work to do meanwhile".to_owned());
    }
    doubts
}

/// Each peer takes a descriptor of the process that serves it, and a process may have so many.
fn descriptors(comparison: &Comparison, workload: &Workload, model: &str) -> Option<String> {
    let limit = comparison.environment.limits.descriptors?;
    let parsed: Model = comparison.subject(model)?.model.as_deref()?.parse().ok()?;
    let processes = parsed.processes().unwrap_or(1).max(1) as u64;
    // A process for each peer has a descriptor for each, and room as `children` says.
    let alone = parsed.kind().name == "process";
    let room = limit.saturating_sub(OWN_DESCRIPTORS).max(1);
    if alone || workload.short || workload.connections <= room.saturating_mul(processes) {
        return None;
    }
    let needed = (workload.connections as f64 * UNEVEN / room as f64).ceil() as u64;
    let separator = if model.contains(':') { "," } else { ":" };
    let several = format!("{model}{separator}processes={needed}");
    let with = match (parsed.processes(), several.parse::<Model>()) {
        (Some(_), _) => format!(", or take `processes={needed}`"),
        (None, Ok(_)) => format!(", or serve them with several processes: --model {several}"),
        (None, Err(_)) => String::new(),
    };
    Some(format!(
        "a process may have {} here, and each peer needs one: raise the limit (`ulimit -n`){with}",
        units::several(limit, "descriptor", "descriptors")
    ))
}

/// What it costs when there is nothing to do is not in the figures that decided.
fn restless(comparison: &Comparison, model: &str) -> Option<String> {
    let quiet = comparison.experiment("quiet")?;
    let busy = quiet.points.iter().filter_map(|point| quiet.figure(point.x, model, "busy"));
    let most = busy.map(|figure| figure.median).max_by(f64::total_cmp)?;
    (most >= RESTLESS).then(|| {
        let share = report::number(most, "share");
        format!("{model} uses {share} of a processor while nobody says anything (experiment quiet)")
    })
}
