//! Mailboxes under every model whose peers share memory: what is sent to one peer comes to it and to
//! nobody else, whatever its thread is doing.

#![allow(clippy::unwrap_used, reason = "clippy does not see that helpers of tests are tests")]

use std::collections::HashMap;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use switchboard::testing::{Client, Served, every_model};
use switchboard::{
    Context, Flow, Heard, Limits, Mailbox, Model, Overrun, Peer, Server, Service, Session, State,
};

/// Peers by the names that they have given themselves.
#[derive(Clone, Default)]
struct Book(Arc<Mutex<HashMap<String, Mailbox>>>);

impl Book {
    fn enter(&self, name: &str, mailbox: Mailbox) {
        self.0.lock().unwrap().insert(name.to_owned(), mailbox);
    }

    /// `send NAME TEXT` sends bytes, `note NAME TEXT` a note; what came of it.
    fn post(&self, line: &str) -> String {
        let mut words = line.splitn(3, ' ');
        let (how, whom, text) = (words.next(), words.next(), words.next().unwrap_or_default());
        let Some(mailbox) = self.0.lock().unwrap().get(whom.unwrap_or_default()).cloned() else {
            return "nobody".to_owned();
        };
        let posted = match how {
            Some("send") => mailbox.send(format!("{text}\n"), Overrun::Report),
            Some("flood") => mailbox.send(vec![b'x'; 100_000], Overrun::Close),
            _ => mailbox.note(text.to_owned(), Overrun::Report),
        };
        posted.map_or_else(|error| error.to_string(), |()| "posted".to_owned())
    }
}

struct Subscriber(Book);

impl Session for Subscriber {
    fn received(&mut self, peer: &mut Context<'_>) -> Flow {
        while let Some(line) = peer.input.line() {
            let line = String::from_utf8_lossy(line).into_owned();
            match line.split_once(' ') {
                Some(("name", name)) => {
                    let mailbox = peer.mailbox();
                    self.0.enter(name, mailbox);
                    peer.output.line("named");
                }
                _ => peer.output.line(&self.0.post(&line)),
            }
        }
        Flow::Continue
    }

    fn woken(&mut self, peer: &mut Context<'_>) -> Flow {
        while let Some(note) = peer.take_note() {
            peer.output.line(&format!("noted {}", note.downcast::<String>().unwrap()));
        }
        Flow::Continue
    }
}

fn handler(peer: &mut Peer<'_>, book: &Book) -> std::io::Result<()> {
    loop {
        match peer.next(None)? {
            Heard::Line(line) => match line.split_once(' ') {
                Some(("name", name)) => {
                    book.enter(name, peer.mailbox()?);
                    writeln!(peer, "named")?;
                }
                Some(("sleep", _)) => {
                    writeln!(peer, "good night")?;
                    peer.sleep(Duration::from_millis(300))?;
                    writeln!(peer, "slept")?;
                }
                _ => writeln!(peer, "{}", book.post(&line))?,
            },
            Heard::Note(note) => writeln!(peer, "noted {}", note.downcast::<String>().unwrap())?,
            Heard::Ended | Heard::Elapsed => return Ok(()),
        }
    }
}

fn events() -> Server {
    let book = Book::default();
    let service = Service::sessions("book", move |_| Subscriber(book.clone()));
    Server::new(service.state(State::Shared))
}

fn lines() -> Server {
    let book = Book::default();
    let service = Service::handler("book", move |peer| handler(peer, &book));
    Server::new(service.state(State::Shared))
}

/// Under models that serve one peer at a time nobody can write to another.
fn serves_several(served: &Served) -> bool {
    served.model().kind().name != "sequential"
}

fn named(mut peer: Client, name: &str) -> Client {
    peer.send(format!("name {name}\n")).expect("named\n");
    peer
}

fn talk(served: &Served) {
    if serves_several(served) {
        talk_with(|| served.connect());
    }
}

fn talk_with(connect: impl Fn() -> Client) {
    let (mut one, mut two) = (named(connect(), "one"), named(connect(), "two"));
    for round in 0..50 {
        one.send(format!("send two bytes {round}\n")).expect("posted\n");
        two.expect(format!("bytes {round}\n"));
        two.send(format!("note one {round}\nsend two to myself\n"));
        one.expect(format!("noted {round}\n"));
        two.expect("posted\nposted\nto myself\n");
    }
    two.end().expect_end();
    one.send("send nobody x\n").expect("nobody\n");
    // The peer's leaving may be under way.
    loop {
        one.send("send two x\n");
        if one.line() == "the peer is gone" {
            break;
        }
    }
}

/// Kills: mail that reaches another or nobody, a wake-up that is lost or repeated, a peer that hears
/// its mail only when it says something.
#[test]
fn sessions_write_to_each_other_under_every_model() {
    every_model(events, talk);
}

#[test]
fn handlers_write_to_each_other_under_every_model() {
    every_model(lines, talk);
}

/// Kills: mail for a session that is on a worker, or on another loop than its sender's, which is lost
/// or comes to this one.
#[test]
fn peers_of_several_loops_and_of_workers_write_to_each_other() {
    let models = [
        "epoll:threads=2",
        "epoll:accept=shared,threads=3",
        "epoll:workers=2",
        "poll:threads=2,workers=2",
        "coroutine:threads=2",
        "uring:threads=2",
        "uring:workers=2",
        "tokio:threads=2",
    ];
    for text in models {
        let model: Model = text.parse().unwrap();
        if (model.kind().unavailable)().is_some() {
            eprintln!("not under {text}, which cannot run here");
            continue;
        }
        for server in [events(), lines()] {
            let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
            let handle = server.model(model.clone()).listen(free).spawn().unwrap();
            talk_with(|| Client::connect(&handle.address().to_string()).unwrap());
            handle.stop();
            let stats = handle.join().unwrap();
            assert_eq!(stats.accepted, 2, "{text}: {stats}");
        }
    }
}

/// Kills: mail that waits until a handler that sleeps is awake.
#[test]
fn a_handler_that_sleeps_is_sent_its_mail() {
    every_model(lines, |served| {
        if !serves_several(served) {
            return;
        }
        let (mut one, mut two) = (named(served.connect(), "one"), named(served.connect(), "two"));
        two.send("sleep -\n").expect("good night\n");
        one.send("send two while you sleep\n").expect("posted\n");
        two.expect("while you sleep\nslept\n");
    });
}

/// Kills: mail without a bound, a slow peer that is kept although its sender would not have it.
#[test]
fn a_peer_that_does_not_read_is_closed_if_its_sender_says_so() {
    let limited = || events().limits(Limits { mail_max: 300_000, ..Limits::default() });
    every_model(limited, |served| {
        if !serves_several(served) {
            return;
        }
        let (mut one, mut two) = (named(served.connect(), "one"), named(served.connect(), "two"));
        // As much as its socket holds, then as much as its mailbox does.
        while one.send("flood two -\n").line() == "posted" {}
        two.expect_closed();
        drop((one, two));
        while served.handle().stats().present() > 0 {
            std::thread::yield_now();
        }
        assert_eq!(served.handle().stats().failed, 1);
    });
}
