//! What a condition can be about, and how its bound is written.

use std::str::FromStr;

use hdrhistogram::Histogram;

use crate::errors::ErrorKind;
use crate::record::Record;
use crate::report::{Report, ServerSide, Times};
use crate::units::{bytes, percent, rate, time};

/// Something in a result that has a value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Metric {
    Latency(Part),
    Service(Part),
    Errors(Option<ErrorKind>),
    Plain(&'static Plain),
}

/// Of latencies or service times.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Part {
    Mean,
    Min,
    Max,
    /// So much of all takes no longer, between 0 and 1.
    Percentile(f64),
}

/// A number of a report.
#[derive(Debug, PartialEq)]
pub(super) struct Plain {
    name: &'static str,
    unit: Unit,
    of: Of,
}

/// Where it is found.
#[derive(Debug)]
enum Of {
    Report(fn(&Report) -> f64),
    Server(fn(&ServerSide) -> Option<f64>),
}

impl PartialEq for Of {
    /// A metric is known by its name.
    fn eq(&self, _: &Of) -> bool {
        true
    }
}

/// What a value is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Nanoseconds, written with a unit of time.
    Time,
    /// Things, or things a second.
    Number,
    /// Between 0 and 1, written as a percentage.
    Share,
    /// Bytes.
    Size,
}

const PLAIN: [Plain; 14] = [
    plain("rate", Unit::Number, |report| report.achieved.rate),
    plain("sent-rate", Unit::Number, |report| report.achieved.sent_rate),
    plain("answered", Unit::Number, |report| report.achieved.answered as f64),
    plain("unanswered", Unit::Number, |report| report.achieved.unanswered as f64),
    plain("skipped", Unit::Number, |report| report.achieved.skipped as f64),
    plain("not-reached", Unit::Number, |report| report.achieved.not_reached as f64),
    plain("connections", Unit::Number, |report| report.achieved.connections as f64),
    plain("late", Unit::Share, |report| report.generator.late_share),
    plain("warnings", Unit::Number, |report| report.warnings.len() as f64),
    beside("server.cpu", Unit::Time, |server| server.cpu_per_message_ns),
    beside("server.memory", Unit::Size, |server| Some(server.pss_bytes as f64)),
    beside("server.memory-per-peer", Unit::Size, |server| server.bytes_per_peer),
    beside("server.threads", Unit::Number, |server| Some(server.threads as f64)),
    beside("server.descriptors", Unit::Number, |server| Some(server.descriptors as f64)),
];

const fn plain(name: &'static str, unit: Unit, of: fn(&Report) -> f64) -> Plain {
    Plain { name, unit, of: Of::Report(of) }
}

const fn beside(name: &'static str, unit: Unit, of: fn(&ServerSide) -> Option<f64>) -> Plain {
    Plain { name, unit, of: Of::Server(of) }
}

/// Other words for what there is.
const MEANT: [(&str, &str); 14] = [
    ("throughput", "rate"),
    ("rps", "rate"),
    ("qps", "rate"),
    ("latency", "mean"),
    ("avg", "mean"),
    ("average", "mean"),
    ("median", "p50"),
    ("p100", "max"),
    ("p0", "min"),
    ("timeouts", "timed-out"),
    ("timeout", "timed-out"),
    ("mismatches", "mismatch"),
    ("failures", "errors"),
    ("server.pss", "server.memory"),
];

impl Metric {
    pub(super) fn unit(&self) -> Unit {
        match self {
            Metric::Latency(_) | Metric::Service(_) => Unit::Time,
            Metric::Errors(_) => Unit::Number,
            Metric::Plain(plain) => plain.unit,
        }
    }

    pub(super) fn needs_server(&self) -> bool {
        matches!(self, Metric::Plain(Plain { of: Of::Server(_), .. }))
    }

    /// The value, times from the `record` of the same run; errors as a `share` of the messages sent,
    /// if that is asked for.
    pub(super) fn of(&self, report: &Report, record: &Record, share: bool) -> Option<f64> {
        match self {
            Metric::Latency(part) => part.of(&record.latency),
            Metric::Service(part) => part.of(record.service_time()),
            Metric::Errors(kind) => {
                let all = report.errors.iter().chain(&report.errors_before);
                let those = all.filter(|line| kind.is_none_or(|kind| kind == line.kind));
                let count = those.map(|line| line.count).sum::<u64>() as f64;
                match share {
                    true if report.achieved.sent == 0 => None,
                    true => Some(count / report.achieved.sent as f64),
                    false => Some(count),
                }
            }
            Metric::Plain(Plain { of: Of::Report(of), .. }) => Some(of(report)),
            Metric::Plain(Plain { of: Of::Server(of), .. }) => of(report.server.as_ref()?),
        }
    }

    /// A bound as people write it.
    pub(super) fn bound(&self, text: &str) -> Result<f64, String> {
        if let (Metric::Errors(_), Some(_)) = (self, text.strip_suffix('%')) {
            return Unit::Share.read(text);
        }
        self.unit().read(text)
    }
}

