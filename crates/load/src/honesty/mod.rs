//! What makes a result doubtful, and what to do about it. Each doubt is a function of the report
//! alone; a report has all that apply, the gravest first.

mod generator;
mod measurement;
mod server;

use serde::Serialize;

use crate::report::Report;

/// A reason to doubt a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// One word for programs, which stays the same.
    pub code: &'static str,
    /// A sentence for people: what is wrong, and what to do next.
    pub text: String,
}

/// Looks for one reason.
type Doubt = fn(&Report) -> Option<String>;

const DOUBTS: [(&str, Doubt); 14] = [
    ("no_replies", measurement::no_replies),
    ("connections_missing", measurement::connections_missing),
    ("messages_missing", measurement::messages_missing),
    ("errors", measurement::errors),
    ("server_ended", server::ended),
    ("rate_missed", measurement::rate_missed),
    ("server_behind", measurement::server_behind),
    ("generator_limit", generator::limit),
    ("late_sends", generator::late_sends),
    ("shared_cores", server::shared_cores),
    ("closed_loop", measurement::closed_loop),
    ("short_run", measurement::short_run),
    ("few_samples", measurement::few_samples),
    ("server_unread", server::unread),
];

/// All reasons to doubt `report`.
pub fn warnings(report: &Report) -> Vec<Warning> {
    let doubts = DOUBTS.iter();
    doubts.filter_map(|(code, doubt)| Some(Warning { code, text: doubt(report)? })).collect()
}

/// The codes that a warning can have, the gravest first.
pub fn codes() -> impl Iterator<Item = &'static str> {
    DOUBTS.iter().map(|(code, _)| *code)
}

/// Whether so few of `samples` lie beyond `quantile` that another run would say something else.
pub fn is_doubtful(samples: u64, quantile: f64) -> bool {
    measurement::beyond(samples, quantile) < measurement::BEYOND
}

/// Why the load that was applied is not the one that was asked for: a sentence. `None` if it is, or
/// if somebody stopped the run.
pub fn shortfall(report: &Report) -> Option<String> {
    if report.interrupted {
        return None;
    }
    let reasons =
        [measurement::connections_missing, measurement::messages_missing, measurement::rate_missed];
    reasons.into_iter().find_map(|reason| reason(report))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::made_up;

    /// Kills: a doubt that is not asked; one that every report gives rise to.
    #[test]
    fn a_sound_report_has_no_warnings() {
        assert_eq!(warnings(&made_up::sound()), []);
        assert_eq!(shortfall(&made_up::sound()), None);
    }

    #[test]
    fn the_gravest_comes_first() {
        let mut report = made_up::sound();
        report.generator.cpu_share = 0.99;
        report.achieved.connections = 3;
        let codes: Vec<&str> = warnings(&report).iter().map(|warning| warning.code).collect();
        assert_eq!(codes, ["connections_missing", "generator_limit"]);
        assert!(shortfall(&report).is_some());
        report.interrupted = true;
        assert_eq!(shortfall(&report), None);
    }
}
