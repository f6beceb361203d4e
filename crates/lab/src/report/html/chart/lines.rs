//! A line for each model along the axis, its spread at each point, its name at its end.

use maud::{Markup, html};

use super::extent::Extent;
use super::label::{apart, legible};
use super::look::Look;
use super::scale::Scale;
use super::unit::{Unit, called, for_all, plain};
use super::{BOLD, WIDTH, at, drawing, room, shortened};

const TOP: f64 = 26.0;
const BOTTOM: f64 = 236.0;
const HEIGHT: f64 = 278.0;
/// What ticks have at the left, at least.
const LEFT_MIN: f64 = 40.0;
/// Letters of a name beside its line.
const NAME_MAX: usize = 18;
/// Between the points of two lines above the same place of the axis: at most, and with all of a
/// crowd.
const ASIDE_MAX: f64 = 5.0;
const ASIDE_ALL: f64 = 30.0;

/// A chart of lines.
#[derive(Clone, Debug)]
pub(in super::super) struct Lines<'a> {
    /// What it shows, in full.
    pub(in super::super) title: String,
    /// The axis: its name with its unit, its numbers and what stands there.
    pub(in super::super) x: (String, &'a [(f64, String)]),
    /// Whether that axis may be logarithmic.
    pub(in super::super) x_log: bool,
    /// What is measured: its label, its unit.
    pub(in super::super) y: (&'a str, &'a str),
    /// What the other axis has room for: charts beside each other share it.
    pub(in super::super) extent: &'a Extent,
    pub(in super::super) lines: Vec<Line>,
}

/// A model's line.
#[derive(Clone, Debug)]
pub(in super::super) struct Line {
    pub(in super::super) name: String,
    pub(in super::super) look: Look,
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
    left: f64,
    right: f64,
    /// At each point of the axis, how far apart those of two lines are that follow each other.
    aside: Vec<f64>,
}

impl Frame {
    /// Where a number of the record is.
    fn height(&self, number: f64) -> f64 {
        self.y.place(number / self.unit.divisor)
    }

    /// Whether the axis ends before a number of the record.
    fn is_beyond(&self, number: f64) -> bool {
        self.y.is_beyond(number / self.unit.divisor)
    }
}

