//! The same service in event style: it is called when something came.

use std::process::ExitCode;

use switchboard::{Context, Flow, Server, Session};

struct Shout;

impl Session for Shout {
    fn received(&mut self, peer: &mut Context) -> Flow {
        while let Some(line) = peer.input.line() {
            peer.output.line(&line.to_ascii_uppercase());
        }
        Flow::Continue
    }
}

fn main() -> ExitCode {
    Server::sessions("shout", |_peer| Shout).main()
}
