//! The answer for a terminal.

use super::{Answer, Evidence};
use crate::report;

/// The column in which text begins.
const INDENT: usize = 11;
/// So many models of each figure are shown; all of them are in the results.
const SHOWN: usize = 6;

/// The answer, in lines of at most `width` columns but for what cannot be parted.
pub fn text(answer: &Answer, width: usize) -> String {
    let part = |word: &str, text: &str| part(word, text, width);
    let mut out = part("Asked", &answer.asked);
    out += &part("Answer", answer.model.as_deref().unwrap_or("none"));
    out += &part("Rule", &format!("{}.", answer.rule));
    if let Some(serve) = &answer.serve {
        out += &part("Start", serve);
    }
    for evidence in &answer.evidence {
        out += &part("Evidence", &format!("{}:", evidence.what));
        out += &figures(evidence, answer);
    }
    for tie in &answer.ties {
        out += &part("Tie", tie);
    }
    if let Some(second) = &answer.runner_up {
        out += &part("Second", &format!("{}; {}", second.model, second.sentence));
    }
    if !answer.changes.is_empty() {
        let change = |change: &super::Change| format!("{} with {}", change.model, change.when);
        let changes: Vec<String> = answer.changes.iter().map(change).collect();
        out += &part("Otherwise", &changes.join("; "));
    }
    for excluded in &answer.excluded {
        out += &part("Not", &format!("{}: {}", excluded.model, excluded.reason));
    }
    for doubt in &answer.doubts {
        out += &part("Doubtful", doubt);
    }
    if let Some(again) = &answer.again {
        let missing = match answer.missing.is_empty() {
            true => "rounds".to_owned(),
            false => answer.missing.join(", "),
        };
        out += &part("Missing", &format!("{missing}; measured by"));
        // In one line, so that it can be copied.
        out += &format!("{:INDENT$}{again}\n", "");
    }
    out
}

/// A row for each model, the one that is answered marked.
fn figures(evidence: &Evidence, answer: &Answer) -> String {
    let wide = evidence.figures.iter().map(|one| one.model.chars().count()).max().unwrap_or(0);
    let mut out = String::new();
    for one in evidence.figures.iter().take(SHOWN) {
        let mark = if answer.model.as_deref() == Some(&one.model) { "*" } else { " " };
        let times =
            one.ratio.as_ref().map_or(String::new(), |ratio| format!("  {}", report::ratio(ratio)));
        let figure = report::number(one.median, &evidence.unit);
        let line = format!("{:INDENT$}{mark} {:wide$}  {figure:>9}{times}", "", one.model);
        out += line.trim_end();
        out.push('\n');
    }
    let rest = evidence.figures.len().saturating_sub(SHOWN);
    if rest > 0 {
        out += &format!("{:INDENT$}  and {rest} more, with higher figures\n", "");
    }
    out
}

/// A word in a column of its own, and a text beside it.
fn part(word: &str, text: &str, width: usize) -> String {
    let mut out = format!("{word:INDENT$}");
    let mut column = INDENT;
    for (number, word) in text.split(' ').enumerate() {
        let length = word.chars().count();
        if number > 0 && column + 1 + length > width {
            out += &format!("\n{:INDENT$}", "");
            column = INDENT;
        } else if number > 0 {
            out.push(' ');
            column += 1;
        }
        out += word;
        column += length;
    }
    out + "\n"
}
