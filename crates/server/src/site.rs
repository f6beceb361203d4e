//! A running server, as its models see it: one value that all its threads share.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use switchboard_core::{Ending, Endpoint, PeerInfo, Service, Terms};

use crate::admission::Gate;
use crate::counters::{Counters, Stats};
use crate::listening::Listeners;
use crate::stopping::{Drain, Stop};
use crate::story;

/// What a model needs to serve: shared by all threads of the server.
pub(crate) struct Site {
    pub(crate) service: Arc<Service>,
    pub(crate) terms: Arc<Terms>,
    pub(crate) listeners: Listeners,
    pub(crate) gate: Gate,
    pub(crate) counters: Counters,
    pub(crate) stop: Stop,
    pub(crate) drain: Drain,
    /// Whether standard input is the operator's console.
    pub(crate) console: bool,
    /// Someone watches standard error.
    pub(crate) attended: bool,
}

impl Site {
    /// Until when the drain may last; `None` while nothing drains, or for ever.
    pub(crate) fn drain_deadline(&self) -> Option<Instant> {
        self.stop.deadline(self.drain)
    }

    /// Tells that the drain waits for peers, and how to end it: whoever pressed Ctrl-C, or at `-v`.
    pub(crate) fn say_draining(&self, peers: usize) {
        if peers == 0 {
            return;
        }
        let limit = match self.drain {
            Drain::Within(limit) => format!("up to {limit:?}"),
            Drain::Forever => "for ever".to_owned(),
        };
        let whom = if peers == 1 { "1 peer".to_owned() } else { format!("{peers} peers") };
        let line = format!("draining: waiting {limit} for {whom}; a second signal ends the wait");
        match self.attended {
            true => story::say(&line),
            false => tracing::info!("{line}"),
        }
    }

    /// Tells of a new peer, at `-v`.
    pub(crate) fn say_opened(&self, info: &PeerInfo) {
        tracing::info!("opened {} {}", info.id, info.address);
    }

    /// Tells of a peer's end, at `-v`; `error` is the handler's own and always told.
    pub(crate) fn say_closed(
        &self,
        (id, address): (u64, &Endpoint),
        ending: Ending,
        (received, sent): (u64, u64),
        error: Option<&io::Error>,
    ) {
        if let Some(error) = error {
            tracing::warn!("peer {id} {address}: {} failed: {error}", self.service.name());
        }
        tracing::info!("closed {id} {address}: {ending}, received {received}, sent {sent} bytes");
    }

    /// The console's answer to `stats`.
    pub(crate) fn describe(&self, stats: &Stats) -> String {
        format!("peers={} {stats}", stats.present())
    }
}
