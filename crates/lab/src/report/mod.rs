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
        "per second" => units::rate(value),
        "share" => units::percent(value),
        "peers" => units::count(value.round().max(0.0) as u64),
        _ if value.abs() >= 99.95 => units::rate(value),
        _ if value.abs() >= 9.995 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// The median of a figure.
pub fn figure(figure: &Figure, unit: &str) -> String {
    let least = if figure.at_least { "≥ " } else { "" };
    format!("{least}{}", number(figure.median, unit))
}

/// How many times something is something else, in three digits: `2.13 times`.
pub fn times(ratio: f64) -> String {
    format!("{} times", short(ratio))
}

fn short(ratio: f64) -> String {
    match ratio {
        _ if ratio < 9.995 => format!("{ratio:.2}"),
        _ if ratio < 99.95 => format!("{ratio:.1}"),
        _ => units::rate(ratio),
    }
}

/// A ratio with its interval, or `≈`; the ratio alone where one round has no interval.
pub fn ratio(ratio: &Ratio) -> String {
    match (ratio.compared, ratio.interval) {
        (_, None) => short(ratio.estimate),
        (Compared::Same, Some(_)) => "≈".to_owned(),
        (_, Some([low, high])) => {
            format!("{} ({}..{})", short(ratio.estimate), short(low), short(high))
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

    /// Kills: a difference inside the noise that is shown as one.
    #[test]
    fn what_lies_within_the_noise_has_no_number() {
        let shown = |compared, interval| ratio(&Ratio { estimate: 1.5, interval, compared });
        assert_eq!(shown(Compared::Higher, Some([1.2, 1.9])), "1.50 (1.20..1.90)");
        assert_eq!(shown(Compared::Same, Some([0.8, 3.0])), "≈");
        assert_eq!(shown(Compared::Same, None), "1.50");
    }
}
