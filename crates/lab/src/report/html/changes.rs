//! What has changed since an earlier comparison: where the two say the opposite of each other, and
//! which figures are worse, gone or better.

use maud::{Markup, html};

use super::super::changes::{Change, Changes, Kind};
use super::{date, scrolled, worded};

/// Lines of a table, or of a list, that are shown before the others are folded.
const SHOWN: usize = 12;

/// The changes.
pub(super) fn changes(changes: &Changes) -> Markup {
    let parts = &changes.parts;
    let of = |kind: Kind| parts.changed.iter().filter(move |change| change.kind == kind);
    // The first line is about the figures, the others about what could have been seen.
    let (counts, sight) = parts.summary.split_once('\n').unwrap_or((parts.summary.as_str(), ""));
    let too_much: Vec<&Change> = of(Kind::TooMuch).collect();
    let rest = [
        ("worse by less than that", of(Kind::Worse).collect::<Vec<_>>()),
        ("better", of(Kind::Better).collect()),
    ];
    html! {
        section id="changes" {
            h2 { "What has changed since " (date(&parts.since)) }
            p { (verdict(changes, too_much.len())) " " (counts) }
            @for sentence in &parts.notes { p class="doubt" { (worded(sentence)) } }
            (list("What says the opposite now", &parts.turned))
            @if !too_much.is_empty() {
                h3 { "Figures that are worse" }
                (first(&too_much))
            }
            (list("Figures that there were, and are no more", &parts.gone))
            @for (name, changes) in &rest {
                @if !changes.is_empty() {
                    details {
                        summary { (changes.len()) " " (name) }
                        (table(name, changes))
                    }
                }
            }
            @if !sight.is_empty() { p class="method" { (sight) } }
        }
    }
}

/// Whether somebody has to look, and why.
fn verdict(changes: &Changes, worse: usize) -> Markup {
    let (class, words) = match changes.fails {
        true if worse > 0 => ("failed", "✗ worse"),
        true if !changes.parts.gone.is_empty() => ("failed", "✗ figures are missing"),
        true => ("failed", "✗ nothing to compare"),
        false => ("held", "✓ no worse"),
    };
    html! { span class=(format!("verdict {class}")) { (words) } }
}

/// The first changes, the others folded.
fn first(changes: &[&Change]) -> Markup {
    let (shown, more) = changes.split_at(changes.len().min(SHOWN));
    html! {
        (table("figures that are worse", shown))
        @if !more.is_empty() {
            details { summary { "and " (more.len()) " more" } (table("more figures that are worse", more)) }
        }
    }
}

fn table(label: &str, changes: &[&Change]) -> Markup {
    let row = |change: &Change| {
        html! {
            tr {
                th scope="row" { (change.place) }
                td class="words" { (change.label) }
                @for figure in &change.figures { td { (figure) } }
                td { (change.by) }
            }
        }
    };
    scrolled(
        label,
        html! {
            table {
                thead {
                    tr {
                        th scope="col" { "where" }
                        th scope="col" class="words" { "what" }
                        th scope="col" { "before" }
                        th scope="col" { "now" }
                        th scope="col" { "which is" }
                    }
                }
                tbody { @for change in changes { (row(change)) } }
            }
        },
    )
}

fn list(heading: &str, lines: &[String]) -> Markup {
    let (shown, more) = lines.split_at(lines.len().min(SHOWN));
    let items = |lines: &[String]| {
        html! { ul class="facts" { @for line in lines { li class="against" { (line) } } } }
    };
    html! {
        @if !lines.is_empty() {
            h3 { (heading) }
            (items(shown))
            @if !more.is_empty() {
                details { summary { "and " (more.len()) " more" } (items(more)) }
            }
        }
    }
}
