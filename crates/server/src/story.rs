//! What the server tells of itself on standard error: warnings always, peers at `-v`, every wait
//! and what was done with it at `-vv`.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Tells from now on as much as `verbosity` asks for: the number of `-v`. A program that has
/// installed a subscriber of its own keeps it.
pub(crate) fn tell(verbosity: u8) {
    let level = match verbosity {
        0 => Level::WARN,
        1 => Level::INFO,
        _ => Level::DEBUG,
    };
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(|| Told)
        // A standard error that is closed is no reason to stop.
        .log_internal_errors(false)
        .event_format(Plain)
        .finish();
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// Says a line on standard error, whole or not at all. It never waits for whoever reads it, and
/// never fails: no peer waits for the operator's terminal. Lines that are lost are counted, and
/// their number is said when there is room again.
pub(crate) fn say(line: &str) {
    static LOST: Mutex<u64> = Mutex::new(0);
    // poll(2) tells of room for one line (PIPE_BUF, pipe(7)); the lock keeps it for this one.
    let mut lost = LOST.lock().unwrap_or_else(PoisonError::into_inner);
    if !has_room() {
        *lost += 1;
        return;
    }
    let note = match std::mem::take(&mut *lost) {
        0 => String::new(),
        lost => format!("warning: {lost} lines were lost here: nobody read them in time\n"),
    };
    let _ = io::stderr().write_all(format!("{note}{line}\n").as_bytes());
}

/// Whether standard error takes a line at once.
fn has_room() -> bool {
    let error = rustix::stdio::stderr();
    let mut list = [PollFd::new(&error, PollFlags::OUT)];
    poll(&mut list, Some(&Timespec::default())).is_ok_and(|count| count > 0)
}

/// Where the story is written to: a line for each write.
struct Told;

impl Write for Told {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        say(String::from_utf8_lossy(line).trim_end_matches('\n'));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A sentence a line; warnings say that they are.
struct Plain;

impl<S, N> FormatEvent<S, N> for Plain
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        if *event.metadata().level() <= Level::WARN {
            writer.write_str("warning: ")?;
        }
        context.field_format().format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}
