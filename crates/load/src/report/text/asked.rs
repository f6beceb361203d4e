//! What was asked, what was achieved, and how it went over time.

use super::page::{LABEL, Look, Page, WIDTH};
use crate::bars::{gathered, sparkline};
use crate::message::{Message, Records};
use crate::plan::{End, Plan};
use crate::report::Report;
use crate::schedule::{Arrivals, Schedule};
use crate::units::{bytes, count, percent, rate, several, time};
use crate::watch::Interval;

/// Room for the bars of time: what they range from and to follows.
const BARS: usize = 32;

pub(super) fn write(page: &mut Page, report: &Report) {
    let (asked, achieved) = (&report.asked, &report.achieved);
    let pad = |name: &str| format!("{name:LABEL$}");
    let mut line = |name: &str, look, text: &str| {
        page.line(&[(Look::Strong, &pad(name)), (look, text)]);
    };
    line("Target", Look::Plain, &asked.target.to_string());
    line("Load", Look::Plain, &schedule(report));
    line("Messages", Look::Plain, &messages(asked));
    let there = achieved.connections + achieved.idle;
    let look = if there < asked.connections + asked.idle { Look::Error } else { Look::Plain };
    line("Connections", look, &connections(report));
    for bad in &asked.bad {
        let text = format!("{} of them {}", percent(bad.share), bad.manner.name());
        line("", Look::Plain, &text);
    }
    let look = if report.interrupted { Look::Warning } else { Look::Plain };
    line("Measured", look, &measured(report));
}

fn schedule(report: &Report) -> String {
    match (report.asked.schedule, report.asked_rate) {
        (Schedule::Open { arrivals, .. }, asked) => {
            let how = match arrivals {
                Arrivals::Even => "at even distances",
                Arrivals::Poisson => "at random (Poisson)",
            };
            let what = if report.asked.script.is_some() { "dialogues" } else { "messages" };
            format!("open loop, {} {what}/s asked, {how}", rate(asked.unwrap_or_default()))
        }
        (Schedule::Closed { .. }, _) if report.asked.script.is_some() => {
            let each = if report.asked.short { "on its own" } else { "at a time on each" };
            format!("closed loop, a dialogue {each} connection")
        }
        (Schedule::Closed { pipeline }, _) => {
            let messages = several(pipeline.into(), "message", "messages");
            let where_ = if report.asked.short {
                "each on its own connection"
            } else {
                "on each connection"
            };
            format!("closed loop, {messages} in flight {where_}")
        }
    }
}

fn messages(asked: &Plan) -> String {
    if let Some(script) = &asked.script {
        return format!("a script of {}", several(script.steps.len() as u64, "step", "steps"));
    }
    let what = match &asked.message {
        Message::Size(size) => several(*size as u64, "byte", "bytes"),
        Message::Text(template) => format!("`{}`", cut(&template.to_string(), 30)),
        Message::File { path, records } => {
            let records = match records {
                Records::Lines => "lines",
                Records::Length4 => "records",
            };
            format!("{records} of {}", cut(&path.display().to_string(), 30))
        }
    };
    format!("{what}, protocol {}, expecting {}", asked.protocol, cut(&asked.expect.to_string(), 20))
}

/// So many characters at most, and a sign that there were more.
fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn connections(report: &Report) -> String {
    let (asked, achieved) = (&report.asked, &report.achieved);
    let mut text = match asked.short {
        true => {
            let what = if asked.script.is_some() { "dialogue" } else { "message" };
            format!("{} at a time, one for each {what}", count(asked.connections))
        }
        false => format!("{} of {}", count(achieved.connections), count(asked.connections)),
    };
    if asked.idle > 0 {
        text += &format!(", {} of {} idle", count(achieved.idle), count(asked.idle));
    }
    if !asked.short || asked.idle > 0 {
        text += &format!(", connected in {}", time(achieved.connecting_s * 1e9));
    }
    text
}

