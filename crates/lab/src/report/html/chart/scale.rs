//! From a number to a place in a drawing, and the ticks along the way.

/// How far numbers have to lie apart before an axis that may be logarithmic is.
pub(super) const FOLD_MIN: f64 = 4.0;
/// What zero has of a logarithmic axis, which has no place for it, where there are zeros: a share of
/// its length.
const ZERO: f64 = 0.12;
/// Ticks of an axis that is logarithmic, at most.
const TICKS_MAX: usize = 8;
/// What two of them have between them at least, as a share of its length.
const TICK_ROOM: f64 = 0.07;
/// How far beyond the last tick of a linear axis numbers may be, as a share of a step.
const OVER: f64 = 0.05;

/// An axis.
#[derive(Clone, Debug)]
pub(super) struct Scale {
    /// The least and the greatest number.
    domain: [f64; 2],
    /// Their places. The greatest may be to the left or above.
    range: [f64; 2],
    log: bool,
    /// Zero has a place of its own, beside a logarithmic axis.
    zero: bool,
    ticks: Vec<f64>,
}

impl Scale {
    /// An axis for `numbers`, of which there is at least one: logarithmic if it `may` be and they lie
    /// far apart; else from zero.
    pub(super) fn of(numbers: impl Iterator<Item = f64>, may: bool, range: [f64; 2]) -> Scale {
        let numbers: Vec<f64> = numbers.filter(|number| number.is_finite()).collect();
        let above = numbers.iter().copied().filter(|number| *number > 0.0);
        let least = above.clone().fold(f64::INFINITY, f64::min);
        let most = above.fold(0.0, f64::max);
        let log = may && most >= least * FOLD_MIN;
        let (domain, ticks) = match log {
            true => logarithmic(least, most),
            false => linear(most),
        };
        let zero = log && numbers.iter().any(|number| *number <= 0.0);
        Scale { domain, range, log, zero, ticks }
    }

    /// An axis with ticks at `numbers` only, which are in order.
    pub(super) fn at_points(numbers: &[f64], may: bool, range: [f64; 2]) -> Scale {
        let mut scale = Scale::of(numbers.iter().copied(), may, range);
        if let (true, Some(last)) = (scale.log, numbers.last()) {
            let first = numbers.iter().find(|number| **number > 0.0).unwrap_or(last);
            scale.domain = [*first, *last];
        } else if let Some(last) = numbers.last().filter(|last| **last > 0.0) {
            scale.domain = [0.0, *last];
        }
        scale.ticks = numbers.to_vec();
        scale
    }

    /// Where a number is.
    pub(super) fn place(&self, number: f64) -> f64 {
        let [low, high] = self.domain;
        let share = match self.log {
            true if number <= 0.0 => 0.0,
            true => {
                let share = (number / low).ln() / (high / low).ln();
                if self.zero { ZERO + share.max(0.0) * (1.0 - ZERO) } else { share }
            }
            false => (number - low) / (high - low),
        };
        let [from, to] = self.range;
        from + share.clamp(0.0, 1.0) * (to - from)
    }

    /// Whether the axis ends before a number.
    pub(super) fn is_beyond(&self, number: f64) -> bool {
        let [low, high] = self.domain;
        let is_zero = self.zero && number <= 0.0;
        number > high * 1.000_001 || (number < low / 1.000_001 && !is_zero)
    }

    /// The numbers that have a tick, zero first if it has a place of its own.
    pub(super) fn ticks(&self) -> Vec<f64> {
        let zero = self.zero && !self.ticks.contains(&0.0);
        zero.then_some(0.0).into_iter().chain(self.ticks.iter().copied()).collect()
    }

    /// Whether it is logarithmic, which the axis says.
    pub(super) fn is_log(&self) -> bool {
        self.log
    }

    /// Where the axis is broken between zero and the rest.
    pub(super) fn gap(&self) -> Option<f64> {
        let [from, to] = self.range;
        self.zero.then(|| from + (to - from) * ZERO / 2.0)
    }
}

/// From a tick below the least number to one above the greatest. Both ends have a tick, so that it is
/// said where the axis begins and ends.
fn logarithmic(least: f64, most: f64) -> ([f64; 2], Vec<f64>) {
    let first = least.log10().floor() as i32;
    let last = most.log10().ceil() as i32;
    let powers: Vec<f64> = (first..=last).map(|power| 10f64.powi(power)).collect();
    let all: Vec<f64> =
        powers.iter().flat_map(|power| [1.0, 2.0, 5.0].map(|n| n * power)).collect();
    let below = |tick: &&f64| **tick <= least * 1.000_001;
    let above = |tick: &&f64| **tick >= most / 1.000_001;
    let low = all.iter().rev().find(below).copied().unwrap_or(least);
    let high = all.iter().find(above).copied().unwrap_or(most);
    let between = |ticks: &[f64], times: f64| -> Vec<f64> {
        let inside = |tick: &f64| *tick > low * times && *tick < high / times;
        ticks.iter().copied().filter(inside).collect()
    };
    let mut inner = between(&all, 1.000_001);
    if inner.len() + 2 > TICKS_MAX {
        // Of powers, those that leave the ends as much room as others leave each other.
        inner = between(&powers, (high / low).powf(TICK_ROOM));
    }
    while inner.len() + 2 > TICKS_MAX {
        inner = inner.into_iter().skip(1).step_by(2).collect();
    }
    ([low, high], [vec![low], inner, vec![high]].concat())
}

