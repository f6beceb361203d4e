//! What threads tell whoever conducts them, in this process or as lines of JSON from another.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use crate::record::Record;
use crate::slices::Slices;
use crate::watch::Phase;

/// What a thread tells.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Word {
    /// All its connections are open, or have failed.
    Ready,
    /// What it saw since it last told, up to the instant `at`.
    Seen { worker: u32, phase: Phase, at: u64, open: [u64; 2], record: Box<Record> },
    /// It is through.
    Done,
    /// It cannot go on: a sentence.
    Failed(String),
}

/// What a process is told.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum Order {
    /// Load is to be applied from this instant on.
    Start(u64),
    /// All is over.
    Stop,
}

/// What threads are told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Orders {
    start: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    slices: Option<Slices>,
    awake: bool,
    /// This run only is over: whoever raised no flag has other runs to go on with.
    over: Arc<AtomicBool>,
}

impl Orders {
    /// Orders that are withdrawn when `stop` is raised.
    pub(crate) fn new(stop: Arc<AtomicBool>) -> Orders {
        Orders { stop, ..Orders::default() }
    }

    /// The same with slices, and without sleep.
    pub(crate) fn with(self, slices: Option<Slices>, awake: bool) -> Orders {
        Orders { slices, awake, ..self }
    }

    /// Whether replies are awaited without sleeping.
    #[inline]
    pub(crate) fn awake(&self) -> bool {
        self.awake
    }

    /// Who is told of slices, if anybody is.
    pub(crate) fn slices(&self) -> Option<&Slices> {
        self.slices.as_ref()
    }

    /// Load is applied from this instant on.
    pub(crate) fn start(&self, instant: u64) {
        self.start.store(instant, Ordering::Release);
    }

    /// From when on load is to be applied, once that is known.
    pub(crate) fn started(&self) -> Option<u64> {
        Some(self.start.load(Ordering::Acquire)).filter(|instant| *instant > 0)
    }

    /// All is over.
    pub(crate) fn stop(&self) {
        self.over.store(true, Ordering::Release);
    }

    pub(crate) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire) || self.over.load(Ordering::Acquire)
    }
}
