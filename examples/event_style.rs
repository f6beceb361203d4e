//! The server of power meters in event style: an object for each meter, which is called when
//! something came, or when nothing did.

use std::process::ExitCode;

use meter::{Answer, GRACE, REQUEST_MAX, Readings, SILENCE};
use switchboard::{Context, Ending, Flow, Limits, Server, Session};

#[derive(Default)]
struct Meter {
    readings: Readings,
    told: bool,
}

impl Session for Meter {
    fn opened(&mut self, peer: &mut Context) -> Flow {
        peer.await_peer(Some(peer.now() + SILENCE));
        Flow::Continue
    }

    fn received(&mut self, peer: &mut Context) -> Flow {
        while let Some(request) = peer.input.line() {
            match self.readings.answer(&String::from_utf8_lossy(request)) {
                Answer::Reply(reply) => peer.output.line(&reply),
                Answer::Refusal(why) => peer.output.line(&format!("error: {why}")),
                Answer::Goodbye => return Flow::Close,
            }
            self.told = false;
            peer.await_peer(Some(peer.now() + SILENCE));
        }
        Flow::Continue
    }

    fn woken(&mut self, peer: &mut Context) -> Flow {
        if self.told {
            return peer.close_as(Ending::TimedOut);
        }
        self.told = true;
        peer.output.line("due");
        peer.await_peer(Some(peer.now() + GRACE));
        Flow::Continue
    }
}

pub(crate) fn server() -> Server {
    let limits = Limits { request_max: REQUEST_MAX, ..Limits::default() };
    Server::sessions("meter", |_peer| Meter::default()).limits(limits)
}

fn main() -> ExitCode {
    server().main()
}
