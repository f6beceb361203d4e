//! `memory`: what a peer weighs that has been served once and says nothing more.

use std::time::Duration;

use switchboard_load::units::bytes;
use switchboard_load::{Arrivals, Rate, Schedule};

use super::found::{agreed_of, unless_noise};
use super::{Design, Found, Measure, Pace, Readings, Unmeasured, numbers};
use crate::record::{Better, Fact, Figure, Scale};
use crate::stage::Stage;

/// Memory of the server's processes.
const PSS: Measure = Measure {
    name: "pss_bytes",
    label: "memory per peer (PSS)",
    unit: "bytes",
    better: Better::Lower,
    scale: Scale::Log,
};
/// The kernel's: of the whole machine, so that both ends of each connection are in it.
const KERNEL: Measure = Measure {
    name: "kernel_bytes",
    label: "kernel per peer, both ends",
    unit: "bytes",
    better: Better::Lower,
    scale: Scale::Log,
};
/// From the heaviest to the lightest, as it is claimed.
const ORDER: [&[&str]; 4] = [&["process"], &["thread"], &["coroutine"], &["epoll"]];

pub(super) static DESIGN: Design = Design {
    name: "memory",
    title: "Memory of silent peers",
    claim: "A silent peer weighs most under process, less under thread, less under coroutine, and \
            least in a loop.",
    method: "Each peer sends one message and is silent then. Memory is that of the server's processes, \
             shared pages divided by those who share them, without pages of files, less what it was \
             before anybody came. The kernel's is what the whole machine has for slabs, kernel stacks, \
             page tables and TCP buffers, less what it was before: the clients' sockets and whatever \
             else happened are in it.",
    axis: ("silent peers", "", Scale::Log),
    measures: &[PSS, KERNEL],
    points: |pace| match pace {
        Pace::Quick => numbers(&[500]),
        Pace::Full => numbers(&[1_000, 5_000]),
    },
    lasts: |pace, x| {
        pace.pick(Duration::from_millis(300), Duration::from_millis(900))
            + Duration::from_micros(100).mul_f64(x)
    },
    shape: None,
    measure,
    judge,
};

fn measure(stage: &mut Stage<'_>, x: f64) -> Result<Readings, Unmeasured> {
    stage.talk.stays()?;
    stage.has_room(x as u64)?;
    let mut server = stage.serve()?;
    let lasts = stage.pace.pick(Duration::from_millis(220), Duration::from_millis(800));
    let mut plan = stage.talk.plan(x as u64, lasts);
    // As many messages as peers, who take turns.
    let rate = Rate::Total(x / lasts.as_secs_f64());
    plan.schedule = Schedule::Open { rate, arrivals: Arrivals::Even };
    let driven = stage.drive_crowd(&mut server, plan)?;
    driven.all_answered()?;
    stage.stop(server)?;
    let seen = driven.report.server.as_ref();
    let each = seen.filter(|seen| seen.unread == 0).and_then(|seen| seen.bytes_per_peer);
    let own = each.map(Into::into).ok_or("the memory of its processes cannot be read".to_owned());
    let kernel = driven.kernel_bytes.map(|grown| (grown / x).into());
    let kernel = kernel.ok_or("/proc/meminfo cannot be read".to_owned());
    Ok(vec![(PSS.name, own), (KERNEL.name, kernel)])
}

fn judge(found: &Found<'_>) -> Vec<Fact> {
    let Some(first) = found.experiment.points.first() else { return Vec::new() };
    let weighed = |names: &&[&str]| {
        let model = *found.plain(names).first()?;
        Some((model, found.experiment.figure(first.x, model, PSS.name)?))
    };
    let weights: Vec<(&str, &Figure)> = ORDER.iter().filter_map(weighed).collect();
    let pair = |pair: &[(&str, &Figure)]| {
        let ((heavy, more), (light, less)) = (pair[0], pair[1]);
        let (most, least) = (bytes(more.median), bytes(less.median));
        let sentence = format!("{heavy}: {most} a peer; {light}: {least}");
        unless_noise(agreed_of(more, less, |more, less| more > less), sentence)
    };
    let names: Vec<&'static str> = ORDER.iter().flat_map(|names| names.iter().copied()).collect();
    let known = |model: &str| weights.iter().any(|(known, _)| *known == model);
    weights.windows(2).map(pair).chain(found.untested(&names, known)).collect()
}
