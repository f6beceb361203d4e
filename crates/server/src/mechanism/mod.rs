//! Mechanisms: how one thread learns which of its sockets can go on. A file each.
//!
//! What a mechanism must supply is [`Mechanism`]; the loop that uses it is
//! [`reactor`](crate::reactor). Each file ends with the model that it makes, which has a line in
//! [`model::MODELS`](crate::model::MODELS).

#[cfg(target_os = "linux")]
pub(crate) mod epoll;
pub(crate) mod poll;
pub(crate) mod portable;
pub(crate) mod select;
pub(crate) mod spin;
mod table;

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use rustix::event::Timespec;

/// Tells a thread which of the descriptors that it watches can go on.
///
/// All methods are called by the loop's own thread. A descriptor is removed before it is closed.
pub(crate) trait Mechanism {
    /// What it waits with, for `-vv`.
    const CALL: &'static str;

    /// Whether it tells of a change once, so that a socket must be drained each time.
    const EDGE: bool = false;

    /// Begins to watch `fd` for `interest`; what it tells carries `key`.
    ///
    /// # Errors
    /// [`io::ErrorKind::PermissionDenied`] for a descriptor that is always ready and cannot be
    /// watched (epoll_ctl(2), `EPERM`); [`io::ErrorKind::QuotaExceeded`] for one that is beyond
    /// what the mechanism can watch, with the sentence for the log.
    fn add(&mut self, fd: BorrowedFd<'_>, key: Key, interest: Interest) -> io::Result<()>;

    /// Watches `fd` for another `interest`.
    fn change(&mut self, fd: BorrowedFd<'_>, key: Key, interest: Interest) -> io::Result<()>;

    /// Watches `fd` no longer.
    fn remove(&mut self, fd: BorrowedFd<'_>) -> io::Result<()>;

    /// Waits until something is ready or `timeout` has passed (`None`: for ever), and adds what is
    /// ready to `ready`. Returns early with nothing when a signal comes.
    fn wait(&mut self, timeout: Option<Duration>, ready: &mut Vec<Ready>) -> io::Result<()>;
}

/// Names what a loop watches. A peer's key carries the generation of its slot, so that an event for
/// a peer that has gone, or for one whose descriptor was reused, hits nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key(pub(crate) u64);

impl Key {
    pub(crate) const STOP: Key = Key(0);
    pub(crate) const CUT: Key = Key(1);
    pub(crate) const CONSOLE: Key = Key(2);
    const LISTENERS: u64 = 16;

    /// The listener at `index`; fewer than 2^32 - 16.
    pub(crate) fn listener(index: usize) -> Key {
        Key(Key::LISTENERS + index as u64)
    }

    /// `generation` is at least 1.
    pub(crate) fn peer(index: u32, generation: u32) -> Key {
        Key(u64::from(generation) << 32 | u64::from(index))
    }

    pub(crate) fn is_peer(self) -> bool {
        self.0 >> 32 != 0
    }

    /// The slot of a peer.
    pub(crate) fn index(self) -> usize {
        (self.0 & 0xffff_ffff) as usize
    }

    pub(crate) fn generation(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// Which listener this is, if it is one.
    pub(crate) fn listener_index(self) -> Option<usize> {
        (!self.is_peer() && self.0 >= Key::LISTENERS).then(|| (self.0 - Key::LISTENERS) as usize)
    }
}

/// What is watched: a set of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interest(u8);

impl Interest {
    pub(crate) const NONE: Interest = Interest(0);
    /// Bytes or the end can be read; urgent data is told of along with it.
    pub(crate) const READ: Interest = Interest(1);

    pub(crate) fn of(read: bool, write: bool) -> Interest {
        Interest(u8::from(read) | u8::from(write) << 1)
    }

    pub(crate) fn read(self) -> bool {
        self.0 & 1 != 0
    }

    pub(crate) fn write(self) -> bool {
        self.0 & 2 != 0
    }
}

/// What is ready. A failed or hung up socket is ready to read and to write: the call says how it
/// failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ready {
    pub(crate) key: Key,
    pub(crate) read: bool,
    pub(crate) write: bool,
    /// There is urgent data somewhere in the stream.
    pub(crate) urgent: bool,
    /// The peer has sent its last byte, or the socket failed: the end is to be read after the bytes.
    pub(crate) hangup: bool,
}

/// A time-out for ppoll(2) and its like; `None` beyond what the kernel takes.
fn timespec(timeout: Option<Duration>) -> Option<Timespec> {
    timeout.and_then(|timeout| Timespec::try_from(timeout).ok())
}
