//! Tests of services: without a socket, under every model in this process, as a program of its own.
//!
//! A service is tested best where it is only bytes. [`talk()`] drives either style in one thread of
//! the test, with time that passes only when the test says so:
//!
//! ```
//! use std::io::Write;
//! use std::time::Duration;
//! use switchboard::{Arrival, Server, testing::talk};
//!
//! let shout = || {
//!     Server::handler("shout", |peer| {
//!         while let Some(line) = peer.line()? {
//!             writeln!(peer, "{}", line.to_uppercase())?;
//!         }
//!         Ok(())
//!     })
//! };
//! talk(shout()).send("hello\n").expect("HELLO\n").send("by").send("e").end().expect("BYE\n").expect_end();
//! ```
//!
//! What only a socket can show (how bytes are cut, who waits for whom) is tested once for every
//! model with [`every_model`], and a whole program, with its signals and its exit status, with
//! [`program()`]. Both lend a [`Client`], which has the same words as [`talk()`].
//!
//! Everything here panics when it is disappointed, and says in that panic what was expected and
//! what came, both escaped. Whatever does not come within [`PATIENCE`] does not come.
//!
//! # Layout
//!
//! - `talk`: one peer of a service, without a socket; `talk/event`, `talk/straight_line`: how each
//!   style is driven.
//! - `client`: one peer of a server, with a socket.
//! - `leash`: a program that does not outlive its test.
//! - `models`: a server for each model. `program`: a server in a process of its own.
//! - `text`: what came and what was expected, side by side.

mod client;
mod leash;
mod models;
mod program;
mod talk;
mod text;

use std::thread;
use std::time::{Duration, Instant};

pub use client::Client;
pub use leash::die_with_this_thread;
pub use models::{Served, every_model};
pub use program::{Program, Running, Stopped, program};
pub use talk::{Subject, Talk, talk};

/// How long anything in this module is waited for in real time.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until `condition` holds, asking again every millisecond.
///
/// For what can only be asked and does not tell: a file of `/proc`, a counter.
///
/// # Panics
/// If it does not hold within [`PATIENCE`]; `what` says what was waited for.
#[track_caller]
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < end, "waited {PATIENCE:?} for {what}");
        thread::sleep(Duration::from_millis(1));
    }
}
