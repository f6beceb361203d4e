//! What an experiment found, for whoever judges its claim.

use switchboard::Model;
use switchboard::model::Family;

use crate::record::{Experiment, Fact, Figure, Fit, Subject};
use crate::statistics::{Confidence, paired};

/// What an experiment found.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// Its points and fits.
    pub experiment: &'a Experiment,
    /// The models.
    pub models: &'a [Subject],
}

impl<'a> Found<'a> {
    /// Those of the models that `wanted` picks, with their names here.
    pub fn models(&self, wanted: impl Fn(&Model) -> bool) -> Vec<&'a str> {
        let picked = |subject: &&Subject| {
            let model: Option<Model> =
                subject.model.as_deref().and_then(|model| model.parse().ok());
            model.is_some_and(|model| wanted(&model))
        };
        self.models.iter().filter(picked).map(|subject| subject.name.as_str()).collect()
    }

    /// The models that the list has under one of these names, with no more than one loop, process
    /// or set of workers.
    pub fn plain(&self, names: &[&str]) -> Vec<&'a str> {
        self.models(|model| names.contains(&model.kind().name) && is_plain(model))
    }

    /// The median of a model's metric at x.
    pub fn median(&self, x: f64, model: &str, metric: &str) -> Option<f64> {
        self.experiment.figure(x, model, metric).map(|figure| figure.median)
    }

    /// The figures of those models' metric at x, of those that have one.
    pub fn figures(&self, x: f64, models: &[&'a str], metric: &str) -> Vec<(&'a str, &'a Figure)> {
        let one = |model: &&'a str| Some((*model, self.experiment.figure(x, model, metric)?));
        models.iter().filter_map(one).collect()
    }

    /// The medians of those models' metric at x, of those that have one.
    pub fn medians(&self, x: f64, models: &[&'a str], metric: &str) -> Vec<(&'a str, f64)> {
        let one = |model: &&'a str| Some((*model, self.median(x, model, metric)?));
        models.iter().filter_map(one).collect()
    }

    /// Which of these models, each plain, the claim is about and nothing was found of, if any; `is_known`
    /// says of a model whether something was.
    pub fn untested(
        &self,
        names: &[&'static str],
        is_known: impl Fn(&str) -> bool,
    ) -> Option<Fact> {
        let known = |name: &&&str| !self.plain(&[**name]).into_iter().any(&is_known);
        let missing: Vec<&str> = names.iter().filter(known).copied().collect();
        let needs = format!("{} (not compared here, or without figures)", missing.join(", "));
        (!missing.is_empty()).then(|| untested(&needs))
    }

    /// The straight line through a model's points.
    pub fn fit(&self, model: &str) -> Option<&'a Fit> {
        self.experiment.fits.iter().find(|fit| fit.model == model)
    }
}

/// Whether one loop or thread serves all peers, or each peer has its own, in one process.
pub(super) fn is_plain(model: &Model) -> bool {
    let several = |key| model.given(key).is_some_and(|count| count > 1);
    model.processes().is_none() && !several("threads") && model.given("workers").is_none()
}

/// Whether sessions run on the one thread that moves all bytes.
pub(super) fn is_one_loop(model: &Model) -> bool {
    model.kind().family != Family::Blocking && is_plain(model)
}

/// Whether a figure is at most so many times another, from pairs of the same round, and if that is
/// more than the noise: `None` where some ratios of the interval are and others are not.
pub(super) fn at_most(times: f64, figure: &Figure, base: &Figure) -> Option<bool> {
    let ratio = paired(&figure.samples, &base.samples, Confidence::Usual)?;
    let [low, high] = ratio.interval.unwrap_or([0.0, f64::INFINITY]);
    match (ratio.estimate <= times, low <= times && times < high) {
        (_, true) => None,
        (held, false) => Some(held),
    }
}

/// Whether rounds say so: all of them, or all but one of every four. `None` where they disagree, so
/// that another comparison of the same would not say the opposite.
pub(super) fn rounds_agree(rounds: impl IntoIterator<Item = bool>) -> Option<bool> {
    let rounds: Vec<bool> = rounds.into_iter().collect();
    let so = rounds.iter().filter(|so| **so).count();
    let dissent = so.min(rounds.len() - so);
    (!rounds.is_empty() && 4 * dissent <= rounds.len()).then_some(2 * so > rounds.len())
}

/// Whether a figure is such that `is`, by its rounds.
pub(super) fn agreed(figure: &Figure, is: impl Fn(f64) -> bool) -> Option<bool> {
    rounds_agree(figure.samples.iter().flatten().map(|sample| is(*sample)))
}

/// Whether two figures are such that `are`, by pairs of the same round.
pub(super) fn agreed_of(
    one: &Figure,
    other: &Figure,
    are: impl Fn(f64, f64) -> bool,
) -> Option<bool> {
    let pairs = one.samples.iter().zip(&other.samples);
    rounds_agree(pairs.filter_map(|(one, other)| Some(are((*one)?, (*other)?))))
}

/// A sentence that speaks for the claim, against it, or neither, if the noise does not let it.
pub(super) fn unless_noise(held: Option<bool>, sentence: String) -> Fact {
    match held {
        Some(held) => fact(held, sentence),
        None => open(format!("{sentence}; the noise leaves open on which side of the claim")),
    }
}

/// A sentence that would speak for the claim or against it, if the noise let it.
pub(super) fn open(sentence: String) -> Fact {
    Fact { sentence, held: None, untested: false, open: true }
}

/// A sentence that speaks for the claim, or against it.
pub(super) fn fact(held: bool, sentence: String) -> Fact {
    Fact { sentence, held: Some(held), untested: false, open: false }
}

/// A sentence that speaks neither for the claim nor against it.
pub(super) fn remark(sentence: String) -> Fact {
    Fact { sentence, held: None, untested: false, open: false }
}

/// A part of the claim was not tested: what is lacking.
pub(super) fn untested(lacking: &str) -> Fact {
    let sentence = format!("not tested: {lacking}");
    Fact { sentence, held: None, untested: true, open: false }
}

#[cfg(test)]
mod tests {
    use super::super::EXPERIMENTS;
    use super::*;
    use crate::record::made_up::{comparison, experiment, figure};
    use crate::record::{Comparison, Metric};

    /// A comparison of `models` in which experiment `name` has the same figure everywhere.
    fn same(name: &str, models: &[&str], points: &[(f64, &str)]) -> Comparison {
        let design = super::super::find(name).unwrap();
        let mut found = comparison(models);
        let mut one = experiment(name, design.axis.0, design.axis.2, &[]);
        one.metrics =
            design.measures.iter().map(|measure| measure.metric()).collect::<Vec<Metric>>();
        found.experiments.push(one);
        for (x, label) in points {
            found = found.with_point(name, *x, |_, _| figure(1.0, 0.0));
            found.experiments[0].points.last_mut().unwrap().label = (*label).to_owned();
        }
        found
    }

    fn lacks(name: &str, models: &[&str], points: &[(f64, &str)], part: &str) {
        let comparison = same(name, models, points);
        let found = Found { experiment: &comparison.experiments[0], models: &comparison.models };
        let facts = (super::super::find(name).unwrap().judge)(&found);
        let told = facts.iter().any(|fact| fact.untested && fact.sentence.contains(part));
        assert!(told, "{name} with {models:?}: {facts:?}");
    }

    /// Kills: a majority of three to two, which the next comparison turns; one disturbed round of
    /// five that leaves all open.
    #[test]
    fn rounds_agree_but_for_one_of_four() {
        let of = |so: usize, rounds: usize| rounds_agree((0..rounds).map(|round| round < so));
        assert_eq!([of(1, 1), of(2, 2), of(3, 3), of(4, 5), of(5, 5)], [Some(true); 5]);
        assert_eq!([of(0, 1), of(0, 2), of(0, 3), of(1, 5), of(2, 8)], [Some(false); 5]);
        assert_eq!([of(0, 0), of(1, 2), of(2, 3), of(3, 5), of(5, 8)], [None; 5]);
    }

    /// Kills: a claim that is said to have held although a part of it was not tested.
    #[test]
    fn what_was_not_tested_is_said() {
        lacks("quiet", &["epoll"], &[(100.0, "100")], "spin");
        lacks("crash", &["epoll", "process"], &[(1.0, "abort")], "panic");
        lacks("crash", &["epoll"], &[(0.0, "panic"), (1.0, "abort")], "processes of their own");
        lacks("idle", &["select", "epoll"], &[(0.0, "0"), (900.0, "900")], "spin, select, poll");
        lacks("idle", &["epoll"], &[(0.0, "0"), (900.0, "900")], "uring, coroutine, tokio");
        lacks("limit", &["epoll"], &[(1_200.0, "1,200")], "select");
        lacks("many", &["epoll"], &[(100.0, "100"), (1_000.0, "1,000")], "thousands");
        lacks("slow", &["epoll"], &[(20.0, "20")], "without slow peers");
        lacks("short", &["pool", "thread"], &[(4.0, "4")], "prefork");
        lacks("memory", &["thread", "epoll"], &[(500.0, "500")], "process, coroutine");
        lacks("few", &["thread", "epoll"], &[(1.0, "1")], "process");
        lacks("compute", &["epoll"], &[(1.0, "1")], "hybrid");
        lacks("pipelined", &["epoll"], &[(16.0, "16")], "epoll-et");
    }

    /// Kills: a claim that can never be said to have held without a reservation.
    #[test]
    fn with_all_models_and_points_nothing_is_untested() {
        let models: Vec<&str> = switchboard::model::MODELS
            .iter()
            .map(|kind| kind.name)
            .chain(["sequential:processes=4", "epoll:workers=2"])
            .collect();
        for design in EXPERIMENTS {
            let places = (design.points)(super::super::Pace::Full);
            let points: Vec<(f64, &str)> =
                places.iter().map(|place| (place.x, place.label.as_str())).collect();
            let mut comparison = same(design.name, &models, &points);
            let known = comparison.experiments[0].clone();
            comparison.experiments[0].fits =
                models.iter().map(|model| fit_of(&known, model)).collect();
            let found =
                Found { experiment: &comparison.experiments[0], models: &comparison.models };
            let facts = (design.judge)(&found);
            let untested: Vec<_> = facts.iter().filter(|fact| fact.untested).collect();
            assert!(untested.is_empty(), "{}: {untested:?}", design.name);
        }
    }

    fn fit_of(found: &Experiment, model: &str) -> Fit {
        let over = [found.points[0].x, found.points[0].x];
        let (model, metric) = (model.to_owned(), "cpu_ns".to_owned());
        Fit { model, metric, over, intercept: 1.0, slope: 0.0, r2: None, fold: 1.0 }
    }
}
