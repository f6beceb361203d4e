//! What the warden must know of those who serve.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

/// Those who serve the peers of a process: its threads, or its child processes.
///
/// All methods are called by the warden's thread, and none of them waits for a peer.
pub(crate) trait Crew {
    /// Readable when there is something for [`look`](Crew::look).
    fn fd(&self) -> BorrowedFd<'_>;

    /// When to look even if nothing became readable.
    fn next_look(&self) -> Option<Instant> {
        None
    }

    /// Looks after what has happened.
    ///
    /// # Errors
    /// If the server cannot go on.
    fn look(&mut self) -> io::Result<()>;

    /// Whether all peers have gone and nobody serves any more.
    fn ended(&mut self) -> bool;

    /// The server drains: lets those go who are between requests. Called again and again, after at
    /// most the time that it returns.
    fn let_go(&mut self) -> Option<Duration>;

    /// The drain is over: ends everyone. Called again and again, until the grace has passed.
    fn cut_off(&mut self);

    /// How long those who serve get to notice that.
    fn grace(&self) -> Duration;

    /// Gives up those who have not noticed: says who they are, counts their peers as cut off.
    fn leave_behind(&mut self);

    /// Stops or resumes accepting: the site's listeners say so already.
    fn hold(&mut self, held: bool);

    /// Sees to it that the counters are up to date; with `each`, shows it every peer.
    fn report(&mut self, each: Option<&mut dyn FnMut(Seen)>);

    /// Joins everything that has ended.
    ///
    /// # Errors
    /// What the first of them failed with.
    fn join(&mut self) -> io::Result<()>;
}

/// One peer, as the operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) id: u64,
    pub(crate) address: String,
    /// Bytes received and sent.
    pub(crate) traffic: (u64, u64),
}
