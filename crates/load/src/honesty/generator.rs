//! Whether the generator itself was the limit.

use crate::report::Report;
use crate::units::{percent, rate, time};

/// Above this share of the processor time that its threads can have, they queue themselves.
const BUSY: f64 = 0.8;
/// The most late sends, of all sends, that do not matter.
const LATE: f64 = 0.001;

pub(super) fn limit(report: &Report) -> Option<String> {
    let generator = &report.generator;
    let remedy = match generator.threads < generator.cpus.len() as u32 {
        true => format!("use --threads {}", generator.threads + 1),
        false => "lower the load, or run it from a larger machine".to_owned(),
    };
    (generator.cpu_share > BUSY).then(|| {
        format!(
            "the generator itself was busy {} of the time, so these figures are its limit as much \
             as the server's; {remedy}",
            percent(generator.cpu_share)
        )
    })
}

pub(super) fn late_sends(report: &Report) -> Option<String> {
    let generator = &report.generator;
    let lower = match report.asked_rate {
        Some(asked) => format!("try --rate {}", rate(asked / 2.0).replace(',', "")),
        None => "lower the load".to_owned(),
    };
    (generator.late_share > LATE).then(|| {
        format!(
            "{} of the messages left over 1 ms late, the latest by {}, which is the generator's doing \
             and not the server's; {lower}, more --threads, or a machine with nothing else to do",
            percent(generator.late_share),
            time(generator.latest_ns as f64)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::made_up;

    /// Kills: another bound than 80%; a thread more than there are processors.
    #[test]
    fn a_generator_that_is_busy_says_so() {
        let mut report = made_up::sound();
        report.generator.cpu_share = 0.8;
        assert_eq!(limit(&report), None);
        report.generator.cpu_share = 0.81;
        report.generator.cpus = vec![0, 1];
        assert!(limit(&report).unwrap().ends_with("use --threads 2"));
        report.generator.cpus = vec![0];
        assert!(limit(&report).unwrap().contains("larger machine"));
    }

    /// Kills: another bound than 0.1%.
    #[test]
    fn late_sends_are_told_above_a_thousandth() {
        let mut report = made_up::sound();
        report.generator.late_share = 0.001;
        assert_eq!(late_sends(&report), None);
        (report.generator.late_share, report.generator.latest_ns) = (0.02, 3_000_000);
        let text = late_sends(&report).unwrap();
        assert!(text.starts_with("2.0% of") && text.contains("3.00 ms"), "{text}");
        assert!(text.contains("--rate 50000,"), "{text}");
    }
}
