//! Warnings that would come by the thousand.

use std::time::{Duration, Instant};

/// A warning that is given at most once a second.
#[derive(Default)]
pub(super) struct Occasionally {
    last: Option<Instant>,
    silent: u64,
}

impl Occasionally {
    /// Warns, and says how often it did not since the last time; or does not warn.
    pub(super) fn say(&mut self, what: impl FnOnce() -> String) {
        let now = Instant::now();
        if self.last.is_some_and(|last| now - last < Duration::from_secs(1)) {
            self.silent += 1;
            return;
        }
        self.last = Some(now);
        match std::mem::take(&mut self.silent) {
            0 => tracing::warn!("{}", what()),
            silent => tracing::warn!("{} ({silent} more since the last line)", what()),
        }
    }
}
