//! Who is best by which rule, and by what ties are broken.

use switchboard_load::units;

use super::criterion::{self, Criterion};
use super::estimate::{Estimate, Estimates, Gap, confidence};
use super::exclusion::excluded;
use super::{Estimated, Evidence, Excluded, RunnerUp, Workload};
use crate::record::{Compared, Comparison, Ratio};
use crate::report;
use crate::statistics::paired;

/// Who costs less than this many times the best is as good: nobody changes a server for it.
const AS_GOOD: f64 = 1.05;
/// Estimates that differ by more than this are no tie, even where the noise would allow it: nobody who
/// sees half as much again takes it for the same, and of three rounds the noise hides far more.
const ALIKE: f64 = 1.5;
/// So many of those that are further off, and not told from the best, are named.
const APART_NAMED: usize = 3;
/// Rounds that are asked for, at least, where there are too few.
const ROUNDS_MORE: usize = 5;
/// With fewer rounds almost everything is as good as everything else, and a tie says nothing.
const ROUNDS_MIN: usize = 3;

/// From the simplest on, for ties: one thread that waits in calls which every system has, then more
/// threads, then what needs more of the system or of whoever looks after it. Models that are not
/// here, and those with keys, come later.
const SIMPLEST: [&str; 13] = [
    "epoll",
    "portable",
    "poll",
    "select",
    "thread",
    "coroutine",
    "epoll-et",
    "pool",
    "tokio",
    "uring",
    "process",
    "sequential",
    "spin",
];

/// What was chosen, and on what grounds.
#[derive(Debug, Default)]
pub(super) struct Choice {
    pub(super) model: Option<String>,
    pub(super) rule: String,
    pub(super) evidence: Vec<Evidence>,
    pub(super) ties: Vec<String>,
    pub(super) excluded: Vec<Excluded>,
    pub(super) doubts: Vec<String>,
    pub(super) missing: Vec<String>,
    /// There would be an answer, or a surer one, from more rounds.
    pub(super) more: Option<More>,
    /// Whom the noise does not tell from the best by what decides, though its figure is far from it.
    apart: Vec<Apart>,
}

/// Rounds that might tell models apart.
#[derive(Debug)]
pub(super) struct More {
    pub(super) rounds: usize,
    /// Of these models; none: of all.
    pub(super) models: Vec<String>,
}

/// Who is a multiple of the best, as far as its estimate goes.
#[derive(Debug)]
struct Apart {
    model: String,
    median: f64,
    rounds: usize,
}

/// A model and its figure.
struct Rated<'a> {
    model: &'a str,
    estimate: Estimate,
}

