//! One peer of a blocking model, as other threads than its own see it.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::OnceLock;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use rustix::net::{Shutdown, shutdown};
use switchboard_core::PeerInfo;

use crate::admission::Newcomer;
use crate::counters::RowHandle;
use crate::stopping::Bell;

/// One peer that a thread is serving.
pub(crate) struct Presence {
    pub(crate) socket: OwnedFd,
    pub(crate) info: PeerInfo,
    /// How long its socket waits, as it was accepted.
    pub(crate) wait: Option<Duration>,
    /// Where it is counted.
    pub(crate) row: RowHandle,
    /// Its thread waits for the beginning of a request.
    pub(crate) between: AtomicBool,
    /// The drain has shut its receiving side.
    pub(crate) shut: AtomicBool,
    /// It was given up: nothing that its thread does for it waits any more.
    pub(crate) cut: AtomicBool,
    received: AtomicU64,
    sent: AtomicU64,
    /// Rung when a job is done or mail has come; made when one of them is awaited first.
    bell: OnceLock<Bell>,
}

impl Presence {
    pub(crate) fn new(newcomer: Newcomer, row: RowHandle) -> Presence {
        Presence {
            socket: newcomer.socket,
            info: newcomer.info,
            wait: newcomer.wait,
            row,
            between: AtomicBool::new(false),
            shut: AtomicBool::new(false),
            cut: AtomicBool::new(false),
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            bell: OnceLock::new(),
        }
    }

    /// One system call that received. Only by its own thread.
    pub(crate) fn received(&self, count: usize) {
        count_up(&self.received, count);
        self.row.received(count);
    }

    /// One system call that sent. Only by its own thread.
    pub(crate) fn sent(&self, count: usize) {
        count_up(&self.sent, count);
        self.row.sent(count);
    }

    /// Wakes its thread with the end of its input.
    pub(crate) fn shut_reading(&self) {
        self.shut.store(true, SeqCst);
        let _ = shutdown(&self.socket, Shutdown::Read);
    }

    /// What rings when a job is done or mail has come. Who waits for it looks after this whether that
    /// is so already.
    pub(crate) fn bell(&self) -> io::Result<&Bell> {
        if self.bell.get().is_none() {
            // Only its own thread gets here.
            let _ = self.bell.set(Bell::new()?);
        }
        Ok(self.bell.get().expect("it was made just now"))
    }

    /// A job is done, or mail has come.
    pub(crate) fn ring(&self) {
        self.bell.get().into_iter().for_each(Bell::ring);
    }

    /// Mail has come; with `overrun` more than its mailbox holds, and it is waited for no longer.
    pub(crate) fn mail(&self, overrun: bool) {
        if overrun {
            let _ = shutdown(&self.socket, Shutdown::Both);
        }
        self.ring();
    }

    /// Bytes received and sent so far.
    pub(crate) fn traffic(&self) -> (u64, u64) {
        (self.received.load(SeqCst), self.sent.load(SeqCst))
    }

    /// Ends every wait of its thread for it: those on its socket here, sleeps by the stop, which has
    /// been cut before.
    pub(crate) fn cut_off(&self) {
        self.cut.store(true, SeqCst);
        let _ = shutdown(&self.socket, Shutdown::Both);
    }
}

fn count_up(counter: &AtomicU64, count: usize) {
    counter.store(counter.load(Relaxed) + count as u64, Relaxed);
}
