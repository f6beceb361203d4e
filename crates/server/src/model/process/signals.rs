//! What the process of one peer does when it is told to stop.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;

use crate::carrier::delivered;
use crate::model::presence::Presence;
use crate::shared::Shared;
use crate::site::Site;

/// SIGTERM, from the parent or from whoever stops its whole group: what a draining thread does for
/// the peers of other models, this process does for its own in the handler, as often as it is told.
pub(super) fn obey_signals(
    site: &Arc<Site>,
    presence: &Arc<Presence>,
    stage: &Arc<Shared<AtomicU64>>,
) -> io::Result<()> {
    let (stop, presence, stage) = (site.stop.clone(), Arc::clone(presence), Arc::clone(stage));
    let heed = move || {
        if stage[0].load(SeqCst) == super::CUT {
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
    };
    // SAFETY: all of that is atomics and system calls that are async-signal-safe: write(2),
    // clock_gettime(2), shutdown(2), getsockopt(2), ioctl(2). Nothing is locked or allocated.
    unsafe { signal_hook::low_level::register(signal_hook::consts::SIGTERM, heed) }.map(drop)
}
