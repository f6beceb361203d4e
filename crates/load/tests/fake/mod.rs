//! Servers that do one thing, known exactly, and plans against them.

#![allow(dead_code, reason = "each test uses some of it")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use switchboard_load::message::Message;
use switchboard_load::{Control, End, LoadError, Plan, Report, Silent, run};

/// A server that treats each connection so, in a thread of its own, for as long as the test runs.
pub(crate) fn server(treat: impl Fn(TcpStream) + Send + Sync + Clone + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for peer in listener.incoming().flatten() {
            let treat = treat.clone();
            thread::spawn(move || treat(peer));
        }
    });
    address
}

/// A server that sends back what `answer` makes of what has come at a time.
pub(crate) fn answering(
    answer: impl Fn(&[u8]) -> Vec<u8> + Send + Sync + Clone + 'static,
) -> SocketAddr {
    server(move |mut peer| {
        peer.set_nodelay(true).unwrap();
        let mut buffer = [0; 65536];
        while let Ok(count @ 1..) = peer.read(&mut buffer) {
            if peer.write_all(&answer(&buffer[..count])).is_err() {
                return;
            }
        }
    })
}

/// What comes back.
pub(crate) fn echo() -> SocketAddr {
    answering(<[u8]>::to_vec)
}

/// A small load: 2 connections, 100 messages, no patience.
pub(crate) fn plan(target: SocketAddr) -> Plan {
    Plan {
        target: target.into(),
        connections: 2,
        end: End::Messages(100),
        timeout: Duration::from_secs(5),
        ..Plan::default()
    }
}

/// A message made from a template.
pub(crate) fn text(template: &str) -> Message {
    Message::Text(template.parse().unwrap())
}

/// What comes of a plan.
pub(crate) fn report(plan: &Plan) -> Report {
    try_report(plan).unwrap()
}

/// What comes of a plan, or why nothing does.
pub(crate) fn try_report(plan: &Plan) -> Result<Report, LoadError> {
    run(plan, &Control::default(), &mut Silent).map(|outcome| Report::of(&outcome))
}
