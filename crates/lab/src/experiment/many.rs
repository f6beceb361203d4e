//! `many`: a hundred to ten thousand peers that talk without pause.

use std::time::Duration;

use switchboard_load::units::count;

use super::found::{at_most, unless_noise, untested};
use super::{CALLS, CPU, Design, Found, P99, Pace, RATE, Readings, Unmeasured, numbers};
use crate::record::{Fact, Scale};
use crate::slices::Slicing;
use crate::stage::Stage;

/// Models of which it is claimed.
const TOLD: &[&str] = &["epoll", "epoll-et", "portable", "uring", "coroutine", "tokio"];
/// What a message may cost with the most peers, of what it costs with the fewest: their sockets and
/// buffers no longer fit into the processor's caches, under whatever model.
const TIMES_MAX: f64 = 2.0;
/// What may be called thousands.
const THOUSANDS: f64 = 2_000.0;

/// Messages of a slice; each peer has two in it at least.
const MESSAGES: u64 = 1_000;
/// Slices, if there is time for so many.
const SLICES: usize = 45;

pub(super) static DESIGN: Design = Design {
    name: "many",
    title: "Many busy peers",
    claim: "A loop that is told who is ready serves thousands of busy peers at no more than twice the \
            cost per message of a hundred.",
    method: "Each peer sends a message, awaits its reply and sends the next.",
    axis: ("busy peers", "", Scale::Log),
    measures: &[CPU, CALLS, P99, RATE],
    points: |pace| match pace {
        Pace::Quick => numbers(&[100, 1_000]),
        Pace::Full => numbers(&[100, 1_000, 10_000]),
    },
    lasts: |pace, x| {
        pace.pick(Duration::from_millis(40), Duration::from_millis(200))
            + measured(pace, x)
            + Duration::from_micros(80).mul_f64(x)
    },
    shape: None,
    measure,
    judge,
};

fn measure(stage: &mut Stage<'_>, x: f64) -> Result<Readings, Unmeasured> {
    let peers = x as u64;
    stage.has_room(peers)?;
    let mut server = stage.serve()?;
    let mut plan = stage.talk.plan(peers, measured(stage.pace, x));
    // Each peer has been served before it counts: the first time touches memory that is new.
    plan.warm_up = stage.pace.pick(Duration::from_millis(20), Duration::from_millis(200));
    let slicing = Slicing { messages: MESSAGES.max(2 * peers), slices: SLICES };
    let driven = stage.drive_in_slices(&mut server, plan, slicing)?;
    stage.stop(server)?;
    Ok(vec![
        (CPU.name, driven.cpu_ns()),
        (CALLS.name, driven.calls()),
        (P99.name, driven.p99_ns()),
        (RATE.name, Ok(driven.rate().into())),
    ])
}

/// How long so many peers are measured, at most: ten thousand ask ten times or so, each after the
/// reply to what it asked before.
fn measured(pace: Pace, peers: f64) -> Duration {
    match pace {
        Pace::Quick => Duration::from_millis(80),
        Pace::Full => Duration::from_millis(600) + Duration::from_micros(150).mul_f64(peers),
    }
}

fn judge(found: &Found<'_>) -> Vec<Fact> {
    let one = |model: &str| {
        let curve = found.experiment.curve(model, CPU.name);
        let (first, last) = (curve.first()?, curve.last().filter(|_| curve.len() > 1)?);
        let times = last.1 / first.1;
        let figure = |x: f64| found.experiment.figure(x, model, CPU.name);
        Some(unless_noise(
            at_most(TIMES_MAX, figure(last.0)?, figure(first.0)?),
            format!("{model}: {times:.2} times the cost with {} peers", count(last.0 as u64)),
        ))
    };
    let mut facts: Vec<Fact> = found.plain(TOLD).into_iter().filter_map(one).collect();
    let most = |model| found.experiment.curve(model, CPU.name).last().map_or(0.0, |last| last.0);
    if !facts.is_empty() && found.plain(TOLD).into_iter().all(|model| most(model) < THOUSANDS) {
        facts.push(untested("thousands of peers (--quick goes to 1,000)"));
    }
    facts
}
