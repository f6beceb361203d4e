//! Answers from comparisons in which the right one is known.

mod waits;

use super::{Answer, answer};
use crate::record::made_up::{comparison, experiment, figure, unknown};
use crate::record::{Comparison, Figure, Scale, Value};

const MODELS: [&str; 7] =
    ["epoll", "process", "thread", "select", "uring", "coroutine", "epoll:workers=2"];

/// What a model costs, in this world.
struct Law {
    /// For a message, in ns, and for each silent peer in addition.
    cpu: f64,
    silent: f64,
    /// For a peer, in bytes.
    memory: f64,
    /// p99 of the others while one computes for 50 ms, in ns.
    stall: f64,
    short: f64,
    /// The share of the others that an abort takes along.
    lost: f64,
}

fn law(model: &str) -> Law {
    let law =
        |cpu, silent, memory, stall| Law { cpu, silent, memory, stall, short: 90_000.0, lost: 6.0 };
    match model {
        "process" => Law { lost: 0.0, short: 400_000.0, ..law(6_000.0, 0.0, 65_536.0, 300_000.0) },
        "thread" => law(5_000.0, 0.0, 20_480.0, 200_000.0),
        "select" => law(6_000.0, 200.0, 400.0, 50e6),
        "uring" => law(3_000.0, 0.0, 600.0, 50e6),
        "coroutine" => law(6_500.0, 0.0, 5_400.0, 50e6),
        "epoll:workers=2" => law(12_000.0, 0.0, 700.0, 260_000.0),
        _ => law(6_000.0, 0.0, 320.0, 50e6),
    }
}

/// A comparison in which everything is as the laws say, but for a spread of this share.
fn world(models: &[&str], noise: f64) -> Comparison {
    let mut found = comparison(models);
    for (name, axis, metric, unit) in [
        ("few", "busy peers", "cpu_ns", "ns"),
        ("many", "busy peers", "cpu_ns", "ns"),
        ("idle", "silent peers", "cpu_ns", "ns"),
        ("short", "clients", "cpu_ns", "ns"),
        ("compute", "computing peers", "p99_ns", "ns"),
        ("memory", "silent peers", "pss_bytes", "bytes"),
        ("limit", "peers", "served", "peers"),
        ("crash", "", "lost", "peers"),
    ] {
        let scale = if axis.is_empty() { Scale::Kinds } else { Scale::Log };
        let metrics = [(metric, unit), ("refused", "peers")];
        let own = if name == "limit" { &metrics[..] } else { &metrics[..1] };
        let waits = [(metric, unit), ("p50_ns", unit)];
        let own = if name == "compute" { &waits[..] } else { own };
        found.experiments.push(experiment(name, axis, scale, own));
    }
    let spread = move |median: f64| if median > 0.0 { figure(median, noise) } else { flat(median) };
    for busy in [1.0, 8.0] {
        found = found.with_point("few", busy, |model, _| spread(law(model).cpu));
    }
    for busy in [100.0, 10_000.0] {
        found = found.with_point("many", busy, |model, _| match (model, busy > 1_000.0) {
            ("select", true) => unknown("it has room for 1,012 peers"),
            _ => spread(law(model).cpu),
        });
    }
    for silent in [0.0, 900.0, 10_000.0] {
        found = found.with_point("idle", silent, |model, _| match (model, silent > 1_000.0) {
            ("select", true) => unknown("it has room for 1,012 peers"),
            _ => spread(law(model).cpu + law(model).silent * silent),
        });
    }
    found = found
        .with_point("short", 8.0, |model, _| spread(law(model).short))
        .with_point("compute", 0.0, |_, _| spread(100_000.0))
        .with_point("compute", 1.0, |model, _| spread(law(model).stall))
        .with_point("memory", 1_000.0, |model, _| spread(law(model).memory))
        .with_point("crash", 1.0, |model, _| spread(law(model).lost))
        .with_point("limit", 8_000.0, |model, metric| match (model, metric) {
            ("select", "refused") => flat(6_988.0),
            (_, "refused") => flat(0.0),
            ("select", _) => flat(1_012.0),
            // Some came later than it was measured.
            ("coroutine", _) => flat(899.0),
            _ => at_least(8_000.0),
        });
    let crash = found.experiments.iter_mut().find(|one| one.name == "crash").unwrap();
    crash.points[0].label = "abort".to_owned();
    found
}

