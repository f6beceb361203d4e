//! Samples of the same figures in two comparisons: which of them have changed by more than the noise.
//!
//! Rounds of different comparisons are no pairs. What two or three samples do not say of their noise
//! is taken from the figures beside them, of the same measure and about as restless: how far their
//! samples lie from their medians is the distribution that noise is drawn from, whatever its shape,
//! with windows that somebody disturbed and all. In it the chance is counted that medians, or the
//! ends of the samples that face each other, lie as far apart as these do. Of a thousand such chances
//! some are small without any change: [`cut`] says which of them are told.

use super::median;

/// Figures whose samples lie so many times nearer to their medians, or farther from them, are not
/// about as restless: rather more of them are asked than fewer, so that nobody looks calm by chance.
const CALMER: f64 = 3.0;
const WILDER: f64 = 10.0;
/// So many strays are enough to draw from.
const STRAYS_MAX: usize = 1200;
/// From so many samples on the ones next to the ends are looked at, too.
const INNER: usize = 5;
/// Changes are looked for up to this logarithm: a thousand times.
const FARTHEST: f64 = 7.0;
/// Halvings of what may be the smallest change that is seen: to some 1%.
const HALVINGS: usize = 10;

/// A figure's samples before and now, at least two each.
pub type Both = [Vec<f64>; 2];

/// The figures of one measure, and the noise that they have in common.
#[derive(Clone, Debug)]
pub struct Noise {
    figures: Vec<Figure>,
    /// How far samples lie from the median of theirs, as if it were the truth, in order; and how
    /// restless their figure is.
    strays: Vec<(f64, f64)>,
}

#[derive(Clone, Debug)]
struct Figure {
    /// Sorted.
    samples: Both,
    /// How far they lie from their medians, in the middle.
    restless: f64,
}

impl Noise {
    /// The noise of these figures. Less than `rest`, in their unit, is as good as none.
    pub fn of(figures: &[Both], rest: f64) -> Noise {
        let mut noise = Noise { figures: Vec::new(), strays: Vec::new() };
        for both in figures {
            let samples = both.clone().map(|samples| super::sorted(&samples));
            let all: Vec<f64> = samples.iter().flat_map(|samples| strays(samples)).collect();
            let off: Vec<f64> =
                all.iter().map(|stray| stray.abs()).filter(|off| *off > 0.0).collect();
            let restless = median(&off).unwrap_or(0.0).max(rest);
            noise.strays.extend(all.iter().map(|stray| (*stray, restless)));
            noise.figures.push(Figure { samples, restless });
        }
        noise.strays.sort_by(|one, other| one.0.total_cmp(&other.0));
        noise
    }

    /// The chance that noise alone sets the figure in `place` as far apart from what it was, up or down.
    pub fn chance(&self, place: usize) -> f64 {
        let [before, now] = &self.figures[place].samples;
        chance(before, now, &self.drawn_from(place))
    }

    /// By how much, from what it was, the figure in `place` would have to differ for a chance of no
    /// more than `least`; `None` if no change is seen with so few samples.
    pub fn smallest_seen(&self, place: usize, least: f64) -> Option<f64> {
        let drawn_from = self.drawn_from(place);
        let [before, now] = &self.figures[place].samples;
        let (was, is) = (median(before)?, median(now)?);
        let seen = |change: f64| {
            let moved: Vec<f64> = now.iter().map(|one| one - is + was + change).collect();
            chance(before, &moved, &drawn_from) <= least
        };
        let (mut unseen, mut far) = (0.0, FARTHEST);
        if !seen(far) {
            return None;
        }
        for _ in 0..HALVINGS {
            let middle = (unseen + far) / 2.0;
            if seen(middle) { far = middle } else { unseen = middle }
        }
        Some(far)
    }

    /// How far samples stray of those figures that are about as restless, in order.
    fn drawn_from(&self, place: usize) -> Vec<f64> {
        let own = self.figures[place].restless;
        let alike = own / CALMER..=own * WILDER;
        let strays = self.strays.iter().filter(|(_, restless)| alike.contains(restless));
        let all: Vec<f64> = strays.map(|(stray, _)| *stray).collect();
        match all.len() {
            0..=STRAYS_MAX => all,
            // As many as say the same, with both ends.
            more => (0..STRAYS_MAX).map(|n| all[n * (more - 1) / (STRAYS_MAX - 1)]).collect(),
        }
    }
}

/// The chance up to which figures are said to have changed, so that at most `share` of them are said
/// to by noise (Benjamini and Hochberg, "Controlling the False Discovery Rate", 1995). Where nothing
/// has changed at all, none is said to have in `1 - share` of such comparisons.
pub fn cut(chances: &[f64], share: f64) -> f64 {
    let sorted = super::sorted(chances);
    let allowed = |rank: usize| share * (rank + 1) as f64 / sorted.len() as f64;
    let told = sorted.iter().enumerate().rfind(|(rank, chance)| **chance <= allowed(*rank));
    told.map_or(0.0, |(_, chance)| *chance)
}

/// How far sorted samples lie from their median: made wider as a sample's variance is, since they lie
/// nearer to what is drawn from themselves than to the truth.
fn strays(sorted: &[f64]) -> impl Iterator<Item = f64> {
    let middle = median(sorted).unwrap_or(0.0);
    let count = sorted.len() as f64;
    let wider = (count / (count - 1.0).max(1.0)).sqrt();
    sorted.iter().map(move |sample| (sample - middle) * wider)
}

