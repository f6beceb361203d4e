//! Names for well-known combinations of a model and one of its keys.

use super::settings::cores;

/// A name that stands for a model with one of its keys.
#[derive(Debug)]
pub struct Combination {
    /// The name.
    pub name: &'static str,
    /// The model.
    pub of: &'static str,
    /// The key, which the name takes, too.
    pub key: &'static str,
    /// The key's value when it is not given, on this machine.
    pub here: fn() -> u64,
    /// What textbooks call it.
    pub about: &'static str,
}

/// Every combination that has a name.
pub static COMBINATIONS: &[Combination] = &[
    Combination {
        name: "prefork",
        of: "sequential",
        key: "processes",
        here: || 4 * cores(),
        about: "so many processes, forked beforehand, serve one peer at a time each",
    },
    Combination {
        name: "multi-reactor",
        of: "epoll",
        key: "threads",
        here: cores,
        about: "so many loops, each with its own peers",
    },
    Combination {
        name: "hybrid",
        of: "epoll",
        key: "workers",
        here: || cores().max(2),
        about: "a loop moves bytes, sessions run on so many threads",
    },
];

/// The combination of that name.
pub(super) fn find(name: &str) -> Option<&'static Combination> {
    COMBINATIONS.iter().find(|combination| combination.name == name)
}
