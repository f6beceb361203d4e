//! A supervised process: what it lets go of after the fork, how it serves, how it leaves.

use std::io;
use std::os::fd::BorrowedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use super::Crew;
use super::channel::{Channel, Supervisor, Word};
use super::warden::{self, Orders};
use crate::model::{self, Model};
use crate::site::Site;
use crate::stopping::Bell;

/// Serves until it is told to end; the status with which the process ends then. `site` is its own
/// view of the server.
pub(super) fn serve(site: io::Result<Site>, model: &Model, place: usize, channel: Channel) -> i32 {
    let served = site.and_then(|site| serve_as_told(&Arc::new(site), model, Rc::new(channel)));
    match served {
        Ok(()) => 0,
        Err(error) => {
            tracing::warn!("process {place}: {error}");
            1
        }
    }
}

fn serve_as_told(site: &Arc<Site>, model: &Model, channel: Rc<Channel>) -> io::Result<()> {
    let mut leave = Leave::on_signal(site, Rc::clone(&channel))?;
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
/// first, and tells it to leave when that one serves. A second SIGTERM cuts everyone off.
///
/// SIGINT, which a terminal sends to the supervisor and all its processes, is the supervisor's: see
/// `Prepared::obey_signals`.
struct Leave {
    bell: Arc<Bell>,
    channel: Rc<Channel>,
    asked: bool,
}

impl Leave {
    fn on_signal(site: &Arc<Site>, channel: Rc<Channel>) -> io::Result<Leave> {
        let bell = Arc::new(Bell::new()?);
        let (site, rung, again) = (Arc::clone(site), Arc::clone(&bell), AtomicBool::new(false));
        let ask = move || match again.swap(true, SeqCst) {
            false => rung.ring(),
            true => {
                site.listeners.leave_to_others();
                site.stop.cut();
            }
        };
        // SAFETY: what it calls is async-signal-safe: atomics, a monotonic clock reading, write(2).
        unsafe { signal_hook::low_level::register(signal_hook::consts::SIGTERM, ask) }?;
        Ok(Leave { bell, channel, asked: false })
    }
}

impl Orders for Leave {
    fn fd(&self) -> Option<BorrowedFd<'_>> {
        (!self.asked).then(|| self.bell.fd())
    }

    fn obey(&mut self, _: &Site, _: &mut dyn Crew) {
        self.asked = true;
        // A supervisor that does not listen any more has died, and this process is about to.
        let _ = self.channel.say(&Word::Leaving);
    }
}
