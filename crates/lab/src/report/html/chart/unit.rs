//! What the numbers of an axis are in: one unit for all of it, named once.

use switchboard_load::units::count;

use super::extent::Extent;

/// A unit that fits the numbers of an axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Unit {
    /// What a number of the record is divided by.
    pub(super) divisor: f64,
    /// Its name; empty if numbers are of things that the axis names.
    pub(super) name: &'static str,
}

/// The unit for the numbers of an axis, which are in the record's `unit`: that of the greatest, or of
/// the middle if it is logarithmic.
pub(super) fn for_all(unit: &str, extent: &Extent) -> Unit {
    let above = extent.numbers().iter().copied().filter(|number| *number > 0.0);
    let least = above.clone().fold(f64::INFINITY, f64::min);
    let most = above.fold(0.0, f64::max);
    let middle = if extent.is_log() && least < most { (least * most).sqrt() } else { most };
    self::unit(unit, middle)
}

/// The unit for numbers of the record's `unit` about as large as `most`.
fn unit(unit: &str, most: f64) -> Unit {
    let steps: &[(f64, &'static str)] = match unit {
        "ns" => &[(1.0, "ns"), (1e3, "µs"), (1e6, "ms"), (1e9, "s")],
        "bytes" => &[
            (1.0, "bytes"),
            (1024.0, "KiB"),
            (1024.0 * 1024.0, "MiB"),
            (1024.0 * 1024.0 * 1024.0, "GiB"),
        ],
        "share" => &[(0.01, "%")],
        "per second" => &[(1.0, "per second")],
        _ => &[(1.0, "")],
    };
    let fits = steps.iter().rev().find(|(divisor, _)| most >= *divisor * 2.0);
    let (divisor, name) = *fits.unwrap_or(&steps[0]);
    Unit { divisor, name }
}

/// What an axis is called: its label, its unit, and whether it is logarithmic. Nothing is said twice
/// (`messages/s` are per second), and bytes in a second are not bytes.
pub(super) fn called(label: &str, own: &str, unit: Unit, is_log: bool) -> String {
    let log = if is_log { " (log)" } else { "" };
    let name = if unit.name.is_empty() { own } else { unit.name };
    let counted = own == "peers" && label.ends_with('s');
    let said = match own {
        "per second" => label.ends_with("/s"),
        "per message" => label.ends_with("/message"),
        _ => false,
    };
    match label.strip_suffix("/s") {
        _ if name.is_empty() || said || counted || label.contains(name) => format!("{label}{log}"),
        Some(label) => format!("{label}, {name}/s{log}"),
        None => format!("{label}, {name}{log}"),
    }
}

/// A number at a tick: as few digits as tell it, three that are not zero at most.
pub(super) fn plain(number: f64) -> String {
    if number.abs() >= 1000.0 {
        return count(number.round().max(0.0) as u64);
    }
    if number == 0.0 {
        return "0".to_owned();
    }
    if number.abs() < 0.000_099 {
        return format!("{number:.0e}");
    }
    let decimals = 2 - number.abs().log10().floor() as i32;
    let text = format!("{number:.*}", decimals.max(1) as usize);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_has_the_unit_that_fits_its_end() {
        assert_eq!(unit("ns", 1_500.0).name, "ns");
        assert_eq!(unit("ns", 90_000.0).name, "µs");
        let all = |numbers: &[f64], may| {
            let figures: Vec<_> = numbers.iter().map(|number| (*number, [*number; 2])).collect();
            for_all("ns", &Extent::of(&figures, may)).name
        };
        assert_eq!(all(&[8e3, 4e6], true), "µs");
        assert_eq!(all(&[0.0, 8e3, 4e6], false), "ms");
        assert_eq!(unit("bytes", 5e6).name, "MiB");
        assert_eq!(unit("share", 1.0), Unit { divisor: 0.01, name: "%" });
        assert_eq!(called("latency", "ns", unit("ns", 9e4), true), "latency, µs (log)");
        assert_eq!(called("peers served", "peers", unit("peers", 9.0), false), "peers served");
        assert_eq!(called("lost", "peers", unit("peers", 9.0), false), "lost, peers");
    }

    /// Kills: `messages/s, per second`; errors that are peers; a rate that is shown as an amount.
    #[test]
    fn an_axis_says_its_unit_once() {
        let title = |label, own, most| called(label, own, unit(own, most), false);
        assert_eq!(title("messages/s", "per second", 9.0), "messages/s");
        assert_eq!(title("waits", "per second", 9.0), "waits, per second");
        assert_eq!(title("calls/message", "per message", 9.0), "calls/message");
        assert_eq!(title("waits per message", "per message", 9.0), "waits per message");
        assert_eq!(title("errors", "peers", 9.0), "errors");
        assert_eq!(title("bytes echoed/s", "bytes", 9e6), "bytes echoed, MiB/s");
    }

    /// Kills: ticks of small numbers that all read 0; digits that say nothing.
    #[test]
    fn a_tick_has_no_digit_too_many() {
        assert_eq!(
            [0.0, 0.5, 20.0, 999.0, 1e4, 0.0025, 0.000_1, 0.000_02, 0.1 + 0.2].map(plain),
            ["0", "0.5", "20", "999", "10,000", "0.0025", "0.0001", "2e-5", "0.3"]
        );
    }
}
