//! Conditions under which a result is a failure: `p99>5ms`, `errors>0`, `rate<1000`.

mod metric;

use std::fmt;
use std::str::FromStr;

use crate::record::Record;
use crate::report::Report;
use metric::{Metric, Unit};

/// A condition under which a result is a failure.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    metric: Metric,
    relation: Relation,
    bound: f64,
    /// As it was written.
    text: String,
}

/// A condition that is met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// As it was written.
    pub condition: String,
    /// What it was in the result.
    pub value: String,
}

/// How a value and a bound compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    Above,
    AtLeast,
    Below,
    AtMost,
}

impl Relation {
    /// Longer signs first, as the others begin them.
    const ALL: [(&'static str, Relation); 4] = [
        (">=", Relation::AtLeast),
        ("<=", Relation::AtMost),
        (">", Relation::Above),
        ("<", Relation::Below),
    ];

    fn holds(self, value: f64, bound: f64) -> bool {
        match self {
            Relation::Above => value > bound,
            Relation::AtLeast => value >= bound,
            Relation::Below => value < bound,
            Relation::AtMost => value <= bound,
        }
    }
}

impl Condition {
    /// Whether `report` fails, and with what value; any percentile of its latencies is in the `record`
    /// of the same run. What was not measured cannot pass.
    pub fn check(&self, report: &Report, record: &Record) -> Option<Failure> {
        let unit = self.metric.unit();
        let value = match self.metric.of(report, record, self.unit_is_share()) {
            Some(value) if !self.relation.holds(value, self.bound) => return None,
            Some(value) if self.unit_is_share() => Unit::Share.shown(value),
            Some(value) => unit.shown(value),
            None => "nothing was measured".to_owned(),
        };
        Some(Failure { condition: self.text.clone(), value })
    }

    /// Whether it can only be checked beside the server's side.
    pub fn needs_server(&self) -> bool {
        self.metric.needs_server()
    }

