//! Models side by side on this machine, each a real server process: plan → run → record → report.
//!
//! # Layout
//!
//! - [`plan`]: what to measure, as plain data, and how long it takes. [`target`]: what is compared.
//!   [`talk`]: what its peers say, and `rehearsal`, which finds out.
//! - [`experiment`]: the experiments, a file each, and their claims.
//! - [`mod@run`]: rounds, in which models have their turns. [`stage`]: what an experiment is lent;
//!   [`driven`]: what it sees. [`arrivals`]: peers that come until no more are let in.
//!   [`server`]: a server under test. [`cores`]: who runs where. [`peers`]: some that wait.
//!   `witness`: who asks it meanwhile. [`slices`]: processor time, undisturbed. `holder`: which
//!   process serves a peer. `kernel`: what the kernel holds. `counted`: what a server counts.
//!   `traced`: what strace counts.
//! - [`record`]: what a comparison found, as plain data. results.json is that. `collected`: how
//!   samples become it. `environment`: where it was found.
//! - [`statistics`]: what samples say, and what they do not.
//! - [`answer`]: which model a workload should be served with, according to it.
//! - [`report`]: how it is written down. `shell`: how a command line is.
//! - [`explain`]: the system calls of one conversation under each model, and why each is there.

pub mod answer;
pub mod arrivals;
mod collected;
pub mod cores;
mod counted;
pub mod driven;
mod environment;
pub mod experiment;
pub mod explain;
mod holder;
mod kernel;
pub mod peers;
pub mod plan;
pub mod record;
mod rehearsal;
pub mod report;
pub mod run;
pub mod server;
mod shell;
pub mod slices;
pub mod stage;
pub mod statistics;
pub mod talk;
pub mod target;
mod traced;
mod witness;

pub use counted::Counted;
pub use plan::Plan;
pub use record::Comparison;
pub use rehearsal::rehearse;
pub use run::{Machine, Runner, Turn, Watch, run};
pub use target::{Launch, Target};
