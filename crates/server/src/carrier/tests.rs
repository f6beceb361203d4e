//! Carriers over socket pairs, with sessions that do what a test says.

mod blocking;
mod ready;
mod rig;
