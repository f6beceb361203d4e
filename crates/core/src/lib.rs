//! What is answered, and how far each peer has come: the part of Switchboard that knows bytes and
//! instants, and no socket, thread, process or clock.
//!
//! # Layout
//!
//! - [`Service`]: what a program offers, in one of two styles. [`Session`] is the event style: an
//!   object per peer whose methods are called when something came. [`Peer`] is what a straight-line
//!   handler reads from and writes to.
//! - [`Connection`]: one peer of an event-style service: its session, its unread input, its unsent
//!   output, its deadlines, its way of closing. Whoever moves the bytes (a *carrier*) drives it.
//! - [`Wire`]: what a carrier supplies to a [`Peer`]: waiting, reading, writing.
//! - [`framing`]: where one request ends: lines, 4-byte lengths, exact counts; bounded.
//! - [`Offload`]: what a server supplies to run jobs that take long; [`Offloaded`]: their values.
//! - [`Mailbox`]: how others reach a peer; [`Post`]: what a server supplies for that.
//! - [`topics`]: what one peer publishes comes to all who have joined.
//! - [`Terms`]: what a server grants each of its peers.
//! - [`Limits`], [`Ending`], [`Endpoint`]: plain data.
//!
//! Bytes, instants and the decision to stop are handed in, so that every rule of this crate can be
//! tested in one thread without waiting for anything.

mod connection;
mod context;
mod ending;
mod endpoint;
pub mod framing;
mod limits;
mod mail;
mod marks;
mod offload;
mod peer;
mod service;
mod session;
mod sync;
mod terms;
pub mod topics;
mod unread;
mod wire;

pub use connection::{Call, Connection, Next};
pub use context::{Context, Input, Output};
pub use ending::{Ending, Outcome};
pub use endpoint::{Endpoint, PeerInfo};
pub use limits::Limits;
pub use mail::{Mailbox, Note, Overrun, OwnMailbox, Post, Undelivered, Waiting};
pub use offload::{Job, JobPanicked, Offload, Offloaded};
pub use peer::{Arrival, Heard, Peer};
pub use service::{Idle, Service, State, Style};
pub use session::{Flow, Session};
pub use terms::Terms;
pub use topics::{Membership, Topics};
pub use wire::{Reading, Wait, Wire};
