//! What a straight-line peer waits on.

use std::io;
use std::time::{Duration, Instant};

use crate::Job;

/// A carrier's side of a [`Peer`](crate::Peer): it moves bytes and it waits.
///
/// Each call may wait; on a blocking model the thread waits, on a loop model the peer's stack is
/// suspended. A wait that lasts longer than `wait` fails with [`io::ErrorKind::TimedOut`]. Once the
/// peer has been cut off, every call fails at once with [`io::ErrorKind::ConnectionAborted`] and
/// never waits again.
pub trait Wire {
    /// Appends what has come to the spare capacity of `into`, after waiting for the first byte.
    /// 0 means that no more will come: the peer sent its last byte, or the server is draining and
    /// `between_requests` is true.
    fn receive(
        &mut self,
        into: &mut Vec<u8>,
        wait: Option<Duration>,
        between_requests: bool,
    ) -> io::Result<usize>;

    /// Sends the beginning of `bytes`, at least one byte.
    fn send(&mut self, bytes: &[u8], wait: Option<Duration>) -> io::Result<usize>;

    /// Waits for this long.
    fn sleep(&mut self, wait: Duration) -> io::Result<()>;

    /// Has `job` run by a thread that is there for jobs, and waits until it is done. The job is run
    /// even if the peer is cut off meanwhile. By default it is run here: where each peer has a
    /// thread, that holds up nobody else.
    fn offload(&mut self, job: Job) -> io::Result<()> {
        job();
        Ok(())
    }

    /// The time.
    fn now(&self) -> Instant;

    /// Whether the server is stopping.
    fn draining(&self) -> bool;
}
