//! A comparison for a terminal.

use super::table::{Shown, Table};
use super::{STOLEN, figure, ratio};
use crate::answer;
use crate::record::{Comparison, Experiment, Fact, Point, Value, Verdict};
use switchboard_load::units::percent;

/// Sentences that speak for a claim, at most: the rest is in results.json.
const FACTS: usize = 6;

/// The comparison, in lines of at most `width` columns but for what cannot be parted; with `colour`,
/// best cells and verdicts stand out.
pub fn text(comparison: &Comparison, colour: bool, width: usize) -> String {
    let page = Page { comparison, colour, width };
    let mut out = page.heading();
    for experiment in &comparison.experiments {
        out.push('\n');
        out += &page.section(experiment);
    }
    out.push('\n');
    out += &page.legend();
    out += &page.claims();
    if let Some(answer) = &comparison.answer {
        out += &format!("\n{}", answer::text(answer, width));
    }
    out
}

/// What is written down, and how.
struct Page<'a> {
    comparison: &'a Comparison,
    colour: bool,
    width: usize,
}

impl Page<'_> {
    /// What was compared, and where.
    fn heading(&self) -> String {
        let comparison = self.comparison;
        let environment = &comparison.environment;
        let pace = if comparison.quick { ", quick" } else { "" };
        let mut lines = vec![
            format!("Service   {}", comparison.work),
            format!(
                "Machine   {}, {}, {}",
                environment.kernel,
                environment.architecture,
                environment.processor.as_deref().unwrap_or("a processor without a name")
            ),
            format!("Cores     {}", environment.cores.note),
            format!(
                "Measured  {}, {}{pace}, load average {:.1} to {:.1}",
                environment.date,
                comparison.rounds_in_words(),
                environment.load_average[0],
                environment.load_average[1]
            ),
        ];
        if let Some(stolen) = environment.stolen.filter(|stolen| *stolen >= STOLEN) {
            lines.push(format!(
                "Doubtful  the host of this virtual machine gave {} of its processors' time to \
                 others",
                percent(stolen)
            ));
        }
        if environment.versions.debug_build {
            lines.push(
                "Doubtful  built without optimisation: build with --release to compare".into(),
            );
        }
        if comparison.interrupted {
            lines.push("Partial   it was stopped before its end".into());
        }
        lines.iter().map(|line| wrapped(line, [0, 10], self.width)).collect()
    }

    fn section(&self, experiment: &Experiment) -> String {
        let (colour, width) = (self.colour, self.width);
        let verdict = experiment.claim.verdict;
        let mut out = format!("{}  {}\n", painted(&experiment.name, "1", colour), experiment.title);
        out += &wrapped(&experiment.method, [2, 2], width);
        out.push('\n');
        let caption = caption(experiment);
        if !caption.is_empty() {
            out += &wrapped(&caption, [0, 2], width);
        }
        out += &self.tables(experiment);
        out += &self.reasons(experiment);
        let claim = format!("Claim {}: {}", experiment.claim.words(), experiment.claim.sentence);
        out += &painted(&wrapped(&claim, [0, 2], width), verdict_colour(verdict), colour);
        let (shown, more) = told(&experiment.claim.facts);
        for fact in shown {
            let mark = match fact.held {
                Some(true) => "+",
                Some(false) => "-",
                None if fact.untested => "?",
                None => " ",
            };
            out += &wrapped(&format!("{mark} {}", fact.sentence), [2, 4], width);
        }
        if more > 0 {
            out += &format!("  + and {more} more that speak for it\n");
        }
        out
    }

    /// The first metric at every point and its ratio at the last one; then the other metrics, at the
    /// last point. What does not fit beside the others comes in a further table below.
    fn tables(&self, experiment: &Experiment) -> String {
        let (Some(last), Some((first, others))) =
            (experiment.points.last(), experiment.metrics.split_first())
        else {
            return String::new();
        };
        let mut columns: Vec<(String, Vec<Shown>)> = Vec::new();
        for point in &experiment.points {
            // Where there is no other, the caption has the point.
            let single = experiment.points.len() == 1;
            let heading = if single { &first.label } else { &point.label };
            columns.push((heading.clone(), column(point, &first.name, &first.unit)));
        }
        let reference = &self.comparison.reference;
        let ratios = last.cells.iter().map(|cell| match cell.values.get(&first.name) {
            _ if cell.model == *reference => Shown::plain("1"),
            Some(Value::Known(figure)) => {
                Shown::plain(figure.ratio.as_ref().map_or("-".into(), ratio))
            }
            _ => Shown::plain(""),
        });
        columns.push((format!("/{reference}"), ratios.collect()));
        for metric in others {
            columns.push((metric.label.clone(), column(last, &metric.name, &metric.unit)));
        }
        let models = &self.comparison.models;
        let begun =
            || Table::of("MODEL", models.iter().map(|model| Shown::plain(&model.name)).collect());
        let (mut out, mut table) = (String::new(), begun());
        for (heading, cells) in &columns {
            if !table.add(heading, cells, self.width) {
                out += &table.lines(self.colour);
                out.push('\n');
                table = begun();
                table.add(heading, cells, self.width);
            }
        }
        out + &table.lines(self.colour)
    }

    /// Why there are no figures, each reason once with all that it holds for.
    fn reasons(&self, experiment: &Experiment) -> String {
        let metrics: Vec<&str> = experiment.metrics.iter().map(|one| one.name.as_str()).collect();
        let mut reasons: Vec<(String, Vec<String>)> = Vec::new();
        for model in &self.comparison.models {
            let mut found: Vec<(String, Vec<&str>)> = Vec::new();
            for (place, point) in experiment.points.iter().enumerate() {
                let cell = point.cells.iter().find(|cell| cell.model == model.name);
                let last = place + 1 == experiment.points.len();
                let shown = if last { &metrics[..] } else { metrics.get(..1).unwrap_or_default() };
                for value in shown.iter().filter_map(|name| cell?.values.get(*name)) {
                    let reason = match value {
                        Value::Unknown { na } => na.clone(),
                        Value::Known(figure) => match &figure.missing {
                            Some(missing) => missing.clone(),
                            None => continue,
                        },
                    };
                    match found.iter_mut().find(|(known, _)| *known == reason) {
                        Some((_, points)) if points.last() == Some(&point.label.as_str()) => {}
                        Some((_, points)) => points.push(&point.label),
                        None => found.push((reason, vec![&point.label])),
                    }
                }
            }
            for (reason, points) in found {
                let everywhere = points.len() == experiment.points.len();
                let at =
                    if everywhere { String::new() } else { format!(" at {}", points.join(", ")) };
                let who = format!("{}{at}", model.name);
                match reasons.iter_mut().find(|(known, _)| *known == reason) {
                    Some((_, all)) => all.push(who),
                    None => reasons.push((reason, vec![who])),
                }
            }
        }
        let line = |(reason, who): &(String, Vec<String>)| {
            wrapped(&format!("n/a {}: {reason}", who.join(", ")), [0, 4], self.width)
        };
        reasons.iter().map(line).collect()
    }

    fn legend(&self) -> String {
        let comparison = self.comparison;
        let sentence = format!(
            "Figures are medians of the rounds; `*` marks the best, and what is within a tenth of it \
             and no worse beyond the noise. /{}: how many times its figure, in the last column of \
             points, with the interval that holds the truth in {:.0} of 100 comparisons; ≈ where that \
             cannot be told from 1.",
            comparison.reference,
            comparison.confidence * 100.0
        );
        let single = comparison.experiments.iter().any(|one| one.rounds < 2);
        let note = " One round has no interval: what it says may be noise.";
        wrapped(&(sentence + if single { note } else { "" }), [0, 0], self.width)
    }

    /// All claims in a line each.
    fn claims(&self) -> String {
        let comparison = self.comparison;
        let mut out = String::from("\nClaims\n");
        let width = comparison.experiments.iter().map(|one| one.name.len()).max().unwrap_or(0);
        for experiment in &comparison.experiments {
            let against = experiment.claim.facts.iter().find(|fact| fact.held == Some(false));
            let because = match (experiment.claim.verdict, against) {
                (Verdict::DidNotHold, Some(fact)) => format!(": {}", fact.sentence),
                _ => String::new(),
            };
            let words = experiment.claim.words();
            let line = format!("  {:<width$}  {words}{because}", experiment.name);
            out += &wrapped(&line, [0, width + 4], self.width);
        }
        out
    }
}

