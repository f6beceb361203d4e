//! What would have to be different for another answer: each number of the workload is moved, up and
//! down, to the nearest of these values at which another model is chosen.

use std::time::Duration;

use super::workload::{percent, size, time};
use super::{Change, Workload, choice};
use crate::record::Comparison;

const CONNECTIONS: [u64; 9] = [1, 10, 100, 500, 1_000, 2_000, 5_000, 10_000, 50_000];
const ACTIVE: [f64; 7] = [0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0];
const MESSAGE: [u64; 5] = [64, 1 << 10, 16 << 10, 256 << 10, 1 << 20];
const COMPUTE_US: [u64; 8] = [0, 5, 20, 100, 1_000, 10_000, 50_000, 200_000];

/// A workload that is different in one thing, and what that is.
type Other = (String, Workload);

/// The nearest changes in each direction.
pub(super) fn changes(comparison: &Comparison, workload: &Workload, model: &str) -> Vec<Change> {
    let other = |others: Vec<Other>| {
        others.into_iter().find_map(|(when, workload)| {
            let chosen = choice::choose(comparison, &workload, &[]).model?;
            (chosen != model).then_some(Change { when, model: chosen })
        })
    };
    ways(workload).into_iter().filter_map(other).collect()
}

/// Ways away from a workload, each from near to far.
fn ways(workload: &Workload) -> Vec<Vec<Other>> {
    let with = |change: &dyn Fn(&mut Workload)| {
        let mut other = workload.clone();
        change(&mut other);
        other
    };
    let connections = CONNECTIONS
        .map(|n| (n as f64, (format!("connections={n}"), with(&|other| other.connections = n))));
    let active =
        ACTIVE.map(|n| (n, (format!("active={}", percent(n)), with(&|other| other.active = n))));
    let message = MESSAGE.map(|n| {
        (n as f64, (format!("message={}", size(n)), with(&|other| other.message_bytes = n)))
    });
    let compute = COMPUTE_US.map(|n| {
        let asked = Duration::from_micros(n);
        let when = format!("compute={}", time(asked));
        (asked.as_secs_f64(), (when, with(&|other| other.compute = asked)))
    });
    let mut ways = Vec::new();
    ways.extend(both(connections.into(), workload.connections as f64));
    ways.extend(both(active.into(), workload.active));
    ways.extend(both(message.into(), workload.message_bytes as f64));
    ways.extend(both(compute.into(), workload.compute.as_secs_f64()));
    let yes = |is: bool| if is { "no" } else { "yes" };
    let short = with(&|other| other.short = !other.short);
    ways.push(vec![(format!("short={}", yes(workload.short)), short)]);
    let isolate = with(&|other| other.isolate = !other.isolate);
    ways.push(vec![(format!("isolate={}", yes(workload.isolate)), isolate)]);
    ways
}

/// Upwards and downwards from a number, the nearest first.
fn both(others: Vec<(f64, Other)>, from: f64) -> [Vec<Other>; 2] {
    let up = others.iter().filter(|(number, _)| *number > from).map(|(_, other)| other.clone());
    let down = others.iter().rev().filter(|(number, _)| *number < from);
    [up.collect(), down.map(|(_, other)| other.clone()).collect()]
}
