//! What a workload costs under a model, from what was measured near it: round by round, so that
//! models can be compared as pairs of the same round.

use switchboard_load::units;

use super::Workload;
use crate::experiment::COMPUTED;
use crate::record::{Compared, Comparison, Experiment, Value};
use crate::statistics::{Confidence, median, paired};

/// Bytes of a message of most experiments, and of `big`.
const SMALL: f64 = 64.0;
const BIG: f64 = 1_048_576.0;
/// Messages up to this size cost as much as small ones, as far as anybody asks here.
const SMALL_MAX: u64 = 4096;
/// What grows by less than this, and by no more than the noise, does not grow.
const GROWTH_MIN: f64 = 1.5;

/// Who waits longer by less than this share of a computation does not wait for its end: switches from
/// one thread to the next take as long.
const WAITS_MIN: f64 = 0.1;

/// A figure for each round; `None` where a round has none.
pub(super) type Rounds = Vec<Option<f64>>;

/// An estimate for one model.
#[derive(Clone, Debug)]
pub(super) struct Estimate {
    pub(super) rounds: Rounds,
    /// Whether it lies beyond what was measured.
    pub(super) beyond: Option<String>,
}

/// Why there is no estimate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Gap {
    /// An experiment is missing, or has no figures.
    Experiment(&'static str),
    /// This model has no figure there: why, as the record has it.
    Figure(String),
}

pub(super) type Estimated = Result<Estimate, Gap>;

impl Estimate {
    /// Rounds that have a figure.
    pub(super) fn known(&self) -> usize {
        self.rounds.iter().flatten().count()
    }

    pub(super) fn median(&self) -> f64 {
        median(&self.rounds.iter().flatten().copied().collect::<Vec<_>>()).unwrap_or(f64::NAN)
    }
}

/// What is asked of a comparison.
pub(super) struct Estimates<'a> {
    pub(super) comparison: &'a Comparison,
    pub(super) workload: &'a Workload,
}