/// All that speaks against a claim, and some of what speaks for it; how much more of that there is.
fn told(facts: &[Fact]) -> (Vec<&Fact>, usize) {
    let mut left = FACTS;
    let mut more = 0;
    let mut tell = |fact: &&Fact| {
        let speaks_for = fact.held == Some(true);
        let told = !speaks_for || left > 0;
        if speaks_for {
            left = left.saturating_sub(1);
            more += usize::from(!told);
        }
        told
    };
    let shown = facts.iter().filter(|fact| tell(fact)).collect();
    (shown, more)
}

fn verdict_colour(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Held => "32",
        Verdict::DidNotHold => "33",
        Verdict::NotJudged => "2",
    }
}

fn painted(text: &str, code: &str, colour: bool) -> String {
    match colour {
        true => format!("\x1b[{code}m{}\x1b[0m{}", text.trim_end_matches('\n'), {
            if text.ends_with('\n') { "\n" } else { "" }
        }),
        false => text.to_owned(),
    }
}

/// What the columns are, where their headings are numbers.
fn caption(experiment: &Experiment) -> String {
    let (Some(first), Some(last)) = (experiment.metrics.first(), experiment.points.last()) else {
        return String::new();
    };
    let axis = &experiment.axis;
    let unit = if axis.unit.is_empty() { String::new() } else { format!(" ({})", axis.unit) };
    match (experiment.points.len(), axis.name.is_empty()) {
        (1, true) => String::new(),
        (1, false) => format!("{}{unit}: {}", capital(&axis.name), last.label),
        _ => {
            let by = if axis.name.is_empty() {
                String::new()
            } else {
                format!(", by {}{unit}", axis.name)
            };
            let others = if experiment.metrics.len() > 1 {
                format!("; the other columns: at {}", last.label)
            } else {
                String::new()
            };
            format!("{}{by}{others}:", capital(&first.label))
        }
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

fn column(point: &Point, metric: &str, unit: &str) -> Vec<Shown> {
    let shown = |value: Option<&Value>| match value {
        Some(Value::Known(known)) => Shown { text: figure(known, unit), best: known.best },
        _ => Shown::plain("n/a"),
    };
    point.cells.iter().map(|cell| shown(cell.values.get(metric))).collect()
}

/// Lines of at most `width` columns; those after the first are indented otherwise.
fn wrapped(text: &str, [first, later]: [usize; 2], width: usize) -> String {
    let mut out = String::new();
    // Leading spaces of the text itself are kept.
    let lead = text.len() - text.trim_start().len();
    let mut line = " ".repeat(first + lead);
    let mut empty = true;
    for word in text.trim_start().split(' ') {
        let long = line.chars().count() + usize::from(!empty) + word.chars().count() > width;
        if long && !empty {
            out += line.trim_end();
            out.push('\n');
            line = " ".repeat(later);
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line += word;
        empty = false;
    }
    out + line.trim_end() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Scale;
    use crate::record::made_up::{comparison, experiment, figure};

    /// Kills: a measure that is left out because there is no room beside the others; a column whose
    /// heading does not say what it is.
    #[test]
    fn every_measure_has_a_column() {
        let mut found = comparison(&["epoll", "thread"]);
        let metrics = [("drain_ns", "ns"), ("first_ns", "ns"), ("spread", "times")];
        found.experiments.push(experiment("lifecycle", "", Scale::Kinds, &metrics));
        let found = found.with_point("lifecycle", 0.0, |_, _| figure(5.0, 0.01));
        for width in [100, 40] {
            let text = text(&found, false, width);
            for (name, _) in metrics {
                let heading = format!("the {name}");
                let has = |line: &str| line.starts_with("MODEL") && line.contains(&heading);
                assert!(text.lines().any(has), "{width}: {text}");
            }
            assert!(text.lines().all(|line| line.chars().count() <= width), "{width}: {text}");
        }
    }
}
