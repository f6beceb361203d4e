//! One peer at a time; the others wait in the backlog. The floor of every comparison.

use std::io;
use std::sync::Arc;
use std::thread;

use super::floor::Floor;
use super::{Kind, blocking_model, operating};
use crate::site::Site;
use crate::stopping::{Flag, RaiseAtEnd};

/// The model.
pub(super) const MODEL: Kind = Kind {
    name: "sequential",
    summary: "one peer at a time; the others wait in the backlog",
    source: "iterative server",
    peers_max: |_| Some(1),
    threads: &[
        ("main", "waits for the stop"),
        ("sb-serve", "accepts and serves one peer at a time"),
    ],
    run: |site, _| run(site),
    ..blocking_model()
};

/// Serves on a thread of its own: this one wakes it up when the server stops.
fn run(site: &Arc<Site>) -> io::Result<()> {
    let floor = Arc::new(Floor::new(site)?);
    let operator = operating::start(&floor)?;
    let over = Arc::new(Flag::new()?);
    let serving = thread::Builder::new().name("sb-serve".to_owned()).spawn({
        let (floor, over) = (Arc::clone(&floor), RaiseAtEnd(Arc::clone(&over)));
        move || {
            let _over = over;
            floor.accept(|newcomer| {
                floor.serve(newcomer);
                Ok(())
            });
        }
    })?;
    floor.drain();
    let ended = || over.raised();
    if !floor.see_off(over.fd(), ended) {
        floor.cut_off(ended);
    }
    if over.raised() {
        serving.join().map_err(|_| io::Error::other("the serving thread panicked"))?;
    }
    operator.stop();
    Ok(())
}
