//! Write a TCP service once; run it under any concurrency model, chosen when it is started.

mod address;

pub use address::{Address, AddressError, DEFAULT_PORT};
