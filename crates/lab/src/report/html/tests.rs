use crate::record::made_up::{comparison, experiment, figure, unknown};
use crate::record::{Comparison, Scale};

use super::super::changes;
use super::{date, html};

fn page(comparison: &Comparison) -> String {
    html(comparison, None)
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

/// Kills: a regression that the page does not tell; an earlier comparison that is invented.
#[test]
fn what_has_changed_is_on_the_page() {
    let (old, slower) = (small(), |_: &str, _: &str| figure(10_000.0, 0.1));
    let mut new = small();
    new.experiments[0].points.remove(0);
    let mut new = new.with_point("idle", 0.0, slower);
    new.experiments[0].points.rotate_right(1);
    let changed = changes(&old, &new, 0.1);
    let page = html(&new, Some(&changed));
    let told = page.split("id=\"changes\"").nth(1).expect("a section");
    let told = told.split("</section>").next().unwrap_or_default();
    for part in ["2026-11-21, 12:00 UTC", "✗ worse", "idle 0, select", "5.00 µs", "10.0 µs", "2.00"]
    {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(!html(&new, None).contains("id=\"changes\""));
    let same = html(&old, Some(&changes(&old, &old, 0.1)));
    assert!(same.contains("✓ no worse"), "{same}");
    let none = html(&old, Some(&changes(&comparison(&["poll"]), &old, 0.1)));
    assert!(none.contains("✗ nothing to compare"), "{none}");
}

/// Kills: a flat chart; a sentence in place of a chart that had something to show.
#[test]
fn the_same_figure_everywhere_is_a_sentence() {
    let with = |last: f64| {
        let mut found = comparison(&["epoll", "select"]);
        found.experiments.push(experiment(
            "idle",
            "peers",
            Scale::Log,
            &[("calls", "per message")],
        ));
        let found = found.with_point("idle", 1.0, |_, _| figure(0.0, 0.0));
        page(&found.with_point("idle", 2.0, |model, _| match model {
            "epoll" => unknown("it was away"),
            _ => figure(last, 0.0),
        }))
    };
    let flat = with(0.0);
    assert!(flat.contains("0 under every model that was measured.") && !flat.contains("<svg"));
    assert!(flat.contains("n/a epoll at 2: it was away"), "{flat}");
    let one = with(3.0);
    assert!(!one.contains("under every model") && one.contains("<svg"), "{one}");
}

/// Kills: a line between two points that nothing was measured between; rows of charts beside each
/// other that are not those of the same model.
#[test]
fn two_points_are_two_charts_of_dots() {
    let mut found = small();
    found.experiments[0].points.remove(1);
    let page = page(&found);
    assert_eq!((page.matches("<svg").count(), page.matches("class=\"line").count()), (2, 0));
    assert_eq!(page.matches("circle class=\"dot").count(), 3);
    assert_eq!(page.matches(">select</text>").count(), 2);
    assert_eq!(page.matches("class=\"figure\"").count(), 4, "n/a, too, has its place");
}

#[test]
fn a_date_is_shown_to_the_minute() {
    assert_eq!(date("2026-11-21T12:03:59Z"), "2026-11-21, 12:03 UTC");
    assert_eq!(date("yesterday"), "yesterday");
}