fn measured(report: &Report) -> String {
    let Plan { end, warm_up, .. } = &report.asked;
    let mut text = time(report.achieved.seconds * 1e9);
    match end {
        End::After(all) if report.interrupted => {
            text += &format!(" of {}, interrupted", time(all.as_nanos() as f64));
        }
        End::Messages(all) if report.interrupted => {
            text += &format!(", interrupted before {} messages", count(*all));
        }
        End::After(_) | End::Messages(_) => {}
    }
    if !warm_up.is_zero() {
        text += &format!(", after a warm-up of {}", time(warm_up.as_nanos() as f64));
    }
    text
}

/// Messages, and bytes, by the second and in all.
pub(super) fn write_rates(page: &mut Page, report: &Report) {
    let achieved = &report.achieved;
    page.section("Rate", &format!("{:>16}{:>16}{:>14}", "messages/s", "messages", "bytes"));
    let mut row = |name: &str, look, per_second: &str, all: &str, size: &str| {
        let label = format!("{:LABEL$}", format!("  {name}"));
        let cells = format!("{per_second:>16}");
        let rest = format!("{all:>16}{size:>14}");
        page.line(&[(Look::Faint, &label), (look, &cells), (Look::Plain, &rest)]);
    };
    match report.asked_rate {
        Some(asked) => row("asked", Look::Plain, &rate(asked), "", ""),
        None => row("asked", Look::Plain, "all it can take", "", ""),
    }
    let size = bytes(achieved.bytes_sent as f64);
    row("sent", Look::Plain, &rate(achieved.sent_rate), &count(achieved.sent), &size);
    let size = bytes(achieved.bytes_received as f64);
    row("answered", Look::Strong, &rate(achieved.rate), &count(achieved.answered), &size);
    if achieved.skipped > 0 {
        let text = "due when no connection could take them";
        page.entry("not sent", &format!("{} {text}", count(achieved.skipped)));
    }
    if achieved.not_reached > 0 {
        let text = "that the generator did not get to";
        page.entry("not sent", &format!("{} {text}", count(achieved.not_reached)));
    }
    if achieved.unanswered > 0 {
        let text = match report.interrupted {
            true => "in flight when it was interrupted",
            false => "in flight when the time-out at the end was over",
        };
        page.entry("unanswered", &format!("{} {text}", count(achieved.unanswered)));
    }
    if !report.asked.bad.is_empty() {
        let sent = several(achieved.bad_sent, "message", "messages");
        let text = format!("{sent} sent; {} closed by the server", count(achieved.bad_closed));
        page.entry("bad peers", &text);
    }
}

pub(super) fn write_over_time(page: &mut Page, report: &Report) {
    let intervals: Vec<&Interval> = report.over_time.iter().collect();
    if intervals.len() < 2 {
        return;
    }
    let answered = |some: &[&Interval]| {
        let seconds: f64 = some.iter().map(|interval| interval.seconds).sum();
        let answered: u64 = some.iter().map(|interval| interval.answered).sum();
        (seconds > 0.0).then(|| answered as f64 / seconds)
    };
    let slowest = |some: &[&Interval]| {
        some.iter().filter_map(|interval| interval.p99_ns).max().map(|ns| ns as f64)
    };
    let rates = gathered(&intervals, BARS, answered);
    let p99 = gathered(&intervals, BARS, slowest);
    let seconds = intervals.len().div_ceil(rates.len());
    let about = format!("each bar is {}", several(seconds as u64, "second", "seconds"));
    page.section("Over time", &about);
    let mut row = |name: &str, values: &[Option<f64>], shown: fn(f64) -> String| {
        let known = || values.iter().flatten().copied();
        let least = known().fold(f64::INFINITY, f64::min);
        if least.is_finite() {
            let label = format!("{:LABEL$}", format!("  {name}"));
            let range = format!("  {} to {}", shown(least), shown(known().fold(0.0, f64::max)));
            let bars = sparkline(values);
            debug_assert!(LABEL + bars.chars().count() + range.chars().count() <= WIDTH);
            page.line(&[(Look::Faint, &label), (Look::Bar, &bars), (Look::Plain, &range)]);
        }
    };
    row("answered/s", &rates, rate);
    row("p99", &p99, time);
}
