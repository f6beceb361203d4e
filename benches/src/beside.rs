//! Measurements of servers beside a bare one: each as it is, and over the bare one's of its turn.
//!
//! The first subject is the bare server, the second the same again: its ratio is the noise.

use crate::figure::Figure;
use crate::programs::Subject;
use crate::table::{Measure, Role, Table};
use crate::turns::ratios;

/// All measurements, by subject.
pub(crate) struct Beside {
    figures: Vec<Vec<f64>>,
}

impl Beside {
    pub(crate) fn new(subjects: usize) -> Beside {
        Beside { figures: vec![Vec::new(); subjects] }
    }

    /// Adds what each subject's turns brought, in `unit`s: as many turns of each.
    pub(crate) fn add(&mut self, turns: &[Vec<f64>], unit: f64) {
        for (known, figures) in self.figures.iter_mut().zip(turns) {
            known.extend(figures.iter().map(|figure| figure / unit));
        }
    }

    /// What was measured of the subject in this place.
    pub(crate) fn figure(&self, place: usize) -> Figure {
        Figure::of(&self.figures[place])
    }

    /// The same over that of the subject in the place `base`, turn by turn.
    pub(crate) fn ratio(&self, place: usize, base: usize) -> Figure {
        Figure::of(&ratios(&self.figures[place], &self.figures[base]))
    }

    /// The rows of all subjects; `most` is the bound of our ratios.
    pub(crate) fn tell(
        &self,
        table: &mut Table,
        subjects: &[&Subject],
        (figure, ratio): (Measure, Measure),
        most: f64,
    ) {
        for (place, subject) in subjects.iter().enumerate() {
            let (shown, judged) = match subject.ours {
                true => (Role::Shown, Role::AtMost(most)),
                false => (Role::Reference, Role::Noise),
            };
            // The second bare server is there for its ratio.
            if place != 1 {
                table.add(&subject.name, figure, self.figure(place), shown);
            }
            if place != 0 {
                table.add(&subject.name, ratio, self.ratio(place, 0), judged);
            }
        }
    }
}
