//! Why no load was applied; each is a sentence that says what to do next.

use std::fmt;
use std::io;

/// Why a load could not be applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadError {
    /// The plan makes no sense: bad usage.
    Plan(String),
    /// The plan is fine, but this load could not be applied here, or not to this server.
    NotApplied(String),
}

impl LoadError {
    /// A system call of the generator itself failed.
    pub(crate) fn system(what: &str, error: impl Into<io::Error>) -> LoadError {
        LoadError::NotApplied(format!("cannot {what}: {}", error.into()))
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (LoadError::Plan(sentence) | LoadError::NotApplied(sentence)) = self;
        f.write_str(sentence)
    }
}

impl std::error::Error for LoadError {}
