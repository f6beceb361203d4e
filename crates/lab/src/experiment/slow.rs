//! `slow`: peers that send and do not read.

use std::time::Duration;

use switchboard_load::units::{bytes, time};
use switchboard_load::{BadPeers, Manner};

use super::found::{agreed_of, unless_noise, untested};
use super::{CPU, Design, Found, Measure, P50, P99, Pace, Readings, Unmeasured, numbers};
use crate::record::{Better, Fact, Figure, Scale};
use crate::stage::Stage;

/// Peers that read.
const OTHERS: u64 = 4;
/// Memory of the server's processes.
const HELD: Measure = Measure {
    name: "held_bytes",
    label: "memory per slow peer",
    unit: "bytes",
    better: Better::Lower,
    scale: Scale::Log,
};
/// What the others' median may come to, of what it is without slow peers; and what is always fine.
const TIMES_MAX: f64 = 2.0;
const FINE: Duration = Duration::from_micros(100);
/// What a server may hold for a peer that does not read, threads' and processes' own memory included.
const HELD_MAX: f64 = 1024.0 * 1024.0;

pub(super) static DESIGN: Design = Design {
    name: "slow",
    title: "Peers that do not read",
    claim: "A peer that sends and does not read costs the others nothing, and costs the server a \
            bounded amount of memory.",
    method: "Slow peers send without pause and take a byte of the replies ten times a second; four \
             others send a message, await its reply and send the next.",
    axis: ("slow peers", "", Scale::Linear),
    measures: &[P50, HELD, P99, CPU],
    points: |pace| match pace {
        Pace::Quick => numbers(&[20]),
        Pace::Full => numbers(&[0, 20, 100]),
    },
    lasts: |pace, _| pace.pick(Duration::from_millis(230), Duration::from_millis(700)),
    shape: None,
    measure,
    judge,
};

fn measure(stage: &mut Stage<'_>, x: f64) -> Result<Readings, Unmeasured> {
    let slow = x as u64;
    stage.has_room(OTHERS + slow)?;
    let mut server = stage.serve()?;
    let lasts = stage.pace.pick(Duration::from_millis(120), Duration::from_millis(500));
    let mut plan = stage.talk.plan(OTHERS + slow, lasts);
    if slow > 0 {
        let share = x / (OTHERS + slow) as f64;
        plan.bad = vec![BadPeers { manner: Manner::SlowRead, share }];
    }
    // Until the kernel's buffers are full nobody is slow.
    plan.warm_up = stage.pace.pick(Duration::from_millis(60), Duration::from_millis(150));
    let driven = stage.drive(&mut server, plan)?;
    // Who does not read holds up the drain, and is cut off: that it stops is not the question here.
    drop(server);
    let seen = driven.report.server.as_ref();
    let held = match seen {
        _ if slow == 0 => Err("there is no slow peer".to_owned()),
        Some(seen) if seen.unread == 0 => {
            Ok((seen.pss_bytes.saturating_sub(seen.pss_before_bytes) as f64 / x).into())
        }
        _ => Err("the memory of its processes cannot be read".to_owned()),
    };
    Ok(vec![
        (P50.name, driven.p50_ns()),
        (HELD.name, held),
        (P99.name, driven.p99_ns()),
        (CPU.name, driven.cpu_ns()),
    ])
}

fn judge(found: &Found<'_>) -> Vec<Fact> {
    let (Some(first), Some(last)) =
        (found.experiment.points.first(), found.experiment.points.last())
    else {
        return Vec::new();
    };
    let one = |model: &str| {
        let wait = |x| found.experiment.figure(x, model, P50.name);
        let before = wait(first.x).filter(|_| first.x == 0.0);
        let (after, held) = (wait(last.x)?, found.median(last.x, model, HELD.name)?);
        let without =
            before.map_or(String::new(), |before| format!(", {} without", time(before.median)));
        // What they wait with slow peers says little by itself.
        let fine = before.map_or(Some(true), |before| is_fine(before, after));
        let fine = if held <= HELD_MAX { fine } else { Some(false) };
        let allowed = match fine {
            Some(true) => String::new(),
            _ if held > HELD_MAX => format!(" ({} is allowed)", bytes(HELD_MAX)),
            _ => format!(
                " ({TIMES_MAX:.0} times as long is allowed, and {} in any case)",
                time(FINE.as_nanos() as f64)
            ),
        };
        Some(unless_noise(
            fine,
            format!(
                "{model}: the others wait {}{without}; {} for each slow peer{allowed}",
                time(after.median),
                bytes(held)
            ),
        ))
    };
    let mut facts: Vec<Fact> = found.models(|_| true).into_iter().filter_map(one).collect();
    if first.x > 0.0 && !facts.is_empty() {
        facts.push(untested("what the others wait without slow peers (--quick leaves it out)"));
    }
    facts
}

/// Whether the others wait no longer than they may, by pairs of the same round; `None` if rounds
/// disagree.
fn is_fine(before: &Figure, after: &Figure) -> Option<bool> {
    agreed_of(before, after, |before, after| {
        after <= (before * TIMES_MAX).max(FINE.as_nanos() as f64)
    })
}
