//! Comparisons of models whose figures are known: a runner that draws them from distributions.

#![allow(clippy::unwrap_used, reason = "clippy does not see that helpers of tests are tests")]

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use switchboard_lab::experiment::{Design, Measure, Pace, Place, Readings, Unmeasured};
use switchboard_lab::record::{Better, Compared, Cores, Figure, Scale, Value};
use switchboard_lab::statistics::{Confidence, paired};
use switchboard_lab::talk::Talk;
use switchboard_lab::{Comparison, Launch, Plan, Runner, Target, Turn, Watch, run};

/// Kinds of noise, as a factor.
#[derive(Clone, Copy, Debug)]
enum Noise {
    /// As of many small causes.
    Normal,
    /// Mostly little, at times much more: somebody else had the processor.
    Disturbed,
    /// Never less than it takes, at times far more.
    Skewed,
}

impl Noise {
    /// With a logarithm that varies by about a twentieth.
    fn draw(self, random: &mut fastrand::Rng) -> f64 {
        let normal = |random: &mut fastrand::Rng| (0..12).map(|_| random.f64()).sum::<f64>() - 6.0;
        let log = match self {
            Noise::Normal => 0.05 * normal(random),
            Noise::Disturbed if random.f64() < 0.1 => 0.3 * normal(random),
            Noise::Disturbed => 0.03 * normal(random),
            Noise::Skewed => -0.05 * random.f64().max(1e-9).ln(),
        };
        log.exp()
    }
}

/// Kills: an interval that is too narrow for few rounds; one that holds for normal noise only.
#[test]
fn intervals_hold_the_truth_as_often_as_they_claim() {
    let mut random = fastrand::Rng::with_seed(7);
    for noise in [Noise::Normal, Noise::Disturbed, Noise::Skewed] {
        let settings = [2, 3, 5, 6].into_iter().flat_map(|rounds| {
            [Confidence::Usual, Confidence::High].map(|confidence| (rounds, confidence))
        });
        for (rounds, confidence) in settings {
            let (runs, truth) = (300, 1.3);
            let mut held = 0;
            for _ in 0..runs {
                let mut samples = |scale: f64| -> Vec<Option<f64>> {
                    (0..rounds).map(|_| Some(scale * noise.draw(&mut random))).collect()
                };
                let (one, base) = (samples(truth), samples(1.0));
                let [low, high] = paired(&one, &base, confidence).unwrap().interval.unwrap();
                held += usize::from(low <= truth && truth <= high);
            }
            let share = f64::from(u32::try_from(held).unwrap()) / f64::from(runs);
            // Four standard deviations of what so many runs show.
            let claimed = confidence.share();
            let slack = 4.0 * (claimed * (1.0 - claimed) / f64::from(runs)).sqrt();
            assert!(share >= claimed - slack, "{noise:?}, {rounds} rounds: {share} of {claimed}");
        }
    }
}

/// Kills: intervals that hold the truth because they hold everything.
#[test]
fn a_difference_well_beyond_the_noise_is_found() {
    let mut random = fastrand::Rng::with_seed(3);
    let mut found = 0;
    for _ in 0..200 {
        let mut samples = |scale: f64| -> Vec<Option<f64>> {
            (0..5).map(|_| Some(scale * Noise::Normal.draw(&mut random))).collect()
        };
        let (one, base) = (samples(1.4), samples(1.0));
        found += usize::from(
            paired(&one, &base, Confidence::High).unwrap().compared == Compared::Higher,
        );
    }
    assert!(found > 190, "{found} of 200");
}

static COST: Measure =
    Measure { name: "cost", label: "cost", unit: "ns", better: Better::Lower, scale: Scale::Log };

static DESIGN: Design = Design {
    name: "made-up",
    title: "Made up",
    claim: "Nothing is claimed.",
    method: "Nothing is done.",
    axis: ("things", "", Scale::Linear),
    measures: std::slice::from_ref(&COST),
    points: |_| (0..4).map(|x| Place { x: f64::from(x), label: x.to_string() }).collect(),
    lasts: |_, _| Duration::ZERO,
    shape: Some(("cost", 3.0)),
    measure: |_, _| Err(Unmeasured::Because("it is made up".into())),
    judge: |_| Vec::new(),
};

