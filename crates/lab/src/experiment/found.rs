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

    /// The medians of those models' metric at x, of those that have one.
    pub fn medians(&self, x: f64, models: &[&'a str], metric: &str) -> Vec<(&'a str, f64)> {
        let one = |model: &&'a str| Some((*model, self.median(x, model, metric)?));
        models.iter().filter_map(one).collect()
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

/// A sentence that speaks for the claim, against it, or neither, if the noise does not let it.
pub(super) fn unless_noise(held: Option<bool>, sentence: String) -> Fact {
    match held {
        Some(held) => fact(held, sentence),
        None => remark(format!("{sentence}; the noise leaves open on which side of the claim")),
    }
}

/// A sentence that speaks for the claim, or against it.
pub(super) fn fact(held: bool, sentence: String) -> Fact {
    Fact { sentence, held: Some(held) }
}

/// A sentence that speaks neither for the claim nor against it.
pub(super) fn remark(sentence: String) -> Fact {
    Fact { sentence, held: None }
}
