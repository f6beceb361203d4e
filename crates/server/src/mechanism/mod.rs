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
#[cfg(test)]
mod tests;

use std::fmt;
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

    /// Whether the kernel tells one of the loops that watch a listener of a newcomer, not all: then
    /// they watch its bell, too, by which one that does not take the newcomer tells another.
    const EXCLUSIVE: bool = false;

    /// Whether its call waits at all.
    const WAITS: bool = true;

    /// The system calls of an `add`, a `change` or a `remove`.
    const ARMS: u64 = 0;

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

    /// Where a wait leaves what is ready. It belongs to the loop, so that what is ready can be
    /// gone through while what is watched changes.
    type Told: Default;

    /// Waits until something is ready or `timeout` has passed (`None`: for ever), and leaves in
    /// `told` what is ready. A signal may end the wait early, with nothing.
    fn wait(&mut self, timeout: Option<Duration>, told: &mut Self::Told) -> io::Result<()>;

    /// What a wait left, in any order. A descriptor may come twice.
    fn ready(told: &Self::Told) -> impl ExactSizeIterator<Item = Ready>;
}

/// Names what a loop watches. A peer's key carries the generation of its slot, so that an event for
/// a peer that has gone, or for one whose descriptor was reused, hits nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key(pub(crate) u64);

impl Key {
    pub(crate) const STOP: Key = Key(0);
    pub(crate) const CUT: Key = Key(1);
    pub(crate) const LETTERS: Key = Key(2);
    pub(crate) const LEFT: Key = Key(3);
    pub(crate) const OWN_LEFT: Key = Key(4);
    const LISTENERS: u64 = 16;

    /// The listener at `index`; fewer than 2^31 - 8.
    pub(crate) fn listener(index: usize) -> Key {
        Key(Key::LISTENERS + 2 * index as u64)
    }

    /// What other processes ring who leave newcomers at that listener to this one.
    pub(crate) fn passed_on(index: usize) -> Key {
        Key(Key::listener(index).0 + 1)
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

    /// At which listener there are newcomers, if that is what this tells.
    pub(crate) fn listener_index(self) -> Option<usize> {
        let from = self.0.checked_sub(Key::LISTENERS).filter(|_| !self.is_peer())?;
        Some((from / 2) as usize)
    }

    /// Whether they were left to this process, by one who has rung.
    pub(crate) fn is_passed_on(self) -> bool {
        self.listener_index().is_some_and(|index| self == Key::passed_on(index))
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

impl fmt::Display for Interest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.read(), self.write()) {
            (true, true) => "read and write",
            (true, false) => "read",
            (false, true) => "write",
            (false, false) => "nothing",
        })
    }
}

/// What is ready: a key and a set of poll(2)'s bits, which epoll(7) shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ready {
    pub(crate) key: Key,
    set: u32,
}

impl Ready {
    const IN: u32 = 0x1;
    const PRI: u32 = 0x2;
    const OUT: u32 = 0x4;
    const ERR: u32 = 0x8;
    const HUP: u32 = 0x10;
    const RDHUP: u32 = 0x2000;

    /// As the kernel says it.
    #[inline]
    pub(crate) fn new(key: Key, set: u32) -> Ready {
        Ready { key, set }
    }

    /// There may be something to read.
    pub(crate) fn to_read(key: Key) -> Ready {
        Ready { key, set: Ready::IN }
    }

    /// There may be room to write.
    pub(crate) fn to_write(key: Key) -> Ready {
        Ready { key, set: Ready::OUT }
    }

    /// Everything is worth a try, down to the peer's end.
    pub(crate) fn to_all(key: Key) -> Ready {
        Ready { key, set: Ready::IN | Ready::OUT | Ready::RDHUP }
    }

    /// There is urgent data somewhere in the stream.
    pub(crate) fn with_urgent(self) -> Ready {
        Ready { set: self.set | Ready::PRI | Ready::IN, ..self }
    }

    /// The peer has sent its last byte, or the socket failed: the call says how.
    pub(crate) fn with_hangup(self) -> Ready {
        Ready { set: self.set | Ready::HUP, ..self }
    }

    pub(crate) fn with_room(self) -> Ready {
        Ready { set: self.set | Ready::OUT, ..self }
    }

    /// What either says is ready.
    pub(crate) fn with(self, other: Ready) -> Ready {
        Ready { set: self.set | other.set, ..self }
    }

    /// Nothing is ready.
    pub(crate) fn nothing(key: Key) -> Ready {
        Ready { key, set: 0 }
    }

    /// There is something to read, and nothing else.
    #[inline]
    pub(crate) fn read_only(self) -> bool {
        self.set == Ready::IN
    }

    #[inline]
    pub(crate) fn read(self) -> bool {
        self.set & !Ready::OUT != 0
    }

    #[inline]
    pub(crate) fn urgent(self) -> bool {
        self.set & Ready::PRI != 0
    }

    /// The socket failed, or both sides are shut; told of whatever the interest.
    pub(crate) fn failed(self) -> bool {
        self.set & (Ready::ERR | Ready::HUP) != 0
    }

    /// The end is to be read after the bytes.
    #[inline]
    pub(crate) fn hangup(self) -> bool {
        self.set & (Ready::ERR | Ready::HUP | Ready::RDHUP) != 0
    }
}

/// A time-out for ppoll(2) and its like; `None` beyond what the kernel takes.
fn timespec(timeout: Option<Duration>) -> Option<Timespec> {
    timeout.and_then(|timeout| Timespec::try_from(timeout).ok())
}
