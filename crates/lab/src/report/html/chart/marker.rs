//! The shapes of points: a line is told by its marker and its dash where colours are not seen.

use maud::{Markup, html};

use super::at;

/// Dashes of lines, in `stroke-dasharray`; the place is the look.
const DASHES: [&str; 8] = ["none", "7 3", "2 3", "9 3 2 3", "none", "7 3", "2 3", "9 3 2 3"];

/// The dash of the look of that number.
pub(super) fn dash(look: usize) -> &'static str {
    DASHES[look % DASHES.len()]
}

/// The marker of that look, around a point. Hollow: the truth lies beyond it.
pub(super) fn marker(look: usize, x: f64, y: f64, hollow: bool) -> Markup {
    let class = format!("marker s{}{}", look % 8, if hollow { " hollow" } else { "" });
    let corners: &[(f64, f64)] = match look % 8 {
        0 => return html! { circle class=(class) cx=(at(x)) cy=(at(y)) r="3.4" {} },
        1 => &[(-3.2, -3.2), (3.2, -3.2), (3.2, 3.2), (-3.2, 3.2)],
        2 => &[(0.0, -4.4), (4.2, 3.2), (-4.2, 3.2)],
        3 => &[(0.0, -4.8), (4.8, 0.0), (0.0, 4.8), (-4.8, 0.0)],
        4 => &[(-4.2, -3.2), (4.2, -3.2), (0.0, 4.4)],
        5 => &[
            (-1.4, -4.4),
            (1.4, -4.4),
            (1.4, -1.4),
            (4.4, -1.4),
            (4.4, 1.4),
            (1.4, 1.4),
            (1.4, 4.4),
            (-1.4, 4.4),
            (-1.4, 1.4),
            (-4.4, 1.4),
            (-4.4, -1.4),
            (-1.4, -1.4),
        ],
        6 => &[(-2.2, -4.0), (2.2, -4.0), (4.4, 0.0), (2.2, 4.0), (-2.2, 4.0), (-4.4, 0.0)],
        _ => &[
            (0.0, -5.2),
            (1.3, -1.6),
            (5.0, -1.6),
            (2.0, 0.7),
            (3.1, 4.3),
            (0.0, 2.1),
            (-3.1, 4.3),
            (-2.0, 0.7),
            (-5.0, -1.6),
            (-1.3, -1.6),
        ],
    };
    let points: Vec<String> =
        corners.iter().map(|(dx, dy)| format!("{},{}", at(x + dx), at(y + dy))).collect();
    html! { polygon class=(class) points=(points.join(" ")) {} }
}
