//! A figure and its spread: the median, and between what the middle half of the samples lies.
//!
//! Of fewer than eight samples the whole range is told, because quartiles of so few say nothing.

/// Median and spread of some samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Figure {
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Figure {
    /// Of at least one sample.
    pub(crate) fn of(samples: &[f64]) -> Figure {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (low, high) = if sorted.len() < 8 { (0.0, 1.0) } else { (0.25, 0.75) };
        Figure {
            median: quantile(&sorted, 0.5),
            low: quantile(&sorted, low),
            high: quantile(&sorted, high),
        }
    }

    /// Of at least one sample, with their whole range, however many there are.
    pub(crate) fn with_range_of(samples: &[f64]) -> Figure {
        let low = samples.iter().copied().fold(f64::INFINITY, f64::min);
        let high = samples.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Figure { low, high, ..Figure::of(samples) }
    }
}

/// Of samples in ascending order, at least one; between two of them, in proportion.
pub(crate) fn quantile(sorted: &[f64], part: f64) -> f64 {
    let place = part * (sorted.len() - 1) as f64;
    let below = sorted[place.floor() as usize];
    let above = sorted[place.ceil() as usize];
    below + (above - below) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_samples_tell_their_range() {
        let figure = Figure::of(&[3.0, 1.0, 2.0, 10.0]);
        assert_eq!(figure, Figure { median: 2.5, low: 1.0, high: 10.0 });
    }

    #[test]
    fn many_samples_tell_their_middle_half() {
        let samples: Vec<f64> = (0..9).map(f64::from).rev().collect();
        assert_eq!(Figure::of(&samples), Figure { median: 4.0, low: 2.0, high: 6.0 });
    }
}
