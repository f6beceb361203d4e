//! A comparison as one file of HTML: no script, no other file, readable in light and dark, on a phone
//! and on paper.
//!
//! # Layout
//!
//! - `overview`: what was compared, the claims and their verdicts. `answer`: which model to take.
//! - `changes`: what is different from an earlier comparison.
//! - `section`: an experiment. `facts`: what its claim rests on. `tables`: its figures. `chart`: the
//!   same as pictures.
//! - `machine`: where it was measured, and how to do it again.
//! - `series`: which model looks how, the same in all charts.

mod answer;
mod changes;
mod chart;
mod facts;
mod machine;
mod overview;
mod section;
mod series;
mod tables;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::Changes;
use crate::record::{Claim, Comparison, Verdict};

const STYLE: &str = include_str!("style.css");

/// The comparison as a page of HTML; with what has changed since an earlier one, if there is one.
pub fn html(comparison: &Comparison, changes: Option<&Changes>) -> String {
    let title = format!("Which model? {}", comparison.work);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content=(format!("switchboard {}", comparison.environment.versions.switchboard));
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    (overview::overview(comparison))
                    @if let Some(changes) = changes { (changes::changes(changes)) }
                    @for experiment in &comparison.experiments {
                        (section::section(comparison, experiment))
                    }
                    (machine::machine(comparison))
                }
            }
        }
    };
    page.into_string()
}

/// A verdict, told apart by its sign as well as by its colour.
fn verdict(claim: &Claim) -> Markup {
    let (class, sign) = match claim.verdict {
        Verdict::Held => ("held", "✓"),
        Verdict::DidNotHold => ("failed", "✗"),
        Verdict::NotJudged => ("open", "–"),
    };
    html! { span class=(format!("verdict {class}")) { (sign) " " (claim.words()) } }
}

/// A sentence in which what stands between backticks is a word of the command line.
fn worded(sentence: &str) -> Markup {
    html! {
        @for (number, piece) in sentence.split('`').enumerate() {
            @if number % 2 == 1 { code { (piece) } } @else { (piece) }
        }
    }
}

/// A table that can be moved about under where it is too wide; `label` says what it is.
fn scrolled(label: &str, table: Markup) -> Markup {
    html! { div class="scroll" tabindex="0" role="region" aria-label=(label) { (table) } }
}

/// With a capital letter.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// A time of RFC 3339, to the minute.
fn date(text: &str) -> String {
    match (text.get(..10), text.get(11..16), text.ends_with('Z')) {
        (Some(day), Some(minute), true) => format!("{day}, {minute} UTC"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
