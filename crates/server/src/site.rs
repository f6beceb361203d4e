//! A running server, as those see it who serve in one of its processes: one value that all threads
//! of that process share.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use switchboard_core::{Ending, Endpoint, PeerInfo, Service, Terms};

use crate::admission::Gate;
use crate::counter;
use crate::counters::{Counters, RowHandle};
use crate::listening::Listeners;
use crate::offload::Jobs;
use crate::stacks::Sessions;
use crate::stopping::{Drain, Stop};
use crate::story;

/// What a model needs to serve.
pub(crate) struct Site {
    pub(crate) service: Arc<Service>,
    /// How its peers' sessions are made.
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) terms: Arc<Terms>,
    /// Threads for offloaded jobs.
    pub(crate) jobs: Arc<Jobs>,
    pub(crate) listeners: Arc<Listeners>,
    pub(crate) gate: Arc<Gate>,
    /// Those of the whole server.
    pub(crate) counters: Counters,
    /// The rows of this process.
    pub(crate) rows: Range<usize>,
    /// The rows of each loop, or of each place: how the peers are spread over them is shown to the
    /// operator.
    pub(crate) shown: Vec<Vec<Range<usize>>>,
    pub(crate) stop: Stop,
    pub(crate) drain: Drain,
    /// Someone watches standard error.
    pub(crate) attended: bool,
}

impl Site {
    /// In a process that has just been forked: its own view of the server, with its `rows`. `sets`:
    /// how many sets of listeners each place has.
    pub(crate) fn of_process(
        &self,
        place: usize,
        rows: Range<usize>,
        sets: usize,
    ) -> io::Result<Site> {
        self.listeners.keep(place, sets);
        self.stop.renew()?;
        self.gate.renew()?;
        Ok(Site {
            service: Arc::clone(&self.service),
            sessions: Arc::clone(&self.sessions),
            terms: Arc::clone(&self.terms),
            jobs: Arc::clone(&self.jobs),
            listeners: Arc::clone(&self.listeners),
            gate: Arc::clone(&self.gate),
            counters: self.counters.clone(),
            rows,
            shown: Vec::new(),
            stop: self.stop.clone(),
            drain: self.drain,
            attended: false,
        })
    }

    /// The counters of one of this process's loops or threads.
    pub(crate) fn row(&self, place: usize) -> RowHandle {
        self.counters.row(self.rows.start + place)
    }

    /// Until when the drain may last; `None` while nothing drains, or for ever.
    pub(crate) fn drain_deadline(&self) -> Option<Instant> {
        self.stop.deadline(self.drain)
    }

    /// Tells that the drain waits for peers, and how to end it: whoever pressed Ctrl-C, or at `-v`.
    pub(crate) fn say_draining(&self) {
        let peers = self.counters.sum(self.rows.clone()).present();
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
            say_failed(&self.service, (id, address), error);
        }
        tracing::info!("closed {id} {address}: {ending}, received {received}, sent {sent} bytes");
    }

    /// The console's answer to `stats`: the peers that are there, everything that was counted, how
    /// the peers are spread over loops or processes, the service's own counters.
    pub(crate) fn describe(&self) -> String {
        let stats = self.counters.read();
        let mut line = format!("peers={} {stats}", stats.present());
        if self.shown.len() > 1 {
            let present = |rows: &Range<usize>| self.counters.sum(rows.clone()).present();
            let peers = |rows: &Vec<_>| rows.iter().map(present).sum::<u64>().to_string();
            let spread: Vec<String> = self.shown.iter().map(peers).collect();
            line += &format!(" spread={}", spread.join("/"));
        }
        line + &counter::describe()
    }
}

/// Tells of a handler's own error, always.
pub(crate) fn say_failed(service: &Service, (id, address): (u64, &Endpoint), error: &io::Error) {
    tracing::warn!("peer {id} {address}: {} failed: {error}", service.name());
}
