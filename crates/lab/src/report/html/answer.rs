//! The answer for a workload: a box at the top of the page.

use maud::{Markup, html};

use super::{scrolled, worded};
use crate::answer::{Answer, Estimated, Evidence, Excluded};
use crate::record::{Compared, Ratio};
use crate::report;

/// Models that evidence is shown of before the others are folded.
const SHOWN: usize = 5;
/// Sentences that are shown, without some of them folded.
const SENTENCES: usize = 3;

/// The answer.
pub(super) fn answer(answer: &Answer) -> Markup {
    html! {
        section class="answer" id="answer" {
            h2 {
                @match &answer.model {
                    Some(model) => { "Take " code { (model) } },
                    None => "No answer yet",
                }
            }
            p class="asked" { "asked for: " code { (answer.asked) } }
            p { (answer.rule) "." }
            @if let Some(serve) = &answer.serve { pre { code { (serve) } } }
            div class="evidence" {
                @for evidence in &answer.evidence { (figures(evidence, answer)) }
            }
            @if !answer.evidence.is_empty() { (legend(answer)) }
            dl {
                (several("Ties", &answer.ties))
                @if let Some(second) = &answer.runner_up {
                    dt { "Second" }
                    dd { code { (second.model) } "; " (second.sentence) }
                }
                @if !answer.changes.is_empty() {
                    dt { "Otherwise" }
                    dd {
                        ul {
                            @for change in &answer.changes {
                                li { code { (change.model) } " with " code { (change.when) } }
                            }
                        }
                    }
                }
                @if !answer.excluded.is_empty() { (left_out(&answer.excluded)) }
                (several("Doubtful", &answer.doubts))
                @if let Some(again) = &answer.again {
                    dt { "Missing" }
                    dd {
                        @if answer.missing.is_empty() { "rounds" } @else { (answer.missing.join(", ")) }
                        "; measured by " code { (again) }
                    }
                }
            }
        }
    }
}

/// What the signs beside the figures mean.
fn legend(answer: &Answer) -> Markup {
    html! {
        @if let Some(model) = &answer.model {
            p class="caption" {
                "★ the answer. × how many times its figure; ≈ is not “equal”: so many rounds cannot tell \
                 the two apart. The best " (SHOWN) " are shown, and " code { (model) } "."
            }
        }
    }
}

fn left_out(excluded: &[Excluded]) -> Markup {
    let names: Vec<&str> = excluded.iter().map(|excluded| excluded.model.as_str()).collect();
    html! {
        dt { "Left out" }
        dd {
            details {
                summary { (names.join(", ")) }
                ul {
                    @for excluded in excluded {
                        li { code { (excluded.model) } ": " (worded(&excluded.reason)) }
                    }
                }
            }
        }
    }
}

/// Sentences under their name; of many the first is shown.
fn several(name: &str, sentences: &[String]) -> Markup {
    let shown = if sentences.len() > SENTENCES { 1 } else { sentences.len() };
    let (shown, more) = sentences.split_at(shown);
    let list = |sentences: &[String]| {
        html! { ul { @for sentence in sentences { li { (worded(sentence)) } } } }
    };
    html! {
        @if !sentences.is_empty() {
            dt { (name) }
            dd {
                (list(shown))
                @if !more.is_empty() {
                    details { summary { "and " (more.len()) " more" } (list(more)) }
                }
            }
        }
    }
}

/// A figure of each model, the one that is answered marked; the best are shown, and that one.
fn figures(evidence: &Evidence, answer: &Answer) -> Markup {
    let all = evidence.figures.iter().enumerate();
    let is_shown = |(place, one): &(usize, &Estimated)| *place < SHOWN || is_answer(one, answer);
    let (shown, more): (Vec<_>, Vec<_>) = all.partition(is_shown);
    let table = |rows: Vec<(usize, &Estimated)>| {
        let rows = html! {
            table { tbody { @for (_, one) in &rows { (row(one, evidence, answer)) } } }
        };
        scrolled(&evidence.what, rows)
    };
    html! {
        div {
            p class="caption" { (evidence.what) }
            (table(shown))
            @if !more.is_empty() {
                details { summary { "and " (more.len()) " more" } (table(more)) }
            }
        }
    }
}

fn is_answer(one: &Estimated, answer: &Answer) -> bool {
    answer.model.as_deref() == Some(&one.model)
}

fn row(one: &Estimated, evidence: &Evidence, answer: &Answer) -> Markup {
    let is_answer = is_answer(one, answer);
    html! {
        tr {
            th scope="row" { (one.model) @if is_answer { " ★" } }
            td class=[is_answer.then_some("best")] { (report::number(one.median, &evidence.unit)) }
            td { @if let Some(ratio) = &one.ratio { (times(ratio)) } }
        }
    }
}

fn times(ratio: &Ratio) -> Markup {
    html! {
        @if ratio.compared != Compared::Same { "×" }
        (report::ratio(ratio))
    }
}
