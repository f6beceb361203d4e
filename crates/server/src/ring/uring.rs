//! The model `uring`: loops on rings.

use super::{Ring, probe};
use crate::model::{Family, Kind, Model, Run, loop_model, loops, settings};
use crate::reactor;

/// The model on a ring.
pub(crate) const MODEL: Kind = Kind {
    name: "uring",
    summary: "one ring for all peers; the kernel receives and sends, many at each call",
    source: "proactor on io_uring(7)",
    family: Family::Rings,
    settings: &[
        &settings::ACCEPT,
        &settings::PROCESSES,
        &settings::STACK,
        &settings::LOOPS,
        &settings::WORKERS,
        &settings::BUFFERS,
        &settings::ENTRIES,
    ],
    unavailable: probe::missing,
    check: |model| loops::check(model).and_then(|()| powers_of_two(model)),
    run: Run::Loop(|station, model| {
        let (entries, buffers) = (model.number("entries"), model.number("buffers"));
        reactor::run(station, Ring::new(entries as u32, buffers as u16)?)
    }),
    descriptors: |model| loops::descriptors(model, 1),
    ..loop_model()
};

/// The kernel takes no other sizes.
fn powers_of_two(model: &Model) -> Result<(), String> {
    for key in ["buffers", "entries"] {
        let count = model.number(key);
        if !count.is_power_of_two() {
            let more = count.next_power_of_two();
            return Err(format!("`{key}={count}`: it must be a power of two, such as {more}"));
        }
    }
    Ok(())
}
