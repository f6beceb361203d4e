//! The result for spreadsheets: a line of names and a line of values, so that the lines of many runs
//! make one table.

use super::{Report, SCHEMA, ServerSide};
use crate::errors::ErrorKind;
use crate::schedule::Schedule;

/// A column: its name, what it has, and how that is found.
struct Column(&'static str, &'static str, fn(&Report) -> String);

/// Something that may not be there is an empty field.
fn maybe(value: Option<impl ToString>) -> String {
    value.map_or(String::new(), |value| value.to_string())
}

fn server(report: &Report, part: impl FnOnce(&ServerSide) -> String) -> String {
    report.server.as_ref().map_or(String::new(), part)
}

/// How often something went wrong, before the measurement and in it.
fn errors(report: &Report, kind: Option<ErrorKind>) -> String {
    let all = report.errors.iter().chain(&report.errors_before);
    all.filter(|line| kind.is_none_or(|kind| kind == line.kind))
        .map(|line| line.count)
        .sum::<u64>()
        .to_string()
}

fn open_or_closed(report: &Report) -> String {
    match report.asked.schedule {
        Schedule::Closed { .. } => "closed".to_owned(),
        Schedule::Open { .. } => "open".to_owned(),
    }
}

#[rustfmt::skip]
const COLUMNS: &[Column] = &[
    Column("schema", "the name and version of these columns", |_| SCHEMA.to_owned()),
    Column("target", "where the server listens", |r| r.asked.target.to_string()),
    Column("loop", "open or closed", open_or_closed),
    Column("asked_rate", "messages a second; empty in a closed loop", |r| maybe(r.asked_rate)),
    Column("asked_connections", "connections that send", |r| r.asked.connections.to_string()),
    Column("asked_idle", "connections that say nothing", |r| r.asked.idle.to_string()),
    Column("connections", "of them open when the measurement began", |r| r.achieved.connections.to_string()),
    Column("idle", "of them open when the measurement began", |r| r.achieved.idle.to_string()),
    Column("connecting_s", "how long connecting took", |r| r.achieved.connecting_s.to_string()),
    Column("seconds", "how long it was measured", |r| r.achieved.seconds.to_string()),
    Column("sent", "messages", |r| r.achieved.sent.to_string()),
    Column("answered", "right replies", |r| r.achieved.answered.to_string()),
    Column("sent_rate", "messages a second", |r| r.achieved.sent_rate.to_string()),
    Column("rate", "right replies a second", |r| r.achieved.rate.to_string()),
    Column("bytes_sent", "bytes that the kernel took", |r| r.achieved.bytes_sent.to_string()),
    Column("bytes_received", "bytes that came", |r| r.achieved.bytes_received.to_string()),
    Column("skipped", "messages due when no connection could take them", |r| r.achieved.skipped.to_string()),
    Column("not_reached", "messages due that the generator did not get to", |r| r.achieved.not_reached.to_string()),
    Column("unanswered", "messages nobody waited for any longer at the end", |r| r.achieved.unanswered.to_string()),
    Column("mean_ns", "latency, from when a message was due", |r| maybe(r.latency.mean_ns)),
    Column("min_ns", "the same", |r| maybe(r.latency.min_ns)),
    Column("p50_ns", "the same", |r| maybe(r.latency.p50_ns)),
    Column("p90_ns", "the same", |r| maybe(r.latency.p90_ns)),
    Column("p99_ns", "the same", |r| maybe(r.latency.p99_ns)),
    Column("p99_9_ns", "the same", |r| maybe(r.latency.p99_9_ns)),
    Column("p99_99_ns", "the same", |r| maybe(r.latency.p99_99_ns)),
    Column("max_ns", "the same", |r| maybe(r.latency.max_ns)),
    Column("service_mean_ns", "service time, from when a message was sent", |r| maybe(r.service_time.mean_ns)),
    Column("service_p50_ns", "the same", |r| maybe(r.service_time.p50_ns)),
    Column("service_p90_ns", "the same", |r| maybe(r.service_time.p90_ns)),
    Column("service_p99_ns", "the same", |r| maybe(r.service_time.p99_ns)),
    Column("service_p99_9_ns", "the same", |r| maybe(r.service_time.p99_9_ns)),
    Column("service_p99_99_ns", "the same", |r| maybe(r.service_time.p99_99_ns)),
    Column("service_max_ns", "the same", |r| maybe(r.service_time.max_ns)),
    Column("errors", "all, before the measurement and in it", |r| errors(r, None)),
    Column("refused", "errors of that kind", |r| errors(r, Some(ErrorKind::Refused))),
    Column("reset", "errors of that kind", |r| errors(r, Some(ErrorKind::Reset))),
    Column("timed_out", "errors of that kind", |r| errors(r, Some(ErrorKind::TimedOut))),
    Column("closed_early", "errors of that kind", |r| errors(r, Some(ErrorKind::ClosedEarly))),
    Column("mismatch", "errors of that kind", |r| errors(r, Some(ErrorKind::Mismatch))),
    Column("out_of_descriptors", "errors of that kind", |r| errors(r, Some(ErrorKind::OutOfDescriptors))),
    Column("out_of_ports", "errors of that kind", |r| errors(r, Some(ErrorKind::OutOfPorts))),
    Column("other", "errors of that kind", |r| errors(r, Some(ErrorKind::Other))),
    Column("generator_cpu_s", "the generator's processor time", |r| r.generator.cpu_s.to_string()),
    Column("generator_cpu_share", "of what its threads could have had", |r| r.generator.cpu_share.to_string()),
    Column("late_sends", "messages that it sent over 1 ms late", |r| r.generator.late_sends.to_string()),
    Column("server_cpu_s", "with --server-pid: processor time", |r| server(r, |s| s.cpu_s.to_string())),
    Column("server_cpu_per_message_ns", "the same, for each right reply", |r| server(r, |s| maybe(s.cpu_per_message_ns))),
    Column("server_pss_before_bytes", "memory before the first connection", |r| server(r, |s| s.pss_before_bytes.to_string())),
    Column("server_pss_bytes", "memory, at most", |r| server(r, |s| s.pss_bytes.to_string())),
    Column("server_bytes_per_peer", "memory that each connection added", |r| server(r, |s| maybe(s.bytes_per_peer))),
    Column("server_processes", "at most", |r| server(r, |s| s.processes.to_string())),
    Column("server_threads", "at most", |r| server(r, |s| s.threads.to_string())),
    Column("server_descriptors", "at most", |r| server(r, |s| s.descriptors.to_string())),
    Column("server_voluntary_switches", "because a thread waited", |r| server(r, |s| s.voluntary_switches.to_string())),
    Column("server_involuntary_switches", "because it had had its time", |r| server(r, |s| s.involuntary_switches.to_string())),
    Column("server_unseen_share", "of its processor time: of threads that ended unseen, with their switches", |r| server(r, |s| maybe(s.unseen_share))),
    Column("interrupted", "true or false", |r| r.interrupted.to_string()),
    Column("warnings", "their codes, with spaces between", codes),
];

