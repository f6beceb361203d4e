//! Echo (RFC 862): what comes goes back. Alone in both styles, so that the two can be compared.

use std::io::{self, Read, Write};

use switchboard_core::{Context, Flow, Peer, Service, Session};

use crate::{Entry, Options, ServiceOption};

/// The entry in [`SERVICES`](crate::SERVICES).
pub(crate) static ENTRY: Entry = Entry {
    name: "echo",
    summary: "sends back what it is sent",
    source: "RFC 862",
    styles: &["event", "straight-line"],
    options: &[STYLE],
    hidden: false,
    build,
};

/// The option of those services that are written in both styles.
pub(crate) const STYLE: ServiceOption = ServiceOption {
    name: "style",
    value: Some("STYLE"),
    values: &["event", "straight-line"],
    default: Some("event"),
    help: "The style that it is written in",
};

fn build(options: &Options) -> Result<Service, String> {
    Ok(match is_event(options)? {
        true => Service::sessions("echo", |_peer| Echo),
        false => Service::handler("echo", echo),
    })
}

/// Whether `--style` asks for the event style.
///
/// # Errors
/// A sentence with the styles there are.
pub(crate) fn is_event(options: &Options) -> Result<bool, String> {
    let style = STYLE.of(options).unwrap_or_default();
    STYLE.check(style)?;
    Ok(style == "event")
}

/// Bytes that the straight-line echo reads at a time: little, because each peer has it on its stack.
const PIECE: usize = 512;

struct Echo;

impl Session for Echo {
    fn received(&mut self, peer: &mut Context<'_>) -> Flow {
        peer.output.write(peer.input.take_all());
        Flow::Continue
    }
}

fn echo(peer: &mut Peer<'_>) -> io::Result<()> {
    let mut piece = [0; PIECE];
    loop {
        let count = peer.read(&mut piece)?;
        if count == 0 {
            return Ok(());
        }
        peer.write_all(&piece[..count])?;
    }
}
