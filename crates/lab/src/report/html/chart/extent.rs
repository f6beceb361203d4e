//! What an axis has room for: all medians, and of their spreads as much as leaves the medians most of
//! it. One round that went wrong would otherwise press all others against the edge.

use super::scale::FOLD_MIN;

/// How far beyond the medians a spread may reach on a logarithmic axis, as a factor.
const BEYOND_LOG: f64 = 2.0;
/// The same on an axis from zero.
const BEYOND: f64 = 1.4;

/// The numbers that an axis is made for: charts beside each other share them.
#[derive(Clone, Debug)]
pub(in super::super) struct Extent {
    numbers: Vec<f64>,
    log: bool,
}

impl Extent {
    /// Of medians with their spreads; logarithmic if it `may` be and the medians lie far apart.
    pub(in super::super) fn of(figures: &[(f64, [f64; 2])], may: bool) -> Extent {
        let medians = figures.iter().map(|(median, _)| *median);
        let above = medians.filter(|median| median.is_finite() && *median > 0.0);
        let least = above.clone().fold(f64::INFINITY, f64::min);
        let most = above.fold(0.0, f64::max);
        let log = may && most >= least * FOLD_MIN;
        let [low, high] = match log {
            true => [least / BEYOND_LOG, most * BEYOND_LOG],
            // Where all medians are zero, the spreads are all that there is to show.
            false => [0.0, if most > 0.0 { most * BEYOND } else { f64::INFINITY }],
        };
        let kept = figures.iter().flat_map(|(median, spread)| {
            let [first, last] = spread.map(|end| end.clamp(low, high));
            [*median, first, last]
        });
        Extent { numbers: kept.filter(|number| number.is_finite()).collect(), log }
    }

    /// Whether there is nothing to show.
    pub(in super::super) fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    pub(super) fn numbers(&self) -> &[f64] {
        &self.numbers
    }

    /// Whether the axis is logarithmic.
    pub(super) fn is_log(&self) -> bool {
        self.log
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(extent: &Extent) -> [f64; 2] {
        let numbers = extent.numbers().iter().copied();
        [numbers.clone().fold(f64::INFINITY, f64::min), numbers.fold(0.0, f64::max)]
    }

    /// Kills: a chart whose scale is set by the spread of one model; a spread that is cut although
    /// there is room for it.
    #[test]
    fn medians_set_the_scale_and_spreads_have_some_room() {
        let wild = Extent::of(&[(5.0, [4.0, 6.0]), (9.0, [0.0, 9_000.0])], true);
        assert!(!wild.is_log(), "the medians are near each other");
        assert_eq!(ends(&wild), [0.0, 9.0 * BEYOND]);
        let far = Extent::of(&[(5.0, [4.0, 6.0]), (5_000.0, [0.0, 9e9])], true);
        assert!(far.is_log());
        assert_eq!(ends(&far), [5.0 / BEYOND_LOG, 5_000.0 * BEYOND_LOG]);
        let tame = Extent::of(&[(5.0, [4.0, 6.0]), (50.0, [40.0, 60.0])], true);
        assert_eq!(ends(&tame), [4.0, 60.0]);
    }

    /// Kills: a chart of nothing where only spreads say that there was something.
    #[test]
    fn spreads_alone_are_shown() {
        let only = Extent::of(&[(0.0, [0.0, 7.0]), (0.0, [0.0, 0.0])], true);
        assert_eq!(ends(&only), [0.0, 7.0]);
        assert!(Extent::of(&[], true).is_empty());
    }
}
