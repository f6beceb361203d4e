//! The server of a house: all its meters report to one total, which lies in the memory of one
//! process.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use meter::{Answer, REQUEST_MAX, Readings};
use switchboard::{Limits, Peer, Server, Service, State};

fn serve(peer: &mut Peer, house: &Mutex<Readings>) -> io::Result<()> {
    while let Some(request) = peer.line()? {
        // A statement of its own: the lock is let go of at its end, before anything is written.
        let answer = house.lock().unwrap_or_else(PoisonError::into_inner).answer(&request);
        match answer {
            Answer::Reply(reply) => writeln!(peer, "{reply}")?,
            Answer::Refusal(why) => writeln!(peer, "error: {why}")?,
            Answer::Goodbye => break,
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    let house = Mutex::new(Readings::default());
    let service = Service::handler("house", move |peer| serve(peer, &house)).state(State::Shared);
    let limits = Limits { request_max: REQUEST_MAX, ..Limits::default() };
    Server::new(service).limits(limits).main()
}
