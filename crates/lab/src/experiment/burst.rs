//! `burst`: many connect at the same moment.

use std::time::Duration;

use switchboard_load::End;
use switchboard_load::units::{count, time};

use super::found::{agreed, unless_noise};
use super::{Design, Found, Measure, P50, P99, Pace, Readings, Unmeasured, numbers};
use crate::record::{Better, Fact, Scale};
use crate::stage::Stage;

/// Who was not served.
const FAILED: Measure = Measure {
    name: "failed",
    label: "not served",
    unit: "peers",
    better: Better::Lower,
    scale: Scale::Linear,
};

pub(super) static DESIGN: Design = Design {
    name: "burst",
    title: "A burst of connects",
    claim: "A burst of connects costs nobody its turn under any model that has room for all: who does \
            not fit into the backlog (1,024) comes in a little later.",
    method: "So many clients connect at once; each sends one message, awaits its reply and closes. \
             Latencies count from the connect.",
    axis: ("clients at once", "", Scale::Log),
    measures: &[P99, P50, FAILED],
    points: |pace| match pace {
        Pace::Quick => numbers(&[500]),
        Pace::Full => numbers(&[500, 3_000]),
    },
    lasts: |pace, x| {
        pace.pick(Duration::from_millis(40), Duration::from_millis(60))
            + Duration::from_micros(300).mul_f64(x)
    },
    shape: None,
    measure,
    judge,
};

fn measure(stage: &mut Stage<'_>, x: f64) -> Result<Readings, Unmeasured> {
    stage.has_descriptors(x as u64)?;
    // Who waits for a thread or process waits in the backlog; who has no descriptor is refused.
    if !stage.target.is_held_by_silence() {
        stage.has_room(x as u64)?;
    }
    let mut server = stage.serve()?;
    let mut plan = stage.talk.plan(x as u64, Duration::ZERO);
    plan.short = true;
    plan.end = End::Messages(x as u64);
    let driven = stage.drive_anyhow(&mut server, plan)?;
    drop(server);
    let failed = x - driven.report.achieved.answered as f64;
    Ok(vec![
        (P99.name, driven.p99_ns()),
        (P50.name, driven.p50_ns()),
        (FAILED.name, Ok(failed.max(0.0).into())),
    ])
}

fn judge(found: &Found<'_>) -> Vec<Fact> {
    let Some(last) = found.experiment.points.last() else { return Vec::new() };
    let one = |model: &str| {
        let failed = found.experiment.figure(last.x, model, FAILED.name)?;
        let p99 = found.median(last.x, model, P99.name)?;
        Some(unless_noise(
            agreed(failed, |failed| failed == 0.0),
            format!(
                "{model}: {} of {} not served, p99 {}",
                count(failed.median as u64),
                last.label,
                time(p99)
            ),
        ))
    };
    found.models(|_| true).into_iter().filter_map(one).collect()
}
