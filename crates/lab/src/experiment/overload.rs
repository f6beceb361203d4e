//! `overload`: more messages are due than can be answered.

use std::time::Duration;

use switchboard_load::message::{Expect, Message, Script};
use switchboard_load::units::{percent, rate, several};
use switchboard_load::{Arrivals, Rate, Schedule};

use super::found::{agreed_of, unless_noise};
use super::{Design, Found, Measure, P50, Place, RATE, Readings, Unmeasured};
use crate::record::{Better, Fact, Scale};
use crate::stage::Stage;
use crate::talk::Talk;

/// Peers at a time.
const PEERS: u64 = 8;
/// What a message lets the service `work` compute, so that the load is far from its own limit.
const BURN: &str = "burn 200us";
/// Messages a second that one core answers if it does nothing else.
const CAPACITY: f64 = 5_000.0;
/// Of what is due, what the load may fail to send: more, and it was not the server that was too slow.
const UNSENT_MAX: f64 = 0.05;
/// What a server has to answer of that under overload.
const SHARE_MIN: f64 = 0.8;
/// What it answers.
const KEPT: Measure = Measure {
    name: "kept",
    label: "of what it can do",
    unit: "share",
    better: Better::Higher,
    scale: Scale::Linear,
};
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
             `work` compute for 200 µs, so that a core can do 5,000 a second. A program or a dialogue \
             of your own takes the place of that: what it can do is what eight peers get who await \
             each reply. Latencies count from when a message was due.",
    axis: ("load, of what it can do", "times", Scale::Linear),
    measures: &[KEPT, RATE, P50, LOST],
    points: |pace| {
        let places = [(0.5, "0.5"), (2.0, "2")];
        let places = places.map(|(x, label)| Place { x, label: label.to_owned() });
        places[pace.pick(1, 0)..].to_vec()
    },
    lasts: |pace, x| {
        pace.pick(Duration::from_millis(150), Duration::from_millis(700)).mul_f64(1.0 + x)
    },
    shape: None,
    measure,
    judge,
};

fn measure(stage: &mut Stage<'_>, x: f64) -> Result<Readings, Unmeasured> {
    stage.has_room(PEERS)?;
    let lasts = stage.pace.pick(Duration::from_millis(120), Duration::from_millis(600));
    let (mut server, talk, capacity) = match stage.talk.own {
        false => (stage.serve_with(Some(&["work"]), &[])?, burning()?, CAPACITY),
        true => {
            let mut server = stage.serve()?;
            let driven = stage.drive(&mut server, stage.talk.plan(PEERS, lasts))?;
            // In an open loop a pass through the dialogue is one message.
            let replies = stage.talk.script.as_ref().map_or(1, Script::replies).max(1);
            (server, stage.talk.clone(), driven.rate() / replies as f64)
        }
    };
    let mut plan = talk.plan(PEERS, lasts);
    plan.schedule = Schedule::Open { rate: Rate::Total(x * capacity), arrivals: Arrivals::Even };
    let driven = stage.drive_anyhow(&mut server, plan)?;
    stage.stop(server)?;
    let unsent = driven.outcome.record.counts.not_reached as f64;
    if unsent > UNSENT_MAX * x * capacity * lasts.as_secs_f64() {
        let due = rate(x * capacity);
        return Err(format!("the load itself cannot send {due} messages a second").into());
    }
    let errors: u64 = driven.report.errors.iter().map(|line| line.count).sum();
    Ok(vec![
        (KEPT.name, Ok((driven.rate() / capacity).into())),
        (RATE.name, Ok(driven.rate().into())),
        (P50.name, driven.p50_ns()),
        (LOST.name, Ok((errors as f64).into())),
    ])
}

/// Peers of the service `work`, each message of whom is a computation.
fn burning() -> Result<Talk, String> {
    Ok(Talk {
        message: Message::Text(BURN.parse()?),
        expect: Expect::Exact(BURN.replace("burn", "burnt").into_bytes()),
        ..Talk::to("work", "work")?
    })
}

fn judge(found: &Found<'_>) -> Vec<Fact> {
    let Some(last) = found.experiment.points.last() else { return Vec::new() };
    let one = |model: &str| {
        let kept = found.experiment.figure(last.x, model, KEPT.name)?;
        let errors = found.experiment.figure(last.x, model, LOST.name)?;
        let answered = found.median(last.x, model, RATE.name)?;
        let goes_on = |kept, errors| kept >= SHARE_MIN && errors == 0.0;
        Some(unless_noise(
            agreed_of(kept, errors, goes_on),
            format!(
                "{model}: {} answered at {} times what it can do, {} of that, {}",
                rate(answered),
                last.label,
                percent(kept.median),
                several(errors.median as u64, "error", "errors")
            ),
        ))
    };
    found.models(|_| true).into_iter().filter_map(one).collect()
}
