//! What the server counted: exact, and the same under every model.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use switchboard_core::{Ending, Outcome};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// What a server counted. Bytes are those of the socket calls.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Stats {
            $($(#[$doc])* pub $name: u64,)*
        }

        /// Counters that all threads of a server add to.
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $($name: AtomicU64,)*
        }

        impl Counters {
            /// Adds what a loop or thread has gathered, and empties it.
            pub(crate) fn gather(&self, stats: &mut Stats) {
                $(if stats.$name != 0 {
                    self.$name.fetch_add(stats.$name, Ordering::Relaxed);
                })*
                *stats = Stats::default();
            }

            /// All counters as they are now.
            pub(crate) fn read(&self) -> Stats {
                Stats { $($name: self.$name.load(Ordering::Relaxed),)* }
            }
        }
    };
}

counters! {
    /// Peers given a session.
    accepted,
    /// Peers closed without one: too many, or no descriptor left.
    refused,
    /// Of the accepted: those that ended as their protocol has it.
    in_order,
    /// Of the accepted: those ended by an error, a reset, a panic.
    failed,
    /// Of the accepted: those that missed a deadline.
    timed_out,
    /// Of the accepted: those ended by the drain's deadline or a second signal.
    cut_off,
    /// Bytes received.
    received,
    /// Bytes sent.
    sent,
    /// Times that a loop was told of urgent data. Every model reads it in line; `spin` and the
    /// blocking models, which ask nobody, are not told of it and count none.
    urgent,
}

impl Stats {
    /// Counts one ended peer.
    pub(crate) fn ended(&mut self, ending: Ending) {
        match ending.outcome() {
            Outcome::InOrder => self.in_order += 1,
            Outcome::Failed => self.failed += 1,
            Outcome::TimedOut => self.timed_out += 1,
            Outcome::CutOff => self.cut_off += 1,
        }
    }

    /// Peers that have a session now.
    pub fn present(&self) -> u64 {
        self.accepted.saturating_sub(self.in_order + self.failed + self.timed_out + self.cut_off)
    }
}

/// The stop line's fields, in their order.
impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "accepted={} refused={} failed={} timed_out={} cut_off={} received={} sent={} urgent={}",
            self.accepted,
            self.refused,
            self.failed,
            self.timed_out,
            self.cut_off,
            self.received,
            self.sent,
            self.urgent
        )
    }
}
