//! report.html in a real Chromium: light and dark, wide and narrow.

#![allow(clippy::unwrap_used, reason = "clippy does not see that helpers of tests are tests")]

#[path = "report/browser.rs"]
mod browser;

use serde::Deserialize;
use switchboard_lab::Comparison;
use switchboard_lab::answer::answer;
use switchboard_lab::record::{Metric, Value};
use switchboard_lab::report;

/// What a run on a small machine found, with some experiments left out.
const RESULTS: &str = include_str!("example.json");
/// A page that opens the report in frames and says in numbers what it looks like.
const MEASURE: &str = include_str!("report/measure.html");

#[derive(Debug, Deserialize)]
struct Measured {
    errors: Vec<String>,
    frames: Vec<Frame>,
}

#[derive(Debug, Deserialize)]
struct Frame {
    name: String,
    dark: bool,
    ground: String,
    contrast: f64,
    too_wide: f64,
    scripts: u32,
    text: String,
    charts: Vec<Chart>,
    /// What is said in place of charts.
    flat: Vec<String>,
    /// How high the page is with everything folded that is folded at first.
    height: f64,
    /// The room of the narrowest name of a model in a table.
    name_px: f64,
    /// Tables that are not folded at first.
    open: u32,
    tables: Vec<Table>,
}

