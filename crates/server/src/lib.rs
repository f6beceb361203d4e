//! Write a TCP service once; run it under any concurrency model, chosen when it is started.
//!
//! ```no_run
//! use std::io::Write;
//! use std::process::ExitCode;
//! use switchboard::Server;
//!
//! fn main() -> ExitCode {
//!     Server::handler("shout", |peer| {
//!         writeln!(peer, "hello {}", peer.address())?;
//!         while let Some(line) = peer.line()? {
//!             if line == "exit" {
//!                 break;
//!             }
//!             writeln!(peer, "{}", line.to_uppercase())?;
//!         }
//!         Ok(())
//!     })
//!     .main()
//! }
//! ```
//!
//! # Layout
//!
//! - [`Server`]: a service, a model, addresses; runs as a program, in the caller's thread, or
//!   beside it.
//! - `mechanism`: how one thread learns which of its sockets can go on, a file each; `reactor`: the
//!   loop that all of them serve.
//! - `ring`: io_uring, which the same loop can run on; `carrier`: who moves one socket's bytes,
//!   blocking or not.
//! - [`future`]: services that are written as futures, for `tokio` alone.
//! - [`model`]: the list of models, how one is written on a command line, the blocking ones.
//! - `listening`, `admission`, `stopping`: what models are lent, and give back.
//! - [`testing`]: a service under test without a socket, and servers under test with one.

mod address;
mod admission;
mod carrier;
pub mod command;
mod console;
mod counter;
mod counters;
mod deadlines;
mod descriptors;
pub mod future;
mod inbox;
mod layout;
mod listening;
mod mappings;
mod mechanism;
pub mod model;
mod obedience;
mod offload;
mod queue;
mod reactor;
#[cfg(target_os = "linux")]
mod ring;
mod running;
mod server;
mod shared;
mod site;
mod size;
mod stacks;
mod stopping;
mod story;
mod supervision;
mod sync;
pub mod testing;
mod waiting;
mod workers;

pub use address::{Address, AddressError, DEFAULT_PORT};
pub use admission::WhenFull;
pub use counter::{Counter, counter};
pub use counters::Stats;
pub use model::{Model, ModelError};
pub use server::{Handle, ServeError, Server};
pub use stopping::Drain;

pub use switchboard_core::{
    Arrival, Context, Ending, Endpoint, Flow, Heard, Idle, Input, JobPanicked, Limits, Mailbox,
    Membership, Note, Offloaded, Output, Overrun, Peer, PeerInfo, Service, Session, State, Topics,
    Undelivered, topics,
};