/// Draws figures of which the truth is known: `epoll` costs 1,000 everywhere, `thread` the same,
/// `select` 1,000 and 500 more with each x; `poll` ends at x = 2.
struct Made(fastrand::Rng);

impl Runner for Made {
    fn measure(&mut self, turn: &Turn<'_>) -> Result<Readings, Unmeasured> {
        let x = turn.place.x;
        let truth = match turn.target.name.as_str() {
            "select" => 1000.0 + 500.0 * x,
            "poll" if x >= 2.0 => return Err(Unmeasured::Because("it has ended".into())),
            _ => 1000.0,
        };
        // What strikes a round strikes all.
        let weather = f64::from(turn.round) * 3.0;
        let noise = 1.0 + 0.01 * (self.0.f64() - 0.5);
        Ok(vec![("cost", Ok((truth * noise * weather).into()))])
    }
}

struct Nobody;

impl Watch for Nobody {
    fn turn(&mut self, _: &Turn<'_>, _: usize, _: usize, _: Duration) {}
}

fn compared(seed: u64, rounds: u32) -> Comparison {
    let target = |name: &str| Target {
        name: name.to_owned(),
        model: Some(name.parse().unwrap()),
        launch: Launch::Stock { program: "switchboard".into(), service: vec!["echo".into()] },
    };
    let plan = Plan {
        targets: ["epoll", "thread", "select", "poll"].map(target).to_vec(),
        reference: 0,
        designs: vec![&DESIGN],
        rounds,
        pace: Pace::Full,
        talk: Talk::echo(),
        cores: Cores { usable: 2, server: vec![0], client: vec![1], note: "made up".into() },
        descriptors: 1000,
        command_line: vec!["switchboard".into(), "compare".into()],
    };
    let mut runner = Made(fastrand::Rng::with_seed(seed));
    run(&plan, &mut runner, &mut Nobody, &AtomicBool::new(false))
}

fn figure(comparison: &Comparison, x: f64, model: &str) -> Figure {
    comparison.experiments[0].figure(x, model, "cost").unwrap().clone()
}

/// Kills: ratios between different rounds, in which the machine was three times as slow; a model that
/// is ranked although it is the same.
#[test]
fn what_strikes_a_round_strikes_all_and_is_no_difference() {
    let comparison = compared(1, 6);
    let same = figure(&comparison, 3.0, "thread");
    assert_eq!(same.ratio.unwrap().compared, Compared::Same);
    let more = figure(&comparison, 3.0, "select").ratio.unwrap();
    assert_eq!(more.compared, Compared::Higher);
    assert!((more.estimate - 2.5).abs() < 0.05, "{more:?}");
    let best = |model| figure(&comparison, 3.0, model).best;
    assert!(best("epoll") && best("thread") && !best("select"));
}

/// Kills: a straight line that is not found in its noise; a cell that takes its model's others along.
#[test]
fn a_line_is_found_and_a_missing_cell_is_missing_alone() {
    let comparison = compared(2, 6);
    let experiment = &comparison.experiments[0];
    let fit = experiment.fits.iter().find(|fit| fit.model == "select").unwrap();
    assert!(fit.r2.unwrap() > 0.999 && (fit.fold - 2.5).abs() < 0.05, "{fit:?}");
    let values = |x: usize| &experiment.points[x].cells[3].values["cost"];
    assert_eq!(values(2), &Value::Unknown { na: "it has ended".into() });
    assert!(values(1).figure().is_some());
    let read = Comparison::from_json(&comparison.to_json()).unwrap();
    assert!(read == comparison, "a figure is read otherwise than it was written");
}

/// Kills: two comparisons of the same models that say the opposite of each other.
#[test]
fn two_comparisons_never_contradict_each_other() {
    let comparisons: Vec<Comparison> = (0..40).map(|seed| compared(seed, 3)).collect();
    for model in ["thread", "select", "poll"] {
        let said: Vec<Compared> =
            comparisons.iter().map(|one| figure(one, 1.0, model).ratio.unwrap().compared).collect();
        let (lower, higher) = (said.contains(&Compared::Lower), said.contains(&Compared::Higher));
        assert!(!(lower && higher), "{model}: {said:?}");
    }
}