/// Chooses for a workload, among all models but those in `without`.
pub(super) fn choose(comparison: &Comparison, workload: &Workload, without: &[&str]) -> Choice {
    let mut choice = Choice::default();
    let estimates = Estimates { comparison, workload };
    let mut models: Vec<&str> = Vec::new();
    for subject in comparison.models.iter().filter(|one| !without.contains(&one.name.as_str())) {
        match excluded(&estimates, &subject.name, subject.model.as_deref(), &mut choice) {
            Some(reason) => {
                let model = subject.name.clone();
                choice.excluded.push(Excluded { model, reason });
            }
            None => models.push(&subject.name),
        }
    }
    if models.is_empty() && choice.missing.is_empty() {
        choice.rule = "None of the models that were compared can serve this".to_owned();
        return choice;
    }
    let (criteria, rule) = criterion::rule(&estimates, &models);
    choice.rule = rule;
    let mut steps: Vec<(Criterion, Vec<Rated<'_>>)> = Vec::new();
    let mut left = models;
    for criterion in criteria {
        let decides = steps.is_empty();
        let able = choice.excluded.len();
        let rated = rated(&estimates, criterion, &left, &mut choice, decides);
        if decides && !choice.missing.is_empty() {
            let names = choice.missing.join(" and ");
            choice.rule = format!("There is no answer without figures of {names}");
            return choice;
        }
        if decides && rated.is_empty() {
            choice.no_figures(criterion, able);
            return choice;
        }
        let rounds = rated.iter().map(|one| one.estimate.known()).max().unwrap_or(0);
        if decides && rounds < ROUNDS_MIN {
            choice.rule = format!(
                "There is no answer from so few rounds, {rounds} here: fewer than {ROUNDS_MIN} do not \
                 tell models from noise"
            );
            choice.more = Some(More { rounds: ROUNDS_MORE, models: Vec::new() });
            choice.evidence.push(evidence(&estimates, criterion, &rated, ""));
            return choice;
        }
        left = narrowed(comparison, criterion, &rated, &left, decides, &mut choice);
        steps.push((criterion, rated));
        if left.len() < 2 {
            break;
        }
    }
    settle(&mut choice, &estimates, &left, &steps);
    choice
}

/// Those that are left after a criterion: all that nobody is better than and whose figure is near the
/// best, and in a tie also those of which it is not known.
fn narrowed<'a>(
    comparison: &Comparison,
    criterion: Criterion,
    rated: &[Rated<'a>],
    left: &[&'a str],
    decides: bool,
    choice: &mut Choice,
) -> Vec<&'a str> {
    let Some(first) = rated.first() else { return left.to_vec() };
    let unbeaten = best(comparison, rated);
    let alike = |one: &&Rated<'_>| one.estimate.median() <= first.estimate.median() * ALIKE;
    let (tied, apart): (Vec<_>, Vec<_>) =
        rated.iter().filter(|one| unbeaten.contains(&one.model)).partition(alike);
    let tied: Vec<&str> = tied.iter().map(|one| one.model).collect();
    choice.doubts.extend(beyond(criterion, rated, &tied));
    let known = |model: &&str| rated.iter().any(|one| one.model == *model);
    let stays = |model: &&str| tied.contains(model) || !decides && !known(model);
    let next: Vec<&str> = left.iter().copied().filter(stays).collect();
    let open = if apart.is_empty() { "" } else { ", if not beyond the noise" };
    match next.len() {
        1 if decides => {}
        1 => choice.ties.push(format!(
            "of these, {} is best by {}{open}",
            first.model,
            criterion.words()
        )),
        _ => choice.ties.push(format!(
            "{}: no difference beyond the noise and 5% in {}",
            next.join(", "),
            criterion.words()
        )),
    }
    if decides {
        choice.apart = apart.iter().map(|one| Apart::of(one)).collect();
    }
    next
}

impl Apart {
    fn of(one: &Rated<'_>) -> Apart {
        let (median, rounds) = (one.estimate.median(), one.estimate.known());
        Apart { model: one.model.to_owned(), median, rounds }
    }
}

impl Choice {
    /// Says whom the answer is not told from by the noise, and how many rounds might.
    fn doubt_rounds(&mut self, criterion: Criterion, model: &str, own: f64) {
        // Who is a multiple of the best may be near the one that a tie was broken for.
        self.apart.retain(|one| one.median > own * ALIKE);
        let Some(rounds) = self.apart.iter().map(|one| one.rounds).max() else { return };
        let times = |one: &Apart| format!("{} ({})", one.model, report::times(one.median / own));
        let who: Vec<String> = self.apart.iter().take(APART_NAMED).map(times).collect();
        let more = match self.apart.len().saturating_sub(APART_NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        self.doubts.push(format!(
            "{} do not tell {model} from {}{more} in {}; more rounds might",
            units::several(rounds as u64, "round", "rounds"),
            who.join(", "),
            criterion.words()
        ));
        let others = self.apart.iter().map(|one| one.model.clone());
        let models = std::iter::once(model.to_owned()).chain(others).collect();
        self.more = Some(More { rounds: ROUNDS_MORE.max(2 * rounds), models });
    }
}

/// Takes the simplest of those that are left, and says how all figures compare with its own.
fn settle(
    choice: &mut Choice,
    estimates: &Estimates<'_>,
    left: &[&str],
    steps: &[(Criterion, Vec<Rated<'_>>)],
) {
    let Some(model) = left.iter().copied().min_by_key(|model| complexity(model)) else { return };
    if left.len() > 1 {
        choice.ties.push(format!("{model} is the simplest of them"));
    }
    if let Some((criterion, rated)) = steps.first()
        && let Some(own) = rated.iter().find(|one| one.model == model)
    {
        choice.doubt_rounds(*criterion, model, own.estimate.median());
    }
    choice.model = Some(model.to_owned());
    let steps = steps.iter().filter(|(_, rated)| !rated.is_empty());
    choice.evidence =
        steps.map(|(criterion, rated)| evidence(estimates, *criterion, rated, model)).collect();
}

/// Keys first, since each is something to look after; then the place in the list.
fn complexity(model: &str) -> (usize, usize) {
    let kind = model.split(':').next().unwrap_or_default();
    let keys = model.matches('=').count();
    let place = SIMPLEST.iter().position(|name| *name == kind);
    (keys, place.unwrap_or(SIMPLEST.len()))
}

/// The figures of those that have one. The first criterion excludes the others, and cannot do without
/// its experiments; what breaks ties can.
fn rated<'a>(
    estimates: &Estimates<'_>,
    criterion: Criterion,
    models: &[&'a str],
    choice: &mut Choice,
    decides: bool,
) -> Vec<Rated<'a>> {
    let mut rated = Vec::new();
    let mut gaps: Vec<&'static str> = Vec::new();
    for model in models {
        match criterion.estimate(estimates, model) {
            Ok(estimate) if estimate.median().is_finite() => rated.push(Rated { model, estimate }),
            Ok(_) => {}
            Err(Gap::Experiment(name)) => gaps.push(name),
            Err(Gap::Figure(reason)) if decides => {
                choice.excluded.push(Excluded { model: (*model).to_owned(), reason });
            }
            Err(Gap::Figure(_)) => {}
        }
    }
    if rated.is_empty() || !decides {
        gaps.iter().for_each(|name| choice.needs(name));
    }
    rated.sort_by(|one, other| one.estimate.median().total_cmp(&other.estimate.median()));
    rated
}

impl Choice {
    /// Of those who could serve it none has a figure of what decides: nobody can be recommended. From
    /// place `able` on those that were excluded lack nothing but the figure.
    fn no_figures(&mut self, criterion: Criterion, able: usize) {
        let mut reasons: Vec<String> = Vec::new();
        for Excluded { reason, .. } in self.excluded.drain(able..) {
            if !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
        let because = match reasons.is_empty() {
            true => String::new(),
            false => format!(" ({})", reasons.join("; ")),
        };
        self.rule = format!(
            "There is no answer: no model has a figure of what decides, the {}{because}",
            criterion.words()
        );
    }

    pub(super) fn needs(&mut self, experiment: &str) {
        if !self.missing.iter().any(|known| known == experiment) {
            self.missing.push(experiment.to_owned());
        }
    }
}

/// All that nobody is better than, beyond the noise and by a share that matters. It is not enough to be
/// as good as the first: what varies much is as good as anything.
fn best<'a>(comparison: &Comparison, rated: &[Rated<'a>]) -> Vec<&'a str> {
    let beaten = |place: usize| {
        rated[..place].iter().any(|better| {
            let ratio = ratio(comparison, &rated[place].estimate, &better.estimate);
            ratio.is_some_and(|ratio| {
                ratio.compared == Compared::Higher && ratio.estimate >= AS_GOOD
            })
        })
    };
    (0..rated.len()).filter(|place| !beaten(*place)).map(|place| rated[place].model).collect()
}

fn ratio(comparison: &Comparison, one: &Estimate, other: &Estimate) -> Option<Ratio> {
    paired(&one.rounds, &other.rounds, confidence(comparison))
}

fn evidence(
    estimates: &Estimates<'_>,
    criterion: Criterion,
    rated: &[Rated<'_>],
    model: &str,
) -> Evidence {
    let own = rated.iter().find(|one| one.model == model);
    let figure = |one: &Rated<'_>| Estimated {
        model: one.model.to_owned(),
        median: one.estimate.median(),
        ratio: own
            .filter(|own| own.model != one.model)
            .and_then(|own| ratio(estimates.comparison, &one.estimate, &own.estimate)),
    };
    Evidence {
        what: criterion.told(estimates.workload),
        unit: criterion.unit().to_owned(),
        figures: rated.iter().map(figure).collect(),
    }
}

/// Where a figure that decided lies beyond what was measured.
fn beyond(criterion: Criterion, rated: &[Rated<'_>], tied: &[&str]) -> Vec<String> {
    let of = |one: &Rated<'_>| one.estimate.beyond.clone().filter(|_| tied.contains(&one.model));
    let mut all: Vec<String> = rated.iter().filter_map(of).collect();
    all.sort();
    all.dedup();
    all.iter()
        .map(|what| format!("{} is an estimate: {what} were not measured", criterion.words()))
        .collect()
}

/// Who would be chosen if `model` were not there.
pub(super) fn runner_up(
    comparison: &Comparison,
    workload: &Workload,
    model: &str,
    evidence: &[Evidence],
) -> Option<RunnerUp> {
    let second = choose(comparison, workload, &[model]).model?;
    let first = evidence.first()?;
    let figure = |name: &str| first.figures.iter().find(|one| one.model == name);
    let (own, other) = (figure(model)?, figure(&second)?);
    let [own, other] = [own.median, other.median].map(|median| report::number(median, &first.unit));
    let sentence = format!("{}: {other}, where {model} has {own}", first.what);
    Some(RunnerUp { model: second, sentence })
}