impl Part {
    fn named(name: &str) -> Option<Part> {
        match name {
            "mean" => Some(Part::Mean),
            "min" => Some(Part::Min),
            "max" => Some(Part::Max),
            _ => percentile(name.strip_prefix('p')?).map(Part::Percentile),
        }
    }

    fn of(self, times: &Histogram<u64>) -> Option<f64> {
        let value = match self {
            Part::Mean => times.mean(),
            Part::Min => times.min() as f64,
            Part::Max => times.max() as f64,
            Part::Percentile(quantile) => Times::at(times, quantile)? as f64,
        };
        (!times.is_empty()).then_some(value)
    }
}

/// The quantile of a percentile's digits. They are read with the point moved, not divided by 100: the
/// number next to 0.999 is another sample of 1,000.
fn percentile(digits: &str) -> Option<f64> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let quantile = format!("{digits}e-2").parse::<f64>().ok().filter(|_| plain)?;
    (quantile > 0.0 && quantile < 1.0).then_some(quantile)
}

impl FromStr for Metric {
    type Err = String;

    fn from_str(name: &str) -> Result<Metric, String> {
        let name = name.replace(['_', ' '], "-");
        if let Some(part) = Part::named(&name) {
            return Ok(Metric::Latency(part));
        }
        if let Some(part) = name.strip_prefix("service.").and_then(Part::named) {
            return Ok(Metric::Service(part));
        }
        if name == "errors" {
            return Ok(Metric::Errors(None));
        }
        let kind = |kind: &ErrorKind| kind.name().replace(' ', "-") == name;
        if let Some(kind) = ErrorKind::ALL.into_iter().find(kind) {
            return Ok(Metric::Errors(Some(kind)));
        }
        match PLAIN.iter().find(|plain| plain.name == name) {
            Some(plain) => Ok(Metric::Plain(plain)),
            None => Err(unknown(&name)),
        }
    }
}

/// There is nothing of that name: what was meant, or what there is.
fn unknown(name: &str) -> String {
    let parts = || ["mean", "min", "max"].into_iter().chain(Times::QUANTILES.map(|(_, name)| name));
    let kinds: Vec<String> = ErrorKind::ALL.map(|kind| kind.name().replace(' ', "-")).to_vec();
    let all = || {
        let kinds = kinds.iter().map(String::as_str);
        parts().chain(["errors"]).chain(kinds).chain(PLAIN.iter().map(|plain| plain.name))
    };
    let meant = MEANT.iter().find(|(word, _)| *word == name).map(|(_, meant)| *meant);
    let is_number = name.strip_prefix('p').is_some_and(|rest| rest.parse::<f64>().is_ok());
    if meant.is_none() && is_number {
        return format!("`{name}` is no percentile; one lies between p0 and p100, such as p99.9");
    }
    let near = meant.or_else(|| switchboard::model::closest(name, all()));
    match near {
        Some(near) => format!("there is no `{name}`; did you mean `{near}`?"),
        None => {
            let all: Vec<&str> = all().collect();
            format!(
                "there is no `{name}` to compare; there are {}, any other percentile, and \
                 service.p99 and its like",
                all.join(" ")
            )
        }
    }
}

/// Factors of a unit, longer names first where one ends another.
type Factors = &'static [(&'static str, f64)];

const TIMES: Factors =
    &[("ns", 1.0), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9)];
const NUMBERS: Factors = &[("k", 1e3), ("M", 1e6), ("", 1.0)];
const SHARES: Factors = &[("%", 0.01)];
const SIZES: Factors = &[
    ("KiB", 1024.0),
    ("MiB", 1_048_576.0),
    ("GiB", 1_073_741_824.0),
    ("kB", 1e3),
    ("KB", 1e3),
    ("MB", 1e6),
    ("GB", 1e9),
    ("B", 1.0),
];

impl Unit {
    fn read(self, text: &str) -> Result<f64, String> {
        let (factors, wrong) = match self {
            Unit::Time => (TIMES, "a time is a number and a unit, such as 500us, 5ms, 1.5s"),
            Unit::Number => (NUMBERS, "write a number such as 0, 1000 or 10k"),
            Unit::Share => (SHARES, "write a share such as 0.1%"),
            Unit::Size => (SIZES, "write a size such as 10MiB or 512B"),
        };
        let number = |digits: &str| {
            let number = digits.trim().parse::<f64>().ok();
            number.filter(|number| number.is_finite() && *number >= 0.0)
        };
        if self == Unit::Time && number(text).is_some() {
            return Err(format!("`{text}` needs a unit, such as {text}ms or {text}us"));
        }
        let read = factors.iter().find_map(|(unit, factor)| {
            text.strip_suffix(unit).and_then(number).map(|number| number * factor)
        });
        read.ok_or_else(|| format!("`{text}` cannot be compared with; {wrong}"))
    }

    pub(super) fn shown(self, value: f64) -> String {
        match self {
            Unit::Time => time(value),
            Unit::Number if value.fract() == 0.0 && value < 1e15 => {
                crate::units::count(value as u64)
            }
            Unit::Number => rate(value),
            Unit::Share => percent(value),
            Unit::Size => bytes(value),
        }
    }
}
