//! `limit`: peers come until no more are served.

use std::time::Duration;

use switchboard_load::units::count;
use switchboard_load::{Arrivals, Rate, Schedule};

use super::found::fact;
use super::{Design, Found, Measure, Pace, Readings, Sample, Unmeasured, numbers};
use crate::record::{Better, Fact, Scale};
use crate::server::PATIENCE;
use crate::stage::Stage;

/// Peers that are served at the same time.
const SERVED: Measure = Measure {
    name: "served",
    label: "peers served at a time",
    unit: "peers",
    better: Better::Higher,
    scale: Scale::Log,
};
/// Of the others, those whom the server closed; the rest waits.
const REFUSED: Measure = Measure {
    name: "refused",
    label: "refused",
    unit: "peers",
    better: Better::Lower,
    scale: Scale::Linear,
};
/// Peers at the first point: more than select(2) and the processes of `process` can serve.
const FIRST: f64 = 1_200.0;
/// Descriptors that select(2) watches.
const SELECT: f64 = 1024.0;

pub(super) static DESIGN: Design = Design {
    name: "limit",
    title: "Peers until no more are served",
    claim: "select serves no more than its 1,024 descriptors allow; the other loops go on.",
    method: "So many peers connect, send one message each and stay.",
    axis: ("peers that come", "", Scale::Log),
    measures: &[SERVED, REFUSED],
    points: |pace| match pace {
        Pace::Quick => numbers(&[FIRST as u64]),
        Pace::Full => numbers(&[FIRST as u64, 8_000]),
    },
    lasts: |pace, x| {
        pace.pick(Duration::from_millis(350), Duration::from_millis(1_200))
            + Duration::from_micros(60).mul_f64(x)
    },
    shape: None,
    measure,
    judge,
};

fn measure(stage: &mut Stage<'_>, x: f64) -> Result<Readings, Unmeasured> {
    if stage.talk.script.is_some() {
        return Err("a dialogue does not tell who was served".to_owned().into());
    }
    stage.has_descriptors(x as u64)?;
    if x > FIRST {
        // Whoever serves so many at a time has shown that already; the others would be awaited in vain.
        stage.has_room(x as u64)?;
    }
    let mut server = stage.serve()?;
    let lasts = stage.pace.pick(Duration::from_millis(150), Duration::from_millis(800));
    let mut plan = stage.talk.plan(x as u64, lasts);
    // As many messages as peers, who take turns; who is not answered by then is not served.
    let rate = Rate::Total(x / lasts.as_secs_f64());
    plan.schedule = Schedule::Open { rate, arrivals: Arrivals::Even };
    plan.timeout = stage.pace.pick(Duration::from_millis(200), Duration::from_millis(800));
    let driven = stage.drive_crowd(&mut server, plan)?;
    let refused = server.stats(PATIENCE).and_then(|counted| {
        counted.number("refused").ok_or("it does not count whom it refuses".to_owned())
    });
    // Peers of a full server may still be in its backlog: that it stops is not the question here.
    drop(server);
    // Messages of those who were closed are sent by others: anyone's server, which does not say how
    // many it has, is taken to have one peer for each.
    let answered = driven.report.achieved.answered;
    let served = driven.peers.map_or(answered, |inside| answered.min(inside)) as f64;
    let served = Sample { value: served, at_least: served >= x };
    Ok(vec![(SERVED.name, Ok(served)), (REFUSED.name, refused.map(|count| (count as f64).into()))])
}

/// A model, how many peers it served, and whether that was all who came.
type Seen<'a> = (&'a str, f64, bool);

fn judge(found: &Found<'_>) -> Vec<Fact> {
    let say = |(model, peers, all): Seen<'_>| {
        let least = if all { "at least " } else { "" };
        format!("{model}: {least}{} peers", count(peers as u64))
    };
    let bounded = found.plain(&["select"]);
    let free =
        found.plain(&["poll", "epoll", "epoll-et", "portable", "uring", "coroutine", "tokio"]);
    let bounded = bounded.iter().filter_map(|model| most(found, model));
    let bounded = bounded.map(|seen| fact(seen.1 < SELECT && !seen.2, say(seen)));
    let free = free.iter().filter_map(|model| most(found, model));
    bounded.chain(free.map(|seen| fact(seen.1 > SELECT, say(seen)))).collect()
}

/// The most peers that a model served at any point.
fn most<'a>(found: &Found<'_>, model: &'a str) -> Option<Seen<'a>> {
    let points = found.experiment.points.iter();
    let figures = points.filter_map(|point| found.experiment.figure(point.x, model, SERVED.name));
    let most = figures.max_by(|one, other| one.median.total_cmp(&other.median))?;
    Some((model, most.median, most.at_least))
}