/// The chance of sorted `before` and `now` in noise that is drawn from `strays`, sorted, too.
fn chance(before: &[f64], now: &[f64], strays: &[f64]) -> f64 {
    if median(now) < median(before) {
        let turned = |samples: &[f64]| samples.iter().rev().map(|one| -one).collect::<Vec<f64>>();
        return rise(&turned(before), &turned(now), &turned(strays));
    }
    rise(before, now, strays)
}

/// The chance that noise sets `now` as far above `before`, or below it.
fn rise(before: &[f64], now: &[f64], strays: &[f64]) -> f64 {
    let (last, last_now) = (before.len() - 1, now.len() - 1);
    // The ends that face each other, what is next to them, the middles.
    let mut places = vec![(0, 0)];
    if last.min(last_now) + 1 >= INNER {
        places.push((1, 1));
    }
    if last.min(last_now) >= 2 {
        places.push((last / 2, last_now / 2));
    }
    let chances = places.iter().map(|(from_above, from_below)| {
        let apart = now[*from_below] - before[last - from_above];
        let samples = [(before.len(), last - from_above), (now.len(), *from_below)];
        if apart > 0.0 { apart_by(apart, samples, strays) } else { 1.0 }
    });
    let least = chances.fold(1.0, f64::min);
    // Either direction, and as many ways of looking.
    (2.0 * places.len() as f64 * least).min(1.0)
}

/// The chance that, of samples drawn from `strays`, the one in its place of those now lies by `apart`
/// above the one in its place of those before: how many samples there are, and the place from below.
fn apart_by(apart: f64, [before, now]: [(usize, usize); 2], strays: &[f64]) -> f64 {
    // A stray beyond all that were seen is as likely as any of them.
    let ranks = strays.len() + 1;
    let below = |rank: usize| rank as f64 / ranks as f64;
    let (mut chance, mut before_so_far, mut rank) = (0.0, 0.0, 0);
    for (place, stray) in strays.iter().enumerate() {
        let before_here = ranked(before, below(place + 1));
        while strays.get(rank).is_some_and(|other| *other < stray + apart) {
            rank += 1;
        }
        chance += (before_here - before_so_far) * (1.0 - ranked(now, below(rank)));
        before_so_far = before_here;
    }
    chance + (1.0 - before_so_far) * (1.0 - ranked(now, below(ranks - 1)))
}

/// The chance that of so many samples the one in place `place` from below, from 0, lies below what a
/// single one does with the chance `each`: that at least `place + 1` of them do.
fn ranked((samples, place): (usize, usize), each: f64) -> f64 {
    // A sum of binomial chances, each from the one before, from the end that is nearer.
    if 2 * place < samples {
        1.0 - at_most((samples, place), each)
    } else {
        at_most((samples, samples - place - 1), 1.0 - each)
    }
}

/// The chance that at most `most` of `samples` do what a single one does with the chance `each`.
fn at_most((samples, most): (usize, usize), each: f64) -> f64 {
    let mut one = (1.0 - each).powi(samples as i32);
    let mut sum = 0.0;
    for count in 0..=most {
        sum += one;
        one *= (samples - count) as f64 / (count + 1) as f64 * each / (1.0 - each);
    }
    sum.clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: of three, all below with 1/8, two or more with 1/2.
    #[test]
    fn ranks_are_counted() {
        assert!((ranked((3, 2), 0.5) - 0.125).abs() < 1e-12);
        assert!((ranked((3, 1), 0.5) - 0.5).abs() < 1e-12);
        assert!((ranked((3, 0), 0.5) - 0.875).abs() < 1e-12);
        assert_eq!(ranked((5, 2), 0.0), 0.0);
        // Chances that are too small for a number are no others than those beside them.
        assert!(ranked((1000, 999), 0.6) < 1e-200 && ranked((1000, 0), 0.6) == 1.0);
        assert!((ranked((1001, 500), 0.5) - 0.5).abs() < 1e-9);
    }

    /// Kills: a rule that tells each of many chances by itself, or none of many that are small.
    #[test]
    fn the_more_there_are_the_smaller_a_single_chance_has_to_be() {
        let mut chances = vec![0.5; 99];
        chances.push(0.01);
        assert_eq!(cut(&chances, 0.05), 0.0);
        chances[99] = 0.0004;
        assert_eq!(cut(&chances, 0.05), 0.0004);
        assert_eq!(cut(&[0.01, 0.02, 0.03, 0.9], 0.05), 0.03);
        assert_eq!(cut(&[], 0.05), 0.0);
    }

    /// Kills: a figure that is exact, and hidden by the noise of others; one that is restless, and is
    /// said to have changed because the others are not.
    #[test]
    fn noise_is_that_of_figures_about_as_restless() {
        let exact: Both = [vec![1.1; 3], vec![1.4; 3]];
        let wild: Both = [vec![1.0, 3.0, 2.0], vec![3.0, 2.5, 5.0]];
        let calm: Both = [vec![1.1, 1.1, 1.1], vec![1.1; 3]];
        let mut figures = vec![calm; 20];
        figures.push(exact);
        figures.push(wild);
        let noise = Noise::of(&figures, 0.01);
        assert!(noise.chance(20) < 1e-4, "{}", noise.chance(20));
        assert!(noise.chance(21) > 0.1, "{}", noise.chance(21));
        assert!(noise.smallest_seen(0, 0.001).unwrap() < 0.1);
        assert_eq!(noise.smallest_seen(21, 1e-9), None);
    }
}
