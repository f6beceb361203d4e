//! `short`: connect, one message, close.

use std::time::Duration;

use switchboard_load::units::time;

use super::found::{at_most, unless_noise, untested};
use super::{Design, Found, Measure, Pace, Readings, Unmeasured, numbers};
use crate::record::{Better, Fact, Scale};
use crate::stage::Stage;

const CPU: Measure = Measure { label: "CPU per connection", ..super::CPU };
const P50: Measure = Measure { label: "median, connect to reply", ..super::P50 };
const RATE: Measure = Measure {
    name: "rate",
    label: "connections/s",
    unit: "per second",
    better: Better::Higher,
    scale: Scale::Log,
};

pub(super) static DESIGN: Design = Design {
    name: "short",
    title: "Short connections",
    claim: "Short connections suit pools: a thread or process that is there already costs less than \
            one that is made for each.",
    method: "Each client connects, sends one message, awaits its reply, closes, and begins again.",
    axis: ("clients at a time", "", Scale::Linear),
    measures: &[CPU, P50, RATE],
    points: |pace| match pace {
        Pace::Quick => numbers(&[4]),
        Pace::Full => numbers(&[1, 8]),
    },
    lasts: |pace, _| pace.pick(Duration::from_millis(130), Duration::from_millis(600)),
    shape: None,
    measure,
    judge,
};

fn measure(stage: &mut Stage<'_>, x: f64) -> Result<Readings, Unmeasured> {
    let mut server = stage.serve()?;
    let lasts = stage.pace.pick(Duration::from_millis(110), Duration::from_millis(550));
    let mut plan = stage.talk.plan(x as u64, lasts);
    plan.short = true;
    let driven = stage.drive(&mut server, plan)?;
    stage.stop(server)?;
    Ok(vec![
        (CPU.name, driven.cpu_ns()),
        (P50.name, driven.p50_ns()),
        (RATE.name, Ok(driven.rate().into())),
    ])
}

/// `pool` against `thread`, and `prefork` against `process`.
fn judge(found: &Found<'_>) -> Vec<Fact> {
    let Some(last) = found.experiment.points.last() else { return Vec::new() };
    let pooled = |own: &'static str, made: &'static str, forked: bool| {
        let pool =
            found.models(|model| model.kind().name == own && model.processes().is_some() == forked);
        let made = *found.plain(&[made]).first()?;
        let pool = *pool.first()?;
        let cost = |model| found.experiment.figure(last.x, model, CPU.name);
        let (ready, fresh) = (cost(pool)?, cost(made)?);
        let sentence = format!("{pool}: {}; {made}: {}", time(ready.median), time(fresh.median));
        Some(unless_noise(at_most(1.0, ready, fresh), sentence))
    };
    let pairs = [
        (pooled("pool", "thread", false), "pool beside thread"),
        (pooled("sequential", "process", true), "prefork beside process"),
    ];
    pairs.into_iter().map(|(fact, pair)| fact.unwrap_or_else(|| untested(pair))).collect()
}
