//! A gathering: what one peer says, all others hear. A handler in straight lines waits for its peer and
//! for the others in one call, and the peers may be served by different processes.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use switchboard::topics::{Entry, Joined, Rules};
use switchboard::{Heard, Overrun, Peer, Server, Service, State, Topics};

fn gather(peer: &mut Peer<'_>, topics: &Topics, rules: &Arc<Rules>) -> io::Result<()> {
    let name = format!("peer {}", peer.id());
    let entry = Entry {
        topic: "here".into(),
        rules: Arc::clone(rules),
        label: name.as_str().into(),
        hello: format!("{name} has come\n").into(),
    };
    let here = topics.join(&peer.mailbox()?, entry).map_err(io::Error::other)?;
    loop {
        // What others say is sent to the peer while this waits.
        match peer.next(None)? {
            Heard::Line(line) => {
                here.publish(format!("{name}: {line}\n")).map_err(io::Error::other)?;
            }
            Heard::Note(note) => {
                if let Ok(Joined::Member { members, .. }) = note.downcast().map(|joined| *joined) {
                    writeln!(peer, "you are one of {members} here")?;
                }
            }
            Heard::Ended | Heard::Elapsed => {
                here.leave(format!("{name} has left\n"));
                return Ok(());
            }
        }
    }
}

fn main() -> ExitCode {
    let topics = Topics::new();
    let rules = Arc::new(Rules {
        members_max: 1000,
        kept_lines: 0,
        told_max: 100,
        when_full: Overrun::Close,
        lost: ("".into(), " is gone\n".into()),
    });
    let own = topics.clone();
    let service = Service::handler("gathering", move |peer| gather(peer, &own, &rules));
    Server::new(service.state(State::Shared).topics(&topics)).main()
}
