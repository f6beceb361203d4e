//! Charts, as SVG in the page: drawn from numbers, in colours that the page's style sheet sets.
//!
//! # Layout
//!
//! - `extent`: what an axis has room for. `scale`: from a number to a place, linear or logarithmic;
//!   ticks. `unit`: what ticks are in.
//! - `lines`: a line for each model along the axis. `dots`: a row for each model, at one point.
//! - `label`: names beside the ends of lines, apart from each other.
//! - `look`: colours, dashes, and the shapes of points.

mod dots;
mod extent;
mod label;
mod lines;
mod look;
mod scale;
mod unit;

pub(super) use dots::{Dots, Row};
pub(super) use extent::Extent;
pub(super) use lines::{Line, Lines, Spot};
pub(super) use look::{COLOURS, Look};

use maud::{Markup, html};

/// Columns of a drawing's own coordinates.
const WIDTH: f64 = 400.0;
/// How wide a letter of the labels is, about: they have 12 units of height, and some are bold.
const LETTER: f64 = 6.8;
/// What bold letters need of the room of others.
const BOLD: f64 = 1.08;

/// A number for an attribute: a tenth of a pixel is more than anyone sees.
fn at(number: f64) -> String {
    format!("{number:.1}")
}

/// How much room a text needs.
fn room(text: &str) -> f64 {
    text.chars().count() as f64 * LETTER
}

/// At most so many letters.
fn shortened(text: &str, letters: usize) -> String {
    match text.chars().count() > letters {
        true => text.chars().take(letters - 1).chain(['…']).collect(),
        false => text.to_owned(),
    }
}

/// A drawing of that height, whose title says what it shows.
fn drawing(title: &str, height: f64, contents: Markup) -> Markup {
    html! {
        svg role="img" viewBox=(format!("0 0 {WIDTH} {}", at(height))) xmlns="http://www.w3.org/2000/svg" {
            title { (title) }
            (contents)
        }
    }
}
