//! The server of power meters in straight lines: a function that talks to one meter, from its
//! arrival to its leaving.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use meter::{Answer, GRACE, REQUEST_MAX, Readings, SILENCE};
use switchboard::{Arrival, Limits, Peer, Server};

/// A meter that talks nonsense waits for its answer, so that it cannot talk much of it.
pub(crate) const PENALTY: Duration = Duration::from_millis(500);

fn serve(peer: &mut Peer) -> io::Result<()> {
    let mut readings = Readings::default();
    while let Some(request) = next_request(peer)? {
        match readings.answer(&request) {
            Answer::Reply(reply) => writeln!(peer, "{reply}")?,
            Answer::Refusal(why) => {
                peer.sleep(PENALTY)?;
                writeln!(peer, "error: {why}")?;
            }
            Answer::Goodbye => break,
        }
    }
    Ok(())
}

/// The next line. A meter that is silent is told once that a reading is due.
fn next_request(peer: &mut Peer) -> io::Result<Option<String>> {
    peer.set_deadline(Some(peer.now() + SILENCE + GRACE));
    if peer.unread().is_empty() && peer.read_for(SILENCE)? == Arrival::Elapsed {
        writeln!(peer, "due")?;
    }
    let request = peer.line()?;
    peer.set_deadline(None);
    Ok(request)
}

pub(crate) fn server() -> Server {
    let limits = Limits { request_max: REQUEST_MAX, ..Limits::default() };
    Server::handler("meter", serve).limits(limits)
}

fn main() -> ExitCode {
    server().main()
}
