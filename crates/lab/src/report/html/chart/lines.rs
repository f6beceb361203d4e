//! A line for each model along the axis, its spread at each point, its name at its end.

use maud::{Markup, html};

use super::label::{apart, legible};
use super::marker::{dash, marker};
use super::scale::Scale;
use super::unit::{Unit, called, for_all, plain};
use super::{WIDTH, at, drawing, room, shortened};

const TOP: f64 = 26.0;
const BOTTOM: f64 = 236.0;
const HEIGHT: f64 = 278.0;
const LEFT: f64 = 50.0;
/// Letters of a name beside its line.
const NAME_MAX: usize = 18;

/// A chart of lines.
#[derive(Clone, Debug)]
pub(in super::super) struct Lines<'a> {
    /// What it shows, in full.
    pub(in super::super) title: String,
    /// The axis: its name with its unit, its numbers and what stands there.
    pub(in super::super) x: (String, &'a [(f64, String)]),
    /// Whether the axes may be logarithmic.
    pub(in super::super) x_log: bool,
    pub(in super::super) y_log: bool,
    /// What is measured: its label, its unit.
    pub(in super::super) y: (&'a str, &'a str),
    /// All numbers that the axis has to have room for: charts beside each other share it.
    pub(in super::super) extent: &'a [f64],
    pub(in super::super) lines: Vec<Line>,
}

/// A model's line.
#[derive(Clone, Debug)]
pub(in super::super) struct Line {
    pub(in super::super) name: String,
    /// Its look; `None` for the reference among others.
    pub(in super::super) look: Option<usize>,
    pub(in super::super) spots: Vec<Spot>,
}

/// A point of a line.
#[derive(Clone, Debug)]
pub(in super::super) struct Spot {
    pub(in super::super) x: f64,
    pub(in super::super) median: f64,
    pub(in super::super) spread: [f64; 2],
    pub(in super::super) at_least: bool,
    /// In words: model, place, figure.
    pub(in super::super) words: String,
}

/// Where everything is.
struct Frame {
    x: Scale,
    /// In the unit that is shown, so that its ticks are round.
    y: Scale,
    unit: Unit,
    right: f64,
}

impl Frame {
    /// Where a number of the record is.
    fn height(&self, number: f64) -> f64 {
        self.y.place(number / self.unit.divisor)
    }
}

