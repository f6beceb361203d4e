//! Stopping: two descriptors that become readable and stay so, watched by every loop.
//!
//! Draining comes first: peers between requests are let go, the others finish. Cutting off comes
//! second, by the drain's deadline or by a second signal. Both can be raised from a signal handler.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

#[cfg(target_os = "linux")]
use rustix::event::{EventfdFlags, eventfd};

/// How long the peers that are in the midst of something get to finish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drain {
    /// Until this has passed; zero cuts everyone off at once.
    Within(Duration),
    /// As long as it takes.
    Forever,
}

impl Default for Drain {
    fn default() -> Drain {
        Drain::Within(Duration::from_secs(10))
    }
}

/// The server's two stages of stopping. Clones are the same stop.
#[derive(Clone)]
pub(crate) struct Stop(Arc<Stages>);

struct Stages {
    drain: Flag,
    cut: Flag,
    started: Instant,
    /// When the drain began, in milliseconds after `started`, plus one; 0: not yet.
    drained_at: AtomicU64,
}

impl Stop {
    pub(crate) fn new() -> io::Result<Stop> {
        let stages = Stages {
            drain: Flag::new()?,
            cut: Flag::new()?,
            started: Instant::now(),
            drained_at: AtomicU64::new(0),
        };
        Ok(Stop(Arc::new(stages)))
    }

    /// The next stage: draining, then cutting off. Async-signal-safe.
    pub(crate) fn advance(&self) {
        if self.draining() { self.cut() } else { self.drain() }
    }

    pub(crate) fn drain(&self) {
        let since = u64::try_from(self.0.started.elapsed().as_millis()).unwrap_or(u64::MAX - 1);
        let _ =
            self.0.drained_at.compare_exchange(0, since + 1, Ordering::SeqCst, Ordering::SeqCst);
        self.0.drain.raise();
    }

    pub(crate) fn cut(&self) {
        self.drain();
        self.0.cut.raise();
    }

    #[inline]
    pub(crate) fn draining(&self) -> bool {
        self.0.drain.raised()
    }

    #[inline]
    pub(crate) fn cutting(&self) -> bool {
        self.0.cut.raised()
    }

    /// When the drain ends by `drain`; `None` while nothing drains, or if it may last forever.
    pub(crate) fn deadline(&self, drain: Drain) -> Option<Instant> {
        match (self.0.drained_at.load(Ordering::SeqCst), drain) {
            (0, _) | (_, Drain::Forever) => None,
            (at, Drain::Within(limit)) => {
                // A limit beyond what the clock can say is none.
                (self.0.started + Duration::from_millis(at - 1)).checked_add(limit)
            }
        }
    }

    /// In a process that has just been forked: the same stop is its own from now on. What is raised
    /// here is not raised in the parent, nor the other way round.
    pub(crate) fn renew(&self) -> io::Result<()> {
        // A page that is not written to is one that need not be copied.
        if self.0.drained_at.load(Ordering::SeqCst) != 0 {
            self.0.drained_at.store(0, Ordering::SeqCst);
        }
        self.0.drain.renew()?;
        self.0.cut.renew()
    }

    /// Readable from the beginning of the drain on.
    pub(crate) fn drain_fd(&self) -> BorrowedFd<'_> {
        self.0.drain.fd()
    }

    /// Readable once everyone is to be cut off.
    pub(crate) fn cut_fd(&self) -> BorrowedFd<'_> {
        self.0.cut.fd()
    }
}

/// A descriptor that becomes readable once, for good.
pub(crate) struct Flag {
    raised: AtomicBool,
    line: Line,
}

impl Flag {
    pub(crate) fn new() -> io::Result<Flag> {
        Ok(Flag { raised: AtomicBool::new(false), line: Line::new(false)? })
    }

    fn renew(&self) -> io::Result<()> {
        self.line.renew(false)?;
        if self.raised.load(Ordering::SeqCst) {
            self.raised.store(false, Ordering::SeqCst);
        }
        Ok(())
    }

    /// Async-signal-safe: an atomic and one write(2).
    pub(crate) fn raise(&self) {
        if !self.raised.swap(true, Ordering::SeqCst) {
            self.line.write(1);
        }
    }

