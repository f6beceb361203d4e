//! Sizes of memory as people write them: `65536`, `256KiB`, `1MiB`.

/// The units, the largest first.
const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

/// Bytes, in the largest unit of which they are a whole number.
pub(crate) fn written(bytes: u64) -> String {
    let unit = UNITS.iter().find(|(_, unit)| bytes > 0 && bytes.is_multiple_of(*unit));
    match unit {
        Some((name, unit)) => format!("{}{name}", bytes / unit),
        None => bytes.to_string(),
    }
}

/// The bytes that a text stands for: a whole number, of bytes or of a unit, whose letters may be
/// written in any case and shortened to the first (`k` is 1,024).
pub(crate) fn read(text: &str) -> Option<u64> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let unit = unit.trim_start();
    if unit.is_empty() || unit.eq_ignore_ascii_case("b") {
        return Some(number);
    }
    let known = UNITS
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(unit) || name[..1].eq_ignore_ascii_case(unit));
    number.checked_mul(known?.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for (text, bytes) in [("0", 0), ("1000", 1000), ("64KiB", 65536), ("3MiB", 3 << 20)] {
            assert_eq!(written(bytes), text);
            assert_eq!(read(text), Some(bytes));
        }
    }

    /// Kills: a unit of a thousand, a part of a number, more than a number holds.
    #[test]
    fn units_are_read_as_people_write_them() {
        assert_eq!(read("64k"), Some(65536));
        assert_eq!(read("1 mib"), Some(1 << 20));
        assert_eq!(read("7B"), Some(7));
        for wrong in ["", "k", "1.5MiB", "-1", "64kb", "64 potatoes", "99999999999GiB"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
