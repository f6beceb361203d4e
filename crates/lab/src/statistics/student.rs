//! Student's t: how much wider an interval has to be when few samples say how much they vary.

/// How sure an interval is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confidence {
    /// It holds the truth in 95 of 100 comparisons: what three rounds can show.
    Usual,
    /// In 99 of 100. A comparison of a dozen models makes hundreds of intervals: at 95% a handful of
    /// models that are equal would be ranked, at 99% hardly one, and never the opposite in the next
    /// run.
    High,
}

/// The quantiles 0.975 and 0.995 of Student's t with 1, 2, 3, ... degrees of freedom (any table of it,
/// such as NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2).
const QUANTILES: [(f64, f64); 30] = [
    (12.706, 63.657),
    (4.303, 9.925),
    (3.182, 5.841),
    (2.776, 4.604),
    (2.571, 4.032),
    (2.447, 3.707),
    (2.365, 3.499),
    (2.306, 3.355),
    (2.262, 3.250),
    (2.228, 3.169),
    (2.201, 3.106),
    (2.179, 3.055),
    (2.160, 3.012),
    (2.145, 2.977),
    (2.131, 2.947),
    (2.120, 2.921),
    (2.110, 2.898),
    (2.101, 2.878),
    (2.093, 2.861),
    (2.086, 2.845),
    (2.080, 2.831),
    (2.074, 2.819),
    (2.069, 2.807),
    (2.064, 2.797),
    (2.060, 2.787),
    (2.056, 2.779),
    (2.052, 2.771),
    (2.048, 2.763),
    (2.045, 2.756),
    (2.042, 2.750),
];

impl Confidence {
    /// The share of intervals that hold the truth.
    pub fn share(self) -> f64 {
        match self {
            Confidence::Usual => 0.95,
            Confidence::High => 0.99,
        }
    }

    /// How many standard errors, as the bootstrap finds them, an interval from so many samples, at
    /// least two, reaches to each side.
    ///
    /// The bootstrap takes the samples for the truth. Of few samples its standard error falls short
    /// by the root of `(n - 1) / n`, and what is that uncertain is followed by Student's t (Hesterberg,
    /// "What Teachers Should Know about the Bootstrap", 2015, section 4).
    pub(super) fn reach(self, samples: usize) -> f64 {
        let freedom = samples.saturating_sub(1).max(1);
        let (usual, high) = QUANTILES[freedom.min(QUANTILES.len()) - 1];
        let quantile = match self {
            Confidence::Usual => usual,
            Confidence::High => high,
        };
        quantile * (samples as f64 / freedom as f64).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fewer_samples_and_the_surer_the_wider() {
        for confidence in [Confidence::Usual, Confidence::High] {
            let widths: Vec<f64> = (2..100).map(|samples| confidence.reach(samples)).collect();
            assert!(widths.is_sorted_by(|fewer, more| fewer >= more), "{widths:?}");
        }
        assert!((Confidence::High.reach(3) - 12.156).abs() < 0.01);
        assert!((2.0..2.1).contains(&Confidence::Usual.reach(90)));
    }
}
