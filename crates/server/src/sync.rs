//! What the inbox is made of: apart, so that its test can put loom's in its place.

pub(crate) use std::sync::{Mutex, PoisonError};
