//! The top of the page: what was compared, which model to take, and which claims held.

use maud::{Markup, html};

use super::super::STOLEN;
use super::facts::gist;
use super::{answer, date, verdict, worded};
use crate::record::{Comparison, Experiment, Verdict};

/// The head of a comparison.
pub(super) fn overview(comparison: &Comparison) -> Markup {
    html! {
        header {
            h1 { "Which model? " span class="work" { (comparison.work) } }
            p class="where" { (place(comparison)) }
            @for doubt in doubts(comparison) {
                p class="doubt" { (worded(&doubt)) }
            }
        }
        @if let Some(asked) = &comparison.answer { (answer::answer(asked)) }
        (claims(comparison))
        (legend(comparison))
    }
}

/// Where and when, in a sentence.
fn place(comparison: &Comparison) -> String {
    let environment = &comparison.environment;
    let processor = environment.processor.as_deref().unwrap_or("a processor without a name");
    format!(
        "{} of {} on {}, {} cores of {processor}, {}, {}.",
        match comparison.quick {
            true => "A quick comparison",
            false => "A comparison",
        },
        count(comparison.models.len(), "model", "models"),
        date(&environment.date),
        environment.cores.usable,
        environment.kernel,
        environment.architecture,
    )
}

fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// What makes the whole of it doubtful.
fn doubts(comparison: &Comparison) -> Vec<String> {
    let environment = &comparison.environment;
    let mut doubts = Vec::new();
    if comparison.interrupted {
        doubts.push("It was stopped before its end: what is missing is marked.".to_owned());
    }
    if environment.versions.debug_build {
        let sentence = "The program was built without optimisation: its figures are not to be used. \
                        Build with `--release`.";
        doubts.push(sentence.to_owned());
    }
    let [before, after] = environment.load_average;
    if before > f64::from(environment.cores.usable) {
        doubts.push(format!(
            "Other programs had work to do: the load average was {before:.1} before and {after:.1} \
             after."
        ));
    }
    if let Some(stolen) = comparison.environment.stolen.filter(|stolen| *stolen >= STOLEN) {
        doubts.push(format!(
            "The host of this virtual machine gave {} of its processors' time to others: latencies \
             and rates are worth less.",
            switchboard_load::units::percent(stolen)
        ));
    }
    doubts
}

/// All claims, each with its verdict, and what speaks against those that did not hold: these first,
/// then those that are open.
fn claims(comparison: &Comparison) -> Markup {
    let of = |verdict: Verdict| {
        let all = comparison.experiments.iter();
        all.filter(|experiment| experiment.claim.verdict == verdict).collect::<Vec<_>>()
    };
    let [failed, open, held] = [Verdict::DidNotHold, Verdict::NotJudged, Verdict::Held].map(of);
    let whole = |experiment: &&&Experiment| experiment.claim.words() == Verdict::Held.words();
    let whole = held.iter().filter(whole).count();
    let numbers = [
        (whole, "held"),
        (held.len() - whole, "held in part"),
        (failed.len(), "did not hold"),
        (open.len(), "not judged"),
    ];
    let counts: Vec<String> = numbers
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, words)| format!("{number} {words}"))
        .collect();
    html! {
        section id="claims" {
            h2 { "What was claimed, and what came of it" }
            @if !counts.is_empty() { p class="counts" { (counts.join(", ")) "." } }
            ul class="claims" {
                @for experiment in [failed, open, held].concat() {
                    li {
                        (verdict(&experiment.claim)) " "
                        a href=(format!("#{}", experiment.name)) { (experiment.title) }
                        ": " (worded(&experiment.claim.sentence))
                        (gist(&experiment.claim))
                    }
                }
            }
        }
    }
}

/// What the figures and the signs mean: open, because the first of them stand above it.
fn legend(comparison: &Comparison) -> Markup {
    let reference = &comparison.reference;
    let confidence = format!("{:.0}", comparison.confidence * 100.0);
    html! {
        details class="legend" open {
            summary { "How to read the figures" }
            ul class="facts" {
                li {
                    "A figure is the median of " (comparison.rounds_measured()) " rounds, in each of which \
                     every model had its turn. Beside it are the quartiles, of fewer than four rounds the \
                     least and the greatest; an arrow stands where they go on beyond a chart."
                }
                li { b { "★" } " the best, and what is within a tenth of it and no worse beyond the noise." }
                li {
                    b { "×" } " how many times the figure of " (reference) ", the reference, it is, from pairs \
                     of the same round, with the interval that holds the truth in " (confidence) " of 100 \
                     comparisons."
                }
                li { b { "≈" } " not “equal”: so many rounds cannot tell the two apart." }
                li { b { "≥" } " and a hollow marker: the truth is at least that." }
                li { b { "n/a" } " there is no figure, and why. Point at a marker to read its figure." }
                li {
                    "Server and client talked over the loopback of one machine: costs of the network are \
                     not in the figures, and latencies are shorter than over one. "
                    (comparison.environment.cores.note)
                }
            }
        }
    }
}
