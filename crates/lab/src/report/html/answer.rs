//! The answer for a workload: a box at the top of the page.

use maud::{Markup, html};

use super::worded;
use crate::answer::{Answer, Estimated, Evidence};
use crate::record::{Compared, Ratio};
use crate::report;

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
                @if !answer.excluded.is_empty() {
                    dt { "Left out" }
                    dd {
                        ul {
                            @for excluded in &answer.excluded {
                                li { code { (excluded.model) } ": " (worded(&excluded.reason)) }
                            }
                        }
                    }
                }
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

fn several(name: &str, sentences: &[String]) -> Markup {
    html! {
        @if !sentences.is_empty() {
            dt { (name) }
            dd { ul { @for sentence in sentences { li { (worded(sentence)) } } } }
        }
    }
}

/// A figure of each model, the one that is answered marked.
fn figures(evidence: &Evidence, answer: &Answer) -> Markup {
    let is_answer = |one: &Estimated| answer.model.as_deref() == Some(&one.model);
    html! {
        div class="scroll" tabindex="0" role="region" aria-label=(evidence.what) {
            table {
                caption { (evidence.what) }
                tbody {
                    @for one in &evidence.figures {
                        tr {
                            th scope="row" { (one.model) @if is_answer(one) { " ★" } }
                            td class=[is_answer(one).then_some("best")] { (report::number(one.median, &evidence.unit)) }
                            td { @if let Some(ratio) = &one.ratio { (times(ratio)) } }
                        }
                    }
                }
            }
        }
    }
}

fn times(ratio: &Ratio) -> Markup {
    html! {
        @if ratio.compared != Compared::Same { "×" }
        (report::ratio(ratio))
    }
}
