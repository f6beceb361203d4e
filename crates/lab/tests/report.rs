//! report.html in a real Chromium: light and dark, wide and narrow.

#![allow(clippy::unwrap_used, reason = "clippy does not see that helpers of tests are tests")]

#[path = "report/browser.rs"]
mod browser;

use serde::Deserialize;
use switchboard_lab::Comparison;
use switchboard_lab::answer::answer;
use switchboard_lab::record::Value;
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
}

#[derive(Debug, Deserialize)]
struct Chart {
    title: String,
    axes: Vec<String>,
    figures: Vec<String>,
    outside: Vec<String>,
    covered: Vec<String>,
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
/// fetches something or fails; labels upon each other or outside their drawing.
#[test]
fn it_can_be_read_in_light_and_dark_and_on_a_phone() {
    let page = report::html(&recorded());
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
            assert!(frame.too_wide <= 0.0, "{where_}: {} px do not fit", frame.too_wide);
            for chart in &frame.charts {
                let where_ = format!("{where_}: {}", chart.title);
                assert_eq!(chart.outside, [""; 0], "{where_}");
                assert_eq!(chart.covered, [""; 0], "{where_}");
                assert!(chart.contrast >= 3.0, "{where_}: a contrast of {}", chart.contrast);
                assert!(chart.text_px >= 9.0, "{where_}: letters of {} px", chart.text_px);
            }
        }
        grounds.push(measured.frames[0].ground.clone());
    }
    assert_ne!(grounds[0], grounds[1], "the schemes differ");
}

/// Kills: a figure that is not the record's, a chart without its words, a cell that is blank.
#[test]
fn it_has_the_figures_of_the_results() {
    let recorded = recorded();
    let (measured, _) = measured(&report::html(&recorded), false);
    let frame = &measured.frames[0];
    assert!(frame.charts.len() >= 10, "{} charts", frame.charts.len());
    for chart in &frame.charts {
        assert!(!chart.title.is_empty() && !chart.axes.is_empty(), "{chart:?}");
        assert!(chart.axes.iter().all(|axis| !axis.is_empty()), "{chart:?}");
    }
    for experiment in &recorded.experiments {
        assert!(frame.text.contains(&experiment.claim.sentence), "{}", experiment.name);
        for metric in &experiment.metrics {
            for cell in experiment.points.iter().flat_map(|point| &point.cells) {
                let said = match &cell.values[&metric.name] {
                    Value::Known(figure) => report::figure(figure, &metric.unit),
                    Value::Unknown { na } => format!("n/a: {na}"),
                };
                let shown = |text: &String| text.starts_with(&cell.model) && text.contains(&said);
                let at_marker = frame.charts.iter().any(|chart| chart.figures.iter().any(shown));
                let is_known = cell.values[&metric.name].figure().is_some();
                assert!(frame.text.contains(&said), "{} {}: {said}", experiment.name, cell.model);
                assert!(at_marker || !is_known, "{} {}: {said}", experiment.name, cell.model);
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
