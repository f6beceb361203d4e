//! The result of a load as text.

use std::fmt::Write;

use switchboard_load::report::{ErrorLine, Times};
use switchboard_load::{Report, Schedule};

/// What people read.
pub(super) fn text(report: &Report) -> String {
    let (asked, achieved) = (&report.asked, &report.achieved);
    let mut out = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(out, "{name:14}{value}");
    };
    line("target", asked.target.to_string());
    line("loop", described(report));
    line("connections", format!("{} of {}", achieved.connections, asked.connections));
    if asked.idle > 0 {
        line("idle", format!("{} of {}", achieved.idle, asked.idle));
    }
    if !asked.bad.is_empty() {
        let (sent, closed) = (achieved.bad_sent, achieved.bad_closed);
        line("bad peers", format!("{sent} messages, {closed} connections ended by the server"));
    }
    line("measured", format!("{:.3} s", achieved.seconds));
    line("messages", format!("{} sent, {} answered", achieved.sent, achieved.answered));
    line("rate", format!("{:.1} answered/s", achieved.rate));
    line("latency", times(&report.latency));
    if report.asked_rate.is_some() {
        line("service time", times(&report.service_time));
        line("late sends", report.generator.late_sends.to_string());
    }
    let share = report.generator.cpu_share * 100.0;
    line("own CPU", format!("{:.3} s ({share:.0}%)", report.generator.cpu_s));
    for errors in [&report.errors, &report.errors_before] {
        errors.iter().for_each(|error| line("error", described_error(error)));
    }
    if report.interrupted {
        line("interrupted", "before its end".into());
    }
    out
}

fn described(report: &Report) -> String {
    match (report.asked.schedule, report.asked_rate) {
        (Schedule::Closed { pipeline }, _) => format!("closed, {pipeline} in flight"),
        (Schedule::Open { .. }, rate) => {
            format!("open, {:.1} messages/s asked", rate.unwrap_or_default())
        }
    }
}

fn described_error(error: &ErrorLine) -> String {
    let first = error.first.as_deref().unwrap_or_default();
    format!("{} {}: {first}", error.count, error.kind.name())
}

fn times(times: &Times) -> String {
    let shown = |ns: Option<u64>| ns.map_or("-".into(), |ns| format!("{:.1}", ns as f64 / 1e3));
    format!(
        "p50 {} p90 {} p99 {} p99.9 {} p99.99 {} max {} us",
        shown(times.p50_ns),
        shown(times.p90_ns),
        shown(times.p99_ns),
        shown(times.p99_9_ns),
        shown(times.p99_99_ns),
        shown(times.max_ns)
    )
}
