//! One peer of a service of futures: its future runs as a task, within the limits of the server.

use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;
use std::panic::{self, AssertUnwindSafe};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use switchboard_core::{Context as Peer, Ending, Flow, Outcome, Session, Style};
use tokio::time::{Sleep, sleep_until};

use super::peer::{Place, carry};
use super::roster::Roster;
use super::worker;
use crate::carrier::asynchronous::{Carrier, News, set};
use crate::carrier::delivered;
use crate::future::{Line, Serve, Serving, Stream};

/// Says good-bye: what its future has sent is to reach the peer.
struct Farewell;

impl Session for Farewell {
    fn opened(&mut self, _: &mut Peer<'_>) -> Flow {
        Flow::Close
    }

    fn received(&mut self, _: &mut Peer<'_>) -> Flow {
        Flow::Close
    }
}

/// Serves a peer with a future.
pub(super) async fn serve(mut place: Place, socket: OwnedFd) {
    let (roster, entry) = (Arc::clone(&place.roster), Arc::clone(&place.entry));
    let (site, info) = (&roster.site, &entry.info);
    let Some(socket) = place.begin(socket).await else { return };
    let line = Arc::new(Line::new(socket, info, entry.row.clone()));
    let (ending, error) = live(&place, &line).await;
    line.end();
    let mut timer = pin!(sleep_until(Instant::now().into()));
    let in_order = ending.outcome() == Outcome::InOrder;
    let waits = in_order && !(line.has_ended() && delivered(line.socket.get_ref()));
    let mut traffic = line.traffic();
    match Arc::try_unwrap(line) {
        Ok(line) if waits => {
            let draining = site.stop.draining();
            let about = (info, &roster.terms);
            let mut carrier = Carrier::new(line.socket, Box::new(Farewell), about, draining);
            carry(&mut carrier, &place, timer.as_mut(), traffic).await;
            traffic = entry.traffic();
            drop(carrier.close());
        }
        Ok(line) => drop(line),
        Err(line) => line.abort(),
    }
    worker::turn(|worker| {
        worker.hand.stats.arms += 1;
        worker.tell();
    });
    site.say_closed((info.id, &info.address), ending, traffic, error.as_ref());
    place.end(ending);
}

/// From the beginning of the peer's future to its end, or that of its patience; how that was, and an
/// error of the future's own.
async fn live(place: &Place, line: &Arc<Line>) -> (Ending, Option<io::Error>) {
    let roster = &*place.roster;
    let Style::Future(serve) = roster.site.service.style() else {
        unreachable!("a task is started as its service is written")
    };
    let serve = serve.downcast_ref::<Serve>().expect("a service of futures is made by `future`");
    let stream = Stream::new(Arc::clone(line), roster.draining());
    let info = place.entry.info.clone();
    let made = panic::catch_unwind(AssertUnwindSafe(|| (serve.0)(stream, info)));
    let Ok(mut future) = made else { return (Ending::Panicked, None) };
    let mut timer = pin!(sleep_until(Instant::now().into()));
    let mut armed = None;
    let result = poll_fn(|task| {
        if place.entry.hear().has(News::CUT) {
            return Poll::Ready(Err(Ending::CutOff));
        }
        let polled = poll(&mut future, task);
        place.entry.note(line.traffic());
        // Not before it has read what has come.
        if polled.is_pending() && silent(roster, line, &mut armed, timer.as_mut(), task) {
            return Poll::Ready(Err(Ending::TimedOut));
        }
        polled
    })
    .await;
    // Here its destructors run, and what it has of the stream goes.
    let dropped = panic::catch_unwind(AssertUnwindSafe(|| drop(future)));
    match (result, dropped) {
        (Err(ending), _) => (ending, None),
        (Ok(_), Err(_)) => (Ending::Panicked, None),
        (Ok(result), Ok(())) => ending_of(result, line, roster),
    }
}

fn poll(future: &mut Serving, task: &mut Context<'_>) -> Poll<Result<io::Result<()>, Ending>> {
    match panic::catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(task))) {
        Ok(polled) => polled.map(Ok),
        Err(_) => Poll::Ready(Err(Ending::Panicked)),
    }
}

/// Whether the peer was silent for too long; if not, the timer comes up no later than it may be.
fn silent(
    roster: &Roster,
    line: &Line,
    armed: &mut Option<Instant>,
    timer: std::pin::Pin<&mut Sleep>,
    task: &mut Context<'_>,
) -> bool {
    let now = Instant::now();
    if armed.is_some_and(|armed| now < armed) {
        return false;
    }
    // A limit beyond what the clock can say is none.
    let limit = roster.terms.idle.and_then(|limit| line.active().checked_add(limit));
    *armed = limit;
    limit.is_some_and(|limit| limit <= now || set(timer, limit, task))
}

/// How a peer ended whose future has come to its end.
fn ending_of(result: io::Result<()>, line: &Line, roster: &Roster) -> (Ending, Option<io::Error>) {
    let in_order = match (roster.site.stop.draining(), line.has_ended()) {
        (true, _) => Ending::Drained,
        (false, true) => Ending::Left,
        (false, false) => Ending::Closed,
    };
    match (line.fate(), result) {
        (Some(fate), _) => (fate, None),
        (None, Ok(())) => (in_order, None),
        (None, Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof && line.has_ended() => {
            (in_order, None)
        }
        (None, Err(error)) => (Ending::Error, Some(error)),
    }
}
