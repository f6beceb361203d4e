//! What a child has for itself.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, OnceLock, Weak};

use switchboard_core::Terms;

use crate::admission::Newcomer;
use crate::carrier::delivered;
use crate::counters::{RowHandle, Stats};
use crate::model::answering::answer;
use crate::model::presence::Presence;
use crate::offload::Desk;
use crate::shared::Shared;
use crate::site::Site;
use crate::stopping::Stop;

/// What a child is to do when it gets SIGTERM; the first: nobody has told it.
const SERVE: u64 = 0;
pub(super) const DRAIN: u64 = 1;
pub(super) const CUT: u64 = 2;

/// What a child finds ready when it is forked: each page that it need not write to is one that it
/// shares with its parent, and one fault less.
pub(super) struct Own {
    /// What SIGTERM means, for all children at once: [`DRAIN`] or [`CUT`].
    stage: Shared<AtomicU64>,
    /// The child's peer; in the parent there is none.
    presence: OnceLock<Arc<Presence>>,
    desk: Arc<Desk>,
    terms: Arc<Terms>,
    /// The lowest descriptor that the parent opened for itself.
    first_fd: RawFd,
}

impl Own {
    pub(super) fn new(site: &Arc<Site>, first_fd: RawFd) -> io::Result<Arc<Own>> {
        let stage = Shared::new(1)?;
        Ok(Arc::new_cyclic(|own: &Weak<Own>| {
            let own = Weak::clone(own);
            let desk = Arc::new(Desk::new(&site.jobs, move |_| {
                let own = own.upgrade();
                let presence = own.as_ref().and_then(|own| own.presence.get());
                presence.into_iter().for_each(|presence| presence.job_done());
            }));
            let terms = desk.terms(site.terms.limits);
            Own { stage, presence: OnceLock::new(), desk, terms, first_fd }
        }))
    }

    /// What SIGTERM means to children from now on.
    pub(super) fn set_stage(&self, stage: u64) {
        self.stage[0].store(stage, SeqCst);
    }

    /// Whether children were told to cut their peers off.
    pub(super) fn cuts(&self) -> bool {
        self.stage[0].load(SeqCst) == CUT
    }

    /// In the child: serves its peer, and nobody else ever.
    pub(super) fn serve(
        &self,
        site: &Site,
        newcomer: Newcomer,
        row: &RowHandle,
        mut buffer: Vec<u8>,
    ) -> i32 {
        let socket = newcomer.socket.as_raw_fd();
        close_range(self.first_fd, socket - 1);
        close_range(socket.max(self.first_fd - 1) + 1, RawFd::MAX);
        let presence = Arc::new(Presence::new(newcomer, row.clone()));
        if let Err(error) = site.stop.renew() {
            tracing::warn!("peer {}: {error}", presence.info.id);
            return 1;
        }
        let _ = self.presence.set(Arc::clone(&presence));
        // One that came before that has done nothing.
        if self.stage[0].load(SeqCst) != SERVE {
            self.heed(&site.stop);
        }
        site.say_opened(&presence.info);
        let (ending, error) = answer(site, &presence, &self.desk, &self.terms, &mut buffer);
        let (info, traffic) = (&presence.info, presence.traffic());
        site.say_closed((info.id, &info.address), ending, traffic, error.as_ref());
        let mut stats = Stats::default();
        stats.ended(ending);
        row.gather(&mut stats);
        self.desk.forget(info.id);
        site.jobs.close();
        site.service.exit();
        0
    }

    /// What a draining thread does for the peers of other models, a child does for its own, as often
    /// as it is told. Async-signal-safe.
    fn heed(&self, stop: &Stop) {
        let Some(presence) = self.presence.get() else { return };
        if self.stage[0].load(SeqCst) == CUT {
            stop.cut();
            presence.cut_off();
            return;
        }
        stop.drain();
        if presence.between.load(SeqCst)
            && !presence.shut.load(SeqCst)
            && delivered(&presence.socket)
        {
            presence.shut_reading();
        }
    }
}

/// SIGTERM to a child, from its parent or from whoever stops the whole group. Registered once, before
/// the first fork; in the parent it does nothing.
pub(super) fn obey_signals(own: &Arc<Own>, stop: &Stop) -> io::Result<()> {
    let (own, stop) = (Arc::clone(own), stop.clone());
    let heed = move || own.heed(&stop);
    // SAFETY: all of that is atomics and system calls that are async-signal-safe: write(2),
    // clock_gettime(2), shutdown(2), getsockopt(2), ioctl(2). Nothing is locked or allocated.
    unsafe { signal_hook::low_level::register(signal_hook::consts::SIGTERM, heed) }.map(drop)
}

/// In a child: closes descriptors of the parent's, without a look at the values that they belong to,
/// each of which would be another page to write to.
pub(super) fn close_range(first: RawFd, last: RawFd) {
    if first <= last {
        // SAFETY: the values are neither used nor dropped in this process: it ends by _exit(2), and
        // never returns to where they belong. (Sockets of peers that were not closed are not among
        // them, nor is anything that a service has opened: that was before the parent began.)
        unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
    }
}
