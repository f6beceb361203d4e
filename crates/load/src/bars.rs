//! Bars made of characters: a row of them for figures over time, long ones for a histogram.

/// From nothing to full, upwards.
const UP: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// From an eighth to full, to the right.
const RIGHT: [char; 8] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];

/// A bar for each value, the largest full; the lowest bar is for next to nothing, a space for what
/// is not known.
pub fn sparkline(values: &[Option<f64>]) -> String {
    let most = values.iter().flatten().copied().fold(0.0, f64::max);
    let bar = |value: &Option<f64>| match value {
        None => ' ',
        Some(value) if most <= 0.0 || *value <= 0.0 => UP[0],
        Some(value) => UP[((value / most * 8.0).ceil() as usize).clamp(1, 8) - 1],
    };
    values.iter().map(bar).collect()
}

/// A bar of at most `width` characters; what is not nothing can be seen.
pub fn bar(share: f64, width: usize) -> String {
    let eighths = (share.clamp(0.0, 1.0) * width as f64 * 8.0).round() as usize;
    let eighths = if share > 0.0 { eighths.max(1) } else { 0 };
    let mut bar = "█".repeat(eighths / 8);
    if !eighths.is_multiple_of(8) {
        bar.push(RIGHT[eighths % 8 - 1]);
    }
    bar
}

/// At most `width` values: neighbours become one, which `merge` makes.
pub fn gathered<T, U>(values: &[T], width: usize, merge: impl Fn(&[T]) -> U) -> Vec<U> {
    values.chunks(values.len().div_ceil(width.max(1)).max(1)).map(merge).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_is_full_and_what_is_not_known_is_blank() {
        assert_eq!(sparkline(&[Some(8.0), Some(4.0), None, Some(0.1), Some(0.0)]), "█▄ ▁▁");
        assert_eq!(sparkline(&[Some(0.0)]), "▁");
        assert_eq!(sparkline(&[]), "");
    }

    /// Kills: one among millions that cannot be seen; a bar that is longer than its room.
    #[test]
    fn a_bar_keeps_to_its_room_and_shows_the_least() {
        assert_eq!(bar(1.0, 3), "███");
        assert_eq!(bar(0.5, 3), "█▌");
        assert_eq!(bar(1e-9, 3), "▏");
        assert_eq!(bar(0.0, 3), "");
        assert_eq!(bar(7.0, 3), "███");
    }

    #[test]
    fn neighbours_are_gathered_into_what_there_is_room_for() {
        let sum = |values: &[u32]| values.iter().sum::<u32>();
        assert_eq!(gathered(&[1, 2, 3, 4, 5], 3, sum), [3, 7, 5]);
        assert_eq!(gathered(&[1, 2], 3, sum), [1, 2]);
        assert!(gathered(&[], 3, sum).is_empty());
    }
}
