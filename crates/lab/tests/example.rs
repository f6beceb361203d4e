//! A comparison that was made once, in the file that everything is rendered from.

#![allow(clippy::unwrap_used, reason = "clippy does not see that helpers of tests are tests")]

use switchboard_lab::{Comparison, report};

const EXAMPLE: &str = include_str!("example.json");

fn example() -> Comparison {
    Comparison::from_json(EXAMPLE).unwrap()
}

/// Kills: a field that is written and not read, or read and not written.
#[test]
fn a_comparison_survives_the_way_through_its_file() {
    let read: serde_json::Value = serde_json::from_str(&example().to_json()).unwrap();
    let written: serde_json::Value = serde_json::from_str(EXAMPLE).unwrap();
    assert_eq!(read, written);
}

#[test]
fn what_is_no_comparison_is_refused() {
    let refused = |text: &str| Comparison::from_json(text).unwrap_err();
    assert!(refused("{}").contains("no result of `compare`"));
    let older = EXAMPLE.replace("switchboard.compare/1", "switchboard.compare/0");
    assert!(refused(&older).contains("measure again"));
    let stranger = EXAMPLE.replacen("\"reference\": \"epoll\"", "\"reference\": \"nobody\"", 1);
    assert!(refused(&stranger).contains("none of its models"));
    let mut broken = example();
    broken.experiments[0].points[0].cells.swap(0, 1);
    assert!(refused(&broken.to_json()).contains("has cells for"));
    let mut broken = example();
    let cell = &mut broken.experiments[0].points[0].cells[0];
    cell.values.remove("cpu_ns");
    assert!(refused(&broken.to_json()).contains("has no value `cpu_ns`"));
    let broken = |change: &dyn Fn(&mut Comparison)| {
        let mut broken = example();
        change(&mut broken);
        refused(&broken.to_json())
    };
    assert!(broken(&|found| found.confidence = 95.0).contains("does not lie between 0 and 1"));
    let date = broken(&|found| found.environment.date = "yesterday".to_owned());
    assert!(date.contains("no date"), "{date}");
    let twice = broken(&|found| found.experiments.push(found.experiments[0].clone()));
    assert!(twice.contains("two of the experiment"), "{twice}");
    assert!(broken(&|found| found.experiments[0].points.clear()).contains("has no points"));
    assert!(broken(&|found| found.experiments[0].metrics.clear()).contains("has no metrics"));
    assert!(broken(&|found| found.experiments[0].points.reverse()).contains("order of its axis"));
}

/// Kills: a line that the terminal breaks; a model, a measure or a verdict that is left out.
#[test]
fn the_table_fits_a_terminal_and_says_everything() {
    let example = example();
    let text = report::text(&example, false, 100);
    for line in text.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
    for model in &example.models {
        let rows = text.lines().filter(|line| line.split(' ').next() == Some(&model.name));
        assert!(rows.count() >= example.experiments.len(), "{}", model.name);
    }
    for experiment in &example.experiments {
        assert!(text.contains(&format!("Claim {}", experiment.claim.words())));
    }
    for metric in example.experiments.iter().flat_map(|experiment| &experiment.metrics[1..]) {
        let shown = text.lines().any(|line| line.contains(&metric.label));
        assert!(shown, "{} is in no table", metric.label);
    }
    let narrow = report::text(&example, false, 60);
    for line in narrow.lines() {
        assert!(line.chars().count() <= 60, "{line}");
    }
    let painted = report::text(&example, true, 100);
    let plain = ["\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[32m", "\x1b[33m"]
        .iter()
        .fold(painted, |text, code| text.replace(code, ""));
    assert_eq!(plain, text, "colour changes nothing else");
}

/// Kills: a sample that the spreadsheet does not get; a comma that breaks a line in two.
#[test]
fn every_sample_has_a_line() {
    let example = example();
    let csv = report::csv(&example);
    let values = example.experiments.iter().flat_map(|experiment| &experiment.points);
    let values = values.flat_map(|point| &point.cells).flat_map(|cell| cell.values.values());
    let lines: usize = values.map(|value| value.figure().map_or(1, |one| one.samples.len())).sum();
    assert_eq!(csv.lines().count(), lines + 1);
    let columns = csv.lines().next().unwrap().split(',').count();
    for line in csv.lines().filter(|line| !line.contains('"')) {
        assert_eq!(line.split(',').count(), columns, "{line}");
    }
}
