//! How a comparison is written down.

mod changes;
mod csv;
mod html;
mod table;
mod text;

use switchboard_load::units;

use crate::record::{Compared, Figure, Ratio};

pub use changes::{Changes, changes};
pub use csv::csv;
pub use html::html;
pub use text::text;

/// The share of stolen processor time that is told: latencies and rates are worth less then.
const STOLEN: f64 = 0.01;

/// The folder of a comparison that is made now, in UTC.
pub fn folder_name() -> String {
    jiff::Timestamp::now().strftime("compare-%Y%m%d-%H%M%S").to_string()
}

/// A number with its unit, in three digits.
pub fn number(value: f64, unit: &str) -> String {
    match unit {
        "ns" => units::time(value),
        "bytes" => units::bytes(value),
        "share" => units::percent(value),
        "peers" => units::count(value.round().max(0.0) as u64),
        _ => bare(value),
    }
}

/// A number in three digits; a small one in two after its zeros, so that it is never shown as nothing.
fn bare(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if size < 0.000_099_5 => format!("{value:.1e}"),
        size if size < 0.099_5 => {
            let decimals = 1 - size.log10().floor() as i32;
            format!("{value:.*}", decimals.max(0) as usize)
        }
        size if size < 9.995 => format!("{value:.2}"),
        size if size < 99.95 => format!("{value:.1}"),
        _ => units::rate(value),
    }
}

/// The median of a figure.
pub fn figure(figure: &Figure, unit: &str) -> String {
    let least = if figure.at_least { "≥ " } else { "" };
    format!("{least}{}", number(figure.median, unit))
}

/// How many times something is something else, in three digits: `2.13 times`.
pub fn times(ratio: f64) -> String {
    format!("{} times", bare(ratio))
}

/// From one number to another, with the unit once where they share it.
pub fn range([low, high]: [f64; 2], unit: &str) -> String {
    let [low, high] = [low, high].map(|end| number(end, unit));
    match (low.split_once(' '), high.split_once(' ')) {
        (Some((from, one)), Some((_, other))) if one == other => format!("{from} – {high}"),
        _ => format!("{low} – {high}"),
    }
}

/// A ratio with its interval, or `≈`; the ratio alone where one round has no interval.
pub fn ratio(ratio: &Ratio) -> String {
    match (ratio.compared, ratio.interval) {
        (_, None) => bare(ratio.estimate),
        (Compared::Same, Some(_)) => "≈".to_owned(),
        (_, Some([low, high])) => {
            format!("{} ({}..{})", bare(ratio.estimate), bare(low), bare(high))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_and_their_unit() {
        assert_eq!(number(5_300.0, "ns"), "5.30 µs");
        assert_eq!(number(3.004, "per message"), "3.00");
        assert_eq!(number(1024.4, "peers"), "1,024");
        assert_eq!(number(0.998, "share"), "99.80%");
        assert_eq!(number(123_456.0, "per second"), "123,456");
    }

    /// Kills: something that is shown as nothing (uring's calls for each of many messages); nothing
    /// that is shown as if it had been rounded.
    #[test]
    fn a_small_number_keeps_two_digits() {
        let texts = [0.0, 0.000_943, 0.009_94, 0.009_96, 0.05, 0.000_000_3];
        let shown = texts.map(|value| number(value, "per message"));
        assert_eq!(shown, ["0", "0.00094", "0.0099", "0.0100", "0.050", "3.0e-7"]);
        assert_eq!(number(0.004, "per second"), "0.0040");
        let interval = Some([0.000_4, 0.002]);
        let lower = Ratio { estimate: 0.001, interval, compared: Compared::Lower };
        assert_eq!(ratio(&lower), "0.0010 (0.00040..0.0020)");
    }

    #[test]
    fn a_range_has_its_unit_once() {
        assert_eq!(range([6_540.0, 10_200.0], "ns"), "6.54 – 10.2 µs");
        assert_eq!(range([654.0, 10_200.0], "ns"), "654 ns – 10.2 µs");
        assert_eq!(range([0.5, 1.5], "per message"), "0.50 – 1.50");
    }

    /// Kills: a difference inside the noise that is shown as one.
    #[test]
    fn what_lies_within_the_noise_has_no_number() {
        let shown = |compared, interval| ratio(&Ratio { estimate: 1.5, interval, compared });
        assert_eq!(shown(Compared::Higher, Some([1.2, 1.9])), "1.50 (1.20..1.90)");
        assert_eq!(shown(Compared::Same, Some([0.8, 3.0])), "≈");
        assert_eq!(shown(Compared::Same, None), "1.50");
    }
}
