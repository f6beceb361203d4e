//! What is said while a comparison goes on: how long it takes, and a line on the terminal that is
//! erased at its end.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use rustix::termios::tcgetwinsize;
use switchboard_lab::experiment::Design;
use switchboard_lab::record::escaped;
use switchboard_lab::{Plan, Turn, Watch};
use switchboard_load::units::several;

/// Columns of a terminal that does not say how many it has.
const WIDTH: usize = 80;
/// Columns that stay free at the end, for the `^C` that a terminal writes there.
const FREE: usize = 3;
/// Begins the line anew, empty (ECMA-48: CR, EL 2).
const ERASE: &str = "\r\x1b[2K";

/// The line.
pub(super) struct Line {
    shown: bool,
    rounds: u32,
}

impl Line {
    /// Says how long it will take.
    pub(super) fn begin(plan: &Plan, left_out: &[&Design], silent: bool) -> Line {
        let sentence = announcement(plan) + &left_out_in_words(left_out);
        // Nobody has to read it.
        let _ = writeln!(io::stderr(), "{sentence}");
        let dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
        Line { shown: !silent && !dumb && io::stderr().is_terminal(), rounds: plan.rounds }
    }
}

/// What is going to be done, and how long that takes.
fn announcement(plan: &Plan) -> String {
    let models = several(plan.targets.len() as u64, "model", "models");
    let experiments = several(plan.designs.len() as u64, "experiment", "experiments");
    let rounds = several(u64::from(plan.rounds), "round", "rounds");
    let (at_most, most) = match plan.budget() {
        Some(budget) => ("at most ", format!(", and at most {}", in_words(budget))),
        None => ("", String::new()),
    };
    format!(
        "{experiments} with {models}, {at_most}{rounds}: about {}{most}; Ctrl-C ends it with what \
         there is by then",
        in_words(plan.lasts())
    )
}

/// What there is no time for beside what the answer needs.
fn left_out_in_words(left_out: &[&Design]) -> String {
    if left_out.is_empty() {
        return String::new();
    }
    let names: Vec<&str> = left_out.iter().map(|design| design.name).collect();
    format!(
        "\nleft out, so that what the answer needs is measured in every round: {} (--experiments \
         measures them)",
        names.join(", ")
    )
}

/// A time as people say it.
fn in_words(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..100 => several(seconds.max(1), "second", "seconds"),
        seconds => several((seconds + 30) / 60, "minute", "minutes"),
    }
}

impl Watch for Line {
    fn turn(&mut self, turn: &Turn<'_>, done: usize, of: usize, left: Duration) {
        if !self.shown {
            return;
        }
        let columns = tcgetwinsize(io::stderr()).map_or(0, |size| usize::from(size.ws_col));
        let width = if columns == 0 { WIDTH } else { columns };
        let percent = done * 100 / of.max(1);
        let text = format!(
            "{percent:3}%  about {} left  round {} of {}  {} {}  {}",
            in_words(left),
            turn.round,
            self.rounds,
            turn.design.name,
            turn.place.label,
            turn.target.name
        );
        let text: String = escaped(&text).chars().take(width.saturating_sub(FREE)).collect();
        write(&text);
    }
}

/// Writes in place of what was there. A terminal that has gone misses nothing.
fn write(text: &str) {
    let mut terminal = io::stderr().lock();
    let _ = terminal.write_all(format!("{ERASE}{text}").as_bytes());
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.shown {
            write("");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_said_in_words() {
        let said = |seconds| in_words(Duration::from_secs(seconds));
        assert_eq!([said(0), said(45), said(110)], ["1 second", "45 seconds", "2 minutes"]);
        assert_eq!(said(1800), "30 minutes");
    }
}
