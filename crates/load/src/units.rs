//! Numbers as people read them: three digits and a unit, thousands apart.

/// A time: `850 ns`, `21.3 µs`, `1.20 ms`, `12.0 s`.
pub fn time(ns: f64) -> String {
    let (number, unit) = match ns {
        _ if ns < 999.5 => return format!("{ns:.0} ns"),
        _ if ns < 999.5e3 => (ns / 1e3, "µs"),
        _ if ns < 999.5e6 => (ns / 1e6, "ms"),
        _ => (ns / 1e9, "s"),
    };
    format!("{} {unit}", three_digits(number))
}

/// A number of things: `1,234,567`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number of things in a second: `12.5`, `99,998`.
pub fn rate(rate: f64) -> String {
    match rate {
        _ if rate == 0.0 => "0".into(),
        _ if rate < 999.5 => three_digits(rate),
        _ => count(rate.round() as u64),
    }
}

/// Bytes: `512 B`, `12.3 KiB`.
pub fn bytes(bytes: f64) -> String {
    let (size, sign) = (bytes.abs(), if bytes < 0.0 { "-" } else { "" });
    let (number, unit) = match size {
        _ if size < 1023.5 => return format!("{sign}{size:.0} B"),
        _ if size < 1023.5 * 1024.0 => (size / 1024.0, "KiB"),
        _ if size < 1023.5 * 1024.0 * 1024.0 => (size / 1024f64.powi(2), "MiB"),
        _ => (size / 1024f64.powi(3), "GiB"),
    };
    format!("{sign}{} {unit}", three_digits(number))
}

/// A share between 0 and 1: `0%`, `0.012%`, `47%`; what is not quite all is not 100%.
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        _ if percent == 0.0 => "0%".into(),
        _ if percent < 0.001 => "under 0.001%".into(),
        _ if percent < 0.1 => format!("{percent:.3}%"),
        _ if percent < 9.95 => format!("{percent:.1}%"),
        _ if (99.5..100.0).contains(&percent) => format!("{:.2}%", percent.min(99.99)),
        _ => format!("{percent:.0}%"),
    }
}

/// `1 thread`, `2 threads`.
pub fn several(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// `1.23`, `12.3`, `123`.
fn three_digits(number: f64) -> String {
    match number {
        _ if number < 9.995 => format!("{number:.2}"),
        _ if number < 99.95 => format!("{number:.1}"),
        _ => format!("{number:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kills: 1000 µs for 1 ms; four digits after rounding up.
    #[test]
    fn a_time_has_three_digits_and_the_unit_that_fits() {
        let cases = [
            (0.0, "0 ns"),
            (999.4, "999 ns"),
            (999.6, "1.00 µs"),
            (9_996.0, "10.0 µs"),
            (21_340.0, "21.3 µs"),
            (999_600.0, "1.00 ms"),
            (500_000_000.0, "500 ms"),
            (12e9, "12.0 s"),
        ];
        for (ns, text) in cases {
            assert_eq!(time(ns), text, "{ns}");
        }
    }

    #[test]
    fn thousands_are_apart() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [0.0, 0.5, 12.5, 999.6, 99_998.2].map(rate),
            ["0", "0.50", "12.5", "1,000", "99,998"]
        );
        assert_eq!(several(1, "peer", "peers"), "1 peer");
    }

    #[test]
    fn bytes_are_in_powers_of_1024() {
        assert_eq!(
            [0.0, 512.4, -2048.0, 12.3 * 1048576.0].map(bytes),
            ["0 B", "512 B", "-2.00 KiB", "12.3 MiB"]
        );
    }

    /// Kills: a rate that was missed shown as 100%; a few errors shown as none.
    #[test]
    fn a_share_is_never_rounded_to_all_or_nothing() {
        let shares = [0.0, 0.000_001, 0.000_5, 0.47, 0.999_99, 1.0];
        let texts = ["0%", "under 0.001%", "0.050%", "47%", "99.99%", "100%"];
        assert_eq!(shares.map(percent), texts);
    }
}