/// All figures of a metric.
#[derive(Debug, Deserialize)]
struct Table {
    experiment: String,
    /// The model, then a cell for each point.
    rows: Vec<Vec<String>>,
    notes: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Chart {
    title: String,
    axes: Vec<String>,
    figures: Vec<String>,
    outside: Vec<String>,
    covered: Vec<String>,
    same_ticks: Vec<String>,
    leads_inside: u32,
    spreads_in_front: u32,
    text_px: f64,
    contrast: f64,
}

fn measured(report: &str, dark: bool) -> (Measured, browser::Seen) {
    let files = [("measure.html", MEASURE.to_owned()), ("report.html", report.to_owned())];
    let seen = browser::open(&files, "measure.html", dark);
    let after = seen.document.split("<pre id=\"measured\">").nth(1);
    let text = after.and_then(|after| after.split("</pre>").next()).unwrap_or_default();
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    let measured = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {}\n{}", seen.document, seen.said));
    (measured, seen)
}

fn recorded() -> Comparison {
    let mut recorded = Comparison::from_json(RESULTS).unwrap();
    let workload = "connections=1500,active=1%,compute=1ms".parse().unwrap();
    recorded.answer = Some(answer(&recorded, &workload));
    recorded
}

/// Kills: a page that one scheme makes unreadable, that a phone has to be moved about under, that
/// fetches something or fails; labels upon each other or outside their drawing; two ticks that say the
/// same; a leader that looks like data, a marker behind a spread.
#[test]
fn it_can_be_read_in_light_and_dark_and_on_a_phone() {
    let page = report::html(&recorded(), None);
    assert!(browser::MAKERS.iter().all(|maker| !page.contains(maker)));
    let mut grounds = Vec::new();
    for dark in [false, true] {
        let (measured, seen) = measured(&page, dark);
        assert_eq!(measured.errors, [""; 0]);
        assert_eq!(seen.strange, [""; 0], "nothing is asked for but the page");
        assert!(!seen.said.contains("CONSOLE"), "{}", seen.said);
        for frame in &measured.frames {
            let where_ = format!("{}, dark: {dark}", frame.name);
            assert_eq!((frame.dark, frame.scripts), (dark, 0), "{where_}");
            assert!(frame.contrast >= 7.0, "{where_}: text has a contrast of {}", frame.contrast);
            assert!(frame.name_px > 60.0, "{where_}: {} px for a name", frame.name_px);
            assert!(frame.too_wide <= 0.0, "{where_}: {} px do not fit", frame.too_wide);
            for chart in &frame.charts {
                let where_ = format!("{where_}: {}", chart.title);
                assert_eq!(chart.outside, [""; 0], "{where_}");
                assert_eq!(chart.covered, [""; 0], "{where_}");
                assert!(chart.contrast >= 3.0, "{where_}: a contrast of {}", chart.contrast);
                assert!(chart.text_px >= 10.0, "{where_}: letters of {} px", chart.text_px);
                assert_eq!(chart.same_ticks, [""; 0], "{where_}");
                assert_eq!((chart.leads_inside, chart.spreads_in_front), (0, 0), "{where_}");
            }
        }
        grounds.push(measured.frames[0].ground.clone());
    }
    assert_ne!(grounds[0], grounds[1], "the schemes differ");
}

/// Kills: a figure that is not the record's or is left out, a chart without its words, a cell that is
/// blank.
#[test]
fn it_has_the_figures_of_the_results() {
    let recorded = recorded();
    let (measured, _) = measured(&report::html(&recorded, None), false);
    let frame = &measured.frames[0];
    assert!(frame.charts.len() >= 10, "{} charts", frame.charts.len());
    for chart in &frame.charts {
        assert!(!chart.title.is_empty() && !chart.axes.is_empty(), "{chart:?}");
        assert!(chart.axes.iter().all(|axis| !axis.is_empty()), "{chart:?}");
    }
    for experiment in &recorded.experiments {
        assert!(frame.text.contains(&experiment.claim.sentence), "{}", experiment.name);
        let tables = frame.tables.iter().filter(|table| table.experiment == experiment.name);
        let tables: Vec<&Table> = tables.collect();
        assert_eq!(tables.len(), experiment.metrics.len(), "{}", experiment.name);
        for (metric, table) in experiment.metrics.iter().zip(tables) {
            for (place, point) in experiment.points.iter().enumerate() {
                for (cell, row) in point.cells.iter().zip(&table.rows) {
                    assert_eq!(row[0], cell.model);
                    has_figure(
                        frame,
                        table,
                        &row[place + 1],
                        (&cell.model, metric),
                        &cell.values[&metric.name],
                    );
                }
            }
        }
    }
    let answer = recorded.answer.as_ref().unwrap();
    for word in [&answer.asked, &answer.rule, answer.serve.as_ref().unwrap()] {
        assert!(frame.text.contains(word.as_str()), "{word}");
    }
    for word in [&recorded.environment.kernel, &recorded.environment.cores.note] {
        assert!(frame.text.contains(word.as_str()), "{word}");
    }
}

/// A cell has the figure, its spread and its ratio, or the number of the note that says why there is
/// none; a figure is also in a chart, or in the sentence that stands for charts.
fn has_figure(
    frame: &Frame,
    table: &Table,
    cell: &str,
    (model, metric): (&str, &Metric),
    value: &Value,
) {
    let where_ = format!("{} {}, {model}: {cell}", table.experiment, metric.label);
    let figure = match value {
        Value::Known(figure) => figure,
        Value::Unknown { na } => {
            let number = cell.strip_prefix("n/a").unwrap_or_else(|| panic!("{where_}"));
            let note = format!("{number} n/a: {na}");
            assert!(table.notes.contains(&note), "{where_}: {note}, {:?}", table.notes);
            return;
        }
    };
    let said = report::figure(figure, &metric.unit);
    let ratio = figure.ratio.as_ref().map_or(String::new(), report::ratio);
    for part in [&said, &report::range(figure.spread, &metric.unit), &ratio] {
        assert!(cell.contains(part.as_str()), "{where_}: {part}");
    }
    let shown = |text: &String| text.starts_with(model) && text.contains(&said);
    let at_marker = frame.charts.iter().any(|chart| chart.figures.iter().any(shown));
    let is_flat = frame
        .flat
        .iter()
        .any(|flat| *flat == format!("{said} under every model that was measured."));
    assert!(at_marker || is_flat, "{where_}");
}

/// Kills: a page so long that nobody reads it; paper that says less than the screen.
#[test]
fn figures_are_folded_on_a_screen_and_not_on_paper() {
    let page = report::html(&recorded(), None);
    let (measured, _) = measured(&page, false);
    for frame in &measured.frames {
        assert!(frame.open == 0 && !frame.tables.is_empty(), "{}", frame.name);
        // 38,000 px were half a minute of scrolling.
        assert!(frame.height < 25_000.0, "{}: {} px", frame.name, frame.height);
    }
    let unfolded = page.replace("<details", "<details open");
    let without = page.replace("content-visibility: visible", "");
    let [pages, all, few] = [page, unfolded, without].map(|page| browser::pages(&page));
    assert_eq!(pages, all);
    assert!(few < pages, "{few} pages are as many as {pages}");
}

/// Kills: a browser that reaches others without the tests above hearing of it.
#[test]
fn a_page_that_fetches_something_would_be_noticed() {
    let page = "<img src=\"http://example.invalid/a.png\"><link rel=stylesheet href=\"b.css\">\
                <script>undefined_function()</script>";
    let seen = browser::open(&[("page.html", page.to_owned())], "page.html", false);
    for asked in ["http://example.invalid/a.png", "/b.css"] {
        assert!(seen.strange.iter().any(|one| one.ends_with(asked)), "{asked}: {:?}", seen.strange);
    }
    assert!(seen.said.contains("CONSOLE"), "{}", seen.said);
}
