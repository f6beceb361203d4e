//! `big`: messages of a mebibyte.

use std::time::Duration;

use super::found::{at_most, unless_noise};
use super::{CALLS, CPU, Design, Found, Measure, Pace, Readings, Unmeasured, numbers};
use crate::record::{Better, Fact, Scale};
use crate::slices::Slicing;
use crate::stage::Stage;

/// Bytes of a message.
const SIZE: usize = 1 << 20;
/// How far apart the models may be, that the bytes and not the model make the cost.
const TIMES_MAX: f64 = 2.0;
/// Slices, if there is time for so many.
const SLICES: usize = 45;
/// Bytes echoed, both ways together counted once.
const BYTES: Measure = Measure {
    name: "rate",
    label: "bytes echoed/s",
    unit: "bytes",
    better: Better::Higher,
    scale: Scale::Log,
};

pub(super) static DESIGN: Design = Design {
    name: "big",
    title: "Messages of 1 MiB",
    claim: "The larger the messages, the less the model matters: at 1 MiB the dearest one costs at \
            most twice the cheapest.",
    method: "Each peer sends a mebibyte, takes it back and sends the next.",
    axis: ("busy peers", "", Scale::Linear),
    measures: &[CPU, CALLS, BYTES],
    points: |pace| match pace {
        Pace::Quick => numbers(&[2]),
        Pace::Full => numbers(&[1, 8]),
    },
    lasts: |pace, _| pace.pick(Duration::from_millis(180), Duration::from_millis(600)),
    shape: None,
    measure,
    judge,
};

fn measure(stage: &mut Stage<'_>, x: f64) -> Result<Readings, Unmeasured> {
    let Some(talk) = stage.talk.sized(SIZE) else {
        return Err("needs a service that echoes whatever it is sent".to_owned().into());
    };
    stage.has_room(x as u64)?;
    let mut server = stage.serve()?;
    let lasts = stage.pace.pick(Duration::from_millis(120), Duration::from_millis(550));
    let slicing = Slicing { messages: stage.pace.pick(4, 16), slices: SLICES };
    let driven = stage.drive_in_slices(&mut server, talk.plan(x as u64, lasts), slicing)?;
    stage.stop(server)?;
    Ok(vec![
        (CPU.name, driven.cpu_ns()),
        (CALLS.name, driven.calls()),
        (BYTES.name, Ok((driven.rate() * SIZE as f64).into())),
    ])
}

fn judge(found: &Found<'_>) -> Vec<Fact> {
    let Some(last) = found.experiment.points.last() else { return Vec::new() };
    // A scan of sockets that are not ready costs whatever time is left over.
    let all = found.models(|model| model.kind().name != "spin");
    let costs = found.medians(last.x, &all, CPU.name);
    let cheapest = costs.iter().min_by(|one, other| one.1.total_cmp(&other.1));
    let dearest = costs.iter().max_by(|one, other| one.1.total_cmp(&other.1));
    let (Some(cheapest), Some(dearest)) = (cheapest, dearest) else { return Vec::new() };
    if costs.len() < 2 {
        return Vec::new();
    }
    let times = dearest.1 / cheapest.1;
    let sentence = format!("{} costs {times:.2} times as much as {}", dearest.0, cheapest.0);
    let figure = |model| found.experiment.figure(last.x, model, CPU.name);
    let held = figure(dearest.0).zip(figure(cheapest.0));
    vec![unless_noise(held.and_then(|(dear, cheap)| at_most(TIMES_MAX, dear, cheap)), sentence)]
}
