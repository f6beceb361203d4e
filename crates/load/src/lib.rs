//! An honest load generator for any TCP server: open or closed loop, every byte checked.
//!
//! # Layout
//!
//! - [`Plan`]: what to apply, as plain data. [`schedule`]: when a message is due.
//! - [`message`]: what is sent, where a reply ends, what it has to be.
//! - [`watch`]: who is told how a run goes, and what is left of it ([`Outcome`]).
//! - [`record`]: what was seen, mergeable. [`Report`]: the result as plain data.
//! - [`server_side`]: what the server's processes used meanwhile. [`honesty`]: what makes a result
//!   doubtful.

mod cpus;
pub mod error;
pub mod errors;
pub mod honesty;
pub mod message;
pub mod plan;
pub mod record;
pub mod report;
pub mod schedule;
pub mod server_side;
pub mod units;
pub mod watch;
mod written;

pub use error::LoadError;
pub use errors::{ErrorCount, ErrorKind, Errors};
pub use honesty::Warning;
pub use plan::{BadPeers, End, Manner, Plan};
pub use record::Record;
pub use report::Report;
pub use schedule::{Arrivals, Rate, Schedule};
pub use server_side::Onlooker;
pub use watch::{Interval, Outcome, Phase, Progress, Silent, Watch};
