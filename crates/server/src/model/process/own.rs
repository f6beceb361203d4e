//! What a child has for itself.

use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64};
use std::sync::{Arc, Weak};

use switchboard_core::Terms;

use crate::carrier::blocking::Buffers;
use crate::carrier::delivered;
use crate::counters::Stats;
use crate::descriptors;
use crate::model::answering::answer;
use crate::model::presence::Presence;
use crate::obedience::Handler;
use crate::offload::{Desk, Hears};
use crate::shared::Shared;
use crate::site::Site;
use crate::stopping::Stop;
use crate::supervision::Branch;

/// What a child is to do when it gets SIGTERM; the first: nobody has told it.
const SERVE: u64 = 0;
pub(super) const DRAIN: u64 = 1;
pub(super) const CUT: u64 = 2;

/// What a child finds ready when it is forked: each page that it need not write to is one that it
/// shares with its parent, and one fault less.
pub(super) struct Own {
    /// What SIGTERM means, for all children at once: [`DRAIN`] or [`CUT`].
    stage: Shared<AtomicU64>,
    /// The same, as it was when the child was forked.
    stage_then: AtomicU64,
    /// The child's peer, which lives as long as it; in the parent there is none.
    presence: AtomicPtr<Presence>,
    /// SIGTERM came before there was one.
    early: AtomicBool,
    desk: Arc<Desk>,
    terms: Arc<Terms>,
    /// What was open before the parent began to accept, but for the listeners: the service's own
    /// descriptors, the stop's, the gate's. In ascending order.
    kept: Vec<RawFd>,
}

/// The one thread of a child that serves its peer.
struct Child(Weak<Own>);

impl Child {
    fn tell(&self, tell: impl Fn(&Presence)) {
        let own = self.0.upgrade();
        own.as_ref().and_then(|own| own.presence()).into_iter().for_each(tell);
    }
}

impl Hears for Child {
    fn job_done(&self, _: u64) {
        self.tell(Presence::ring);
    }

    fn mail(&self, _: u64, _: u64, overrun: bool) {
        self.tell(|presence| presence.mail(overrun));
    }
}

impl Own {
    /// Before the parent opens anything for itself.
    pub(super) fn new(site: &Arc<Site>) -> io::Result<Arc<Own>> {
        let stage = Shared::new(1)?;
        let (mut kept, listeners) = (descriptors::open_now()?, site.listeners.descriptors());
        kept.retain(|fd| !listeners.contains(fd));
        Ok(Arc::new_cyclic(|own: &Weak<Own>| {
            let desk = Arc::new(Desk::new(&site.jobs, Child(Weak::clone(own))));
            let terms = desk.terms(site.terms.limits);
            Own {
                stage,
                stage_then: AtomicU64::new(SERVE),
                presence: AtomicPtr::default(),
                early: AtomicBool::new(false),
                desk,
                terms,
                kept,
            }
        }))
    }

    /// What SIGTERM means to children from now on.
    pub(super) fn set_stage(&self, stage: u64) {
        self.stage[0].store(stage, SeqCst);
        self.stage_then.store(stage, SeqCst);
    }

    fn presence(&self) -> Option<&Presence> {
        // SAFETY: null, or set by `serve`, whose caller lends the presence until the process ends.
        unsafe { self.presence.load(SeqCst).as_ref() }
    }

    /// Whether children were told to cut their peers off.
    pub(super) fn cuts(&self) -> bool {
        self.stage[0].load(SeqCst) == CUT
    }

    /// In the child: lets go of all that is the parent's, and serves its peer, and nobody else ever.
    /// Until it answers it allocates nothing: in the heap that it has inherited that would be a fault
    /// for each page with a free piece.
    /// With a `branch` it also has a thread that hears of its topics.
    pub(super) fn serve(
        &self,
        site: &Site,
        presence: &Presence,
        branch: Option<Branch>,
        buffers: &mut Buffers,
    ) -> i32 {
        let socket = presence.socket.as_raw_fd();
        let line = branch.as_ref().map_or(socket, |branch| branch.as_fd().as_raw_fd());
        self.close_all_but([socket.min(line), socket.max(line)]);
        if let Err(error) = site.stop.renew() {
            tracing::warn!("peer {}: {error}", presence.info.id);
            return 1;
        }
        self.presence.store(std::ptr::from_ref(presence).cast_mut(), SeqCst);
        let topics = site.service.declared_topics();
        let connected =
            branch.zip(topics).map(|(branch, topics)| branch.connect(topics)).transpose();
        let outgoing = match connected {
            Ok(outgoing) => outgoing,
            Err(error) => {
                tracing::warn!("peer {}: {error}", presence.info.id);
                return 1;
            }
        };
        if self.stage_then.load(SeqCst) != SERVE || self.early.load(SeqCst) {
            self.heed(&site.stop);
        }
        site.say_opened(&presence.info);
        let (ending, error) = answer(site, presence, &self.desk, &self.terms, buffers);
        let (info, traffic) = (&presence.info, presence.traffic());
        site.say_closed((info.id, &info.address), ending, traffic, error.as_ref());
        let mut stats = Stats::default();
        stats.ended(ending);
        presence.row.gather(&mut stats);
        self.desk.forget(info.id);
        site.jobs.close();
        site.service.exit();
        if let Some(outgoing) = outgoing {
            outgoing.finish();
        }
        0
    }

    /// Closes the listeners, and whatever the parent has opened since: sockets of peers that wait for
    /// a child, what it watches other children by, others' lines. `own` is in ascending order, too.
    fn close_all_but(&self, own: [RawFd; 2]) {
        let (mut first, mut own) = (0, own.as_slice());
        for kept in self.kept.iter().copied().chain([RawFd::MAX]) {
            while let [next, rest @ ..] = own
                && *next < kept
            {
                close_range(first, next - 1);
                (first, own) = (next + 1, rest);
            }
            close_range(first, kept - 1);
            first = kept.saturating_add(1);
        }
    }

    /// What a draining thread does for the peers of other models, a child does for its own, as often
    /// as it is told. Async-signal-safe.
    fn heed(&self, stop: &Stop) {
        let Some(presence) = self.presence() else {
            return self.early.store(true, SeqCst);
        };
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
/// the first fork; in the parent it does nothing, and goes with it.
pub(super) fn obey_signals(own: &Arc<Own>, stop: &Stop) -> io::Result<Handler> {
    let (own, stop) = (Arc::clone(own), stop.clone());
    let heed = move || own.heed(&stop);
    // SAFETY: all of that is atomics and system calls that are async-signal-safe: write(2),
    // clock_gettime(2), shutdown(2), getsockopt(2), ioctl(2). Nothing is locked or allocated.
    unsafe { Handler::of(signal_hook::consts::SIGTERM, heed) }
}

/// In a child: closes descriptors of the parent's, without a look at the values that they belong to,
/// each of which would be another page to write to.
fn close_range(first: RawFd, last: RawFd) {
    if first <= last {
        // SAFETY: the values are neither used nor dropped in this process: it ends by _exit(2), and
        // never returns to where they belong. (Sockets of peers that were not closed are not among
        // them, nor is anything that a service has opened: that was before the parent began.)
        unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
    }
}
