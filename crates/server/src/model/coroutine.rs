//! A stack for each peer: loops resume whoever can go on.
//!
//! Under the loop models a straight-line handler has a stack as well; here everyone has, and sessions
//! are called there. Stacks are never moved from loop to loop, in contrast to the goroutines of Go:
//! a peer stays with the loop that had the fewest when it came.

use super::{Family, Kind, settings};
use crate::mechanism::epoll;

/// The model.
pub(super) const MODEL: Kind = Kind {
    name: "coroutine",
    summary: "a stack for each peer, set aside while it waits",
    source: "coroutines, green threads (M:N)",
    family: Family::Stacks,
    settings: &[&settings::ACCEPT, &settings::PROCESSES, &settings::STACK, &settings::LOOPS],
    stacks: true,
    ..epoll::LEVEL
};
