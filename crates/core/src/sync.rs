//! What a mailbox is made of: apart, so that its test can put loom's in its place.

pub(crate) use std::sync::atomic::AtomicU64;
pub(crate) use std::sync::{Mutex, MutexGuard, PoisonError};
