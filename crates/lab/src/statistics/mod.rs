//! What samples say, and what they do not: medians, spreads, ratios with intervals, straight lines.
//!
//! Nothing here knows a model or a clock.

mod fit;
mod ratio;
mod student;
mod unpaired;

pub use fit::{Line, line};
pub use ratio::{differs, paired};
pub use student::Confidence;
pub use unpaired::{Both, Noise, cut};

/// The median; `None` without samples.
pub fn median(samples: &[f64]) -> Option<f64> {
    quantile(&sorted(samples), 0.5)
}

/// The quartiles; of fewer than four samples the least and the greatest, as they have no quarters.
pub fn spread(samples: &[f64]) -> Option<[f64; 2]> {
    let sorted = sorted(samples);
    let (low, high) = if sorted.len() < 4 { (0.0, 1.0) } else { (0.25, 0.75) };
    Some([quantile(&sorted, low)?, quantile(&sorted, high)?])
}

/// A quantile of sorted samples, between two of them by the distance to each (Hyndman and Fan,
/// "Sample Quantiles in Statistical Packages", 1996, definition 7).
fn quantile(sorted: &[f64], quantile: f64) -> Option<f64> {
    let place = quantile * (sorted.len().checked_sub(1)?) as f64;
    let (below, share) = (place.floor() as usize, place.fract());
    let low = *sorted.get(below)?;
    let high = sorted.get(below + 1).copied().unwrap_or(low);
    Some(low + share * (high - low))
}

fn sorted(samples: &[f64]) -> Vec<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_and_the_quartiles_lie_among_the_samples() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(spread(&[5.0, 1.0, 3.0]), Some([1.0, 5.0]));
        assert_eq!(spread(&[5.0, 1.0, 2.0, 3.0, 4.0]), Some([2.0, 4.0]));
    }
}
