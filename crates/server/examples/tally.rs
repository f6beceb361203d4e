//! A counter of the service's own: exact under every model, also where each peer has a process.

use std::io::Write;
use std::process::ExitCode;

use switchboard::{Context, Flow, Server, Session, counter};

struct Tally {
    lines: switchboard::Counter,
}

impl Session for Tally {
    fn received(&mut self, peer: &mut Context<'_>) -> Flow {
        while let Some(line) = peer.input.line() {
            self.lines.add(1);
            let _ = writeln!(peer.output, "{}", String::from_utf8_lossy(line).to_uppercase());
        }
        Flow::Continue
    }
}

fn main() -> ExitCode {
    // Made before the server runs, and so before it forks: all processes add to one number, which
    // `stats` on the console prints as lines=N.
    let lines = counter("lines");
    Server::sessions("tally", move |_peer| Tally { lines: lines.clone() }).main()
}