impl Estimates<'_> {
    /// Processor time for each message, in ns, without what the service computes: that of so many
    /// busy peers, what silent ones add to it, and what a larger message adds.
    pub(super) fn cpu(&self, model: &str) -> Estimated {
        let busy = self.busy(model)?;
        let silent = self.workload.silent_peers();
        let mut sum = busy;
        if silent >= 1.0 {
            sum = sum.plus(&self.silence(model, silent)?);
        }
        if is_large(self.workload) {
            sum = sum.plus(&self.size(model)?);
        }
        Ok(sum)
    }

    /// From `few` and `many`, which are one curve.
    fn busy(&self, model: &str) -> Estimated {
        let both = ["few", "many"].map(|name| self.comparison.experiment(name));
        let found: Vec<&Experiment> = both.into_iter().flatten().collect();
        let points: Vec<Spot> = found.iter().flat_map(|one| spots(one, model, "cpu_ns")).collect();
        if points.is_empty() {
            let near = if self.workload.active_peers() > 8.0 { "many" } else { "few" };
            return Err(match found.first() {
                Some(found) => gap(found, model, "cpu_ns", near),
                None => Gap::Experiment(near),
            });
        }
        Ok(along(points, self.workload.active_peers(), false, "busy peers"))
    }

    /// What silent peers add: from `idle`, with one busy peer, whose message pays for all of it.
    fn silence(&self, model: &str, silent: f64) -> Estimated {
        let points = self.curve("idle", model, "cpu_ns")?;
        let none =
            points.first().filter(|spot| spot.x == 0.0).ok_or(Gap::Experiment("idle"))?.clone();
        let confidence = confidence(self.comparison);
        let last = points[points.len() - 1].clone();
        let (grows, nothing) = match grown(&last.rounds, &none.rounds, confidence) {
            true => (true, None),
            false => (false, Some(Some(0.0))),
        };
        let there = along(points, silent, grows, "silent peers");
        let added = there.rounds.iter().zip(&none.rounds).map(|(with, without)| {
            // Less than nothing is noise.
            nothing.unwrap_or_else(|| Some(((*with)? - (*without)?).max(0.0)))
        });
        Ok(Estimate { rounds: added.collect(), beyond: there.beyond })
    }

    /// What a message adds that is larger than those that were measured: from `big`, in proportion.
    fn size(&self, model: &str) -> Estimated {
        let points = self.curve("big", model, "cpu_ns")?;
        let large = along(points, self.workload.active_peers(), false, "");
        let small = self.busy(model)?;
        let share = (self.workload.message_bytes as f64 - SMALL) / (BIG - SMALL);
        let added = large
            .rounds
            .iter()
            .zip(&small.rounds)
            .map(|(large, small)| Some((((*large)? - (*small)?) * share).max(0.0)));
        Ok(Estimate { rounds: added.collect(), beyond: None })
    }

    /// How long others wait while the service computes for one peer, in ns, by this measure of
    /// `compute`: as measured with computations of another length, in proportion to it.
    ///
    /// The same load without computations is what it grows from. Who waits longer there than beside a
    /// computation has been disturbed there: the wait without one is at most the wait with one. And
    /// where that differs by little beside the computation, nobody waits for its end, and the wait is
    /// what it is however long is computed.
    pub(super) fn stall(&self, model: &str, metric: &str) -> Estimated {
        let points = self.curve("compute", model, metric)?;
        let with = points.iter().find(|spot| spot.x == 1.0).ok_or(Gap::Experiment("compute"))?;
        let without = points.iter().find(|spot| spot.x == 0.0);
        let computed = COMPUTED.as_nanos() as f64;
        let share = self.workload.compute.as_nanos() as f64 / computed;
        let rounds = with.rounds.iter().enumerate().map(|(round, with)| {
            let least = match without {
                Some(spot) => spot.rounds.get(round).copied().flatten()?,
                None => 0.0,
            };
            Some((least.min((*with)?), (*with)?))
        });
        let rounds: Vec<Option<(f64, f64)>> = rounds.collect();
        let more: Vec<f64> = rounds.iter().flatten().map(|(least, with)| with - least).collect();
        let waits = median(&more).unwrap_or(0.0) >= computed * WAITS_MIN;
        let share = match (waits, without) {
            (true, _) => share,
            (false, Some(_)) => 0.0,
            // What it is without computations is not known, and lies in between.
            (false, None) => share.min(1.0),
        };
        let wait = rounds.iter().map(|one| one.map(|(least, with)| least + (with - least) * share));
        let longer = self.workload.compute > COMPUTED;
        let beyond = longer.then(|| format!("computations of more than {}", units::time(computed)));
        Ok(Estimate { rounds: wait.collect(), beyond })
    }

    /// Memory for each peer, in bytes.
    pub(super) fn memory(&self, model: &str) -> Estimated {
        let points = self.curve("memory", model, "pss_bytes")?;
        Ok(along(points, self.workload.connections as f64, false, "peers"))
    }

    /// Processor time for a peer that comes for one message, in ns.
    pub(super) fn short(&self, model: &str) -> Estimated {
        let points = self.curve("short", model, "cpu_ns")?;
        Ok(along(points, self.workload.active_peers(), false, "clients at a time"))
    }

    /// The share of the others that a crash of the process takes along.
    pub(super) fn lost(&self, model: &str) -> Option<f64> {
        let crash = self.comparison.experiment("crash")?;
        let abort = crash.points.iter().find(|point| point.label == "abort")?;
        Some(crash.figure(abort.x, model, "lost")?.median)
    }

    fn curve(&self, experiment: &'static str, model: &str, metric: &str) -> Result<Vec<Spot>, Gap> {
        let found = self.comparison.experiment(experiment).ok_or(Gap::Experiment(experiment))?;
        let spots = spots(found, model, metric);
        match spots.is_empty() {
            true => Err(gap(found, model, metric, experiment)),
            false => Ok(spots),
        }
    }
}

impl Estimate {
    fn plus(self, other: &Estimate) -> Estimate {
        let rounds =
            self.rounds.iter().zip(&other.rounds).map(|(one, two)| Some((*one)? + (*two)?));
        let beyond = [self.beyond, other.beyond.clone()].into_iter().flatten().collect::<Vec<_>>();
        let beyond = (!beyond.is_empty()).then(|| beyond.join("; "));
        Estimate { rounds: rounds.collect(), beyond }
    }
}

/// Whether messages cost more than small ones, for their size.
pub(super) fn is_large(workload: &Workload) -> bool {
    workload.message_bytes > SMALL_MAX
}

/// How sure the intervals of a comparison are.
pub(super) fn confidence(comparison: &Comparison) -> Confidence {
    match comparison.confidence > Confidence::Usual.share() {
        true => Confidence::High,
        false => Confidence::Usual,
    }
}

/// Whether a curve rises from `first` to `last`: beyond the noise, or by so much that noise would have
/// to be blamed for it.
fn grown(last: &[Option<f64>], first: &[Option<f64>], confidence: Confidence) -> bool {
    paired(last, first, confidence)
        .is_some_and(|ratio| ratio.compared == Compared::Higher || ratio.estimate >= GROWTH_MIN)
}

/// A point of a model's curve.
#[derive(Clone, Debug)]
struct Spot {
    x: f64,
    rounds: Rounds,
}

