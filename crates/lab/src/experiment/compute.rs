//! `compute`: what the others wait while one peer lets the service compute.

use std::time::Duration;

use switchboard_load::units::time;
use switchboard_load::{Arrivals, Rate, Schedule};

use super::found::{agreed, agreed_of, is_one_loop, unless_noise, untested};
use super::{Design, Found, P50, P99, Pace, Readings, Unmeasured, numbers};
use crate::peers::Burner;
use crate::record::{Fact, Figure, Scale};
use crate::stage::Stage;
use crate::talk::Talk;

/// Peers that are measured.
const OTHERS: u64 = 6;
/// Their messages in a second, all together.
const RATE: f64 = 400.0;
/// How long a computation takes.
pub(crate) const BURN: Duration = Duration::from_millis(50);
/// What a peer waits under a model that stalls: at p99 nearly a whole computation.
const STALL: Duration = Duration::from_millis(25);
/// What it waits under one that does not, of what it waits under the loop that stalls least.
const SHARE_MAX: f64 = 0.5;

pub(super) static DESIGN: Design = Design {
    name: "compute",
    title: "One peer computes",
    claim: "A long computation stalls a loop and everybody on it, but not a hybrid, whose workers \
            compute, and not threads or processes.",
    method: "One peer lets the service `work` compute for 50 ms, again and again; six others send 400 \
             messages a second, whose latencies count from when they were due.",
    axis: ("computing peers", "", Scale::Linear),
    measures: &[P99, P50],
    points: |pace| match pace {
        Pace::Quick => numbers(&[1]),
        Pace::Full => numbers(&[0, 1]),
    },
    lasts: |pace, _| pace.pick(Duration::from_millis(370), Duration::from_millis(1_100)),
    shape: None,
    measure,
    judge,
};

fn measure(stage: &mut Stage<'_>, x: f64) -> Result<Readings, Unmeasured> {
    if stage.talk.own {
        return Err("nothing that its peers say lets it compute; `--service work` does"
            .to_owned()
            .into());
    }
    stage.has_room(OTHERS + 1)?;
    let mut server = stage.serve_with(Some(&["work"]), &[])?;
    let burner = match x > 0.0 {
        true => Some(Burner::start(server.address, BURN)?),
        false => None,
    };
    let lasts = stage.pace.pick(Duration::from_millis(250), Duration::from_millis(1_000));
    let mut plan = Talk::to("work", "work")?.plan(OTHERS, lasts);
    plan.schedule = Schedule::Open { rate: Rate::Total(RATE), arrivals: Arrivals::Even };
    let driven = stage.drive(&mut server, plan)?;
    if let Some(burner) = burner {
        burner.finish()?;
    }
    stage.stop(server)?;
    Ok(vec![(P99.name, driven.p99_ns()), (P50.name, driven.p50_ns())])
}

fn judge(found: &Found<'_>) -> Vec<Fact> {
    let Some(last) = found.experiment.points.last() else { return Vec::new() };
    // A runtime of tasks has as many threads as it is told: with one it is a loop.
    let loops = found.models(is_one_loop);
    let free = found.models(|model| {
        let hybrid = model.kind().name == "epoll" && model.given("workers").is_some();
        hybrid || matches!(model.kind().name, "thread" | "process")
    });
    let loops = found.figures(last.x, &loops, P99.name);
    let stalls = |(model, p99): &(&str, &Figure)| {
        let sentence = format!("{model}: the others wait {} at p99", time(p99.median));
        unless_noise(agreed(p99, |p99| p99 >= STALL.as_nanos() as f64), sentence)
    };
    let least = loops.iter().map(|(_, p99)| *p99);
    let least = least.min_by(|one, other| one.median.total_cmp(&other.median));
    let lets = |(model, p99): (&str, &Figure)| {
        let least = least?;
        let sentence = format!(
            "{model}: the others wait {} at p99, {:.2} of what they wait under the loop that stalls \
             least",
            time(p99.median),
            p99.median / least.median
        );
        Some(unless_noise(agreed_of(p99, least, |own, least| own <= least * SHARE_MAX), sentence))
    };
    let figures = found.figures(last.x, &free, P99.name);
    let measured = |wanted: &dyn Fn(&str) -> bool| figures.iter().any(|(model, _)| wanted(model));
    let waiting = found.models(|model| matches!(model.kind().name, "thread" | "process"));
    let parts = [
        (!loops.is_empty(), "a loop"),
        (measured(&|model| !waiting.contains(&model)), "a hybrid"),
        (measured(&|model| waiting.contains(&model)), "threads or processes"),
    ];
    let lacking = parts.into_iter().filter(|(known, _)| !known).map(|(_, part)| untested(part));
    let free = figures.iter().copied().filter_map(lets);
    loops.iter().map(stalls).chain(free).chain(lacking).collect()
}
