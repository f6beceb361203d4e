//! An honest load generator for any TCP server: open or closed loop, every byte checked.
//!
//! ```no_run
//! use switchboard_load::{Control, Plan, Report, Silent, run};
//!
//! let plan = Plan { connections: 100, ..Plan::default() };
//! let outcome = run(&plan, &Control::default(), &mut Silent)?;
//! println!("{:?}", Report::of(&outcome).latency.p99_ns);
//! # Ok::<(), switchboard_load::LoadError>(())
//! ```
//!
//! # Layout
//!
//! - [`Plan`]: what to apply, as plain data. [`schedule`]: when a message is due.
//! - [`message`]: what is sent, where a reply ends, what it has to be.
//! - `conversation`: one connection's messages and replies, without a socket or a clock. `dialogue`:
//!   the same for a script.
//! - `crowd`, `sources`, `socket`: the connections of a thread. `driver`: the loop that serves them.
//! - [`run()`], `conduct`: starts the threads, lets them begin together, adds up what they tell
//!   (`word`). `parts`: the same in several processes.
//! - [`watch`]: who is told how a run goes, and what is left of it ([`Outcome`]).
//! - [`record`]: what was seen, mergeable; `spares`: those that are used again. [`Report`]: the result as plain data.
//! - [`server_side`]: what the server's processes used meanwhile. [`Slices`]: who is told after so many messages.
//! - [`honesty`]: what makes a result doubtful. [`fail_if`]: what makes it a failure.
//! - [`report::text`], [`report::json`], [`report::csv`], [`report::HdrLog`]: how it is written down,
//!   with [`units`] and [`bars`].

pub mod bars;
mod clock;
mod conduct;
mod conversation;
mod cpus;
mod crowd;
mod dialogue;
mod driver;
pub mod error;
pub mod errors;
pub mod fail_if;
pub mod honesty;
pub mod message;
mod parts;
pub mod plan;
pub mod record;
pub mod report;
mod run;
pub mod schedule;
pub mod server_side;
mod share;
mod slices;
mod socket;
mod sources;
mod spares;
pub mod units;
pub mod watch;
mod word;
mod written;

pub use error::LoadError;
pub use errors::{ErrorCount, ErrorKind, Errors};
pub use fail_if::Condition;
pub use honesty::Warning;
pub use parts::serve_part;
pub use plan::{BadPeers, End, Manner, Plan};
pub use record::Record;
pub use report::Report;
pub use run::{Control, run};
pub use schedule::{Arrivals, Rate, Schedule};
pub use server_side::{Clocks, Onlooker};
pub use slices::Slices;
pub use watch::{Interval, Outcome, Phase, Progress, Silent, Watch};
