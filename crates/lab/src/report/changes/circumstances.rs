//! What else is different between two comparisons, and may be what made the figures so.

use switchboard_load::units::{percent, several};

use crate::record::Comparison;
use crate::report::STOLEN;

/// A sentence for each difference.
pub(super) fn circumstances(old: &Comparison, new: &Comparison) -> Vec<String> {
    let mut told = Vec::new();
    let mut tell = |what: &str, before: String, now: String| {
        if before != now {
            told.push(format!("{what}: {before} before, {now} now"));
        }
    };
    let machine = |one: &Comparison| {
        let environment = &one.environment;
        let processor = environment.processor.as_deref().unwrap_or("a processor without a name");
        let cores = several(u64::from(environment.cores.usable), "core", "cores");
        format!("{processor}, {}, {cores}", environment.architecture)
    };
    let pace = |one: &Comparison| if one.quick { "--quick" } else { "full" }.to_owned();
    let build = |one: &Comparison| {
        let debug = one.environment.versions.debug_build;
        if debug { "without optimisation" } else { "optimised" }.to_owned()
    };
    let version = |one: &Comparison| one.environment.versions.switchboard.clone();
    let rounds = |one: &Comparison| several(u64::from(one.rounds), "round", "rounds");
    tell("other work", format!("`{}`", old.work), format!("`{}`", new.work));
    tell("another machine", machine(old), machine(new));
    tell("another kernel", old.environment.kernel.clone(), new.environment.kernel.clone());
    tell("another pace, with other times and crowds", pace(old), pace(new));
    tell("rounds that were asked for", rounds(old), rounds(new));
    tell("another version", version(old), version(new));
    tell("another build", build(old), build(new));
    let stolen = |one: &Comparison| one.environment.stolen.unwrap_or(0.0);
    if (stolen(old) - stolen(new)).abs() >= STOLEN {
        tell(
            "processor time that the host gave to others",
            percent(stolen(old)),
            percent(stolen(new)),
        );
    }
    for (which, one) in [("the one before", old), ("this one", new)] {
        if one.interrupted {
            told.push(format!("{which} was stopped before its end"));
        }
    }
    told
}
