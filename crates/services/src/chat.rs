//! Chat: rooms over plain lines, for whoever has `nc`, `telnet` or `switchboard connect`.
//!
//! A person is in one room at a time, and whatever does not begin with a slash is said there. All that
//! people share is in topics, a room being one (`#lobby`) and a name another (`@ann`, which has one
//! member at most): so the chat spans all processes of a server, and nobody there has another's name.
//!
//! # Layout
//!
//! - `person`: the session: who somebody is, where, and what becomes of each line.
//! - `command`: what a line asks for. `lines`: lines out of what came, bounded. `text`: what of a line
//!   is passed on. `names`: what a name may be. `flood`: how fast.
//! - `words`: everything that people are told.

mod command;
mod flood;
mod lines;
mod names;
mod person;
mod text;
mod words;

use std::sync::Arc;

use switchboard_core::topics::Rules;
use switchboard_core::{Idle, Overrun, Service, State, Topics};

use self::flood::Pace;
use self::person::Person;
use crate::{Entry, Options, ServiceOption};

/// The entry in [`SERVICES`](crate::SERVICES).
pub(crate) static ENTRY: Entry = Entry {
    name: "chat",
    summary: "rooms in which people talk to each other",
    source: "",
    styles: &["event"],
    options: &[HISTORY, LINE_MAX, RATE, BURST, ANNOUNCE_MAX],
    hidden: false,
    build,
};

const HISTORY: ServiceOption = ServiceOption {
    name: "history",
    value: Some("LINES"),
    values: &[],
    default: Some("20"),
    help: "The last so many lines of a room are shown to who joins it",
};

const LINE_MAX: ServiceOption = ServiceOption {
    name: "line-max",
    value: Some("BYTES"),
    values: &[],
    default: Some("1000"),
    help: "Longer lines are not passed on; at most 8192",
};

const RATE: ServiceOption = ServiceOption {
    name: "rate",
    value: Some("LINES"),
    values: &[],
    default: Some("5"),
    help: "So many lines a second are read of one person, more wait; 0: any number. A room has no \
           rate of its own, with which one could silence it: --peers-max bounds who floods it",
};

const BURST: ServiceOption = ServiceOption {
    name: "burst",
    value: Some("LINES"),
    values: &[],
    default: Some("20"),
    help: "So many lines of one person may come at once before that",
};

const ANNOUNCE_MAX: ServiceOption = ServiceOption {
    name: "announce-max",
    value: Some("PEOPLE"),
    values: &[],
    default: Some("1000"),
    help: "Rooms with more people than this are not told who comes and goes",
};

/// A longest line that is still published together with who says it.
const LINE_MOST: u32 = 8192;

/// What all people of one chat have in common.
struct Chat {
    topics: Topics,
    rooms: Arc<Rules>,
    names: Arc<Rules>,
    line_max: usize,
    pace: Pace,
}

fn build(options: &Options) -> Result<Service, String> {
    let line_max = number(&LINE_MAX, options, 1..=LINE_MOST)?;
    let pace = Pace {
        rate: number(&RATE, options, 0..=1_000_000)?,
        burst: number(&BURST, options, 1..=1_000_000)?,
    };
    let names = Rules {
        members_max: 1,
        kept_lines: 0,
        told_max: 0,
        when_full: Overrun::Close,
        lost: ("".into(), "".into()),
    };
    let rooms = Rules {
        members_max: u32::MAX,
        kept_lines: number(&HISTORY, options, 0..=1000)?,
        told_max: number(&ANNOUNCE_MAX, options, 0..=u32::MAX)?,
        when_full: Overrun::Close,
        lost: words::lost(),
    };
    let topics = Topics::new();
    let chat = Arc::new(Chat {
        topics: topics.clone(),
        rooms: Arc::new(rooms),
        names: Arc::new(names),
        line_max: line_max as usize,
        pace,
    });
    let service = Service::sessions("chat", move |_peer| Person::new(&chat));
    // Who only listens is no less there.
    Ok(service.state(State::Shared).topics(&topics).idle(Idle::Never))
}

/// The number that an option says.
///
/// # Errors
/// A sentence with the numbers that it takes.
fn number(
    option: &ServiceOption,
    options: &Options,
    allowed: std::ops::RangeInclusive<u32>,
) -> Result<u32, String> {
    let value = option.of(options).unwrap_or_default();
    match value.parse() {
        Ok(number) if allowed.contains(&number) => Ok(number),
        _ => Err(format!(
            "`{value}` is no value of `{}`; it takes a number from {} to {}",
            option.name,
            allowed.start(),
            allowed.end()
        )),
    }
}
