//! Models side by side on this machine, each a real server process.
//!
//! # Layout
//!
//! - [`explain`]: the system calls of one conversation under each model, and why each is there.

pub mod explain;
