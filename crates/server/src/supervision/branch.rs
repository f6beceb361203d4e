//! A process's end of its line to the exchange: what is asked of topics there goes up, what has come of
//! it, there and elsewhere, comes down.
//!
//! Whoever asks never waits. What the line does not take at once is kept in order (`up`), and the
//! thread that hears what comes down sends it when there is room. A process that can neither be heard
//! nor hear would live on apart from the others, with members whom nobody tells of: it ends, and is
//! replaced like one that has died.

#[cfg(test)]
mod tests;
mod up;

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use switchboard_core::Topics;
use switchboard_core::topics::{Backlog, News, Op, PACKET_MAX, Reach};

use self::up::Up;
use super::child;

/// How long the exchange may take nothing of what waits. It waits for nobody, so that is long: only one
/// that is stopped leaves no room, or one that holds this process back for another, which it gives up
/// before.
const PATIENCE: Duration = Duration::from_secs(10);

/// Packets that are heard before what waits gets its turn.
const BUDGET: usize = 64;

/// That end, not in use yet.
pub(crate) struct Branch(OwnedFd);

/// What the process asks for, as whoever ends it sees it.
pub(crate) struct Outgoing(Arc<Up>);

/// Why a process cannot go on with its topics.
#[derive(Debug)]
enum Lost {
    /// What it hears cannot be understood, so a part of it would be missing.
    NoNews,
    /// The line to the exchange fails.
    Line(io::Error),
    /// The exchange has taken nothing for so long, and so many messages wait.
    NotTaken(Duration, usize),
    /// So many bytes wait, and no more can be kept.
    TooMuch(usize),
}

impl Branch {
    pub(super) fn new(socket: OwnedFd) -> Branch {
        Branch(socket)
    }

    /// In the process, before it serves anybody: from now on its topics are those of the whole server.
    /// A thread of its own, `sb-exchange`, carries out what comes down and sends what waits; it ends
    /// with the process, or ends the process.
    pub(crate) fn connect(self, topics: &Topics) -> io::Result<Outgoing> {
        let up = Arc::new(Up::new(self.0)?);
        topics.connect(Reached(Arc::clone(&up)));
        let (own, topics) = (Arc::clone(&up), topics.clone());
        let carry = move || match panic::catch_unwind(AssertUnwindSafe(|| {
            carry(&own, &topics, PATIENCE)
        })) {
            // The exchange is gone, and so will this process be.
            Ok(Ok(())) => {}
            Ok(Err(lost)) => {
                tracing::warn!("{lost}: process {} ends", std::process::id());
                child::end_now(1);
            }
            // What it panicked with has been printed.
            Err(_) => child::end_now(1),
        };
        thread::Builder::new().name("sb-exchange".to_owned()).spawn(carry)?;
        Ok(Outgoing(up))
    }
}

impl AsFd for Branch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Outgoing {
    /// At the end of the process, when nobody is served any more: waits until what was asked for last
    /// is on its way, farewells above all.
    pub(crate) fn finish(&self) {
        let end = Instant::now() + PATIENCE;
        let lost = loop {
            let packets = match self.0.pass_on() {
                Ok(None) => return,
                Ok(Some(waiting)) => waiting.packets,
                Err(lost) => break lost,
            };
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break Lost::NotTaken(PATIENCE, packets);
            }
            let mut room = [PollFd::new(&self.0.socket, PollFlags::OUT)];
            match poll(&mut room, Timespec::try_from(left).ok().as_ref()) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => break Lost::Line(error.into()),
            }
        };
        tracing::warn!("{lost}: what was said last is lost");
    }
}

/// How topics see it.
struct Reached(Arc<Up>);

impl Reach for Reached {
    fn submit(&self, op: Op) {
        self.0.send(op.packed());
    }

    fn backlog(&self) -> Backlog {
        self.0.backlog()
    }
}

/// Carries both ways until the exchange is gone.
///
/// # Errors
/// If something is lost.
fn carry(up: &Up, topics: &Topics, patience: Duration) -> Result<(), Lost> {
    let mut packet = vec![0; PACKET_MAX];
    loop {
        if !hear(&up.socket, topics, &mut packet)? {
            return Ok(());
        }
        let waiting = up.pass_on()?;
        if up.has_caught_up() {
            topics.caught_up();
        }
        let mut end = None;
        if let Some(waiting) = &waiting {
            let left = (waiting.since + patience).saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Lost::NotTaken(patience, waiting.packets));
            }
            end = Timespec::try_from(left).ok();
        }
        let both = if waiting.is_some() { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
        let bell = up.bell.fd();
        let mut list = [PollFd::new(&up.socket, both), PollFd::new(&bell, PollFlags::IN)];
        match poll(&mut list, end.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(Lost::Line(error.into())),
        }
        if !list[1].revents().is_empty() {
            up.bell.quiet();
        }
    }
}

/// Carries out what has come; `false`: nothing will come any more.
fn hear(socket: &OwnedFd, topics: &Topics, packet: &mut [u8]) -> Result<bool, Lost> {
    for _ in 0..BUDGET {
        match recv(socket, &mut *packet, RecvFlags::DONTWAIT) {
            Ok((0, _)) => return Ok(false),
            Ok((count, _)) => {
                let news = News::unpacked(Bytes::copy_from_slice(&packet[..count]));
                topics.hear(news.ok_or(Lost::NoNews)?);
            }
            Err(Errno::WOULDBLOCK) => return Ok(true),
            Err(Errno::INTR) => {}
            // It has closed its end with something unread in it.
            Err(Errno::CONNRESET) => return Ok(false),
            Err(error) => return Err(Lost::Line(error.into())),
        }
    }
    Ok(true)
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Lost::NoNews => f.write_str("the exchange says what is no news"),
            Lost::Line(error) => write!(f, "the line to the exchange fails: {error}"),
            Lost::NotTaken(time, packets) => {
                write!(
                    f,
                    "the exchange has taken nothing for {time:?}, and {packets} messages wait"
                )
            }
            Lost::TooMuch(bytes) => {
                write!(f, "{bytes} bytes wait for the exchange, and no more can be kept")
            }
        }
    }
}
