//! `limit`: peers come until no more are served.

use std::time::Duration;

use switchboard_load::units::count;
use switchboard_load::{Arrivals, End, Rate, Schedule};

use super::found::{fact, remark, untested};
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
/// When for so long nobody else was served, nobody will be: to start a thread or a process takes
/// milliseconds at worst.
const REST: Duration = Duration::from_millis(400);
/// Where silent peers hold what serves the others, so many more come than it says it has room for:
/// the backlog has room for them, and nobody waits to connect.
const BEYOND: u64 = 200;
/// Arrivals that have not come to rest by then are broken off.
const LONGEST: Duration = Duration::from_secs(6);
/// Descriptors that select(2) watches.
const SELECT: f64 = 1024.0;

pub(super) static DESIGN: Design = Design {
    name: "limit",
    title: "Peers until no more are served",
    claim: "select serves no more than its 1,024 descriptors allow; the other loops go on.",
    method: "So many peers connect, send one message each and stay, until nobody else is served any \
             more.",
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
    stage.talk.stays()?;
    stage.has_descriptors(x as u64)?;
    if x > FIRST {
        // Whoever serves so many at a time has shown that already; the others would be awaited in vain.
        stage.has_room(x as u64)?;
    }
    let mut server = stage.serve()?;
    let lasts = stage.pace.pick(Duration::from_millis(150), Duration::from_millis(800));
    let full = stage.target.capacity().filter(|_| stage.target.is_held_by_silence());
    let come = full.map_or(x as u64, |full| (full + BEYOND).min(x as u64));
    let mut plan = stage.talk.plan(come, LONGEST);
    // Each peer is asked once, and no other in its place.
    let rate = Rate::PerConnection(1.0 / lasts.as_secs_f64());
    plan.schedule = Schedule::Open { rate, arrivals: Arrivals::Even };
    plan.end = End::Messages(come);
    plan.timeout = LONGEST;
    let arrivals = stage.drive_until_rest(&mut server, plan, REST)?;
    let refused = server.stats(PATIENCE).and_then(|counted| {
        counted.number("refused").ok_or("it does not count whom it refuses".to_owned())
    });
    // Peers of a full server may still be in its backlog: that it stops is not the question here.
    drop(server);
    let served = arrivals.served as f64;
    // Whoever still let in some when time was over would have let in more.
    let served = Sample { value: served, at_least: served >= x || !arrivals.rested };
    Ok(vec![(SERVED.name, Ok(served)), (REFUSED.name, refused.map(|count| (count as f64).into()))])
}

/// A model, how many peers it served, and whether that was all who came.
type Seen<'a> = (&'a str, f64, bool);

fn judge(found: &Found<'_>) -> Vec<Fact> {
    let say = |(model, peers, all): Seen<'_>| {
        let least = if all { "at least " } else { "" };
        format!("{model}: {least}{} peers", count(peers as u64))
    };
    let free =
        found.plain(&["poll", "epoll", "epoll-et", "portable", "uring", "coroutine", "tokio"]);
    let bounded = found.plain(&["select"]);
    let bounded = bounded.iter().filter_map(|model| most(found, model));
    let bounded = bounded.map(|seen| fact(seen.1 < SELECT && !seen.2, say(seen)));
    let free: Vec<Seen<'_>> = free.iter().filter_map(|model| most(found, model)).collect();
    let others = free.is_empty().then(|| untested("another loop"));
    // Who was still being let in has shown no limit, and not that there is none.
    let goes_on = |seen: Seen<'_>| match seen {
        (_, peers, true) if peers <= SELECT => remark(say(seen)),
        (_, peers, _) => fact(peers > SELECT, say(seen)),
    };
    let select = found.untested(&["select"], |model| most(found, model).is_some());
    bounded.chain(free.into_iter().map(goes_on)).chain(select).chain(others).collect()
}

/// The most peers that a model served at any point.
fn most<'a>(found: &Found<'_>, model: &'a str) -> Option<Seen<'a>> {
    let points = found.experiment.points.iter();
    let figures = points.filter_map(|point| found.experiment.figure(point.x, model, SERVED.name));
    let most = figures.max_by(|one, other| one.median.total_cmp(&other.median))?;
    Some((model, most.median, most.at_least))
}
