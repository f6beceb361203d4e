//! Where two comparisons say the opposite of each other: to or from `≈` is none.

use crate::record::{Compared, Comparison, Verdict};

/// What `one` says and `other` says the opposite of, a sentence each: which of a model and the
/// reference is lower, whether a claim held, which model a workload should have.
pub fn contradictions(one: &Comparison, other: &Comparison) -> Vec<String> {
    let mut found = Vec::new();
    if one.reference == other.reference {
        ranks(one, other, &mut found);
    }
    for experiment in &one.experiments {
        let verdict = experiment.claim.verdict;
        let Some(again) = other.experiment(&experiment.name) else { continue };
        let opposite = match verdict {
            Verdict::Held => Verdict::DidNotHold,
            Verdict::DidNotHold => Verdict::Held,
            Verdict::NotJudged => continue,
        };
        // To or from what the noise leaves open is no contradiction.
        let open = experiment.claim.is_open() || again.claim.is_open();
        if again.claim.verdict == opposite && !open {
            let (before, now) = (verdict.words(), opposite.words());
            found.push(format!("{}: the claim {before} before, and {now} now", experiment.name));
        }
    }
    if let Some((before, now)) = one.answer.as_ref().zip(other.answer.as_ref())
        && before.asked == now.asked
        && let Some((was, is)) = before.model.as_ref().zip(now.model.as_ref())
        && was != is
    {
        found.push(format!("{}: the answer was {was}, and is {is}", before.asked));
    }
    found
}

/// Models that were below the reference and are above it, or the other way round.
fn ranks(one: &Comparison, other: &Comparison, found: &mut Vec<String>) {
    for experiment in &one.experiments {
        let Some(again) = other.experiment(&experiment.name) else { continue };
        for point in &experiment.points {
            for cell in &point.cells {
                for metric in &experiment.metrics {
                    let before = experiment.figure(point.x, &cell.model, &metric.name);
                    let now = again.figure(point.x, &cell.model, &metric.name);
                    let said = before.and_then(|figure| figure.ratio);
                    let Some((before, now)) = said.zip(now.and_then(|figure| figure.ratio)) else {
                        continue;
                    };
                    let (was, is) = match (before.compared, now.compared) {
                        (Compared::Lower, Compared::Higher) => ("below", "above"),
                        (Compared::Higher, Compared::Lower) => ("above", "below"),
                        _ => continue,
                    };
                    found.push(format!(
                        "{} {}, {}: {} was {was} that of {}, and is {is} it ({:.2} and {:.2} times)",
                        experiment.name,
                        point.label,
                        cell.model,
                        metric.label,
                        one.reference,
                        before.estimate,
                        now.estimate
                    ));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Ratio, Scale, Value, made_up};

    /// Kills: to or from `≈` taken for a contradiction; one that is overlooked.
    #[test]
    fn only_the_opposite_contradicts() {
        let said = |compared, verdict| {
            let mut found = made_up::comparison(&["epoll", "thread"]);
            let metrics = [("cpu_ns", "ns")];
            let mut experiment = made_up::experiment("idle", "peers", Scale::Log, &metrics);
            experiment.claim.verdict = verdict;
            found.experiments = vec![experiment];
            found.with_point("idle", 100.0, |_, _| {
                let Value::Known(mut figure) = made_up::figure(10.0, 0.1) else { unreachable!() };
                figure.ratio = Some(Ratio { estimate: 2.0, interval: None, compared });
                Value::Known(figure)
            })
        };
        let lower = said(Compared::Lower, Verdict::Held);
        let same = said(Compared::Same, Verdict::NotJudged);
        let higher = said(Compared::Higher, Verdict::DidNotHold);
        assert!(contradictions(&lower, &lower).is_empty());
        assert!(contradictions(&lower, &same).is_empty());
        assert!(contradictions(&same, &higher).is_empty());
        let found = contradictions(&lower, &higher);
        assert!(found.iter().any(|line| line.contains("thread") && line.contains("below")));
        assert!(found.iter().any(|line| line.starts_with("idle: the claim held before")));
        assert_eq!(contradictions(&higher, &lower).len(), found.len());
    }
}
