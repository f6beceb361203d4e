//! What speaks for a claim and against it: all of it at its experiment, the gist of it at the top.

use maud::{Markup, html};

use super::worded;
use crate::record::{Claim, Fact, Verdict};

/// Facts that are shown before the others are folded, unless more than that speak against the claim.
const SHOWN: usize = 5;
/// Facts that are told at the top of the page for a claim that did not hold, or is open.
const TOLD: usize = 3;

/// All facts: first what speaks against the claim, then what leaves it open; many are folded.
pub(super) fn facts(claim: &Claim) -> Markup {
    let mut facts: Vec<&Fact> = claim.facts.iter().collect();
    if facts.len() > SHOWN {
        facts.sort_by_key(|fact| weight(fact));
    }
    let against = facts.iter().filter(|fact| fact.held == Some(false)).count();
    let (shown, more) = facts.split_at(facts.len().min(SHOWN.max(against)));
    // One line more takes as much room as saying that there is one.
    let (shown, more) = if more.len() == 1 { (&facts[..], &[][..]) } else { (shown, more) };
    let for_it =
        if more.iter().all(|fact| fact.held == Some(true)) { " that speak for it" } else { "" };
    html! {
        @if !facts.is_empty() { (list(shown)) }
        @if !more.is_empty() {
            details class="more" {
                summary { "and " (more.len()) " more" (for_it) }
                (list(more))
            }
        }
    }
}

fn weight(fact: &Fact) -> u8 {
    match fact.held {
        Some(false) => 0,
        None if fact.open || fact.untested => 1,
        None => 2,
        Some(true) => 3,
    }
}

fn list(facts: &[&Fact]) -> Markup {
    html! {
        ul class="facts" {
            @for fact in facts {
                @match fact.held {
                    Some(true) => li class="for" { (worded(&fact.sentence)) },
                    Some(false) => li class="against" { (worded(&fact.sentence)) },
                    None if fact.open || fact.untested => li class="open" { (worded(&fact.sentence)) },
                    None => li { (worded(&fact.sentence)) },
                }
            }
        }
    }
}

/// Why a claim did not hold, or is open, all of it or a part: the first reasons, and how many more
/// there are.
pub(super) fn gist(claim: &Claim) -> Markup {
    let tells = |fact: &&Fact| match claim.verdict {
        Verdict::Held => fact.open || fact.untested,
        Verdict::DidNotHold => fact.held == Some(false),
        Verdict::NotJudged => fact.held.is_none(),
    };
    let class = if claim.verdict == Verdict::DidNotHold { "against" } else { "doubtful" };
    let facts = claim.facts.iter().filter(tells);
    let lines = lines(&facts.map(|fact| fact.sentence.as_str()).collect::<Vec<_>>());
    html! { @for line in lines { span class=(class) { (worded(&line)) } } }
}

/// Sentences in few lines: those that end in the same clause share one ("epoll: 2.5 times; poll: 3.1
/// times; the noise leaves it open").
fn lines(sentences: &[&str]) -> Vec<String> {
    let clause = |sentence: &str| sentence.rsplit_once("; ").map(|(_, clause)| clause.to_owned());
    let mut groups: Vec<(Option<String>, Vec<&str>)> = Vec::new();
    for sentence in sentences {
        let clause = clause(sentence);
        match groups.iter_mut().find(|(known, _)| clause.is_some() && *known == clause) {
            Some((_, own)) => own.push(sentence),
            None => groups.push((clause, vec![sentence])),
        }
    }
    let line = |(clause, own): &(Option<String>, Vec<&str>)| match (clause, own.as_slice()) {
        (Some(clause), [_, _, ..]) => {
            let end = clause.len() + "; ".len();
            let heads = own.iter().map(|sentence| sentence[..sentence.len() - end].to_owned());
            format!("{}; {clause}", first(heads.collect()).join("; "))
        }
        (_, own) => own.join("; "),
    };
    first(groups.iter().map(line).collect())
}

/// The first of them, and how many more there are.
fn first(mut all: Vec<String>) -> Vec<String> {
    if all.len() > TOLD + 1 {
        let more = all.split_off(TOLD).len();
        all.push(format!("and {more} more"));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kills: the same reason once for each model; a reason that is lost without a word.
    #[test]
    fn what_many_share_is_said_once() {
        let open = ["a: 2; it is open", "b: 3; it is open"];
        assert_eq!(lines(&open), ["a: 2; b: 3; it is open"]);
        let five: Vec<String> = (0..5).map(|n| format!("{n}; it is open")).collect();
        let five: Vec<&str> = five.iter().map(String::as_str).collect();
        assert_eq!(lines(&five), ["0; 1; 2; and 2 more; it is open"]);
        let unlike = ["a: 2; 5 KiB", "b: 3; 6 KiB", "c", "d", "e"];
        assert_eq!(lines(&unlike), ["a: 2; 5 KiB", "b: 3; 6 KiB", "c", "and 2 more"]);
    }

    /// Kills: what speaks against a claim folded away.
    #[test]
    fn nothing_against_a_claim_is_folded() {
        let fact = |held: Option<bool>, number: usize| Fact {
            sentence: format!("fact {number}."),
            held,
            untested: false,
            open: false,
        };
        let mut all: Vec<Fact> = (0..20).map(|number| fact(Some(true), number)).collect();
        all.extend((20..27).map(|number| fact(Some(false), number)));
        let claim = Claim { sentence: String::new(), verdict: Verdict::DidNotHold, facts: all };
        let page = facts(&claim).into_string();
        let (shown, folded) = page.split_once("<details").expect("many facts");
        assert_eq!(shown.matches("class=\"against\"").count(), 7);
        assert!(folded.contains("and 20 more that speak for it"), "{folded}");
        assert!((0..27).all(|number| page.contains(&format!("fact {number}."))), "{page}");
    }
}
