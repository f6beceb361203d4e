//! `crash`: what a peer that crashes the service costs the others.

use std::time::{Duration, Instant};

use switchboard_load::units::time;

use super::found::{fact, untested};
use super::{Design, Found, Measure, Place, Readings, Unmeasured};
use crate::holder;
use crate::peers::Peer;
use crate::record::{Better, Fact, Scale};
use crate::stage::Stage;

/// Peers beside the one that crashes.
const OTHERS: usize = 6;
/// How long somebody may wait to be served afterwards.
const PATIENCE: Duration = Duration::from_secs(1);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(2);

/// Of the others, those whose connection was lost.
const LOST: Measure = Measure {
    name: "lost",
    label: "of the others lost",
    unit: "share",
    better: Better::Lower,
    scale: Scale::Linear,
};
/// Until somebody new is served.
const RECOVERY: Measure = Measure {
    name: "recovery_ns",
    label: "until a newcomer is served",
    unit: "ns",
    better: Better::Lower,
    scale: Scale::Log,
};
const PANIC: f64 = 0.0;
const ABORT: f64 = 1.0;

pub(super) static DESIGN: Design = Design {
    name: "crash",
    title: "A peer that crashes the service",
    claim: "A crash takes one peer, one process, or all: the whole server, unless peers are in \
            processes of their own; a panic takes its own peer only, under every model.",
    method: "Six peers talk to the service `work`; another lets it panic, or abort its process. Then \
             all are asked again, and a newcomer tries to be served. With a program or a dialogue of \
             your own the peers are silent, and the process that serves the other one gets SIGABRT.",
    axis: ("", "", Scale::Kinds),
    measures: &[LOST, RECOVERY],
    points: |pace| {
        let kinds = [(PANIC, "panic"), (ABORT, "abort")];
        let places = kinds.map(|(x, label)| Place { x, label: label.to_owned() });
        places[pace.pick(1, 0)..].to_vec()
    },
    lasts: |_, _| Duration::from_millis(30),
    shape: None,
    measure,
    judge,
};

fn measure(stage: &mut Stage<'_>, x: f64) -> Result<Readings, Unmeasured> {
    stage.has_room(OTHERS as u64 + 1)?;
    if stage.talk.own {
        return measure_own(stage, x);
    }
    let mut server = stage.serve_with(Some(&["work", "--allow-crash"]), &[])?;
    let mut others = Vec::new();
    for _ in 0..OTHERS {
        let mut peer = Peer::connect(server.address)?;
        peer.ask("echo here", "here")?;
        others.push(peer);
    }
    let mut bad = Peer::connect(server.address)?;
    bad.say(if x == PANIC { "crash" } else { "abort" })?;
    if !bad.is_closed() {
        return Err("the peer that crashes was answered".to_owned().into());
    }
    let crashed = Instant::now();
    let recovery = loop {
        let newcomer = Peer::connect(server.address);
        if newcomer.and_then(|mut peer| peer.ask("echo new", "new")).is_ok() {
            break Ok((crashed.elapsed().as_nanos() as f64).into());
        }
        if server.ended().is_some() || crashed.elapsed() > PATIENCE {
            break Err("nobody is served any more".to_owned());
        }
        std::thread::sleep(PAUSE);
    };
    let lost = others.iter_mut().filter_map(|peer| peer.ask("echo there", "there").err()).count();
    let lost = lost as f64 / OTHERS as f64;
    Ok(vec![(LOST.name, Ok(lost.into())), (RECOVERY.name, recovery)])
}

/// The same for a service that has no word to crash it: the process that serves one of the peers gets
/// the signal that abort(3) ends it with.
fn measure_own(stage: &mut Stage<'_>, x: f64) -> Result<Readings, Unmeasured> {
    if x == PANIC {
        return Err("nothing that its peers say lets it panic; `--service work` does"
            .to_owned()
            .into());
    }
    let mut server = stage.serve()?;
    let peers = stage.silent(&mut server, OTHERS as u64 + 1)?;
    let Some((bad, others)) = peers.streams().split_last() else {
        return Err(Unmeasured::Interrupted);
    };
    let process = holder::of(bad, server.address, server.pid())?;
    holder::abort(process)?;
    let lost = others.iter().filter(|peer| holder::has_lost(peer)).count();
    let lost = lost as f64 / OTHERS as f64;
    let recovery = Err("is measured with the stock services only".to_owned());
    Ok(vec![(LOST.name, Ok(lost.into())), (RECOVERY.name, recovery)])
}

/// A panic costs the others nothing; an abort those who share the process.
fn judge(found: &Found<'_>) -> Vec<Fact> {
    let lost = |x, model| found.median(x, model, LOST.name);
    let all = found.models(|_| true);
    let alone = found.models(|model| model.kind().isolates_crashes);
    let several = found.models(|model| model.processes().is_some());
    let say = |model: &str, what: &str, share: f64| {
        let count = (share * OTHERS as f64).round();
        format!("{model}: {what} takes {count} of {OTHERS} others with it")
    };
    let mut facts = Vec::new();
    for model in all {
        if let Some(share) = lost(PANIC, model) {
            facts.push(fact(share == 0.0, say(model, "a panic", share)));
        }
        if let Some(share) = lost(ABORT, model) {
            let held = match (alone.contains(&model), several.contains(&model)) {
                (true, _) => share == 0.0,
                (false, true) => share < 1.0,
                (false, false) => share == 1.0,
            };
            let back = found.median(ABORT, model, RECOVERY.name);
            let back =
                back.map_or(String::new(), |ns| format!(", the next is served after {}", time(ns)));
            facts.push(fact(held, say(model, "an abort", share) + &back));
        }
    }
    let known =
        |x, models: &[&str]| models.iter().any(|model| found.median(x, model, LOST.name).is_some());
    let shared =
        found.models(|model| !model.kind().isolates_crashes && model.processes().is_none());
    let parts = [
        (known(PANIC, &found.models(|_| true)), "a panic (--quick leaves it out)"),
        (known(ABORT, &shared), "an abort of a process that all peers share"),
        (known(ABORT, &alone), "an abort where peers are in processes of their own"),
    ];
    facts.extend(parts.into_iter().filter(|(known, _)| !known).map(|(_, part)| untested(part)));
    facts
}
