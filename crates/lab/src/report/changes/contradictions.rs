//! Where two comparisons say the opposite of each other: to or from `≈` is none, and nor is to or from
//! what the noise left open.

use super::figures::Figures;
use crate::answer::Answer;
use crate::record::{Compared, Comparison, Experiment, Verdict};

/// What `old` says and `new` says the opposite of, a sentence each: which of a model and the reference
/// is lower, whether a claim held, which model a workload should have. Each of them was said beyond
/// the noise of its own rounds, so it is told whether or not any figure has changed beyond that of
/// both.
pub(super) fn contradictions(
    old: &Comparison,
    new: &Comparison,
    figures: &Figures<'_>,
) -> Vec<String> {
    let mut found = Vec::new();
    if old.reference == new.reference {
        ranks(old, figures, &mut found);
    }
    for (before, now) in turned_claims(old, new) {
        let against = [before, now].into_iter().flat_map(|one| &one.claim.facts);
        let because = against.into_iter().find(|fact| fact.held == Some(false));
        let because = because.map_or(String::new(), |fact| format!(" ({})", fact.sentence));
        found.push(format!(
            "{}: the claim {} before, and {} now{because}",
            now.name,
            before.claim.verdict.words(),
            now.claim.verdict.words()
        ));
    }
    if let Some(two) = Answers::of(old, new)
        && let Some(because) = two.because()
    {
        found.push(format!(
            "{}: the answer was {}, and is {}: {because}",
            two.asked, two.was, two.is
        ));
    }
    found
}

/// Another answer to the same question without more than the noise to show for it: it is said, so that
/// nobody wonders at it, and does not count as a contradiction.
pub(super) fn open(old: &Comparison, new: &Comparison) -> Option<String> {
    let two = Answers::of(old, new).filter(|two| two.because().is_none())?;
    Some(format!(
        "{}: the answer was {}, and is {}; the figures that decide tell neither from the other in both",
        two.asked, two.was, two.is
    ))
}

/// Experiments whose claim held in one and not in the other, if the noise left nothing of it open in
/// either.
fn turned_claims<'a>(
    old: &'a Comparison,
    new: &'a Comparison,
) -> impl Iterator<Item = (&'a Experiment, &'a Experiment)> {
    new.experiments.iter().filter_map(|now| {
        let before = old.experiment(&now.name)?;
        let turned = matches!(
            (before.claim.verdict, now.claim.verdict),
            (Verdict::Held, Verdict::DidNotHold) | (Verdict::DidNotHold, Verdict::Held)
        );
        let open = before.claim.is_open() || now.claim.is_open();
        (turned && !open).then_some((before, now))
    })
}

/// Two answers to the same question that are not the same model.
struct Answers<'a> {
    before: &'a Answer,
    now: &'a Answer,
    asked: &'a str,
    was: &'a str,
    is: &'a str,
}

impl<'a> Answers<'a> {
    fn of(old: &'a Comparison, new: &'a Comparison) -> Option<Answers<'a>> {
        let (before, now) = (old.answer.as_ref()?, new.answer.as_ref()?);
        let (was, is) = (before.model.as_deref()?, now.model.as_deref()?);
        let other = before.asked == now.asked && was != is && new.subject(was).is_some();
        other.then_some(Answers { before, now, asked: &now.asked, was, is })
    }

    /// Why each excludes the model of the other: it cannot serve the workload, or a figure that decides
    /// is worse beyond the noise, in both the other way round.
    fn because(&self) -> Option<String> {
        if let Some(excluded) = self.now.excluded.iter().find(|one| one.model == self.was) {
            return Some(excluded.reason.clone());
        }
        let worse = |answer: &Answer, what: &str, model: &str| {
            let step = answer.evidence.iter().find(|step| step.what == what);
            let figure = step.and_then(|step| step.figures.iter().find(|one| one.model == model));
            let ratio = figure.and_then(|figure| figure.ratio);
            ratio.is_some_and(|ratio| ratio.compared == Compared::Higher)
        };
        let turned = self.now.evidence.iter().find(|step| {
            worse(self.before, &step.what, self.is) && worse(self.now, &step.what, self.was)
        });
        turned.map(|step| {
            format!("each was the better in one of them, beyond the noise, in {}", step.what)
        })
    }
}

