//! One peer of a blocking model, as other threads than its own see it.

use std::os::fd::OwnedFd;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use rustix::net::{Shutdown, shutdown};
use switchboard_core::PeerInfo;

use crate::admission::Newcomer;

/// One peer that a thread is serving.
pub(crate) struct Presence {
    pub(crate) socket: OwnedFd,
    pub(crate) info: PeerInfo,
    /// Its thread waits for the beginning of a request.
    pub(crate) between: AtomicBool,
    /// The drain has shut its receiving side.
    pub(crate) shut: AtomicBool,
    /// It was given up: nothing that its thread does for it waits any more.
    pub(crate) cut: AtomicBool,
    pub(crate) received: AtomicU64,
    pub(crate) sent: AtomicU64,
    sleeping: Mutex<()>,
    wake: Condvar,
}

impl Presence {
    pub(super) fn new(newcomer: Newcomer) -> Presence {
        Presence {
            socket: newcomer.socket,
            info: newcomer.info,
            between: AtomicBool::new(false),
            shut: AtomicBool::new(false),
            cut: AtomicBool::new(false),
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            sleeping: Mutex::new(()),
            wake: Condvar::new(),
        }
    }

    /// Sleeps for `wait`, or until the peer is cut off; and only while `undisturbed`, which is asked
    /// again when the drain begins.
    pub(crate) fn sleep(&self, wait: Duration, undisturbed: impl Fn() -> bool) {
        let guard = self.sleeping.lock().unwrap_or_else(PoisonError::into_inner);
        let asleep = |_: &mut ()| !self.cut.load(SeqCst) && undisturbed();
        drop(self.wake.wait_timeout_while(guard, wait, asleep));
    }

    /// Wakes its thread with the end of its input.
    pub(super) fn shut_reading(&self) {
        self.shut.store(true, SeqCst);
        let _ = shutdown(&self.socket, Shutdown::Read);
    }

    /// Lets a sleeper look again why it sleeps.
    pub(super) fn rouse(&self) {
        let _guard = self.sleeping.lock().unwrap_or_else(PoisonError::into_inner);
        self.wake.notify_all();
    }

    /// Bytes received and sent so far.
    pub(crate) fn traffic(&self) -> (u64, u64) {
        (self.received.load(SeqCst), self.sent.load(SeqCst))
    }

    pub(super) fn cut_off(&self) {
        self.cut.store(true, SeqCst);
        let _ = shutdown(&self.socket, Shutdown::Both);
        self.rouse();
    }
}
