//! Whether what was measured is what was asked for, and whether it is enough.

use crate::plan::End;
use crate::report::{Report, Times};
use crate::schedule::Schedule;
use crate::units::{count, percent, rate, several, time};

/// So many samples must lie beyond a percentile, or the next run will show another one.
pub(super) const BEYOND: f64 = 10.0;
/// A measurement under this misses what happens every second or two.
const SECONDS: f64 = 3.0;
/// The part of a rate that must be reached.
const REACHED: f64 = 0.99;
/// The longest reply time that delays nobody else enough to be told, in nanoseconds.
const STALL_NS: u64 = 10_000_000;
/// A stall is so many times as long as half of the replies take.
const STALL_TIMES: u64 = 100;

/// Samples that lie beyond a quantile.
pub(super) fn beyond(samples: u64, quantile: f64) -> f64 {
    samples as f64 * (1.0 - quantile) + 1e-6
}

pub(super) fn no_replies(report: &Report) -> Option<String> {
    (report.asked.connections > 0 && report.achieved.answered == 0).then(|| {
        "not one right reply came: check --protocol and --expect against what the server says \
         (switchboard connect shows it)"
            .to_owned()
    })
}

pub(super) fn connections_missing(report: &Report) -> Option<String> {
    let asked = report.asked.connections + report.asked.idle;
    let there = report.achieved.connections + report.achieved.idle;
    (there < asked).then(|| {
        format!(
            "only {} of {} connections were there when the measurement began; the errors say why",
            count(there),
            count(asked)
        )
    })
}

pub(super) fn errors(report: &Report) -> Option<String> {
    let lines = report.errors.iter().chain(&report.errors_before);
    let total: u64 = lines.map(|line| line.count).sum();
    (total > 0).then(|| {
        format!(
            "{}: latencies are those of right replies, and lost ones are not among them",
            several(total, "error", "errors")
        )
    })
}

/// With a number of messages: whether so many were sent.
pub(super) fn messages_missing(report: &Report) -> Option<String> {
    let End::Messages(asked) = report.asked.end else { return None };
    let sent = report.achieved.sent;
    (sent < asked && report.asked.script.is_none() && !report.interrupted).then(|| {
        format!(
            "only {} of {} messages were sent, as nobody was left to send the others; the errors \
             say why",
            count(sent),
            count(asked)
        )
    })
}

/// Whether messages went out slower than they were due.
pub(super) fn rate_missed(report: &Report) -> Option<String> {
    let asked = report.asked_rate?;
    let achieved = &report.achieved;
    let why = match (achieved.skipped, achieved.not_reached) {
        (0, 0) => {
            "the generator or the server did not keep up; lower --rate or raise --connections"
                .to_owned()
        }
        (skipped, missed) if skipped >= missed => format!(
            "{} were due when no connection could take them; lower --rate or raise --connections",
            count(skipped)
        ),
        (_, missed) => format!(
            "the generator did not get to {} that were due; lower --rate or raise --threads",
            count(missed)
        ),
    };
    (achieved.sent_rate < least(asked, achieved.seconds)).then(|| {
        format!(
            "sent {} of the rate that was asked for, {} of {} messages/s: {why}",
            percent(achieved.sent_rate / asked),
            rate(achieved.sent_rate),
            rate(asked)
        )
    })
}

/// Whether they went out in time, and right replies did not come as fast.
pub(super) fn server_behind(report: &Report) -> Option<String> {
    let asked = report.asked_rate?;
    let achieved = &report.achieved;
    let least = least(asked, achieved.seconds);
    (achieved.sent_rate >= least && achieved.rate < least && achieved.answered > 0).then(|| {
        format!(
            "answered {} of the rate that was asked for, {} of {} messages/s: the server does not \
             keep up; lower --rate to see latencies that it can hold",
            percent(achieved.rate / asked),
            rate(achieved.rate),
            rate(asked)
        )
    })
}

/// The least rate that is as good as asked for: random arrivals are rarely as many as they are on
/// average.
fn least(asked: f64, seconds: f64) -> f64 {
    let luck = 4.0 / (asked * seconds).max(16.0).sqrt();
    asked * REACHED.min(1.0 - luck)
}

/// A closed loop waits with the server; that matters when it stalled.
pub(super) fn closed_loop(report: &Report) -> Option<String> {
    let Schedule::Closed { .. } = report.asked.schedule else { return None };
    let (longest, half) = (report.latency.max_ns?, report.latency.p50_ns?);
    let held_back = report.achieved.rate * longest as f64 / 1e9;
    let stalled = longest >= STALL_NS && longest / STALL_TIMES >= half.max(1);
    stalled.then(|| {
        format!(
            "a closed loop asks nothing while it waits: in the {} of the longest reply, clients of \
             their own mind would have sent up to {} messages more, and waited; measure that with \
             --rate {:.0}",
            time(longest as f64),
            count(held_back as u64),
            (report.achieved.rate * 0.8).ceil()
        )
    })
}

pub(super) fn short_run(report: &Report) -> Option<String> {
    let seconds = report.achieved.seconds;
    (seconds < SECONDS && !report.interrupted).then(|| {
        format!(
            "measured for {} only, which misses what a server does every few seconds; use \
             --duration 10s",
            time(seconds * 1e9)
        )
    })
}

