//! `few`: one to eight peers that talk without pause.

use std::time::Duration;

use switchboard_load::units::several;

use super::found::{agreed_of, is_one_loop, unless_noise, untested};
use super::{CALLS, CPU, Design, Found, P50, Pace, RATE, Readings, Unmeasured, numbers};
use crate::record::{Fact, Figure, Scale};
use crate::slices::Slicing;
use crate::stage::Stage;

/// Models whose peers have a thread or process each that waits for them.
const WAITING: &[&str] = &["process", "thread"];

/// Some ten microseconds a message.
const QUICK: Slicing = Slicing { messages: 100, slices: 31 };
const FULL: Slicing = Slicing { messages: 300, slices: 45 };

pub(super) static DESIGN: Design = Design {
    name: "few",
    title: "A few busy peers",
    claim: "For one or a few busy peers, a thread or process that waits for its peer makes fewer \
            system calls than a loop that asks first who is ready.",
    method: "Each peer sends a message, awaits its reply and sends the next.",
    axis: ("busy peers", "", Scale::Linear),
    measures: &[CALLS, CPU, P50, RATE],
    points: |pace| match pace {
        Pace::Quick => numbers(&[1]),
        Pace::Full => numbers(&[1, 2, 4, 8]),
    },
    lasts: |pace, _| pace.pick(Duration::from_millis(100), Duration::from_millis(350)),
    shape: None,
    measure,
    judge,
};

fn measure(stage: &mut Stage<'_>, x: f64) -> Result<Readings, Unmeasured> {
    let peers = x as u64;
    stage.has_room(peers)?;
    let mut server = stage.serve()?;
    let lasts = stage.pace.pick(Duration::from_millis(80), Duration::from_millis(300));
    let mut plan = stage.talk.plan(peers, lasts);
    plan.warm_up = Duration::from_millis(10);
    let driven = stage.drive_in_slices(&mut server, plan.clone(), stage.pace.pick(QUICK, FULL))?;
    stage.stop(server)?;
    let calls = match stage.target.is_ours() {
        true => driven.calls(),
        false => match stage.traced_calls(plan) {
            Err(Unmeasured::Because(reason) | Unmeasured::NoServer(reason)) => Err(reason),
            calls => Ok(calls?),
        },
    };
    Ok(vec![
        (CALLS.name, calls),
        (CPU.name, driven.cpu_ns()),
        (P50.name, driven.p50_ns()),
        (RATE.name, Ok(driven.rate().into())),
    ])
}

/// With one peer each waiting model has fewer calls than each loop whose calls are counted, but for
/// `uring`, which waits, receives and sends in one.
fn judge(found: &Found<'_>) -> Vec<Fact> {
    let Some(first) = found.experiment.points.first() else { return Vec::new() };
    let loops = found.models(|model| is_one_loop(model) && model.kind().name != "uring");
    let loops = found.figures(first.x, &loops, CALLS.name).into_iter();
    let least = loops.min_by(|one, other| one.1.median.total_cmp(&other.1.median));
    let Some((loop_name, loop_calls)) = least else {
        return vec![untested("a loop that asks who is ready")];
    };
    let waiting = found.plain(WAITING);
    let one = |(model, calls): (&str, &Figure)| {
        let peers = several(first.x as u64, "peer", "peers");
        unless_noise(
            agreed_of(calls, loop_calls, |calls, loop_calls| calls < loop_calls),
            format!(
                "{model}: {:.2} calls a message with {peers}; the loop with the fewest, \
                 {loop_name}, {:.2}",
                calls.median, loop_calls.median
            ),
        )
    };
    let facts = found.figures(first.x, &waiting, CALLS.name).into_iter().map(one);
    let known = |model: &str| found.median(first.x, model, CALLS.name).is_some();
    facts.chain(found.untested(WAITING, known)).collect()
}