/// From zero to a tick above the greatest number, or to that number if the last tick is just below it:
/// a core that is used by 100.3% needs no axis to 150%.
fn linear(most: f64) -> ([f64; 2], Vec<f64>) {
    if most <= 0.0 {
        return ([0.0, 1.0], vec![0.0, 1.0]);
    }
    let rough = most / 5.0 * 0.95;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().find(|n| n * power >= rough);
    let step = step.unwrap_or(10.0) * power;
    let steps = (most / step - OVER).ceil().max(1.0);
    let ticks = (0..=steps as u32).map(|number| f64::from(number) * step).collect();
    ([0.0, most.max(steps * step)], ticks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scale(numbers: &[f64], may: bool) -> Scale {
        Scale::of(numbers.iter().copied(), may, [0.0, 100.0])
    }

    /// Kills: a logarithmic axis for numbers that are nearly the same, whose noise would fill it.
    #[test]
    fn what_lies_close_together_starts_at_zero() {
        let near = scale(&[90.0, 110.0], true);
        assert!(!near.is_log());
        assert_eq!(near.place(0.0), 0.0);
        assert_eq!(near.ticks(), [0.0, 50.0, 100.0, 150.0]);
    }

    /// Kills: a third of a chart that is empty because of a hair; a number beyond its axis.
    #[test]
    fn a_hair_needs_no_other_tick() {
        let share = scale(&[0.0, 100.3], false);
        assert_eq!(share.ticks(), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        assert!(share.place(100.3) == 100.0 && !share.is_beyond(100.3));
        assert_eq!(scale(&[104.0], false).ticks().last(), Some(&120.0));
    }

    #[test]
    fn what_lies_far_apart_is_logarithmic_if_it_may() {
        let far = scale(&[3.0, 4_000.0], true);
        assert!(far.is_log());
        assert_eq!([far.place(2.0), far.place(5_000.0)], [0.0, 100.0]);
        assert!(!scale(&[3.0, 4_000.0], false).is_log());
        assert!(far.ticks().len() <= TICKS_MAX, "{:?}", far.ticks());
    }

    /// Kills: an axis whose end has no tick, so that nobody knows what is there; ticks too many or too
    /// near to each other.
    #[test]
    fn the_ends_of_a_logarithmic_axis_have_ticks() {
        for least in [0.000_03, 0.2, 1.0, 3.0, 7_000.0] {
            for times in [4.0, 30.0, 1e3, 2.5e4, 1e6, 3e9] {
                let axis = scale(&[least, least * times], true);
                let ticks = axis.ticks();
                let places: Vec<f64> = ticks.iter().map(|tick| axis.place(*tick)).collect();
                assert_eq!((places[0], places[places.len() - 1]), (0.0, 100.0), "{ticks:?}");
                assert!((2..=TICKS_MAX).contains(&ticks.len()), "{ticks:?}");
                let room = |pair: &[f64]| pair[1] - pair[0] > 100.0 * TICK_ROOM - 0.01;
                assert!(places.windows(2).all(room), "{ticks:?}: {places:?}");
            }
        }
    }

    /// Kills: zero at the place of the least number.
    #[test]
    fn zero_has_a_place_of_its_own() {
        let points = Scale::at_points(&[0.0, 100.0, 10_000.0], true, [0.0, 100.0]);
        assert_eq!(points.place(0.0), 0.0);
        assert!(points.place(100.0) > 10.0 && points.gap().is_some_and(|gap| gap < 10.0));
        assert_eq!(points.place(10_000.0), 100.0);
        assert_eq!(points.ticks(), [0.0, 100.0, 10_000.0]);
    }

    /// Kills: an end of a spread at the edge of a chart that looks as if it were there.
    #[test]
    fn what_is_beyond_the_axis_is_known() {
        let far = scale(&[2.0, 5_000.0], true);
        assert_eq!(
            [0.0, 1.0, 2.0, 5_000.0, 5_001.0].map(|n| far.is_beyond(n)),
            [true, true, false, false, true]
        );
        let zero = scale(&[0.0, 2.0, 5_000.0], true);
        assert_eq!([0.0, 1.0].map(|n| zero.is_beyond(n)), [false, true]);
    }

    #[test]
    fn one_number_and_none_above_zero_have_an_axis_too() {
        for numbers in [&[0.0][..], &[5.0], &[0.0, 0.0]] {
            let only = scale(numbers, true);
            assert!(only.place(numbers[0]).is_finite() && !only.ticks().is_empty(), "{numbers:?}");
        }
        let alone = Scale::at_points(&[900.0], false, [0.0, 100.0]);
        assert_eq!(alone.place(900.0), 100.0);
    }
}
