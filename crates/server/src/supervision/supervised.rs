//! A supervised process: what it lets go of after the fork, how it serves, how it leaves.

use std::io;
use std::os::fd::BorrowedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use nix::sys::signal::{SigSet, SigmaskHow, Signal};

use super::branch::Outgoing;
use super::channel::{Channel, Supervisor, Word};
use super::warden::{self, Orders};
use super::{Branch, Crew};
use crate::model::{self, Model};
use crate::site::Site;
use crate::stopping::Bell;

/// Serves until it is told to end; the status with which the process ends then. `site` is its own
/// view of the server.
pub(super) fn serve(
    site: io::Result<Site>,
    model: &Model,
    place: usize,
    (channel, branch): (Channel, Option<Branch>),
    deaf: &Deaf,
) -> i32 {
    let served = site.and_then(|site| {
        let topics = site.service.declared_topics();
        let outgoing =
            branch.zip(topics).map(|(branch, topics)| branch.connect(topics)).transpose()?;
        let channel = Rc::new(channel);
        let leave = Leave::on_signal(Rc::clone(&channel))?;
        deaf.listen_again();
        let served = serve_as_told(&Arc::new(site), model, channel, leave);
        outgoing.iter().for_each(Outgoing::finish);
        served
    });
    match served {
        Ok(()) => 0,
        Err(error) => {
            tracing::warn!("process {place}: {error}");
            1
        }
    }
}

fn serve_as_told(
    site: &Arc<Site>,
    model: &Model,
    channel: Rc<Channel>,
    mut leave: Leave,
) -> io::Result<()> {
    let mut supervisor = Supervisor::new(channel);
    let served = model::start(site, model).and_then(|mut crew| {
        supervisor.say(&Word::Ready);
        warden::keep(site, &mut *crew, &mut [&mut supervisor, &mut leave])
    });
    site.jobs.close();
    site.service.exit();
    served
}

/// A wish to leave. SIGTERM to a single process does not drain it at once: peers would wait in the
/// listeners that are its own until another process has them. The supervisor is asked for a successor
/// first, and tells it to leave when that one serves. A second SIGTERM is a second wish.
///
/// SIGINT, which a terminal sends to the supervisor and all its processes, is the supervisor's: see
/// [`Obedience`](crate::obedience::Obedience).
struct Leave {
    bell: Arc<Bell>,
    signals: Arc<AtomicU64>,
    said: u64,
    channel: Rc<Channel>,
}

impl Leave {
    fn on_signal(channel: Rc<Channel>) -> io::Result<Leave> {
        let (bell, signals) = (Arc::new(Bell::new()?), Arc::new(AtomicU64::new(0)));
        let (rung, counted) = (Arc::clone(&bell), Arc::clone(&signals));
        let ask = move || {
            counted.fetch_add(1, SeqCst);
            rung.ring();
        };
        // SAFETY: what it calls is async-signal-safe: an atomic and write(2).
        unsafe { signal_hook::low_level::register(signal_hook::consts::SIGTERM, ask) }?;
        Ok(Leave { bell, signals, said: 0, channel })
    }
}

impl Orders for Leave {
    fn fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.bell.fd())
    }

    fn obey(&mut self, _: &Site, _: &mut dyn Crew) {
        self.bell.quiet();
        // More than two say no more than two.
        while self.said < self.signals.load(SeqCst).min(2) {
            self.said += 1;
            // A supervisor that does not listen any more has died, and this process is about to.
            let _ = self.channel.say(&Word::Leaving);
        }
    }
}

/// While it lives, this thread gets no SIGTERM. A process that is forked meanwhile gets it when it has
/// said so, by which time it heeds it: until then it would be lost.
pub(super) struct Deaf(SigSet);

impl Deaf {
    pub(super) fn to_sigterm() -> io::Result<Deaf> {
        let mut sigterm = SigSet::empty();
        sigterm.add(Signal::SIGTERM);
        Ok(Deaf(sigterm.thread_swap_mask(SigmaskHow::SIG_BLOCK)?))
    }

    pub(super) fn listen_again(&self) {
        if let Err(error) = self.0.thread_set_mask() {
            tracing::warn!("SIGTERM stays blocked: {error}");
        }
    }
}

impl Drop for Deaf {
    fn drop(&mut self) {
        self.listen_again();
    }
}
