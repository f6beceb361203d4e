//! `lifecycle`: from the start to the end, with a few peers in between.

use std::time::Duration;

use switchboard_load::End;
use switchboard_load::units::time;

use super::found::{agreed, unless_noise};
use super::{Design, Found, Measure, Place, Readings, Sample, Unmeasured};
use crate::record::{Better, Fact, Scale};
use crate::server::{PATIENCE, Running};
use crate::stage::Stage;

/// Silent peers that are let go at the end; fewer where a model has no room for them.
const PEERS: u64 = 64;
/// A drain with nobody to wait for may take this long.
const DRAIN_MAX: Duration = Duration::from_millis(100);

const FIRST: Measure = Measure {
    name: "first_ns",
    label: "start to first reply",
    unit: "ns",
    better: Better::Lower,
    scale: Scale::Log,
};
const DRAIN: Measure = Measure {
    name: "drain_ns",
    label: "SIGTERM to end",
    unit: "ns",
    better: Better::Lower,
    scale: Scale::Log,
};
const SPREAD: Measure = Measure {
    name: "spread",
    label: "fullest loop / even share",
    unit: "times",
    better: Better::Lower,
    scale: Scale::Linear,
};

pub(super) static DESIGN: Design = Design {
    name: "lifecycle",
    title: "Start and stop",
    claim: "A server whose peers say nothing stops within 100 ms of being told to, under every model.",
    method: "The server is started and answers its first message, or goes through its first \
             dialogue; up to 64 silent peers come; it is \
             told to stop. How they are spread over loops or processes is what the server says.",
    axis: ("", "", Scale::Kinds),
    measures: &[DRAIN, FIRST, SPREAD],
    points: |_| vec![Place { x: 0.0, label: "start to end".to_owned() }],
    lasts: |_, _| Duration::from_millis(30),
    shape: None,
    measure,
    judge,
};

fn measure(stage: &mut Stage<'_>, _: f64) -> Result<Readings, Unmeasured> {
    let mut server = stage.serve()?;
    let mut plan = stage.talk.plan(1, Duration::ZERO);
    plan.short = true;
    plan.end = End::Messages(1);
    let driven = stage.drive(&mut server, plan)?;
    let ready = server.ready_after.as_nanos() as f64;
    let first = driven.p50_ns().map(|reply| (reply.value + ready).into());
    let most = stage.target.capacity().unwrap_or(PEERS).min(PEERS);
    let silent = stage.silent(&mut server, most)?;
    let spread = spread(&mut server, silent.count());
    let stopped = server.stop()?;
    drop(silent);
    let drain = stopped.took.as_nanos() as f64;
    Ok(vec![(DRAIN.name, Ok(drain.into())), (FIRST.name, first), (SPREAD.name, spread)])
}

/// How many times its even share the fullest loop or process has.
fn spread(server: &mut Running, peers: usize) -> Result<Sample, String> {
    let spread = server.stats(PATIENCE)?.spread().filter(|spread| spread.len() > 1);
    let spread = spread.ok_or("it has one loop, or a thread or process for each peer")?;
    let fullest = spread.iter().max().copied().unwrap_or(0) as f64;
    Ok((fullest * spread.len() as f64 / peers.max(1) as f64).into())
}

fn judge(found: &Found<'_>) -> Vec<Fact> {
    let one = |model: &str| {
        let took = found.experiment.figure(0.0, model, DRAIN.name)?;
        let sentence = format!("{model}: stopped after {}", time(took.median));
        Some(unless_noise(agreed(took, |took| took <= DRAIN_MAX.as_nanos() as f64), sentence))
    };
    found.models(|_| true).into_iter().filter_map(one).collect()
}
