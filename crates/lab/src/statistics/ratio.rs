//! Samples of two models, round by round: whether they differ by more than the noise.
//!
//! Ratios are compared as logarithms, whose noise is the same in both directions. The estimate is
//! that of Hodges and Lehmann ("Estimates of Location Based on Rank Tests", 1963): the median of the
//! means of all pairs of samples, so that one round that somebody disturbed moves it little. Its
//! standard error comes from the bootstrap, and the interval is as many of them wide as
//! [Student's t](super::student) asks for.

use super::median;
use super::student::Confidence;
use crate::record::{Compared, Ratio};

/// Ratios nearer to 1 are not told from it, however little they vary within a comparison: they move
/// by as much from one comparison to the next, with what else the machine does and where memory
/// happens to lie, and no round of either shows that.
const RELEVANT: f64 = 1.05;
/// Resamples: as many as make the standard error right to some 5%.
const RESAMPLES: usize = 200;

/// How many times `base` the samples are: pairs by round. `None` without a pair, or if one of them
/// is not above 0.
pub fn paired(
    samples: &[Option<f64>],
    base: &[Option<f64>],
    confidence: Confidence,
) -> Option<Ratio> {
    let pairs = pairs(samples, base);
    if pairs.is_empty() || pairs.iter().any(|(one, other)| *one <= 0.0 || *other <= 0.0) {
        return None;
    }
    let logs: Vec<f64> = pairs.iter().map(|(one, other)| (one / other).ln()).collect();
    let estimate = hodges_lehmann(&logs)?;
    let interval = interval(&logs, estimate, confidence).map(|(low, high)| [low.exp(), high.exp()]);
    let compared = match interval {
        Some([low, _]) if low > RELEVANT => Compared::Higher,
        Some([_, high]) if high < 1.0 / RELEVANT => Compared::Lower,
        _ => Compared::Same,
    };
    Some(Ratio { estimate: estimate.exp(), interval, compared })
}

/// Whether the samples are lower or higher than those of `base`, by their ratio, or by their
/// difference where one of them is not above 0.
pub fn differs(samples: &[Option<f64>], base: &[Option<f64>], confidence: Confidence) -> Compared {
    if let Some(ratio) = paired(samples, base, confidence) {
        return ratio.compared;
    }
    let differences: Vec<f64> =
        pairs(samples, base).iter().map(|(one, other)| one - other).collect();
    let estimate = hodges_lehmann(&differences);
    match estimate.and_then(|estimate| interval(&differences, estimate, confidence)) {
        Some((low, _)) if low > 0.0 => Compared::Higher,
        Some((_, high)) if high < 0.0 => Compared::Lower,
        _ => Compared::Same,
    }
}

fn pairs(samples: &[Option<f64>], base: &[Option<f64>]) -> Vec<(f64, f64)> {
    samples.iter().zip(base).filter_map(|(one, other)| Some(((*one)?, (*other)?))).collect()
}

/// The median of the means of all pairs of samples, each with itself, too.
fn hodges_lehmann(samples: &[f64]) -> Option<f64> {
    let each = samples.iter().enumerate();
    let means =
        each.flat_map(|(place, one)| samples[place..].iter().map(move |other| (one + other) / 2.0));
    median(&means.collect::<Vec<f64>>())
}

/// Where the truth lies; `None` with fewer than two samples.
fn interval(samples: &[f64], estimate: f64, confidence: Confidence) -> Option<(f64, f64)> {
    if samples.len() < 2 {
        return None;
    }
    // The same samples give the same interval, whenever they are looked at.
    let mut random = fastrand::Rng::with_seed(samples.len() as u64);
    let mut resampled = vec![0.0; samples.len()];
    let mut estimates = Vec::with_capacity(RESAMPLES);
    for _ in 0..RESAMPLES {
        resampled.fill_with(|| samples[random.usize(..samples.len())]);
        estimates.extend(hodges_lehmann(&resampled));
    }
    let reach = deviation(&estimates) * confidence.reach(samples.len());
    Some((estimate - reach, estimate + reach))
}

/// The standard deviation.
fn deviation(samples: &[f64]) -> f64 {
    let count = samples.len() as f64;
    let mean = samples.iter().sum::<f64>() / count;
    (samples.iter().map(|one| (one - mean).powi(2)).sum::<f64>() / count).sqrt()
}
