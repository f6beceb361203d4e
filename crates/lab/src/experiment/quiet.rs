//! `quiet`: peers, and no traffic.

use std::time::Duration;

use switchboard_load::units::percent;

use super::found::{agreed, unless_noise, untested};
use super::{Design, Found, Measure, Pace, Readings, Unmeasured, numbers};
use crate::record::{Better, Fact, Scale};
use crate::stage::Stage;

/// Processor time while nothing happens.
const BUSY: Measure = Measure {
    name: "busy",
    label: "share of a core",
    unit: "share",
    better: Better::Lower,
    scale: Scale::Linear,
};
/// Waits that ended meanwhile.
const WAKES: Measure = Measure {
    name: "wakes",
    label: "waits",
    unit: "per second",
    better: Better::Lower,
    scale: Scale::Log,
};
/// What a scan takes of its core, at least.
const BURNS_MIN: f64 = 0.9;
/// What everybody else takes, at most.
const RESTS_MAX: f64 = 0.01;

pub(super) static DESIGN: Design = Design {
    name: "quiet",
    title: "Nothing happens",
    claim: "Scanning burns a core while nothing happens; whoever waits in the kernel uses none of it.",
    method: "Peers are connected and say nothing.",
    axis: ("silent peers", "", Scale::Log),
    measures: &[BUSY, WAKES],
    points: |pace| match pace {
        Pace::Quick => numbers(&[100]),
        Pace::Full => numbers(&[1, 100, 1_000]),
    },
    lasts: |pace, x| {
        pace.pick(Duration::from_millis(200), Duration::from_millis(600))
            + Duration::from_micros(60).mul_f64(x)
    },
    shape: None,
    measure,
    judge,
};

fn measure(stage: &mut Stage<'_>, x: f64) -> Result<Readings, Unmeasured> {
    let peers = x as u64;
    stage.has_room(peers)?;
    let mut server = stage.serve()?;
    // One of them is the load's, which has to have one.
    let silent = stage.silent(&mut server, peers - 1)?;
    let lasts = stage.pace.pick(Duration::from_millis(130), Duration::from_millis(550));
    let mut plan = stage.talk.plan(0, lasts);
    plan.idle = 1;
    // What was begun when it came is over by then.
    plan.warm_up = Duration::from_millis(20);
    let driven = stage.drive(&mut server, plan)?;
    drop(silent);
    stage.stop(server)?;
    let seconds = driven.report.achieved.seconds;
    let seen = driven.report.server.as_ref().filter(|_| seconds > 0.0);
    let busy = seen.map(|seen| (seen.cpu_s / seconds).into());
    let wakes = driven.counted("waits").map(|waits| (waits / seconds).into());
    Ok(vec![(BUSY.name, busy.ok_or("nothing was measured".to_owned())), (WAKES.name, wakes)])
}

fn judge(found: &Found<'_>) -> Vec<Fact> {
    let Some(last) = found.experiment.points.iter().rfind(|point| point.x <= 100.0) else {
        return Vec::new();
    };
    let one = |burns: bool| {
        move |model: &str| {
            let busy = found.experiment.figure(last.x, model, BUSY.name)?;
            let is = |busy| if burns { busy >= BURNS_MIN } else { busy <= RESTS_MAX };
            let share = percent(busy.median);
            let sentence = format!("{model}: {share} of a core with {} peers", last.label);
            Some(unless_noise(agreed(busy, is), sentence))
        }
    };
    let scanning = found.plain(&["spin"]).into_iter().filter_map(one(true));
    let waiting = found.models(|model| model.kind().name != "spin");
    let known = |model: &str| found.median(last.x, model, BUSY.name).is_some();
    let rests = waiting.iter().any(|model| known(model));
    let rests = (!rests).then(|| untested("a model that waits in the kernel"));
    scanning
        .chain(waiting.into_iter().filter_map(one(false)))
        .chain(found.untested(&["spin"], known))
        .chain(rests)
        .collect()
}