/// The same in all rounds.
fn flat(value: f64) -> Value {
    figure(value, 0.0)
}

fn at_least(value: f64) -> Value {
    match flat(value) {
        Value::Known(figure) => Value::Known(Figure { at_least: true, ..figure }),
        unknown => unknown,
    }
}

/// The answer for a terminal of 100 columns.
fn text(answer: &Answer) -> String {
    super::text(answer, 100)
}

fn asked(found: &Comparison, workload: &str) -> Answer {
    answer(found, &workload.parse().unwrap())
}

fn chosen(found: &Comparison, workload: &str) -> String {
    asked(found, workload).model.unwrap_or_default()
}

/// Kills: a rule that prefers a model by its name; silent peers that cost nothing; a computation that
/// is taken for the model's cost.
#[test]
fn the_answer_follows_the_figures() {
    let found = world(&MODELS, 0.01);
    assert_eq!(chosen(&found, "connections=500,active=10%"), "uring");
    // Nobody is stalled by one peer alone.
    assert_eq!(chosen(&found, "connections=1,compute=50ms"), "uring");
    assert_eq!(chosen(&found, "connections=1000,active=1%,compute=1ms"), "thread");
    assert_eq!(chosen(&found, "connections=1000,active=1%,compute=1us"), "uring");
    assert_eq!(chosen(&found, "connections=1000,active=1%,isolate=yes"), "process");
    let without = ["epoll", "select", "coroutine", "epoll:workers=2"];
    let found = world(&without, 0.01);
    assert_eq!(chosen(&found, "connections=1000,active=1%,compute=1ms"), "epoll:workers=2");
}

/// Kills: a ranking of what differs by less than the noise; a tie that is broken without a word; a
/// simplest model that is the last one.
#[test]
fn what_the_noise_hides_is_not_ranked() {
    let found = world(&["coroutine", "epoll", "process"], 0.3);
    let answer = asked(&found, "connections=1000,active=1%");
    // Six, six and a half microseconds; memory decides.
    assert_eq!(answer.model.as_deref(), Some("epoll"));
    assert!(answer.ties[0].contains("no difference beyond the noise"), "{:?}", answer.ties);
    assert!(answer.ties[1].contains("epoll is best by memory"), "{:?}", answer.ties);
    assert_eq!(answer.evidence.len(), 2);

    let mut found = world(&["coroutine", "epoll", "process"], 0.3);
    found.experiments.retain(|one| one.name != "memory");
    let answer = asked(&found, "connections=1000,active=1%");
    assert_eq!(answer.model.as_deref(), Some("epoll"));
    assert_eq!(answer.ties.last().unwrap(), "epoll is the simplest of them");
    assert_eq!(answer.missing, ["memory"], "what would decide is named");
    // A spread that is small enough ranks the same figures.
    let sharp = world(&["coroutine", "process", "thread"], 0.001);
    assert_eq!(asked(&sharp, "connections=1000,active=1%").ties, [""; 0]);
}

/// One model varies so much that everything is as good as that; of the others one is clearly better.
///
/// Kills: a clear difference that somebody else's noise hides.
#[test]
fn a_noisy_model_hides_no_difference_between_others() {
    let mut found = world(&["epoll", "uring", "coroutine"], 0.01);
    for name in ["few", "many"] {
        let found = found.experiments.iter_mut().find(|one| one.name == name).unwrap();
        for point in &mut found.points {
            let cell = point.cells.iter_mut().find(|cell| cell.model == "coroutine").unwrap();
            cell.values.insert("cpu_ns".to_owned(), figure(2_900.0, 0.99));
        }
    }
    let answer = asked(&found, "connections=100");
    assert!(!answer.ties[0].contains("epoll"), "{:?}", answer.ties);
    assert_ne!(answer.model.as_deref(), Some("epoll"));
}