    /// Errors can be counted, or be a share of the messages.
    fn unit_is_share(&self) -> bool {
        self.metric.unit() == Unit::Share || self.text.ends_with('%')
    }
}

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Condition, String> {
        let text = text.trim();
        let place = text.find(['<', '>', '=', '!']).ok_or_else(|| {
            format!("`{text}` is no condition; write what fails, such as p99>5ms or errors>0")
        })?;
        let (name, rest) = text.split_at(place);
        let (sign, relation) =
            Relation::ALL
                .into_iter()
                .find(|(sign, _)| rest.starts_with(sign))
                .ok_or_else(|| format!("`{text}` compares with one of > >= < <= only"))?;
        let metric: Metric = name.trim().parse()?;
        let bound = metric.bound(rest[sign.len()..].trim())?;
        Ok(Condition { metric, relation, bound, text: text.to_owned() })
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed: {} (it was {})", self.condition, self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::made_up;

    fn value(condition: &str, report: &Report) -> Option<String> {
        value_of(condition, report, &Record::new(true))
    }

    fn value_of(condition: &str, report: &Report, record: &Record) -> Option<String> {
        let condition: Condition = condition.parse().unwrap();
        condition.check(report, record).map(|failure| failure.value)
    }

    /// Kills: a percentile that is a sample off, as 99.9 / 100 is; one of the other times.
    #[test]
    fn any_percentile_can_be_a_condition() {
        let report = made_up::sound();
        let mut record = Record::new(true);
        (1..=1000).for_each(|number| record.answered(number, 1));
        for (condition, number) in [
            ("p95>949ns", "950 ns"),
            ("p99.9>998ns", "999 ns"),
            ("p99.95>999ns", "1.00 µs"),
            ("p0.1>=1ns", "1 ns"),
            ("p.5>1ns", "5 ns"),
            ("p58>579ns", "580 ns"),
            ("service.p37.5>=1ns", "1 ns"),
            ("mean>500ns", "500 ns"),
        ] {
            assert_eq!(value_of(condition, &report, &record).as_deref(), Some(number));
        }
        assert_eq!(value_of("p95>950ns", &report, &record), None);
        assert_eq!(value_of("p99.95<1us", &report, &record), None);
    }

    /// Kills: a relation the wrong way round; the value of another metric.
    #[test]
    fn a_condition_that_is_met_shows_the_value() {
        let report = made_up::sound();
        let mut record = Record::new(true);
        // As a histogram keeps it.
        record.answered(7_122_943, 4_000_000);
        assert_eq!(value_of("p99>5ms", &report, &record).as_deref(), Some("7.12 ms"));
        assert_eq!(value_of("p99 > 7.122943ms", &report, &record), None);
        assert_eq!(value_of("p99>=7.122943ms", &report, &record).as_deref(), Some("7.12 ms"));
        assert_eq!(value_of("service.p99>5ms", &report, &record), None);
        assert_eq!(value("rate<100k", &report).as_deref(), Some("99,998"));
        assert_eq!(value("rate<=99997", &report), None);
        assert_eq!(value("errors>0", &report), None);
        assert_eq!(value("late>0.1%", &report), None);
        assert_eq!(value("late>=0.001%", &report).as_deref(), Some("0.001%"));
        assert_eq!(value("connections<101", &report).as_deref(), Some("100"));
        let failure = "errors>=0".parse::<Condition>().unwrap().check(&report, &record).unwrap();
        assert_eq!(failure.to_string(), "failed: errors>=0 (it was 0)");
    }

    #[test]
    fn errors_are_counted_by_kind_or_as_a_share() {
        let report = made_up::troubled();
        assert_eq!(value("errors>0", &report).as_deref(), Some("91"));
        assert_eq!(value("refused>2", &report).as_deref(), Some("3"));
        assert_eq!(value("closed-early>0", &report), None);
        assert_eq!(value("closed_early>=0", &report).as_deref(), Some("0"));
        assert_eq!(value("errors>6%", &report).as_deref(), Some("7.0%"));
        assert_eq!(value("errors>8%", &report), None);
    }

    /// Kills: a threshold that nothing was measured for, and that passes.
    #[test]
    fn what_was_not_measured_fails() {
        let mut report = made_up::sound();
        assert_eq!(value("p99>1h", &report).as_deref(), Some("nothing was measured"));
        assert_eq!(value("server.cpu>1s", &report).as_deref(), Some("nothing was measured"));
        assert!("server.cpu>1s".parse::<Condition>().unwrap().needs_server());
        assert!(!"mean>1s".parse::<Condition>().unwrap().needs_server());
        report.server = Some(made_up::server());
        assert_eq!(value("server.cpu>10us", &report).as_deref(), Some("12.3 µs"));
        assert_eq!(value("server.memory>8MiB", &report).as_deref(), Some("9.00 MiB"));
        assert_eq!(value("server.memory-per-peer>4KiB", &report).as_deref(), Some("5.58 KiB"));
    }

    #[test]
    fn what_is_no_condition_is_explained() {
        let cases = [
            ("p99", "write what fails, such as p99>5ms"),
            ("p99=5ms", "> >= < <= only"),
            ("errors!=0", "> >= < <= only"),
            ("p99>5", "needs a unit, such as 5ms"),
            ("p99>ms", "a number and a unit"),
            ("p99>-1ms", "a number and a unit"),
            ("p101>5ms", "between p0 and p100, such as p99.9"),
            ("p1e1>5ms", "`p1e1` is no percentile"),
            ("p-5>5ms", "`p-5` is no percentile"),
            ("p100>5ms", "did you mean `max`?"),
            ("eror>0", "did you mean `errors`?"),
            ("throughput<5", "`rate`"),
            ("latency>5ms", "`mean`"),
            ("errors>few", "a number such as 0"),
            ("late>1", "a share such as 0.1%"),
            ("server.memory>5", "a size such as 10MiB"),
            (">5", "there is no ``"),
        ];
        for (text, words) in cases {
            let error = text.parse::<Condition>().unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
