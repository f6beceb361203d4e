//! The stock services, a file each: what `switchboard serve` can offer without a line of code.
//!
//! Adding one is a file with its [`Entry`] and a line in [`SERVICES`]: the command line, `switchboard
//! services` and the conformance suite read that list.
//!
//! # Layout
//!
//! - [`Entry`], [`ServiceOption`], [`Options`]: what a service says of itself and is told.
//! - `echo`, `discard`, `chargen`, `daytime`, `time`, `upper`: the small ones, event style.
//! - `hotline`: a phone menu, straight-line style.
//! - `chat`: rooms in which people talk to each other, on every model; event style.
//! - `work`: burns, sleeps and crashes to order, for measuring. `probe` (hidden): what the
//!   conformance suite talks to. Both in both styles.
//! - [`printing`]: lines on standard output that never make a loop wait.

mod chargen;
mod charset;
mod chat;
mod daytime;
mod discard;
mod echo;
mod entry;
mod hotline;
mod options;
pub mod printing;
mod probe;
mod time;
mod transcript;
mod upper;
mod work;

pub use entry::{Entry, ServiceOption};
pub use options::Options;

/// Every stock service, in the order in which they are listed.
pub static SERVICES: &[&Entry] = &[
    &echo::ENTRY,
    &discard::ENTRY,
    &chargen::ENTRY,
    &daytime::ENTRY,
    &time::ENTRY,
    &upper::ENTRY,
    &hotline::ENTRY,
    &chat::ENTRY,
    &work::ENTRY,
    &probe::ENTRY,
];

/// The service of that name, hidden ones included.
pub fn find(name: &str) -> Option<&'static Entry> {
    SERVICES.iter().find(|entry| entry.name == name).copied()
}