fn codes(report: &Report) -> String {
    let codes: Vec<&str> = report.warnings.iter().map(|warning| warning.code).collect();
    codes.join(" ")
}

/// A report as two lines of comma-separated values (RFC 4180): the names of the columns, and what
/// they have. What was not measured is empty.
pub fn csv(report: &Report) -> String {
    let line = |fields: Vec<String>| fields.join(",") + "\n";
    let names = COLUMNS.iter().map(|Column(name, ..)| (*name).to_owned()).collect();
    let values = COLUMNS.iter().map(|Column(_, _, value)| quoted(&value(report))).collect();
    line(names) + &line(values)
}

/// The columns of [`csv`] in order: their names and what they have.
pub fn csv_columns() -> impl Iterator<Item = (&'static str, &'static str)> {
    COLUMNS.iter().map(|Column(name, about, _)| (*name, *about))
}

fn quoted(text: &str) -> String {
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::made_up;

    fn parsed(report: &Report) -> Vec<(String, String)> {
        let text = csv(report);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2);
        let fields = |line: &str| line.split(',').map(str::to_owned).collect::<Vec<_>>();
        let (names, values) = (fields(lines[0]), fields(lines[1]));
        assert_eq!(names.len(), values.len());
        names.into_iter().zip(values).collect()
    }

    fn field(report: &Report, name: &str) -> String {
        parsed(report).into_iter().find(|(found, _)| found == name).unwrap().1
    }

    /// Kills: a value under another column's name; a column twice; an error kind without one.
    #[test]
    fn every_value_is_under_its_name() {
        let mut report = made_up::troubled();
        assert_eq!(field(&report, "schema"), SCHEMA);
        assert_eq!(field(&report, "loop"), "closed");
        assert_eq!(field(&report, "asked_rate"), "");
        assert_eq!(field(&report, "errors"), "91");
        assert_eq!(field(&report, "mismatch"), "88");
        assert_eq!(field(&report, "server_cpu_s"), "");
        report.server = Some(made_up::server());
        assert_eq!(field(&report, "server_cpu_s"), "12.3");
        assert_eq!(field(&report, "server_bytes_per_peer"), "5719");
        let names: Vec<&str> = csv_columns().map(|(name, _)| name).collect();
        let distinct: std::collections::HashSet<&&str> = names.iter().collect();
        assert_eq!(distinct.len(), names.len());
        for kind in ErrorKind::ALL {
            assert!(names.contains(&kind.name().replace(' ', "_").as_str()), "{kind:?}");
        }
    }

    /// Kills: numbers that a program cannot read, such as those with thousands apart.
    #[test]
    fn numbers_are_numbers() {
        let words = ["schema", "target", "loop", "interrupted", "warnings"];
        for (name, value) in parsed(&made_up::sound()) {
            let fits =
                words.contains(&name.as_str()) || value.is_empty() || value.parse::<f64>().is_ok();
            assert!(fits, "{name}={value}");
        }
        let latency = field(&made_up::sound(), "p99_9_ns");
        assert_eq!(latency, made_up::sound().latency.p99_9_ns.unwrap().to_string());
        let service = made_up::sound().service_time;
        assert_eq!(field(&made_up::sound(), "service_max_ns"), service.max_ns.unwrap().to_string());
    }

    #[test]
    fn a_path_with_a_comma_is_quoted() {
        let mut report = made_up::sound();
        report.asked.target = "unix:/a,b".parse().unwrap();
        assert!(csv(&report).contains(",\"unix:/a,b\",open,"));
    }
}
