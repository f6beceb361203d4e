//! Probe (hidden): what the conformance suite talks to. Each line is a command; both styles answer
//! it with the same bytes.
//!
//! | line | answer |
//! |---|---|
//! | `echo TEXT` | `TEXT` |
//! | `close` | `bye`, and the end |
//! | `panic` | the session panics |
//! | `fail` | the handler returns an error of its own; event style has none and closes |
//! | `big N` | N bytes of `0123456789`, repeated, and a line feed |
//! | `sleep MS` | after that time `slept`; what comes meanwhile waits |
//! | `spin MS` | after computing for that time `spun` |
//! | `timed MS` | `came` when bytes come beyond those unread, `elapsed` if none do in time, `ended` |
//! | `offload MS` | blocks a thread for jobs for that time; then `done by` that thread |
//! | `recurse KIB` | calls itself until it is so deep in its stack; then `recursed` |
//! | `draining` | `true` or `false` |
//! | `id` | the peer's id |
//! | `frame` | the next bytes are a frame with a 4-byte length: the same frame |
//! | `exact N` | the next N bytes |
//! | anything else | `unknown: LINE` |

mod command;
mod event;
mod straight_line;

use switchboard_core::{Service, State};

use crate::echo::{self, STYLE};
use crate::{Entry, Options, ServiceOption};

/// The entry in [`SERVICES`](crate::SERVICES).
pub(crate) static ENTRY: Entry = Entry {
    name: "probe",
    summary: "does what it is told, for the conformance suite",
    source: "",
    styles: &["event", "straight-line"],
    options: &[STYLE, GREET],
    hidden: true,
    build,
};

const GREET: ServiceOption = ServiceOption {
    name: "greet",
    value: Some("TEXT"),
    values: &[],
    default: None,
    help: "A line that each peer is sent first",
};

fn build(options: &Options) -> Result<Service, String> {
    let greeting = GREET.of(options).map(|text| format!("{text}\n")).unwrap_or_default();
    let service = match echo::is_event(options)? {
        true => Service::sessions("probe", move |_peer| event::Probe::new(greeting.clone())),
        false => Service::handler("probe", move |peer| straight_line::probe(peer, &greeting)),
    };
    Ok(service.state(State::PerPeer))
}
