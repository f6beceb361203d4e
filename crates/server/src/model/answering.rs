//! One peer of a blocking model, answered on this thread from its opening to its end, in either style.

use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::time::Instant;

use switchboard_core::{Connection, Ending, Outcome, Peer, Style, Terms};

use super::presence::Presence;
use crate::carrier::blocking::{BlockingWire, Buffers, converse};
use crate::offload::Desk;
use crate::site::Site;

/// Answers one peer; how it ended, and an error of its handler's own. `buffers` are an event-style
/// peer's.
pub(super) fn answer(
    site: &Site,
    presence: &Presence,
    desk: &Desk,
    terms: &Arc<Terms>,
    buffers: &mut Buffers,
) -> (Ending, Option<io::Error>) {
    // A panic that no session's or handler's own guard caught, such as in a destructor.
    let answered = AssertUnwindSafe(|| answer_unguarded(site, presence, desk, terms, buffers));
    panic::catch_unwind(answered).unwrap_or((Ending::Panicked, None))
}

fn answer_unguarded(
    site: &Site,
    presence: &Presence,
    desk: &Desk,
    terms: &Arc<Terms>,
    buffers: &mut Buffers,
) -> (Ending, Option<io::Error>) {
    let mut wire = BlockingWire::new(presence, &site.stop, desk, terms);
    let terms = Arc::clone(terms);
    match site.service.style() {
        Style::StraightLine(handler) => {
            let linger = terms.linger;
            let peer = Peer::new(&mut wire, presence.info.clone(), terms);
            let (ending, error) = peer.serve(&**handler);
            if ending == Ending::Closed || (ending.outcome() == Outcome::InOrder && wire.holds()) {
                wire.linger(linger);
            }
            (ending, error)
        }
        Style::Event(_) => {
            let info = &presence.info;
            let session = match site.sessions.open(info, &terms) {
                Ok(session) => session,
                Err(ending) => return (ending, None),
            };
            let bounds = terms.limits;
            let mut connection = Connection::new(session, info, terms, Instant::now());
            let ending = converse(&mut connection, &mut wire, bounds, buffers);
            (connection.close(ending), None)
        }
        Style::Future(_) => unreachable!("the server refuses futures where nobody runs them"),
    }
}
