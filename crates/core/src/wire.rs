//! What a straight-line peer waits on.

use std::io;
use std::time::{Duration, Instant};

use crate::{Job, Mailbox, Note};

/// A carrier's side of a [`Peer`](crate::Peer): it moves bytes and it waits.
///
/// Each call may wait; on a blocking model the thread waits, elsewhere the peer's stack is
/// suspended. A wait that lasts longer than its limit fails with [`io::ErrorKind::TimedOut`]. Once
/// the peer has been cut off, every call fails at once with [`io::ErrorKind::ConnectionAborted`] and
/// never waits again.
pub trait Wire {
    /// Appends what has come to `into`, after waiting for the first byte. 0 means that no more will
    /// come: the peer sent its last byte, or the server is draining and the read is between requests.
    fn receive(&mut self, into: &mut Vec<u8>, reading: Reading) -> io::Result<usize>;

    /// The [`receive`](Wire::receive) that nearly every read is: of a request's first bytes, within
    /// the idle limit, whatever is in the mailbox. They go to `into`, and what it has no room for is
    /// put into `beyond`, which is empty. How many came, in both.
    fn receive_next(
        &mut self,
        into: &mut [u8],
        beyond: &mut Vec<u8>,
        idle: Option<Duration>,
        room: usize,
    ) -> io::Result<usize> {
        let wait = Wait { limit: idle, idle: true };
        let reading = Reading { wait, notes: false, between_requests: true, room };
        let came = self.receive(beyond, reading)?;
        let count = came.min(into.len());
        into[..count].copy_from_slice(&beyond[..count]);
        beyond.drain(..count);
        Ok(came)
    }

    /// Sends the beginning of `bytes`, at least one byte. They may be on their way only when this
    /// wire waits next: see [`flush`](Wire::flush).
    fn send(&mut self, bytes: &[u8], wait: Wait) -> io::Result<usize>;

    /// Whether this wire gathers output by itself: see [`gather`](Wire::gather). Asked once.
    fn gathers(&self) -> bool {
        false
    }

    /// Takes all of `bytes`, as [`send`](Wire::send), if that needs no wait; whether it did.
    fn gather(&mut self, bytes: &[u8]) -> bool {
        let _ = bytes;
        false
    }

    /// Waits until the kernel has all that was sent. By default that is so already.
    fn flush(&mut self, wait: Wait) -> io::Result<()> {
        let _ = wait;
        Ok(())
    }

    /// Waits for this long.
    fn sleep(&mut self, wait: Duration) -> io::Result<()>;

    /// Has `job` run by a thread that is there for jobs, and waits until it is done. The job is run
    /// even if the peer is cut off meanwhile. By default it is run here: where each peer has a
    /// thread, that holds up nobody else.
    fn offload(&mut self, job: Job) -> io::Result<()> {
        job();
        Ok(())
    }

    /// The peer's own side of its mailbox, made when it is first asked for; `None`: nobody carries
    /// mail to this wire. From then on bytes that come for the peer are sent whenever this wire waits,
    /// and a note ends a [`receive`](Wire::receive) that asks for it.
    fn mailbox(&mut self) -> Option<Mailbox> {
        None
    }

    /// The oldest note in the mailbox.
    fn take_note(&mut self) -> Option<Note> {
        None
    }

    /// The time.
    fn now(&self) -> Instant;

    /// Whether the server is stopping.
    fn draining(&self) -> bool;
}

/// How long a wait may last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// `None`: for ever.
    pub limit: Option<Duration>,
    /// It is the server's idle limit, and the peer is over when it has passed: a carrier that keeps
    /// that limit for all its peers need not keep it for this wait.
    pub idle: bool,
}

/// One wait for bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// How long.
    pub wait: Wait,
    /// It ends with [`io::ErrorKind::Interrupted`] when there is a note in the mailbox.
    pub notes: bool,
    /// The peer has nothing begun: the drain may let it go.
    pub between_requests: bool,
    /// A carrier that must say how much it would read says this, in bytes.
    pub room: usize,
}
