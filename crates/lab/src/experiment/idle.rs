//! `idle`: what silent peers cost while one peer talks.

use std::time::Duration;

use switchboard_load::units::time;

use super::found::{fact, open, rounds_agree, unless_noise};
use super::{CALLS, CPU, Design, Found, P50, Pace, RATE, Readings, Unmeasured, numbers};
use crate::record::{Fact, Figure, Point, Scale};
use crate::slices::Slicing;
use crate::stage::Stage;
use crate::statistics::{Confidence, line, paired};

/// Models that look at every peer to find the one that talks.
const SCANNING: &[&str] = &["spin", "select", "poll"];
/// Models that are told who talks.
const TOLD: &[&str] = &["epoll", "epoll-et", "portable", "uring", "coroutine", "tokio"];
/// Those of them that the claim names.
const CLAIMED: &[&str] = &["epoll", "uring", "coroutine", "tokio"];
/// The last point of the straight line: `select` has room for no more.
const LINE_TO: f64 = 900.0;
/// What a straight line has to explain, at least.
const R2_MIN: f64 = 0.98;
/// What a silent peer has to cost those who scan, at least: nanoseconds for each message.
const SLOPE_MIN_NS: f64 = 50.0;
/// And how many times the cost without silent peers it has to come to.
const FOLD_MIN: f64 = 4.0;
/// A message takes some ten microseconds of those who are told, and some hundred of those who scan a
/// thousand.
const QUICK: Slicing = Slicing { messages: 50, slices: 31 };
const FULL: Slicing = Slicing { messages: 200, slices: 45 };
/// What the cost of those who are told may change by.
const CHANGE_MAX: f64 = 0.10;

pub(super) static DESIGN: Design = Design {
    name: "idle",
    title: "Cost of silent peers",
    claim: "Silent peers cost select, poll and spin with every message, and cost epoll, uring, \
            coroutine and tokio nothing.",
    method: "One peer sends a message, awaits its reply and sends the next, while the others are \
             connected and say nothing.",
    axis: ("silent peers", "", Scale::Linear),
    measures: &[CPU, CALLS, P50, RATE],
    points: |pace| match pace {
        Pace::Quick => numbers(&[0, 300, 900]),
        Pace::Full => numbers(&[0, 100, 300, 600, 900, 10_000]),
    },
    lasts: |pace, x| {
        pace.pick(Duration::from_millis(150), Duration::from_millis(400))
            + Duration::from_micros(60).mul_f64(x)
    },
    shape: Some(("cpu_ns", LINE_TO)),
    measure,
    judge,
};

fn measure(stage: &mut Stage<'_>, x: f64) -> Result<Readings, Unmeasured> {
    let idle = x as u64;
    stage.has_room(1 + idle)?;
    let mut server = stage.serve()?;
    let silent = stage.silent(&mut server, idle)?;
    let lasts = stage.pace.pick(Duration::from_millis(60), Duration::from_millis(600));
    let mut plan = stage.talk.plan(1, lasts);
    plan.warm_up = Duration::from_millis(10);
    let driven = stage.drive_in_slices(&mut server, plan, stage.pace.pick(QUICK, FULL))?;
    drop(silent);
    stage.stop(server)?;
    Ok(vec![
        (CPU.name, driven.cpu_ns()),
        (CALLS.name, driven.calls()),
        (P50.name, driven.p50_ns()),
        (RATE.name, Ok(driven.rate().into())),
    ])
}

fn judge(found: &Found<'_>) -> Vec<Fact> {
    let scanning = found.plain(SCANNING).into_iter().filter_map(|model| rises(found, model));
    let told = found.plain(TOLD).into_iter().filter_map(|model| stays(found, model));
    scanning
        .chain(told)
        .chain(found.untested(SCANNING, |model| rises(found, model).is_some()))
        .chain(found.untested(CLAIMED, |model| stays(found, model).is_some()))
        .collect()
}

/// Whether a model's cost rises in a straight line, and steeply.
fn rises(found: &Found<'_>, model: &str) -> Option<Fact> {
    let fit = found.fit(model)?;
    let r2 = fit.r2.unwrap_or(0.0);
    let held = r2 >= R2_MIN && fit.slope >= SLOPE_MIN_NS && fit.fold >= FOLD_MIN;
    let asked = match held {
        true => String::new(),
        false => format!(
            " (at least {}, R² {R2_MIN} and {FOLD_MIN:.0} times are asked for)",
            time(SLOPE_MIN_NS)
        ),
    };
    // Rounds have to say what their medians say.
    let agreed = rounds_agree(rounds_that_rise(found, model)).filter(|agreed| *agreed == held);
    Some(unless_noise(
        agreed,
        format!(
            "{model}: {} for each silent peer, a straight line to R² {r2:.3} over {} to {}, \
             {:.1} times the cost at its end{asked}",
            time(fit.slope.max(0.0)),
            fit.over[0],
            fit.over[1],
            fit.fold
        ),
    ))
}

/// Of each round, whether a model's cost rises in a straight line, and steeply.
fn rounds_that_rise(found: &Found<'_>, model: &str) -> Vec<bool> {
    let points = found.experiment.points.iter().filter(|point| point.x <= LINE_TO);
    let figures = points
        .filter_map(|point| Some((point.x, found.experiment.figure(point.x, model, CPU.name)?)));
    let figures: Vec<_> = figures.collect();
    let rounds = figures.iter().map(|(_, figure)| figure.samples.len()).max().unwrap_or(0);
    let curve = |round: usize| -> Option<Vec<(f64, f64)>> {
        let at = |(x, figure): &(f64, &Figure)| Some((*x, (*figure.samples.get(round)?)?));
        figures.iter().map(at).collect()
    };
    let rises = |curve: &[(f64, f64)]| {
        let steep = curve.first().zip(curve.last());
        let steep = steep.is_some_and(|(first, last)| last.1 >= first.1 * FOLD_MIN);
        let line = line(curve).filter(|_| steep);
        line.is_some_and(|line| {
            line.slope >= SLOPE_MIN_NS && line.r2.is_some_and(|r2| r2 >= R2_MIN)
        })
    };
    (0..rounds).filter_map(curve).map(|curve| rises(&curve)).collect()
}

/// Whether a model's cost at the last point is what it was without silent peers. A change that the
/// noise may have made speaks neither for nor against it.
fn stays(found: &Found<'_>, model: &str) -> Option<Fact> {
    let points = found.experiment.points.iter();
    let figure = |point: &Point| found.experiment.figure(point.x, model, CPU.name);
    let mut known = points.filter_map(|point| Some((point, figure(point)?)));
    let first = known.next()?;
    let last = known.next_back()?;
    let ratio = paired(&last.1.samples, &first.1.samples, Confidence::Usual)?;
    let change = (ratio.estimate - 1.0) * 100.0;
    let sentence = format!("{model}: {change:+.1}% with {} silent peers", last.0.label);
    let [low, high] = ratio.interval.unwrap_or([0.0, f64::INFINITY]);
    let noise = low <= 1.0 + CHANGE_MAX && high >= 1.0 - CHANGE_MAX;
    match ((ratio.estimate - 1.0).abs() <= CHANGE_MAX, noise) {
        (true, _) => Some(fact(true, sentence)),
        (false, true) => Some(open(format!("{sentence}, which is no more than the noise"))),
        (false, false) => {
            let asked = CHANGE_MAX * 100.0;
            Some(fact(false, format!("{sentence} (at most {asked:.0}% is asked for)")))
        }
    }
}
