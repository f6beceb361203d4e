//! Supervision: who serves is watched, replaced if it dies, seen off when the server stops.
//!
//! A [`Crew`] is whoever serves in a process, be it threads or processes; the [`warden`] is the
//! thread that watches over it and obeys the operator. One of each for all models.

mod branch;
mod channel;
pub(crate) mod child;
pub(crate) mod crew;
mod exchange;
pub(crate) mod lines;
pub(crate) mod patience;
mod place;
pub(crate) mod processes;
pub(crate) mod staff;
mod supervised;
pub(crate) mod warden;

pub(crate) use branch::Branch;
pub(crate) use crew::{Crew, Seen};
pub(crate) use lines::Lines;
pub(crate) use staff::Staff;
