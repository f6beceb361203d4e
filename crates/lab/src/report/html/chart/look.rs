//! How a model looks: a colour, and a marker and a dash that tell it where colours are not seen.

use maud::{Markup, html};

use super::at;

/// Colours of the style sheet, and as many markers.
pub(in super::super) const COLOURS: usize = 8;

/// Dashes of lines, in `stroke-dasharray`; the place is the marker's number.
const DASHES: [&str; COLOURS] = ["none", "7 3", "2 3", "9 3 2 3", "none", "7 3", "2 3", "9 3 2 3"];

/// The look of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in super::super) enum Look {
    /// That of the reference, the same in all charts.
    Reference,
    /// That of any other model; both numbers are below [`COLOURS`].
    Own { colour: usize, marker: usize },
}

impl Look {
    /// The class that sets its colour.
    pub(super) fn class(self) -> String {
        match self {
            Look::Reference => "reference".to_owned(),
            Look::Own { colour, .. } => format!("s{colour}"),
        }
    }

    pub(super) fn dash(self) -> &'static str {
        match self {
            Look::Reference => "none",
            Look::Own { marker, .. } => DASHES[marker],
        }
    }

    /// The marker, around a point. Hollow: the truth lies beyond it.
    pub(super) fn marker(self, x: f64, y: f64, hollow: bool) -> Markup {
        let class = format!("marker {}{}", self.class(), if hollow { " hollow" } else { "" });
        let circle = |r: &str| html! { circle class=(class) cx=(at(x)) cy=(at(y)) r=(r) {} };
        match self {
            Look::Reference => circle("2.6"),
            Look::Own { marker: 0, .. } => circle("3.4"),
            Look::Own { marker, .. } => {
                let corners = CORNERS[marker - 1].iter();
                let points: Vec<String> =
                    corners.map(|(dx, dy)| format!("{},{}", at(x + dx), at(y + dy))).collect();
                html! { polygon class=(class) points=(points.join(" ")) {} }
            }
        }
    }
}

/// The shapes after the circle: square, triangle, diamond, triangle upside down, cross, hexagon, star.
const CORNERS: [&[(f64, f64)]; COLOURS - 1] = [
    &[(-3.2, -3.2), (3.2, -3.2), (3.2, 3.2), (-3.2, 3.2)],
    &[(0.0, -4.4), (4.2, 3.2), (-4.2, 3.2)],
    &[(0.0, -4.8), (4.8, 0.0), (0.0, 4.8), (-4.8, 0.0)],
    &[(-4.2, -3.2), (4.2, -3.2), (0.0, 4.4)],
    &[
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
    &[(-2.2, -4.0), (2.2, -4.0), (4.4, 0.0), (2.2, 4.0), (-2.2, 4.0), (-4.4, 0.0)],
    &[
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
];
