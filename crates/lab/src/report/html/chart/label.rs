//! Labels that do not cover each other: names beside the ends of lines, and what stands at ticks.

/// The places of labels that would best be at `wanted`, at least `apart`, between `from` and `to`, in
/// the order of `wanted`: those that crowd each other stand around the mean of their best places, so
/// that none is farther from its own than it must be. If there is no room for all, they are as far
/// apart as there is room for.
pub(super) fn apart(wanted: &[f64], apart: f64, from: f64, to: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|one, other| wanted[*one].total_cmp(&wanted[*other]));
    let gaps = wanted.len().saturating_sub(1) as f64;
    let apart = apart.min((to - from) / gaps.max(1.0));
    // With the room of those above it taken off, a label may be where its neighbour is: pool adjacent
    // violators (Ayer et al. 1955) then finds the places nearest to the best ones, in order.
    let mut crowds: Vec<Crowd> = Vec::new();
    for (place, one) in order.iter().enumerate() {
        let mut crowd = Crowd { sum: wanted[*one] - apart * place as f64, labels: 1 };
        while let Some(before) = crowds.pop_if(|before| before.mean() > crowd.mean()) {
            crowd = Crowd { sum: crowd.sum + before.sum, labels: crowd.labels + before.labels };
        }
        crowds.push(crowd);
    }
    let last = to - apart * gaps;
    let means = crowds.iter().flat_map(|crowd| {
        std::iter::repeat_n(crowd.mean().clamp(from, last.max(from)), crowd.labels)
    });
    let mut places = vec![0.0; wanted.len()];
    for ((place, one), mean) in order.iter().enumerate().zip(means) {
        places[*one] = mean + apart * place as f64;
    }
    places
}

/// Labels that stand as near to each other as they may.
struct Crowd {
    sum: f64,
    labels: usize,
}

impl Crowd {
    fn mean(&self) -> f64 {
        self.sum / self.labels as f64
    }
}

/// Of labels that are centred at `places`, which rise, and are so wide, those that there is room for,
/// in their order: the ends of the axis first, then who is farthest from his neighbours.
pub(super) fn legible(places: &[f64], widths: &[f64]) -> Vec<usize> {
    let gaps = |one: usize| {
        let before = one.checked_sub(1).map_or(f64::INFINITY, |other| places[one] - places[other]);
        let after = places.get(one + 1).map_or(f64::INFINITY, |other| other - places[one]);
        let is_end = one == 0 || one + 1 == places.len();
        (is_end, before.min(after), before.max(after))
    };
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by(|one, other| {
        let (one, other) = (gaps(*one), gaps(*other));
        let near = || other.1.total_cmp(&one.1).then(other.2.total_cmp(&one.2));
        other.0.cmp(&one.0).then_with(near)
    });
    let mut shown: Vec<usize> = Vec::new();
    for one in order {
        let apart = |other: &usize| {
            (places[one] - places[*other]).abs() > (widths[one] + widths[*other]) / 2.0
        };
        if shown.iter().all(apart) {
            shown.push(one);
        }
    }
    shown.sort_unstable();
    shown
}

#[cfg(test)]
mod tests {
    use super::{apart, legible};

    /// Kills: labels one upon the other; one outside the drawing; one that moves although it need not.
    #[test]
    fn labels_never_cover_each_other() {
        assert_eq!(apart(&[50.0, 10.0], 12.0, 0.0, 100.0), [50.0, 10.0]);
        assert_eq!(apart(&[5.0, 5.0, 5.0], 12.0, 0.0, 100.0), [0.0, 12.0, 24.0]);
        assert_eq!(apart(&[99.0, 98.0], 12.0, 0.0, 100.0), [100.0, 88.0]);
        let crowded = apart(&[5.0; 11], 12.0, 0.0, 100.0);
        assert_eq!(crowded[10], 100.0);
        assert!(crowded.windows(2).all(|pair| pair[1] - pair[0] > 9.99), "{crowded:?}");
        assert!(apart(&[], 12.0, 0.0, 100.0).is_empty());
    }

    /// Kills: labels that only move down, so that the lowest of a crowd is far from its line; a crowd
    /// that pushes those who have room.
    #[test]
    fn a_crowd_of_labels_stands_around_its_lines() {
        assert_eq!(apart(&[50.0, 50.0, 50.0], 10.0, 0.0, 100.0), [40.0, 50.0, 60.0]);
        assert_eq!(apart(&[50.0, 20.0, 50.0], 10.0, 0.0, 100.0), [45.0, 20.0, 55.0]);
        // Two crowds that meet are one.
        let both = apart(&[40.0, 40.0, 48.0, 48.0], 10.0, 0.0, 100.0);
        assert_eq!(both, [29.0, 39.0, 49.0, 59.0]);
    }

    /// Kills: a label that hides the one that matters more, at the edge of a gap; labels one upon the
    /// other.
    #[test]
    fn labels_of_ticks_have_room() {
        // 0, 100, 300, 600, 900, 3,000 and 10,000 silent peers.
        let places = [0.0, 5.0, 15.0, 30.0, 45.0, 150.0, 500.0];
        assert_eq!(legible(&places, &[24.0; 7]), [0, 4, 5, 6]);
        assert_eq!(legible(&places, &[4.0; 7]), [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(legible(&[7.0], &[24.0]), [0]);
        assert!(legible(&[], &[]).is_empty());
    }
}
