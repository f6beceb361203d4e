//! One event-style peer as a task: from its first turn on a runtime's thread to the closing of its
//! socket.

use std::future::poll_fn;
use std::os::fd::OwnedFd;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use switchboard_core::Ending;
use tokio::io::unix::AsyncFd;
use tokio::time::{Instant, Sleep, sleep_until};

use super::roster::{Entry, Roster};
use super::worker;
use crate::carrier::asynchronous::{Aids, Carrier, watch};

/// A peer's place on the roster, which is given back even if its task panics or is dropped.
pub(super) struct Place {
    pub(super) roster: Arc<Roster>,
    pub(super) entry: Arc<Entry>,
    /// How it ended, once it has begun.
    ending: Option<Ending>,
}

impl Place {
    pub(super) fn of(roster: &Arc<Roster>, entry: &Arc<Entry>) -> Place {
        Place { roster: Arc::clone(roster), entry: Arc::clone(entry), ending: None }
    }

    /// The task begins, and the runtime watches its peer's socket. `None`: that cannot be watched,
    /// which is told here, or the peer was given up before.
    pub(super) async fn begin(&mut self, socket: OwnedFd) -> Option<AsyncFd<OwnedFd>> {
        let socket = match watch(socket) {
            Ok(socket) => socket,
            Err(error) => {
                self.roster.say_refused(&self.entry, &error);
                return None;
            }
        };
        worker::turn(|worker| worker.hand.stats.arms += 1);
        let begun = poll_fn(|task| Poll::Ready(self.roster.begin(&self.entry, task.waker()))).await;
        if !begun {
            return None;
        }
        // Unless it comes to another end.
        self.ending = Some(Ending::Panicked);
        self.roster.site.say_opened(&self.entry.info);
        Some(socket)
    }

    /// The peer has ended.
    pub(super) fn end(mut self, ending: Ending) {
        self.ending = Some(ending);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.roster.leave(&self.entry, self.ending);
    }
}

/// Serves an event-style peer.
pub(super) async fn serve(mut place: Place, socket: OwnedFd) {
    let (roster, entry) = (Arc::clone(&place.roster), Arc::clone(&place.entry));
    let (site, info) = (&roster.site, &entry.info);
    let Some(socket) = place.begin(socket).await else { return };
    let session = match site.sessions.open(info, &roster.terms) {
        Ok(session) => session,
        Err(ending) => {
            drop(socket);
            site.say_closed((info.id, &info.address), ending, (0, 0), None);
            return place.end(ending);
        }
    };
    let mut carrier = Carrier::new(socket, session, (info, &roster.terms), site.stop.draining());
    // When it is to come up, the carrier says.
    let mut timer = pin!(sleep_until(Instant::now()));
    let ending = carry(&mut carrier, &place, timer.as_mut(), (0, 0)).await;
    let (connection, traffic) = (carrier.close(), entry.traffic());
    site.say_closed((info.id, &info.address), ending, traffic, None);
    roster.desk.forget(info.id);
    let ending = connection.close(ending);
    worker::turn(|worker| {
        worker.hand.stats.arms += 1;
        worker.tell();
    });
    place.end(ending);
}

/// Moves the peer's bytes until it has ended, and says how. `before`: what was received and sent
/// already.
pub(super) async fn carry(
    carrier: &mut Carrier,
    place: &Place,
    mut timer: Pin<&mut Sleep>,
    before: (u64, u64),
) -> Ending {
    let (entry, desk) = (&*place.entry, &*place.roster.desk);
    poll_fn(|task| {
        worker::turn(|worker| {
            let (timer, hand) = (timer.as_mut(), &mut worker.hand);
            let result = carrier.poll(entry.hear(), &mut Aids { task, timer, hand, desk });
            let (received, sent) = carrier.traffic();
            entry.note((before.0 + received, before.1 + sent));
            result
        })
    })
    .await
}
