//! The straight line through some points.

/// `y = intercept + slope * x`, by least squares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Where it begins.
    pub intercept: f64,
    /// What it rises by for each x.
    pub slope: f64,
    /// The share of the variation that it explains, at most 1; `None` where nothing varies.
    pub r2: Option<f64>,
}

/// The line through `points`; `None` unless at least two of them have an x of their own.
pub fn line(points: &[(f64, f64)]) -> Option<Line> {
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x_mean, y_mean) = (mean(|point| point.0), mean(|point| point.1));
    let sum = |of: &dyn Fn(f64, f64) -> f64| {
        points.iter().map(|(x, y)| of(x - x_mean, y - y_mean)).sum::<f64>()
    };
    let (xx, xy, yy) = (sum(&|x, _| x * x), sum(&|x, y| x * y), sum(&|_, y| y * y));
    if points.len() < 2 || xx == 0.0 {
        return None;
    }
    let slope = xy / xx;
    let r2 = (yy > 0.0).then(|| (xy * xy / (xx * yy)).min(1.0));
    Some(Line { intercept: y_mean - slope * x_mean, slope, r2 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_again() {
        let found = line(&[(0.0, 3.0), (10.0, 8.0), (20.0, 13.0)]).unwrap();
        assert!((found.slope - 0.5).abs() < 1e-12 && (found.intercept - 3.0).abs() < 1e-12);
        assert!(found.r2.is_some_and(|r2| r2 > 0.999_999));
    }

    /// Kills: a curve taken for a line; a division by nothing.
    #[test]
    fn what_is_no_line_is_not_taken_for_one() {
        let curve = [(0.0, 0.0), (1.0, 9.0), (2.0, 0.0), (3.0, 9.0)];
        assert!(line(&curve).unwrap().r2.unwrap() < 0.5);
        assert_eq!(line(&[(1.0, 1.0), (1.0, 2.0)]), None);
        assert_eq!(line(&[(1.0, 1.0)]), None);
        assert_eq!(line(&[(1.0, 2.0), (3.0, 2.0)]).unwrap().r2, None);
    }
}
