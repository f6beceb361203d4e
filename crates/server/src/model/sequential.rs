//! One peer at a time; the others wait in the backlog. The floor of every comparison.

use std::io;
use std::sync::Arc;

use super::floor::{Floor, FloorCrew};
use super::{Kind, Model, Run, blocking_model, tasks};
use crate::carrier::blocking::Buffers;
use crate::site::Site;
use crate::supervision::Crew;

/// The model.
pub(super) const MODEL: Kind = Kind {
    name: "sequential",
    summary: "one peer at a time; the others wait in the backlog",
    source: "iterative server",
    peers_max: |model| Some(model.given("processes").unwrap_or(1)),
    threads: |_| {
        tasks(&[
            ("main", "waits for the stop"),
            ("sb-serve", "accepts and serves one peer at a time"),
        ])
    },
    run: Run::Crew(start),
    ..blocking_model()
};

/// Serves on a thread of its own: the warden wakes it up when the server stops.
fn start(site: &Arc<Site>, _: &Model) -> io::Result<Box<dyn Crew>> {
    let floor = Arc::new(Floor::new(site)?);
    let mut crew = FloorCrew::new(&floor);
    let (entrance, row) = (crew.entrance(site.row(0))?, site.row(0));
    let mut buffers = Buffers::ready();
    crew.staff.start("sb-serve".to_owned(), move || {
        entrance.admit(|newcomer| {
            floor.serve(newcomer, &row, &mut buffers);
            Ok(())
        })
    })?;
    crew.begun()
}
