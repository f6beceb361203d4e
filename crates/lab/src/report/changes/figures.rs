//! Which figures two comparisons both have, and which of them have changed by more than the noise.

use crate::record::{Comparison, Experiment, Figure, Metric};
use crate::statistics::{Both, Noise, cut};

use super::super::times;

/// Of the figures that are said to have changed, so many may be noise; and where nothing has changed,
/// any is said to have in so many comparisons.
const FALSE: f64 = 0.05;
/// What differs by less is not told, however little it varies within a comparison: figures move by as
/// much from one comparison to the next, with where memory happens to lie, and no round shows that.
const RELEVANT: f64 = 1.05;
/// Logarithms nearer to their median than this are as good as equal.
const REST: f64 = 0.01;
/// Rounds, before and now, with fewer than which noise is unknown.
const ROUNDS_MIN: usize = 2;
/// Of so many figures it is found out how small a change of them could have been seen.
const LOOKED_AT: usize = 40;

/// A figure that both have, with samples enough.
pub(super) struct Pair<'a> {
    /// Where it stands: `idle 900, select`.
    pub(super) place: String,
    pub(super) metric: &'a Metric,
    pub(super) before: &'a Figure,
    pub(super) now: &'a Figure,
    /// How many times it is what it was; none where a sample is not above 0.
    pub(super) times: Option<f64>,
    /// The chance that noise alone would set it as far apart.
    chance: f64,
    /// Its noise, and its place there.
    noise: (usize, usize),
}

/// All figures that both have.
pub(super) struct Figures<'a> {
    pub(super) pairs: Vec<Pair<'a>>,
    /// How many have too few samples, before or now.
    pub(super) unclear: usize,
    noises: Vec<Noise>,
    /// Up to this chance figures have changed.
    cut: f64,
}

impl<'a> Figures<'a> {
    /// Those of `old` and `new`.
    pub(super) fn of(old: &'a Comparison, new: &'a Comparison) -> Figures<'a> {
        let mut all = Figures { pairs: Vec::new(), unclear: 0, noises: Vec::new(), cut: 0.0 };
        for experiment in &new.experiments {
            let Some(before) = old.experiment(&experiment.name) else { continue };
            for metric in &experiment.metrics {
                all.add(before, experiment, metric);
            }
        }
        let chances: Vec<f64> = all.pairs.iter().map(|pair| pair.chance).collect();
        all.cut = cut(&chances, FALSE);
        all
    }

    /// Those of a metric, whose noise is one.
    fn add(&mut self, old: &'a Experiment, new: &'a Experiment, metric: &'a Metric) {
        let mut found: Vec<Pair<'a>> = Vec::new();
        for point in &new.points {
            for cell in &point.cells {
                let before = old.figure(point.x, &cell.model, &metric.name);
                let now = cell.values.get(&metric.name).and_then(|value| value.figure());
                let Some((before, now)) = before.zip(now) else { continue };
                if [before, now].iter().any(|figure| known(figure).len() < ROUNDS_MIN) {
                    self.unclear += 1;
                    continue;
                }
                let above = [before, now].iter().all(|one| known(one).iter().all(|one| *one > 0.0));
                found.push(Pair {
                    place: format!("{} {}, {}", new.name, point.label, cell.model),
                    metric,
                    before,
                    now,
                    times: above.then(|| now.median / before.median),
                    chance: 1.0,
                    noise: (0, 0),
                });
            }
        }
        // Where something is nothing there is no logarithm, and differences are compared.
        let (ratios, differences) = found.into_iter().partition(|pair| pair.times.is_some());
        self.weigh(ratios, REST, f64::ln);
        self.weigh(differences, 0.0, |sample| sample);
    }

    fn weigh(&mut self, mut pairs: Vec<Pair<'a>>, rest: f64, scale: fn(f64) -> f64) {
        let samples =
            |figure: &Figure| -> Vec<f64> { known(figure).into_iter().map(scale).collect() };
        let both = |pair: &Pair<'_>| -> Both { [samples(pair.before), samples(pair.now)] };
        let noise = Noise::of(&pairs.iter().map(both).collect::<Vec<Both>>(), rest);
        for (place, pair) in pairs.iter_mut().enumerate() {
            pair.chance = noise.chance(place);
            pair.noise = (self.noises.len(), place);
        }
        self.noises.push(noise);
        self.pairs.append(&mut pairs);
    }

    /// Whether it is no longer what it was, beyond the noise and by a share that matters.
    pub(super) fn has_changed(&self, pair: &Pair<'_>) -> bool {
        let matters = match pair.times {
            Some(times) => !(1.0 / RELEVANT..=RELEVANT).contains(&times),
            None => pair.now.median != pair.before.median,
        };
        matters && pair.chance <= self.cut
    }

    /// How small a change could have been seen, in a line of its own.
    pub(super) fn sight(&self) -> String {
        let ratios: Vec<&Pair<'_>> =
            self.pairs.iter().filter(|pair| pair.times.is_some()).collect();
        if ratios.is_empty() {
            return String::new();
        }
        let step = ratios.len().div_ceil(LOOKED_AT);
        let seen = |least: f64| {
            let one = |pair: &Pair<'_>| {
                let (noise, place) = pair.noise;
                let change = self.noises[noise].smallest_seen(place, least);
                change.map_or(f64::INFINITY, |change| change.exp().max(RELEVANT))
            };
            let mut all: Vec<f64> = ratios.iter().step_by(step).copied().map(one).collect();
            all.sort_by(f64::total_cmp);
            match all[all.len() / 2] {
                change if change.is_finite() => format!("one to {} what it was", times(change)),
                _ => "none, however large".to_owned(),
            }
        };
        // Many small chances are no accident; a single one among so many figures often is.
        let [many, alone] = [FALSE / 2.0, FALSE / self.pairs.len() as f64].map(seen);
        format!(
            "\nThe smallest change that could have been seen, of half of the figures: {many}, if many \
             change; {alone}, if one changes alone. More rounds see smaller ones. Of what is said to have \
             changed, one in {:.0} may be noise.",
            1.0 / FALSE
        )
    }
}

fn known(figure: &Figure) -> Vec<f64> {
    figure.samples.iter().flatten().copied().collect()
}