    #[inline]
    pub(crate) fn raised(&self) -> bool {
        self.raised.load(Ordering::SeqCst)
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.line.reader.as_fd()
    }
}

/// Makes `old` a descriptor of what `new` is one of.
fn replace(new: &OwnedFd, old: &OwnedFd) -> io::Result<()> {
    // SAFETY: both are open, and `old` stays so: dup3(2) closes what it was and opens it anew in one
    // step, so whoever owns it owns an open descriptor all the time.
    match unsafe { libc::dup3(new.as_raw_fd(), old.as_raw_fd(), libc::O_CLOEXEC) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// A descriptor that is readable from a ring until it is quieted: wakes one waiting thread.
pub(crate) struct Bell(Line);

impl Bell {
    pub(crate) fn new() -> io::Result<Bell> {
        Ok(Bell(Line::new(false)?))
    }

    /// A bell for several who wait, each of whom takes one [`answer`](Bell::answer).
    pub(crate) fn for_several() -> io::Result<Bell> {
        Ok(Bell(Line::new(true)?))
    }

    /// In a process that has just been forked: a bell for several is its own from now on.
    pub(crate) fn renew_for_several(&self) -> io::Result<()> {
        self.0.renew(true)
    }

    /// From any thread.
    pub(crate) fn ring(&self) {
        self.0.write(1);
    }

    /// Rings for several who wait.
    pub(crate) fn ring_times(&self, count: usize) {
        self.0.write(count as u64);
    }

    /// Takes one ring; others are left to others. Whether there was one: somebody else may have
    /// taken it.
    pub(crate) fn answer(&self) -> bool {
        self.0.read_one()
    }

    pub(crate) fn quiet(&self) {
        self.0.read_all();
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.0.reader.as_fd()
    }
}

/// What wakes a waiting thread: on Linux an eventfd(2), elsewhere a pipe.
struct Line {
    reader: OwnedFd,
    /// `None`: the reader is the writer, too.
    writer: Option<OwnedFd>,
}

impl Line {
    /// Puts a line of its own in the place of the one that a fork has copied.
    fn renew(&self, several: bool) -> io::Result<()> {
        let Line { reader, writer } = Line::new(several)?;
        replace(&reader, &self.reader)?;
        match (&writer, &self.writer) {
            (Some(new), Some(old)) => replace(new, old),
            _ => Ok(()),
        }
    }
}

#[cfg(target_os = "linux")]
impl Line {
    /// `several`: each read takes one of what was written (`EFD_SEMAPHORE`), not all.
    fn new(several: bool) -> io::Result<Line> {
        let mut flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        flags.set(EventfdFlags::SEMAPHORE, several);
        Ok(Line { reader: eventfd(0, flags)?, writer: None })
    }

    fn write(&self, count: u64) {
        // It fails only beyond 2^64 - 2.
        let _ = rustix::io::write(&self.reader, &count.to_ne_bytes());
    }

    /// Whether there was one.
    fn read_one(&self) -> bool {
        rustix::io::read(&self.reader, &mut [0; 8]).is_ok()
    }

    fn read_all(&self) {
        self.read_one();
    }
}

#[cfg(not(target_os = "linux"))]
impl Line {
    fn new(_: bool) -> io::Result<Line> {
        let (reader, writer) = io::pipe()?;
        let (reader, writer) = (OwnedFd::from(reader), OwnedFd::from(writer));
        rustix::io::ioctl_fionbio(&reader, true)?;
        rustix::io::ioctl_fionbio(&writer, true)?;
        Ok(Line { reader, writer: Some(writer) })
    }

    /// A full pipe has been written to often enough.
    fn write(&self, count: u64) {
        let writer = self.writer.as_ref().expect("a pipe has two ends");
        for _ in 0..count {
            let _ = rustix::io::write(writer, b"!");
        }
    }

    fn read_one(&self) -> bool {
        rustix::io::read(&self.reader, &mut [0]).is_ok_and(|count| count > 0)
    }

    fn read_all(&self) {
        let mut sink = [0; 512];
        while rustix::io::read(&self.reader, &mut sink).is_ok_and(|count| count == sink.len()) {}
    }
}