impl Lines<'_> {
    /// What the names beside its lines need of its width. Charts beside each other leave them the same
    /// room, so that their axes are the same, too.
    pub(in super::super) fn room_for_names(&self) -> f64 {
        let drawn = self.lines.iter().filter(|line| !line.spots.is_empty());
        let names = drawn.map(|line| {
            // That of the reference is bold.
            let bold = if line.look == Look::Reference { BOLD } else { 1.0 };
            room(&shortened(&line.name, NAME_MAX)) * bold + room(&self.until(line))
        });
        names.fold(30.0, f64::max) + 16.0
    }

    /// Draws it, with so much room for names.
    pub(in super::super) fn draw(&self, names: f64) -> Markup {
        let frame = self.frame(WIDTH - names);
        let contents = html! {
            (self.y_axis(&frame))
            (self.x_axis(&frame))
            // From back to front: no spread hides a marker.
            @for (place, line) in self.lines.iter().enumerate() { (self.spreads(&frame, line, place)) }
            @for (place, line) in self.lines.iter().enumerate() { (self.line(&frame, line, place)) }
            @for (place, line) in self.lines.iter().enumerate() { (self.markers(&frame, line, place)) }
            (self.names(&frame))
        };
        drawing(&self.title, HEIGHT, contents)
    }

    fn frame(&self, right: f64) -> Frame {
        let unit = for_all(self.y.1, self.extent);
        let shown = self.extent.numbers().iter().map(|number| number / unit.divisor);
        let y = Scale::of(shown, self.extent.is_log(), [BOTTOM, TOP]);
        let ticks = y.ticks();
        let left = ticks.iter().map(|tick| room(&plain(*tick)) + 9.0).fold(LEFT_MIN, f64::max);
        let numbers: Vec<f64> = self.x.1.iter().map(|(x, _)| *x).collect();
        let axis =
            |inset: f64| Scale::at_points(&numbers, self.x_log, [left + inset, right - inset]);
        let aside = self.aside(&axis(8.0), &numbers);
        let ends = [aside.first(), aside.last()].into_iter().flatten().copied();
        let inset = 8.0 + ends.fold(0.0, f64::max) * (self.lines.len() as f64 - 1.0) / 2.0;
        Frame { x: axis(inset), y, unit, left, right, aside }
    }

    /// How far lines are moved aside, so that spreads of neighbours can be told apart: as far as the
    /// next point leaves room.
    fn aside(&self, axis: &Scale, numbers: &[f64]) -> Vec<f64> {
        let lines = self.lines.len() as f64;
        let places: Vec<f64> = numbers.iter().map(|number| axis.place(*number)).collect();
        let gap = |place: usize| {
            let pairs = places.windows(2).skip(place.saturating_sub(1)).take(1 + place.min(1));
            pairs.map(|pair| pair[1] - pair[0]).fold(f64::INFINITY, f64::min)
        };
        let most = (lines * ASIDE_MAX).min(ASIDE_ALL);
        (0..places.len()).map(|place| (gap(place) * 0.6).min(most) / lines).collect()
    }

    /// Where a point of the line at that place is along the axis.
    fn along(&self, frame: &Frame, spot: &Spot, place: usize) -> f64 {
        let middle = (self.lines.len() as f64 - 1.0) / 2.0;
        let point = self.x.1.iter().position(|(x, _)| *x == spot.x);
        let aside = point.and_then(|point| frame.aside.get(point)).copied().unwrap_or(0.0);
        frame.x.place(spot.x) + (place as f64 - middle) * aside
    }

    fn y_axis(&self, frame: &Frame) -> Markup {
        let (label, own) = self.y;
        html! {
            text class="axis-title" x="2" y="12" { (called(label, own, frame.unit, frame.y.is_log())) }
            @for tick in frame.y.ticks() {
                @let y = frame.y.place(tick);
                line class="grid" x1=(at(frame.left)) x2=(at(frame.right)) y1=(at(y)) y2=(at(y)) {}
                text class="tick y" x=(at(frame.left - 5.0)) y=(at(y + 4.0)) text-anchor="end" { (plain(tick)) }
            }
        }
    }

    fn x_axis(&self, frame: &Frame) -> Markup {
        let (name, points) = &self.x;
        let (left, right) = (frame.left, frame.right);
        let places: Vec<f64> = points.iter().map(|(x, _)| frame.x.place(*x)).collect();
        let widths: Vec<f64> = points.iter().map(|(_, text)| room(text) + 6.0).collect();
        let texts = legible(&places, &widths);
        let log = if frame.x.is_log() { " (log)" } else { "" };
        html! {
            line class="axis" x1=(at(left)) x2=(at(right)) y1=(at(BOTTOM)) y2=(at(BOTTOM)) {}
            @if let Some(gap) = frame.x.gap() {
                path class="axis" d=(format!("M{} {} l4 -10 M{} {} l4 -10", at(gap - 4.0), at(BOTTOM + 5.0), at(gap), at(BOTTOM + 5.0))) {}
            }
            @for (x, _) in points.iter() {
                line class="axis" x1=(at(frame.x.place(*x))) x2=(at(frame.x.place(*x))) y1=(at(BOTTOM)) y2=(at(BOTTOM + 4.0)) {}
            }
            @for (place, text) in texts.iter().map(|one| (places[*one], &points[*one].1)) {
                text class="tick x" x=(at(place)) y=(at(BOTTOM + 17.0)) text-anchor="middle" { (text) }
            }
            text class="axis-title" x=(at((left + right) / 2.0)) y=(at(BOTTOM + 35.0)) text-anchor="middle" { (name) (log) }
        }
    }

    fn spreads(&self, frame: &Frame, line: &Line, place: usize) -> Markup {
        let ends = |spot: &Spot| spot.spread.map(|end| (frame.height(end), frame.is_beyond(end)));
        html! {
            @for spot in &line.spots {
                (whiskers(&line.look.class(), self.along(frame, spot, place), ends(spot)))
            }
        }
    }

    fn line(&self, frame: &Frame, line: &Line, place: usize) -> Markup {
        let step = |(number, spot): (usize, &Spot)| {
            let order = if number == 0 { 'M' } else { 'L' };
            let (x, y) = (self.along(frame, spot, place), frame.height(spot.median));
            format!("{order}{} {}", at(x), at(y))
        };
        let path: Vec<String> = line.spots.iter().enumerate().map(step).collect();
        html! {
            @if path.len() > 1 {
                path class=(format!("line {}", line.look.class())) d=(path.join(" ")) stroke-dasharray=(line.look.dash()) {}
            }
        }
    }

    fn markers(&self, frame: &Frame, line: &Line, place: usize) -> Markup {
        html! {
            @for spot in &line.spots {
                g {
                    title { (spot.words) }
                    (line.look.marker(self.along(frame, spot, place), frame.height(spot.median), spot.at_least))
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
                    path class=(format!("lead {}", line.look.class())) d=(lead(*wanted, *place)) {}
                }
                text class=(format!("name {}", line.look.class())) x=(at(frame.right + 13.0)) y=(at(place + 4.0)) {
                    (shortened(&line.name, NAME_MAX))
                    @if !until.is_empty() { tspan class="until" { (until) } }
                }
            }
        }
    }

    /// The point that a line ends at, in words, if it is not the last one of the axis.
    fn until(&self, line: &Line) -> String {
        let points = self.x.1;
        let Some(end) = line.spots.last() else { return String::new() };
        match points.iter().position(|(x, _)| *x == end.x) {
            Some(place) if place + 1 < points.len() => {
                let word = if line.spots.len() > 1 { "to" } else { "at" };
                format!(", {word} {}", points[place].1)
            }
            _ => String::new(),
        }
    }
}

/// A line from one end of the spread to the other: with a cap at an end, or the head of an arrow
/// where the spread goes on beyond the axis.
fn whiskers(class: &str, x: f64, [low, high]: [(f64, bool); 2]) -> Markup {
    let end = |(y, beyond): (f64, bool), outward: f64| {
        let back = if beyond { 4.0 * outward } else { 0.0 };
        let (y, tail) = (at(y), at(y - back));
        format!("M{} {tail} L{} {y} L{} {tail}", at(x - 2.5), at(x), at(x + 2.5))
    };
    let stem = format!("M{} {} V{}", at(x), at(low.0), at(high.0));
    // Down is where numbers grow in a drawing.
    let path = format!("{stem} {} {}", end(low, 1.0), end(high, -1.0));
    html! { path class=(format!("spread {class}")) d=(path) {} }
}
