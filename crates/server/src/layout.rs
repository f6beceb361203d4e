//! How a server is laid out: how many processes, and what each of them has.

use std::ops::Range;

use crate::descriptors;
use crate::model::{Family, Model};

/// Numbers that follow from the model.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    /// Processes that accept; at least 1.
    pub(crate) processes: usize,
    /// Processes that one place can have at a time, each with rows of its own: one that leaves and
    /// its successor, where they are supervised.
    seats: usize,
    /// Rows of counters that each of them has.
    pub(crate) rows: usize,
    /// Sets of listeners that each of them has; 0: one set for all.
    pub(crate) sets: usize,
}

impl Layout {
    pub(crate) fn of(model: &Model) -> Layout {
        let sets = match (has_loops_with_peers(model), model.word("accept").as_str()) {
            (true, "reuseport") => model.count("threads"),
            // One for the thread that accepts in each process.
            (false, "reuseport") => 1,
            (true, "handoff") if model.processes().is_some() => 1,
            _ => 0,
        };
        Layout {
            processes: model.processes().unwrap_or(1),
            seats: if model.processes().is_some() { 2 } else { 1 },
            rows: (model.kind().rows)(model),
            sets,
        }
    }

    pub(crate) fn all_rows(&self) -> usize {
        self.processes * self.seats * self.rows
    }

    /// The rows of whoever has that seat in that place.
    pub(crate) fn rows_of(&self, place: usize, seat: usize) -> Range<usize> {
        let first = (place * self.seats + seat) * self.rows;
        first..first + self.rows
    }

    pub(crate) fn all_sets(&self) -> usize {
        (self.processes * self.sets).max(1)
    }

    /// The rows whose peers the operator is shown side by side: those of loops, or of processes.
    pub(crate) fn shown(&self, model: &Model) -> Vec<Vec<Range<usize>>> {
        let of_place = |place| (0..self.seats).map(move |seat| self.rows_of(place, seat));
        let places = 0..self.processes;
        match has_loops_with_peers(model) {
            // The rows behind the loops' are those of who accepts.
            true => places
                .flat_map(|place| (0..model.count("threads")).map(move |number| (place, number)))
                .map(|(place, number)| {
                    of_place(place)
                        .map(|rows| rows.start + number..rows.start + number + 1)
                        .collect()
                })
                .collect(),
            // A task may go on in another row than it began in: only their sum means anything.
            false => places.map(|place| of_place(place).collect()).collect(),
        }
    }

    /// The most peers that one process can have: one descriptor each, unless each has a process,
    /// and what else the model needs. With topics that `span` processes, each has a line.
    pub(crate) fn peers_that_fit(&self, model: &Model, span: bool) -> usize {
        let fit = descriptors::peers_that_fit().min((model.kind().fits)());
        match model.kind().isolates_crashes {
            true if span => (fit / 2).max(1),
            // The parent has a descriptor for each child, too.
            true => fit,
            // What each process opens for itself, beside what is open now.
            false if model.processes().is_some() => {
                let own = (model.kind().descriptors)(model) + usize::from(span);
                fit.saturating_sub(own).max(1)
            }
            false => fit,
        }
    }
}

/// Whether each of its threads has peers of its own: a task may go on in another thread than it began
/// in.
fn has_loops_with_peers(model: &Model) -> bool {
    matches!(model.kind().family, Family::Loop | Family::Rings | Family::Stacks)
}