/// Models that were below the reference and are above it, or the other way round.
fn ranks(old: &Comparison, figures: &Figures<'_>, found: &mut Vec<String>) {
    for pair in &figures.pairs {
        let Some((before, now)) = pair.before.ratio.zip(pair.now.ratio) else { continue };
        let (was, is) = match (before.compared, now.compared) {
            (Compared::Lower, Compared::Higher) => ("below", "above"),
            (Compared::Higher, Compared::Lower) => ("above", "below"),
            _ => continue,
        };
        found.push(format!(
            "{}: {} was {was} that of {}, and is {is} it ({:.2} and {:.2} times)",
            pair.place, pair.metric.label, old.reference, before.estimate, now.estimate
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Ratio, Scale, Value, made_up};

    /// What `thread` is called beside `epoll`, whether the claim held, and its figure.
    fn said(compared: Compared, verdict: Verdict, cost: f64) -> Comparison {
        let mut found = made_up::comparison(&["epoll", "thread"]);
        let metrics = [("cpu_ns", "ns")];
        let mut experiment = made_up::experiment("idle", "peers", Scale::Log, &metrics);
        experiment.claim.verdict = verdict;
        found.experiments = vec![experiment];
        found.with_point("idle", 100.0, |model, _| {
            let cost = if model == "thread" { cost } else { 10.0 };
            let Value::Known(mut figure) = made_up::figure(cost, 0.1) else { unreachable!() };
            figure.ratio = Some(Ratio { estimate: cost / 10.0, interval: None, compared });
            Value::Known(figure)
        })
    }

    fn told(old: &Comparison, new: &Comparison) -> Vec<String> {
        contradictions(old, new, &Figures::of(old, new))
    }

    /// Kills: to or from `≈` taken for a contradiction; one that is overlooked.
    #[test]
    fn only_the_opposite_contradicts() {
        let lower = said(Compared::Lower, Verdict::Held, 5.0);
        let same = said(Compared::Same, Verdict::NotJudged, 10.0);
        let higher = said(Compared::Higher, Verdict::DidNotHold, 20.0);
        assert!(told(&lower, &lower).is_empty());
        assert!(told(&lower, &same).is_empty());
        assert!(told(&same, &higher).is_empty());
        let found = told(&lower, &higher);
        assert!(found.iter().any(|line| line.contains("thread") && line.contains("below")));
        assert!(found.iter().any(|line| line.starts_with("idle: the claim held before")));
        assert_eq!(told(&higher, &lower).len(), found.len());
    }

    /// Kills: a contradiction that is hushed up because no figure has changed much; one that is told of
    /// a claim that the noise left open.
    #[test]
    fn a_contradiction_is_told_whatever_the_figures_say() {
        let lower = said(Compared::Lower, Verdict::Held, 10.0);
        let mut higher = said(Compared::Higher, Verdict::DidNotHold, 10.1);
        let claims = |found: &[String]| found.iter().filter(|line| line.contains("claim")).count();
        let found = told(&lower, &higher);
        assert!(
            claims(&found) == 1 && found.iter().any(|line| line.contains("below")),
            "{found:?}"
        );
        higher.experiments[0].claim.facts[0].open = true;
        let open = told(&lower, &higher);
        assert!(claims(&open) == 0 && open.len() == found.len() - 1, "{open:?}");
    }

    /// Kills: another answer, of figures that tell neither model from the other, told as a turn.
    #[test]
    fn an_answer_turns_only_with_what_decides() {
        let answered = |model: &str, other: Compared| {
            let mut found = said(Compared::Same, Verdict::Held, 10.0);
            let workload = "connections=4".parse().unwrap();
            let mut answer = crate::answer::answer(&found, &workload);
            answer.model = Some(model.to_owned());
            let ratio = |compared| Some(Ratio { estimate: 2.0, interval: None, compared });
            let figure = |name: &str| crate::answer::Estimated {
                model: name.to_owned(),
                median: 1.0,
                ratio: if name == model { None } else { ratio(other) },
            };
            answer.evidence = vec![crate::answer::Evidence {
                what: "what it costs".to_owned(),
                unit: "ns".to_owned(),
                figures: ["epoll", "thread"].map(figure).to_vec(),
            }];
            found.answer = Some(answer);
            found
        };
        let turned = |other| told(&answered("epoll", other), &answered("thread", other));
        assert_eq!(turned(Compared::Same), [""; 0]);
        let found = turned(Compared::Higher);
        assert!(found[0].contains("the answer was epoll, and is thread"), "{found:?}");
    }
}