impl Lines<'_> {
    /// Draws it.
    pub(in super::super) fn draw(&self) -> Markup {
        let names = self
            .lines
            .iter()
            .filter(|line| !line.spots.is_empty())
            .map(|line| room(&shortened(&line.name, NAME_MAX)) + room(&self.until(line)));
        let right = WIDTH - names.fold(30.0, f64::max) - 16.0;
        let numbers: Vec<f64> = self.x.1.iter().map(|(x, _)| *x).collect();
        let unit = for_all(self.y.1, self.extent, self.y_log);
        let shown = self.extent.iter().map(|number| number / unit.divisor);
        let frame = Frame {
            x: Scale::at_points(&numbers, self.x_log, [LEFT + 8.0, right - 8.0]),
            y: Scale::of(shown, self.y_log, [BOTTOM, TOP]),
            unit,
            right,
        };
        let contents = html! {
            (self.y_axis(&frame))
            (self.x_axis(&frame))
            @for (place, line) in self.lines.iter().enumerate() {
                (self.line(&frame, line, place))
            }
            (self.names(&frame))
        };
        drawing(&self.title, HEIGHT, contents)
    }

    fn y_axis(&self, frame: &Frame) -> Markup {
        let (label, own) = self.y;
        html! {
            text class="axis-title" x="2" y="12" { (called(label, own, frame.unit, frame.y.is_log())) }
            @for tick in frame.y.ticks() {
                @let y = frame.y.place(tick);
                line class="grid" x1=(at(LEFT)) x2=(at(frame.right)) y1=(at(y)) y2=(at(y)) {}
                text class="tick" x=(at(LEFT - 5.0)) y=(at(y + 4.0)) text-anchor="end" { (plain(tick)) }
            }
        }
    }

    fn x_axis(&self, frame: &Frame) -> Markup {
        let (name, points) = &self.x;
        let places: Vec<f64> = points.iter().map(|(x, _)| frame.x.place(*x)).collect();
        let widths: Vec<f64> = points.iter().map(|(_, text)| room(text) + 6.0).collect();
        let texts = legible(&places, &widths);
        let log = if frame.x.is_log() { " (log)" } else { "" };
        html! {
            line class="axis" x1=(at(LEFT)) x2=(at(frame.right)) y1=(at(BOTTOM)) y2=(at(BOTTOM)) {}
            @if let Some(gap) = frame.x.gap() {
                path class="axis" d=(format!("M{} {} l4 -10 M{} {} l4 -10", at(gap - 4.0), at(BOTTOM + 5.0), at(gap), at(BOTTOM + 5.0))) {}
            }
            @for (x, _) in points.iter() {
                line class="axis" x1=(at(frame.x.place(*x))) x2=(at(frame.x.place(*x))) y1=(at(BOTTOM)) y2=(at(BOTTOM + 4.0)) {}
            }
            @for (place, text) in texts.iter().map(|one| (places[*one], &points[*one].1)) {
                text class="tick" x=(at(place)) y=(at(BOTTOM + 17.0)) text-anchor="middle" { (text) }
            }
            text class="axis-title" x=(at((LEFT + frame.right) / 2.0)) y=(at(BOTTOM + 35.0)) text-anchor="middle" { (name) (log) }
        }
    }

    fn line(&self, frame: &Frame, line: &Line, place: usize) -> Markup {
        // Spreads of neighbours stand beside each other.
        let aside = (place as f64 - (self.lines.len() as f64 - 1.0) / 2.0) * 1.6;
        let at_x = |spot: &Spot| frame.x.place(spot.x) + aside;
        let path: Vec<String> = line
            .spots
            .iter()
            .enumerate()
            .map(|(number, spot)| {
                let order = if number == 0 { 'M' } else { 'L' };
                format!("{order}{} {}", at(at_x(spot)), at(frame.height(spot.median)))
            })
            .collect();
        let class = look(line);
        let dashes = line.look.map_or("1 3", dash);
        html! {
            path class=(format!("line {class}")) d=(path.join(" ")) stroke-dasharray=(dashes) {}
            @for spot in &line.spots {
                g {
                    title { (spot.words) }
                    (whiskers(&class, at_x(spot), spot.spread.map(|end| frame.height(end))))
                    @match line.look {
                        Some(look) => (marker(look, at_x(spot), frame.height(spot.median), spot.at_least)),
                        None => circle class="marker reference" cx=(at(at_x(spot))) cy=(at(frame.height(spot.median))) r="2" {},
                    }
                }
            }
        }
    }

    /// Each name at the right, as high as its line ends, with a thin line between the two; one whose
    /// line ends before the axis does says where, and has none: it would look like data.
    fn names(&self, frame: &Frame) -> Markup {
        let ends: Vec<(&Line, &Spot)> =
            self.lines.iter().filter_map(|line| Some((line, line.spots.last()?))).collect();
        let wanted: Vec<f64> = ends.iter().map(|(_, spot)| frame.height(spot.median)).collect();
        let places = apart(&wanted, 13.0, TOP - 4.0, BOTTOM + 2.0);
        let lead = |wanted: f64, place: f64| {
            let from = format!("M{} {}", at(frame.right), at(wanted));
            format!("{from} L{} {}", at(frame.right + 10.0), at(place))
        };
        html! {
            @for (((line, _), wanted), place) in ends.iter().zip(&wanted).zip(&places) {
                @let until = self.until(line);
                @if until.is_empty() {
                    path class=(format!("lead {}", look(line))) d=(lead(*wanted, *place)) {}
                }
                text class=(format!("name {}", look(line))) x=(at(frame.right + 13.0)) y=(at(place + 4.0)) {
                    (shortened(&line.name, NAME_MAX))
                    @if !until.is_empty() { tspan class="until" { (until) } }
                }
            }
        }
    }

    /// The point that a line ends at, in words, if it is not the last one of the axis.
    fn until(&self, line: &Line) -> String {
        let end = line.spots.last().map(|spot| spot.x);
        match (end, self.x.1.iter().rev().enumerate().find(|(_, (x, _))| Some(*x) == end)) {
            (Some(_), Some((after, (_, label)))) if after > 0 && line.spots.len() > 1 => {
                format!(", to {label}")
            }
            (Some(_), Some((after, (_, label)))) if after > 0 => format!(", at {label}"),
            _ => String::new(),
        }
    }
}

fn look(line: &Line) -> String {
    line.look.map_or("reference".to_owned(), |look| format!("s{}", look % 8))
}

/// A line from one end of the spread to the other, with caps.
pub(super) fn whiskers(class: &str, x: f64, [low, high]: [f64; 2]) -> Markup {
    let caps = format!("M{} {} h5 m-2.5 0 V{} m-2.5 0 h5", at(x - 2.5), at(low), at(high));
    html! { path class=(format!("spread {class}")) d=(caps) {} }
}
