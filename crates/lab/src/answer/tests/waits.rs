//! What others wait while the service computes, and what noise does to it.

use super::{asked, flat, text, world};
use crate::record::made_up::figure;
use crate::record::{Comparison, Figure, Value};

/// What others wait at p99 with and without a computation of 50 ms, in ms and three rounds, the first
/// of them disturbed: as a full comparison found it.
const DISTURBED: [(&str, [f64; 3], [f64; 3]); 4] = [
    ("epoll", [55.7, 1.0, 2.9], [122.0, 65.5, 102.0]),
    ("select", [404.0, 1.5, 21.4], [139.0, 68.5, 94.3]),
    ("process", [45.2, 2.2, 36.4], [21.8, 2.2, 6.0]),
    ("epoll:workers=2", [18.6, 7.5, 11.0], [9.7, 2.2, 1.6]),
];

/// A comparison that is as sure as the full one, with these samples of `compute`.
fn disturbed() -> Comparison {
    let mut found = world(&DISTURBED.map(|(model, ..)| model), 0.01);
    found.confidence = 0.99;
    let compute = found.experiments.iter_mut().find(|one| one.name == "compute").unwrap();
    for point in &mut compute.points {
        for (cell, (_, without, with)) in point.cells.iter_mut().zip(DISTURBED) {
            let mut samples = if point.x > 0.0 { with } else { without }.map(|ms| ms * 1e6);
            let rounds = samples.map(Some).to_vec();
            samples.sort_by(f64::total_cmp);
            let (median, spread) = (samples[1], [samples[0], samples[2]]);
            let Value::Known(known) = flat(1.0) else { unreachable!("it is known") };
            let figure = Figure { samples: rounds, median, spread, ..known };
            cell.values.insert("p99_ns".to_owned(), Value::Known(figure));
        }
    }
    found
}

/// Kills: the simplest model, preferred to one that is forty times as good because three rounds tell
/// nothing apart; an answer that does not say so.
#[test]
fn noise_makes_no_tie_of_a_multiple() {
    let found = disturbed();
    for asked_for in ["connections=800,compute=50ms", "connections=100,compute=1h"] {
        let answer = asked(&found, asked_for);
        assert_eq!(answer.model.as_deref(), Some("epoll:workers=2"), "{:?}", answer.evidence[0]);
        let doubt = answer.doubts.iter().find(|doubt| doubt.contains("do not tell"));
        let doubt = doubt.unwrap_or_else(|| panic!("{:?}", answer.doubts));
        assert!(doubt.starts_with("3 rounds do not tell epoll:workers=2 from "), "{doubt}");
        assert!(
            answer.again.as_ref().unwrap().contains(" --rounds 6 --for "),
            "{:?}",
            answer.again
        );
    }
    let page = text(&asked(&found, "connections=800,compute=50ms"));
    assert!(page.contains("Missing    rounds; measured by"), "{page}");
}

/// Kills: a wait that is estimated from a disturbed moment without computations; a wait that does not
/// grow, and is made to; an estimate beyond the figures that is sold as a figure.
#[test]
fn what_others_wait_without_a_computation_is_at_most_what_they_wait_with_one() {
    let found = disturbed();
    let wait = |asked_for: &str, model: &str| {
        let answer = asked(&found, asked_for);
        let figures = &answer.evidence[0].figures;
        figures.iter().find(|one| one.model == model).unwrap().median / 1e6
    };
    assert_eq!(wait("connections=800,compute=50ms", "process"), 6.0);
    assert_eq!(wait("connections=800,compute=50ms", "epoll:workers=2"), 2.2);
    assert_eq!(wait("connections=100,compute=1h", "epoll:workers=2"), 2.2);
    assert!(wait("connections=100,compute=1h", "epoll") > 1e6);
    let doubts = asked(&found, "connections=100,compute=1h").doubts;
    assert!(doubts.iter().any(|doubt| doubt.contains("more than 50.0 ms were not")), "{doubts:?}");
}

/// Kills: loops, answered for a service that computes, because the slowest hundredth is disturbed by
/// others as much as by the computation, though half of the peers are not.
#[test]
fn where_the_slowest_are_disturbed_the_others_decide() {
    let mut found = world(&["epoll", "thread"], 0.01);
    let compute = found.experiments.iter_mut().find(|one| one.name == "compute").unwrap();
    for cell in compute.points.iter_mut().flat_map(|point| &mut point.cells) {
        cell.values.insert("p99_ns".to_owned(), figure(3e6, 0.5));
    }
    let answer = asked(&found, "connections=1000,active=1%,compute=1ms");
    assert_eq!(answer.model.as_deref(), Some("thread"), "{answer:?}");
    assert!(answer.ties[1].contains("of these, thread is best by what half"), "{:?}", answer.ties);
}
