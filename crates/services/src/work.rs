//! Work: each line says what to do, so that a load generator decides what a request costs: CPU time,
//! waiting, or the process. Both styles answer with the same bytes.
//!
//! # Layout
//!
//! - `line`: what a line asks for, and the sentences for what is none.
//! - `burning`: computing for so much CPU time.

mod burning;
mod line;

use std::borrow::Cow;
use std::io::{self, Write};
use std::process;
use std::thread;

use switchboard_core::{Context, Flow, Peer, Service, Session};

use self::burning::burn;
use self::line::Line;
use crate::echo::{self, STYLE};
use crate::{Entry, Options, ServiceOption};

/// The entry in [`SERVICES`](crate::SERVICES).
pub(crate) static ENTRY: Entry = Entry {
    name: "work",
    summary: "burns, sleeps, echoes or crashes as each line says, for measuring",
    source: "",
    styles: &["event", "straight-line"],
    options: &[STYLE, ALLOW_CRASH],
    hidden: false,
    build,
};

const ALLOW_CRASH: ServiceOption = ServiceOption {
    name: "allow-crash",
    value: None,
    values: &[],
    default: None,
    help: "Let peers panic the service (`crash`) and kill its process (`abort`)",
};

fn build(options: &Options) -> Result<Service, String> {
    let crash_allowed = options.flag(ALLOW_CRASH.name);
    Ok(match echo::is_event(options)? {
        true => Service::sessions("work", move |_peer| Work { crash_allowed }),
        false => Service::handler("work", move |peer| work(peer, crash_allowed)),
    })
}

struct Work {
    crash_allowed: bool,
}

impl Session for Work {
    /// One line for each call, so that whoever calls decides what comes between two burns. For now
    /// that is a look at the high mark and the next call at once: lines that came in one read are
    /// one turn, and their answers leave together.
    fn received(&mut self, peer: &mut Context<'_>) -> Flow {
        if let Some(line) = peer.input.line() {
            let line = String::from_utf8_lossy(line);
            peer.output.line(&*answer(&line, self.crash_allowed));
        }
        Flow::Continue
    }
}

fn work(peer: &mut Peer<'_>, crash_allowed: bool) -> io::Result<()> {
    while let Some(line) = peer.line()? {
        writeln!(peer, "{}", answer(&line, crash_allowed))?;
    }
    Ok(())
}

/// Does what `line` says; one line, without its line feed.
fn answer(line: &str, crash_allowed: bool) -> Cow<'_, str> {
    match Line::of(line) {
        Ok(Line::Echo(text)) => text.into(),
        Ok(Line::Burn(time, written)) => {
            burn(time);
            format!("burnt {written}").into()
        }
        // The thread's sleep, not the peer's, which would let a loop serve others: to block the
        // thread is the point. Nothing is sent first, as nothing is before a burn.
        Ok(Line::Sleep(time, written)) => {
            thread::sleep(time);
            format!("slept {written}").into()
        }
        Ok(Line::Crash) if crash_allowed => panic!("the peer asked for a crash"),
        Ok(Line::Abort) if crash_allowed => process::abort(),
        Ok(Line::Crash) => "crash is refused: start the server with --allow-crash".into(),
        Ok(Line::Abort) => "abort is refused: start the server with --allow-crash".into(),
        Err(sentence) => sentence,
    }
}
