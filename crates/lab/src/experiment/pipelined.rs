//! `pipelined`: several messages of a peer under way at once.

use std::time::Duration;

use switchboard_load::Schedule;

use super::found::{at_most, unless_noise, untested};
use super::{CALLS, CPU, Design, Found, Measure, Pace, RATE, Readings, Unmeasured, numbers};
use crate::record::{Better, Fact, Scale};
use crate::slices::Slicing;
use crate::stage::Stage;

/// Peers at a time.
const PEERS: u64 = 8;
/// Of the calls, those that wait for somebody to be ready.
const WAITS: Measure = Measure {
    name: "waits",
    label: "waits per message",
    unit: "per message",
    better: Better::Lower,
    scale: Scale::Log,
};

/// What is nearer to each other is the same.
const SAME: f64 = 1.05;

/// Slices, if there is time for so many.
const SLICES: usize = 45;

pub(super) static DESIGN: Design = Design {
    name: "pipelined",
    title: "Messages in flight",
    claim: "Edge triggering wakes less: epoll-et waits no more often for a message than epoll does.",
    method: "Eight peers keep so many messages under way each: for every reply another one goes.",
    axis: ("messages in flight", "", Scale::Log),
    measures: &[WAITS, CPU, CALLS, RATE],
    points: |pace| match pace {
        Pace::Quick => numbers(&[16]),
        Pace::Full => numbers(&[1, 16, 64]),
    },
    lasts: |pace, _| pace.pick(Duration::from_millis(110), Duration::from_millis(500)),
    shape: None,
    measure,
    judge,
};

fn measure(stage: &mut Stage<'_>, x: f64) -> Result<Readings, Unmeasured> {
    if stage.talk.script.is_some() {
        return Err("a dialogue awaits each reply".to_owned().into());
    }
    stage.has_room(PEERS)?;
    let mut server = stage.serve()?;
    let lasts = stage.pace.pick(Duration::from_millis(90), Duration::from_millis(450));
    let mut plan = stage.talk.plan(PEERS, lasts);
    plan.schedule = Schedule::Closed { pipeline: x as u32 };
    plan.warm_up = Duration::from_millis(10);
    let slicing = Slicing { messages: stage.pace.pick(500, 2_000), slices: SLICES };
    let driven = stage.drive_in_slices(&mut server, plan, slicing)?;
    stage.stop(server)?;
    Ok(vec![
        (WAITS.name, driven.counted_each(|counted| counted.number("waits"))),
        (CPU.name, driven.cpu_ns()),
        (CALLS.name, driven.calls()),
        (RATE.name, Ok(driven.rate().into())),
    ])
}

fn judge(found: &Found<'_>) -> Vec<Fact> {
    let edge = found.plain(&["epoll-et"]).first().copied();
    let level = found.plain(&["epoll"]).first().copied();
    let Some((edge, level)) = edge.zip(level) else {
        return vec![untested("epoll-et beside epoll")];
    };
    let one = |point: &crate::record::Point| {
        let waits = |model| found.experiment.figure(point.x, model, WAITS.name);
        let (edge, level) = (waits(edge)?, waits(level)?);
        Some(unless_noise(
            at_most(SAME, edge, level),
            format!(
                "{} in flight: {:.3} waits a message, {:.3} under epoll",
                point.label, edge.median, level.median
            ),
        ))
    };
    found.experiment.points.iter().filter_map(one).collect()
}