/// Kills: a model that is recommended for more peers than it serves.
#[test]
fn who_cannot_serve_it_is_left_out_and_told_why() {
    let found = world(&["select", "process", "pool"], 0.01);
    let answer = asked(&found, "connections=2000,active=1%");
    let reason = |model: &str| {
        let found = answer.excluded.iter().find(|one| one.model == model);
        found.map_or(String::new(), |one| one.reason.clone())
    };
    assert!(reason("select").contains("1,0"), "{:?}", answer.excluded);
    assert!(reason("pool").contains("at a time"), "{:?}", answer.excluded);
    assert!(
        reason("process").contains("1,000 peers at a time, unless `children=`"),
        "{:?}",
        answer.excluded
    );
    assert_eq!((answer.model, answer.serve), (None, None));
    let mut heavy = world(&["thread", "coroutine"], 0.01);
    heavy.environment.memory_bytes = 100 << 20;
    let answer = asked(&heavy, "connections=8000,active=1%");
    assert_eq!(answer.model.as_deref(), Some("coroutine"));
    assert!(answer.excluded[0].reason.contains("156 MiB of 100 MiB"), "{:?}", answer.excluded);
}

/// Kills: a model that is recommended although it is ruled out in the same answer, as all are; another
/// workload that is named although nobody has figures of it.
#[test]
fn nobody_is_recommended_without_a_figure_of_what_decides() {
    let reason = "a dialogue has no size";
    let mut found = world(&MODELS, 0.01);
    found.experiments.push(experiment("big", "peers", Scale::Linear, &[("cpu_ns", "ns")]));
    found.experiments.retain(|one| one.name != "short");
    found.experiments.push(experiment("short", "clients", Scale::Linear, &[("cpu_ns", "ns")]));
    let found =
        found
            .with_point("big", 1.0, |_, _| unknown(reason))
            .with_point("short", 4.0, |_, _| unknown(reason));
    for workload in ["connections=100,short=yes", "connections=100,message=16KiB"] {
        let answer = asked(&found, workload);
        assert_eq!((&answer.model, &answer.serve, &answer.runner_up), (&None, &None, &None));
        assert!(answer.rule.starts_with("There is no answer"), "{}", answer.rule);
        assert!(answer.rule.contains(reason), "{}", answer.rule);
        assert!(answer.excluded.is_empty(), "{:?}", answer.excluded);
        assert!(text(&answer).contains("Answer     none"));
    }
    let changes = asked(&found, "connections=100").changes;
    let named = |key: &str| changes.iter().any(|change| change.when.starts_with(key));
    assert!(!named("short") && !named("message"), "{changes:?}");
}

/// Kills: a model that is left out because it was measured before all were let in.
#[test]
fn only_whoever_refuses_has_a_limit() {
    let found = world(&["coroutine", "select"], 0.01);
    let answer = asked(&found, "connections=1500,active=1%");
    assert_eq!(answer.model.as_deref(), Some("coroutine"), "{:?}", answer.excluded);
}

/// Kills: an answer from figures that are not there.
#[test]
fn what_is_lacking_is_named_in_place_of_an_answer() {
    let mut found = world(&MODELS, 0.01);
    found.experiments.retain(|one| one.name != "idle");
    let answer = asked(&found, "connections=1000,active=1%");
    assert_eq!((answer.model.as_deref(), &answer.missing[..]), (None, &["idle".to_owned()][..]));
    let page = text(&answer);
    assert!(page.contains("There is no answer without figures of idle."), "{page}");
    let again =
        "switchboard compare --experiments idle,few,many,short,compute,memory,limit,crash --for \
                 'connections=1000,active=1%,message=64B,compute=0'
";
    assert!(page.contains(again), "{page}");
    assert_eq!(chosen(&found, "connections=100,active=100%"), "uring", "nobody is silent");
    let mut found = world(&MODELS, 0.01);
    found.experiments.retain(|one| one.name != "crash");
    assert_eq!(asked(&found, "connections=10,isolate=yes").missing, ["crash"]);
    found.experiments.clear();
    assert_eq!(asked(&found, "connections=100").missing, ["many"]);
    assert_eq!(asked(&found, "connections=100,message=1MiB").model, None);
}

/// Kills: a model that is taken although another has a tenth of its figure, because two rounds tell
/// nothing apart.
#[test]
fn two_rounds_are_no_answer() {
    let mut found = world(&MODELS, 0.3);
    let points = found.experiments.iter_mut().flat_map(|one| &mut one.points);
    for value in points.flat_map(|point| &mut point.cells).flat_map(|cell| cell.values.values_mut())
    {
        if let Value::Known(figure) = value {
            figure.samples.truncate(2);
        }
    }
    let answer = asked(&found, "connections=100");
    assert_eq!((answer.model.as_deref(), answer.serve.as_deref()), (None, None));
    assert!(answer.rule.contains("so few rounds, 2 here"), "{}", answer.rule);
    assert!(answer.again.as_ref().unwrap().contains(" --rounds 5 --for "), "{:?}", answer.again);
    assert_eq!(answer.evidence[0].figures.len(), MODELS.len());
}

