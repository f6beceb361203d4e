use crate::record::made_up::{comparison, experiment, figure, unknown};
use crate::record::{Comparison, Scale};

use super::{date, html};

fn page(comparison: &Comparison) -> String {
    html(comparison)
}

/// Two models, of which one has no figure at the last point.
fn small() -> Comparison {
    let mut found = comparison(&["epoll", "select"]);
    found.experiments.push(experiment("idle", "silent peers", Scale::Log, &[("cpu_ns", "ns")]));
    let found = found.with_point("idle", 0.0, |_, _| figure(5_000.0, 0.1)).with_point(
        "idle",
        10.0,
        |_, _| figure(6_000.0, 0.1),
    );
    found.with_point("idle", 10_000.0, |model, _| match model {
        "select" => unknown("it has room for 1,012 & no more"),
        _ => figure(70_000.0, 0.02),
    })
}

/// Kills: a figure that the record has and the page has not; an empty cell in the place of a reason.
#[test]
fn every_figure_and_every_reason_is_on_the_page() {
    let page = page(&small());
    assert_eq!(page.matches("5.00 µs").count(), 2 * 2, "in the table and at the marker");
    assert_eq!(page.matches("70.0 µs").count(), 2);
    assert!(page.contains("n/a: it has room for 1,012 &amp; no more"), "{page}");
    assert!(!page.contains("<td></td>"), "{page}");
}

/// Kills: what somebody else wrote taken for HTML; a page that needs other files.
#[test]
fn what_others_wrote_is_text_and_nothing_is_fetched() {
    let mut found = small();
    found.work = "<script>alert(1)</script>".to_owned();
    found.models[1].command = "x' onload=\"alert(1)".to_owned();
    let page = page(&found);
    assert!(!page.contains("<script"), "{page}");
    assert!(!page.contains("onload=\"alert"), "{page}");
    for fetching in ["src=", "@import", "url(", "<link", "http://", "https://"] {
        let at = page.match_indices(fetching).find(|(at, _)| {
            // The name of the language that drawings are in is no address.
            !page[..*at].ends_with("xmlns=\"")
        });
        assert_eq!(at, None, "{fetching}");
    }
}

#[test]
fn each_chart_says_what_it_shows() {
    let page = page(&small());
    assert!(page.contains("<title>About idle: the cpu_ns against silent peers</title>"), "{page}");
    assert!(page.contains(">the cpu_ns, µs (log)</text>"), "{page}");
    assert!(page.contains(">silent peers (log)</text>"), "{page}");
}

/// Kills: a page that fails where nothing was measured.
#[test]
fn a_comparison_without_figures_is_a_page_too() {
    let mut found = comparison(&["epoll"]);
    found.interrupted = true;
    found.experiments.push(experiment("idle", "silent peers", Scale::Linear, &[("cpu_ns", "ns")]));
    assert!(page(&found).contains("n/a: no point of it was measured"));
    let found = found.with_point("idle", 0.0, |_, _| unknown("it was stopped"));
    let page = page(&found);
    assert!(page.contains("n/a: it was stopped") && !page.contains("<svg"), "{page}");
    assert!(page.contains("It was stopped before its end"), "{page}");
}

#[test]
fn a_date_is_shown_to_the_minute() {
    assert_eq!(date("2026-11-21T12:03:59Z"), "2026-11-21, 12:03 UTC");
    assert_eq!(date("yesterday"), "yesterday");
}
