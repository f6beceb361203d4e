//! `overload`: more messages are due than can be answered.

use std::time::Duration;

use switchboard_load::message::{Expect, Message};
use switchboard_load::units::{rate, several};
use switchboard_load::{Arrivals, Rate, Schedule};

use super::found::fact;
use super::{Design, Found, Measure, P50, Pace, RATE, Readings, Unmeasured, numbers};
use crate::record::{Better, Fact, Scale};
use crate::stage::Stage;
use crate::talk::Talk;

/// Peers at a time.
const PEERS: u64 = 8;
/// What a message lets the service compute, so that the load is far from its own limit.
const BURN: &str = "burn 200us";
/// Messages a second that one core answers if it does nothing else.
const CAPACITY: f64 = 5_000.0;
/// What a server has to answer of that under overload.
const SHARE_MIN: f64 = 0.8;
/// Peers that lost their connection.
const LOST: Measure = Measure {
    name: "errors",
    label: "errors",
    unit: "peers",
    better: Better::Lower,
    scale: Scale::Linear,
};

pub(super) static DESIGN: Design = Design {
    name: "overload",
    title: "More than it can do",
    claim: "A server that is asked for twice what it can do goes on at its full rate and drops nobody: \
            what is too much waits.",
    method: "Eight peers send messages at a rate that the server cannot put off; each lets the service \
             `work` compute for 200 µs, so that a core answers at most 5,000 a second. Latencies \
             count from when a message was due.",
    axis: ("messages due", "per second", Scale::Linear),
    measures: &[RATE, P50, LOST],
    points: |pace| match pace {
        Pace::Quick => numbers(&[10_000]),
        Pace::Full => numbers(&[2_500, 10_000]),
    },
    lasts: |pace, x| {
        pace.pick(Duration::from_millis(150), Duration::from_millis(700))
            .mul_f64(1.0 + x / CAPACITY / 2.0)
    },
    shape: None,
    measure,
    judge,
};

fn measure(stage: &mut Stage<'_>, x: f64) -> Result<Readings, Unmeasured> {
    stage.has_room(PEERS)?;
    let mut server = stage.serve_with(Some(&["work"]), &[])?;
    let lasts = stage.pace.pick(Duration::from_millis(120), Duration::from_millis(600));
    let talk = Talk {
        message: Message::Text(BURN.parse().map_err(|error: String| error)?),
        expect: Expect::Exact(BURN.replace("burn", "burnt").into_bytes()),
        ..Talk::to("work", "work")?
    };
    let mut plan = talk.plan(PEERS, lasts);
    plan.schedule = Schedule::Open { rate: Rate::Total(x), arrivals: Arrivals::Even };
    let driven = stage.drive_anyhow(&mut server, plan)?;
    stage.stop(server)?;
    let errors: u64 = driven.report.errors.iter().map(|line| line.count).sum();
    Ok(vec![
        (RATE.name, Ok(driven.rate().into())),
        (P50.name, driven.p50_ns()),
        (LOST.name, Ok((errors as f64).into())),
    ])
}

fn judge(found: &Found<'_>) -> Vec<Fact> {
    let Some(last) = found.experiment.points.last() else { return Vec::new() };
    let one = |model: &str| {
        let answered = found.median(last.x, model, RATE.name)?;
        let errors = found.median(last.x, model, LOST.name)?;
        Some(fact(
            answered >= SHARE_MIN * CAPACITY && errors == 0.0,
            format!(
                "{model}: {} answered of {} due, {}",
                rate(answered),
                last.label,
                several(errors as u64, "error", "errors")
            ),
        ))
    };
    found.models(|_| true).into_iter().filter_map(one).collect()
}