fn spots(experiment: &Experiment, model: &str, metric: &str) -> Vec<Spot> {
    let spot =
        |x: f64| Some(Spot { x, rounds: experiment.figure(x, model, metric)?.samples.clone() });
    experiment.points.iter().filter_map(|point| spot(point.x)).collect()
}

/// Why a model has no figure in an experiment: its own reason, or that nobody has one.
fn gap(experiment: &Experiment, model: &str, metric: &str, name: &'static str) -> Gap {
    let cells = experiment.points.iter().flat_map(|point| &point.cells);
    let reason = cells.filter(|cell| cell.model == model).find_map(|cell| {
        match cell.values.get(metric)? {
            Value::Unknown { na } => Some(na.clone()),
            Value::Known(_) => None,
        }
    });
    reason.map_or(Gap::Experiment(name), |na| Gap::Figure(format!("{name}: {na}")))
}

/// The curve at `x`: between two points on the straight line that joins them. Beyond the last one it
/// goes on as it did if it `grows`, or else stays; before the first it is as there.
fn along(mut points: Vec<Spot>, x: f64, grows: bool, what: &str) -> Estimate {
    points.sort_by(|one, other| one.x.total_cmp(&other.x));
    let (first, last) = (&points[0], &points[points.len() - 1]);
    if x <= first.x {
        return Estimate { rounds: first.rounds.clone(), beyond: None };
    }
    if x > last.x {
        let share = match grows && last.x > first.x {
            true => (x - last.x) / (last.x - first.x),
            false => 0.0,
        };
        let rounds = last.rounds.iter().zip(&first.rounds).map(|(last, first)| {
            let last = (*last)?;
            Some(last + (last - first.unwrap_or(last)).max(0.0) * share)
        });
        let one = what.strip_suffix('s').unwrap_or(what);
        let beyond = (!what.is_empty())
            .then(|| format!("more than {}", units::several(last.x as u64, one, what)));
        return Estimate { rounds: rounds.collect(), beyond };
    }
    let after = points.iter().position(|spot| spot.x >= x).unwrap_or(points.len() - 1);
    let (low, high) = (&points[after - 1], &points[after]);
    let share = (x - low.x) / (high.x - low.x);
    let between = low
        .rounds
        .iter()
        .zip(&high.rounds)
        .map(|(low, high)| Some((*low)? * (1.0 - share) + (*high)? * share));
    Estimate { rounds: between.collect(), beyond: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spots(points: &[(f64, f64)]) -> Vec<Spot> {
        points.iter().map(|(x, y)| Spot { x: *x, rounds: vec![Some(*y)] }).collect()
    }

    /// Kills: a cost beyond what was measured that stops growing, or one that shrinks below nothing.
    #[test]
    fn a_curve_is_read_between_its_points_and_beyond() {
        let rising = spots(&[(0.0, 1.0), (10.0, 2.0), (100.0, 11.0)]);
        let read = |points: &[Spot], x: f64, grows| along(points.to_vec(), x, grows, "peers");
        assert_eq!(read(&rising, 5.0, true).rounds, [Some(1.5)]);
        assert_eq!(read(&rising, 100.0, true).rounds, [Some(11.0)]);
        let beyond = read(&rising, 200.0, true);
        assert_eq!(
            (beyond.rounds, beyond.beyond.as_deref()),
            (vec![Some(21.0)], Some("more than 100 peers"))
        );
        assert_eq!(read(&rising, 200.0, false).rounds, [Some(11.0)]);
        let falling = spots(&[(1.0, 5.0), (8.0, 2.0)]);
        assert_eq!(read(&falling, 100.0, true).rounds, [Some(2.0)]);
        assert_eq!(read(&falling, 0.0, true).rounds, [Some(5.0)]);
    }

    /// Kills: noise that grows with the number of peers beyond what was measured.
    #[test]
    fn what_rises_within_the_noise_does_not_rise() {
        let rounds = |numbers: [f64; 4]| numbers.map(Some);
        let [first, near, far] =
            [[10.0, 11.0, 9.0, 10.0], [11.0, 9.5, 10.5, 10.0], [40.0, 44.0, 36.0, 39.0]]
                .map(rounds);
        assert!(!grown(&near, &first, Confidence::Usual));
        assert!(grown(&far, &first, Confidence::Usual));
        assert!(grown(&[Some(20.0)], &[Some(10.0)], Confidence::Usual), "twice, in a single round");
    }

    /// Kills: a round without a figure that is taken for nothing.
    #[test]
    fn a_round_without_a_figure_has_none() {
        let points = vec![
            Spot { x: 0.0, rounds: vec![Some(1.0), None] },
            Spot { x: 10.0, rounds: vec![Some(3.0), Some(3.0)] },
        ];
        assert_eq!(along(points, 5.0, true, "").rounds, [Some(2.0), None]);
    }
}