pub(super) fn few_samples(report: &Report) -> Option<String> {
    let samples = report.latency.samples;
    let doubtful: Vec<(f64, &str)> = Times::QUANTILES
        .into_iter()
        .filter(|(quantile, _)| samples > 0 && beyond(samples, *quantile) < BEYOND)
        .collect();
    let (first, last) = (doubtful.first()?, doubtful.last()?);
    let (which, lie) = match doubtful.len() {
        1 => (first.1.to_owned(), "lies"),
        _ => (format!("{} to {}", first.1, last.1), "lie"),
    };
    let needed = BEYOND / (1.0 - last.0);
    Some(format!(
        "{which} {lie} among the last {BEYOND} of {}, and another run will show other ones; {} \
         needs {}",
        several(samples, "sample", "samples"),
        last.1,
        remedy(report, needed)
    ))
}

/// How to get so many samples.
fn remedy(report: &Report, samples: f64) -> String {
    let seconds = samples / report.achieved.rate.max(f64::MIN_POSITIVE) * 1.05;
    match seconds <= 3600.0 {
        true => format!("--duration {:.0}s or more", seconds.ceil()),
        false => format!("{} samples", count(samples.round() as u64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errors::ErrorKind;
    use crate::report::{ErrorLine, made_up};

    #[test]
    fn ten_samples_must_lie_beyond_a_percentile() {
        let mut report = made_up::sound();
        report.latency.samples = 100_000;
        assert_eq!(few_samples(&report), None);
        (report.latency.samples, report.achieved.rate) = (99_999, 10_000.0);
        let text = few_samples(&report).unwrap();
        assert!(text.starts_with("p99.99 lies among the last 10 of 99,999"), "{text}");
        assert!(text.ends_with("needs --duration 11s or more"), "{text}");
        (report.latency.samples, report.achieved.rate) = (19, 1.9);
        let text = few_samples(&report).unwrap();
        assert!(
            text.starts_with("p50 to p99.99 lie") && text.ends_with("100,000 samples"),
            "{text}"
        );
    }

    /// Kills: a rate that only looks reached because replies were counted twice, or sends alone.
    #[test]
    fn a_rate_that_was_not_reached_is_told() {
        let mut report = made_up::sound();
        report.asked_rate = Some(1000.0);
        (report.achieved.sent_rate, report.achieved.rate) = (995.0, 995.0);
        report.achieved.seconds = 1000.0;
        assert_eq!(rate_missed(&report), None);
        report.achieved.rate = 500.0;
        assert_eq!(rate_missed(&report), None);
        assert!(server_behind(&report).unwrap().starts_with("answered 50% of"));
        report.achieved.sent_rate = 700.0;
        assert!(rate_missed(&report).unwrap().starts_with("sent 70% of"));
        assert_eq!(server_behind(&report), None);
        report.achieved.skipped = 12;
        assert!(rate_missed(&report).unwrap().contains("12 were due when"));
        report.achieved.not_reached = 13;
        let text = rate_missed(&report).unwrap();
        assert!(text.ends_with("not get to 13 that were due; lower --rate or raise --threads"));
    }

    /// Kills: the luck of a short Poisson run taken for a missed rate.
    #[test]
    fn a_few_messages_more_or_less_are_luck() {
        let mut report = made_up::sound();
        (report.asked_rate, report.achieved.seconds) = (Some(100.0), 1.0);
        (report.achieved.sent_rate, report.achieved.rate) = (70.0, 70.0);
        assert_eq!(rate_missed(&report), None);
        report.achieved.sent_rate = 50.0;
        assert!(rate_missed(&report).is_some());
    }

    /// Kills: a sermon about every closed loop.
    #[test]
    fn a_closed_loop_is_doubtful_when_the_server_stalled() {
        let mut report = made_up::sound();
        report.asked.schedule = Schedule::Closed { pipeline: 1 };
        report.achieved.rate = 10_000.0;
        report.latency.p50_ns = Some(50_000);
        report.latency.max_ns = Some(9_000_000);
        assert_eq!(closed_loop(&report), None);
        report.latency.max_ns = Some(500_000_000);
        let text = closed_loop(&report).unwrap();
        assert!(text.contains("500 ms") && text.contains("5,000 messages"), "{text}");
        assert!(text.ends_with("--rate 8000"), "{text}");
        report.asked.schedule = made_up::sound().asked.schedule;
        assert_eq!(closed_loop(&report), None);
    }

    #[test]
    fn what_is_missing_is_told() {
        let mut report = made_up::sound();
        report.achieved.idle -= 1;
        assert!(connections_missing(&report).unwrap().starts_with("only 1,099 of 1,100"));
        report.errors_before = vec![ErrorLine { kind: ErrorKind::Refused, count: 1, first: None }];
        assert!(errors(&report).unwrap().starts_with("1 error:"));
        report.asked.end = End::Messages(report.achieved.sent + 1);
        assert!(messages_missing(&report).unwrap().starts_with("only 999,980 of 999,981"));
        report.achieved.answered = 0;
        assert!(no_replies(&report).unwrap().contains("--expect"));
        report.achieved.seconds = 2.0;
        assert!(short_run(&report).unwrap().contains("2.00 s only"));
        report.interrupted = true;
        assert_eq!(short_run(&report), None);
    }
}
