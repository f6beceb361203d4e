//! Names beside the ends of lines: as near as they can be, and apart from each other.

/// The places of labels that would best be at `wanted`, at least `apart`, between `from` and `to`. In
/// the order of `wanted`. If there is no room for all, they are as far apart as there is room for.
pub(super) fn apart(wanted: &[f64], apart: f64, from: f64, to: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|one, other| wanted[*one].total_cmp(&wanted[*other]));
    let gaps = wanted.len().saturating_sub(1).max(1) as f64;
    let apart = apart.min((to - from) / gaps);
    let mut places = vec![0.0; wanted.len()];
    // Downwards each is pushed by the one above it, then upwards by the end of the room.
    let mut least = from;
    for one in &order {
        places[*one] = wanted[*one].max(least);
        least = places[*one] + apart;
    }
    let mut most = to;
    for one in order.iter().rev() {
        places[*one] = places[*one].min(most);
        most = places[*one] - apart;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::apart;

    /// Kills: labels one upon the other; one outside the drawing; one that moves although it need not.
    #[test]
    fn labels_never_cover_each_other() {
        assert_eq!(apart(&[50.0, 10.0], 12.0, 0.0, 100.0), [50.0, 10.0]);
        assert_eq!(apart(&[10.0, 10.0, 11.0], 12.0, 0.0, 100.0), [10.0, 22.0, 34.0]);
        assert_eq!(apart(&[99.0, 98.0], 12.0, 0.0, 100.0), [100.0, 88.0]);
        let crowded = apart(&[5.0; 11], 12.0, 0.0, 100.0);
        assert_eq!(crowded[10], 100.0);
        assert!(crowded.windows(2).all(|pair| pair[1] - pair[0] > 9.99), "{crowded:?}");
        assert!(apart(&[], 12.0, 0.0, 100.0).is_empty());
    }
}