#[test]
fn the_runner_up_and_what_would_change_it_are_told() {
    let found = world(&MODELS, 0.01);
    let answer = asked(&found, "connections=500,active=10%");
    let second = answer.runner_up.as_ref().unwrap();
    assert_eq!(second.model, "thread");
    assert!(second.sentence.contains("5.00 µs, where uring has 3.00 µs"), "{}", second.sentence);
    let change = |when: &str| {
        let found = answer.changes.iter().find(|change| change.when.starts_with(when));
        found.map_or(String::new(), |change| format!("{} {}", change.when, change.model))
    };
    assert_eq!(change("compute"), "compute=20µs thread");
    assert_eq!(change("isolate"), "isolate=yes process");
    let page = text(&answer);
    assert!(page.lines().all(|line| line.chars().count() <= 100), "{page}");
    assert!(page.contains("Start      switchboard serve echo --model uring"), "{page}");
    assert!(page.contains("* uring"), "{page}");
}

/// Kills: an estimate beyond the figures that is sold as a figure.
#[test]
fn what_lies_beyond_the_figures_is_said_to() {
    let found = world(&["epoll", "uring"], 0.01);
    let answer = asked(&found, "connections=50000,active=1%");
    assert!(
        answer.doubts.iter().any(|doubt| doubt.contains("more than 10,000 silent peers")),
        "{:?}",
        answer.doubts
    );
    assert!(asked(&found, "connections=5000,active=1%").doubts.is_empty());
}

/// Kills: an answer that results.json does not give back.
#[test]
fn the_answer_is_in_the_results() {
    let mut found = world(&MODELS, 0.01);
    found.answer = Some(asked(&found, "connections=500,active=10%"));
    let again = Comparison::from_json(&found.to_json()).unwrap();
    assert_eq!(again.answer, found.answer);
}

/// Kills: a model that is answered with a command line under which half of the peers find no room.
#[test]
fn who_has_too_few_descriptors_is_told_how_to_have_more() {
    let found = world(&["epoll", "uring"], 0.01);
    let doubt = |connections: u64| {
        let answer = asked(&found, &format!("connections={connections},active=1%"));
        answer.doubts.into_iter().find(|doubt| doubt.contains("descriptors"))
    };
    let told = doubt(50_000).unwrap();
    assert!(told.contains("20,000 descriptors here"), "{told}");
    assert!(told.contains("--model uring:processes=4"), "{told}");
    assert_eq!(doubt(19_000), None);
}

/// Kills: a model that burns a processor all day, recommended without a word of it.
#[test]
fn what_a_model_burns_while_nothing_happens_is_said() {
    let mut found = world(&["epoll", "uring"], 0.01);
    found.experiments.push(experiment("quiet", "silent peers", Scale::Log, &[("busy", "share")]));
    let found = found.with_point("quiet", 100.0, |model, _| flat(f64::from(model == "uring")));
    let doubts = |workload: &str| asked(&found, workload).doubts;
    assert!(doubts("connections=100")[0].contains("uring uses 100% of a processor"));
}

/// Kills: an experiment that the answer turns out to lack although it was measured for it; one that is
/// measured first and not looked at.
#[test]
fn what_is_needed_is_what_the_answer_looks_at() {
    let needed = |workload: &str| super::needed(&workload.parse().unwrap());
    let all = needed("connections=5000,active=1%,message=200B,compute=1ms");
    assert_eq!(all, ["idle", "few", "many", "compute", "memory", "limit"]);
    assert_eq!(
        needed("connections=8,short=yes,isolate=yes"),
        ["short", "memory", "limit", "crash"]
    );
    for workload in ["connections=500,active=10%", "connections=100,compute=1ms,isolate=yes"] {
        let mut found = world(&MODELS, 0.01);
        found.experiments.retain(|one| needed(workload).contains(&one.name.as_str()));
        assert_eq!(asked(&found, workload).missing, [""; 0], "{workload}");
    }
}
