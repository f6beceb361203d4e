//! The sockets of one thread: opened at a rate, watched with epoll, opened again when they are lost.
//!
//! A place is a connection's number within the thread. Those that talk come first, the silent ones
//! after them; a silent one costs nothing but its entry here.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::epoll::{self, EventData, EventFlags};

use crate::clock::{MILLISECOND, SECOND};
use crate::conversation::Failure;
use crate::errors::ErrorKind;
use crate::record::Record;
use crate::socket::{self, Dialled, Target};
use crate::sources::Sources;

/// Connections that are on their way at a time: fewer than any backlog holds.
const PENDING_MAX: usize = 100;
/// Until a connection that failed is tried again.
const RETRY: u64 = SECOND;
/// Until a connection that was lost is opened again.
const REOPEN: u64 = 100 * MILLISECOND;
/// So many failures without one that is open, and the rest is not tried before the run begins.
const HOPELESS: usize = 100;
/// Until a server with a full backlog is tried again.
const LATER: u64 = MILLISECOND;

/// One connection's socket.
#[derive(Debug)]
enum Line {
    Absent,
    /// `first`: it has never been tried before.
    Connecting {
        socket: OwnedFd,
        since: u64,
        first: bool,
    },
    Open {
        socket: OwnedFd,
        watched: EventFlags,
    },
}

/// The sockets of one thread.
pub(crate) struct Crowd {
    pub(crate) epoll: OwnedFd,
    target: Target,
    sources: Sources,
    timeout: u64,
    lines: Vec<Line>,
    /// So many places talk.
    talking: usize,
    /// Places from here on have never been tried.
    untried: usize,
    /// Places of which it is not known yet how their first try ends.
    undecided: usize,
    /// When the first untried one may be opened, and how long after it the next.
    ramp: Ramp,
    /// When to try which place again.
    again: BinaryHeap<Reverse<(u64, u32)>>,
    /// In the order in which they began; some are there already, or gone.
    begun: VecDeque<(u64, u32)>,
    pending: usize,
    pending_max: usize,
    short: bool,
    open: [usize; 2],
    /// Places that failed since the driver last asked.
    failed: Vec<u32>,
    failures: usize,
}

/// When connections may be opened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ramp {
    pub(crate) next: u64,
    /// Nanoseconds between two; 0: at once.
    pub(crate) step: u64,
}

/// How many of each kind a thread has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) talking: usize,
    pub(crate) idle: usize,
    /// Those that talk are opened when they have something to say.
    pub(crate) short: bool,
}

impl Crowd {
    pub(crate) fn new(
        target: Target,
        sources: Sources,
        ramp: Ramp,
        size: Size,
        timeout: u64,
    ) -> io::Result<Crowd> {
        let mut lines = Vec::new();
        lines.resize_with(size.talking + size.idle, || Line::Absent);
        let untried = if size.short { size.talking } else { 0 };
        Ok(Crowd {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            target,
            sources,
            timeout,
            undecided: lines.len() - untried,
            lines,
            talking: size.talking,
            untried,
            ramp,
            again: BinaryHeap::new(),
            begun: VecDeque::new(),
            pending: 0,
            pending_max: PENDING_MAX + if size.short { size.talking } else { 0 },
            short: size.short,
            open: [0; 2],
            failed: Vec::new(),
            failures: 0,
        })
    }

    /// Connections that are open: those that talk, and silent ones.
    pub(crate) fn open(&self) -> [usize; 2] {
        self.open
    }

    /// Whether every place has been tried. Some may be lost again by then, or be tried again: a
    /// server that turns peers away would keep a run from its beginning for ever.
    pub(crate) fn is_settled(&self) -> bool {
        self.undecided == 0
    }

    pub(crate) fn talks(&self, place: usize) -> bool {
        place < self.talking
    }

    pub(crate) fn is_open(&self, place: usize) -> bool {
        matches!(self.lines[place], Line::Open { .. })
    }

    pub(crate) fn is_absent(&self, place: usize) -> bool {
        matches!(self.lines[place], Line::Absent)
    }

    /// The socket of a place that is open.
    #[inline]
    pub(crate) fn socket(&self, place: usize) -> Option<BorrowedFd<'_>> {
        match &self.lines[place] {
            Line::Open { socket, .. } => Some(socket.as_fd()),
            _ => None,
        }
    }

    /// Opens a place as soon as there is time, or `after` nanoseconds.
    pub(crate) fn open_again(&mut self, place: usize, now: u64, after: u64) {
        self.again.push(Reverse((now + after, place as u32)));
    }

    /// When there is something to open next.
    pub(crate) fn next_at(&self) -> u64 {
        if self.pending >= self.pending_max {
            return u64::MAX;
        }
        let first = if self.untried < self.lines.len() { self.ramp.next } else { u64::MAX };
        let again = self.again.peek().map_or(u64::MAX, |Reverse((at, _))| *at);
        first.min(again)
    }

    /// Opens what is to be opened by now: those that were never tried first, or a server that turns
    /// peers away would keep them from being tried at all.
    pub(crate) fn dial_due(&mut self, now: u64, record: &mut Record) {
        while self.pending < self.pending_max {
            if self.untried < self.lines.len() && self.ramp.next <= now {
                let place = self.untried as u32;
                self.untried += 1;
                self.ramp.next += self.ramp.step;
                if !self.dial(place, true, now, record) {
                    self.undecided -= 1;
                }
            } else if let Some(Reverse((at, place))) = self.again.peek().copied()
                && at <= now
            {
                self.again.pop();
                if self.is_absent(place as usize) {
                    self.dial(place, false, now, record);
                }
            } else {
                return;
            }
        }
    }

    /// Whether the place is on its way now.
    fn dial(&mut self, place: u32, first: bool, now: u64, record: &mut Record) -> bool {
        let mut tries = None;
        let dialled = loop {
            let source = self.sources.next();
            match socket::dial(&self.target, source) {
                Ok(Dialled::NoPort) => {
                    let left = tries.unwrap_or_else(|| self.sources.exhausted());
                    if left == 0 {
                        break Err(no_port());
                    }
                    if tries.is_some() {
                        self.sources.exhausted();
                    }
                    tries = Some(left - 1);
                }
                other => break other,
            }
        };
        match dialled {
            Ok(Dialled::Pending(socket)) => match self.watch(&socket, place) {
                Ok(()) => {
                    self.lines[place as usize] = Line::Connecting { socket, since: now, first };
                    self.begun.push_back((now, place));
                    self.pending += 1;
                    return true;
                }
                Err(failure) => self.fail(place, &failure, now, record),
            },
            Ok(Dialled::Later | Dialled::NoPort) => {
                self.again.push(Reverse((now + LATER, place)));
            }
            Err(failure) => self.fail(place, &failure, now, record),
        }
        false
    }

    fn watch(&self, socket: &OwnedFd, place: u32) -> Result<(), Failure> {
        let data = EventData::new_u64(u64::from(place));
        epoll::add(&self.epoll, socket, data, EventFlags::OUT).map_err(|errno| Failure {
            kind: ErrorKind::Other,
            words: format!("epoll_ctl: {errno}"),
        })
    }

    /// A place could not be opened.
    fn fail(&mut self, place: u32, failure: &Failure, now: u64, record: &mut Record) {
        record.errors.count(failure.kind, || failure.words.clone());
        self.failures += 1;
        if self.failures == HOPELESS && self.open == [0; 2] {
            let rest = std::mem::replace(&mut self.untried, self.lines.len());
            self.undecided -= self.lines.len() - rest;
            let later = |place| Reverse((now + RETRY, place as u32));
            self.again.extend((rest..self.lines.len()).map(later));
        }
        self.lines[place as usize] = Line::Absent;
        self.failed.push(place);
        // With `--short` the driver opens one when there is something to send.
        if !(self.short && self.talks(place as usize)) {
            self.again.push(Reverse((now + RETRY, place)));
        }
    }

    /// Something happened to a socket that was connecting: whether it is open now.
    pub(crate) fn arrive(&mut self, place: usize, now: u64, record: &mut Record) -> bool {
        let Line::Connecting { socket, first, .. } =
            std::mem::replace(&mut self.lines[place], Line::Absent)
        else {
            return false;
        };
        self.pending -= 1;
        self.undecided -= usize::from(first);
        let data = EventData::new_u64(place as u64);
        let watched = socket::arrived(socket.as_fd()).and_then(|()| {
            epoll::modify(&self.epoll, &socket, data, EventFlags::IN).map_err(|errno| Failure {
                kind: ErrorKind::Other,
                words: format!("epoll_ctl: {errno}"),
            })
        });
        match watched {
            Ok(()) => {
                self.lines[place] = Line::Open { socket, watched: EventFlags::IN };
                self.open[usize::from(!self.talks(place))] += 1;
                record.counts.opened += 1;
                true
            }
            Err(failure) => {
                drop(socket);
                self.fail(place as u32, &failure, now, record);
                false
            }
        }
    }

    pub(crate) fn is_connecting(&self, place: usize) -> bool {
        matches!(self.lines[place], Line::Connecting { .. })
    }

    /// Whether the kernel will say when a socket takes more.
    #[inline]
    pub(crate) fn awaits_room(&self, place: usize) -> bool {
        matches!(&self.lines[place], Line::Open { watched, .. } if watched.contains(EventFlags::OUT))
    }

    /// Watches a socket for room to send as well, or no longer.
    #[inline]
    pub(crate) fn watch_for_room(&mut self, place: usize, wanted: bool) {
        let room = if wanted { EventFlags::OUT } else { EventFlags::empty() };
        self.watch_for(place, EventFlags::IN | room);
    }

    /// Watches a socket that is open for this.
    #[inline]
    pub(crate) fn watch_for(&mut self, place: usize, flags: EventFlags) {
        let Line::Open { socket, watched } = &mut self.lines[place] else { return };
        if *watched == flags {
            return;
        }
        *watched = flags;
        epoll::modify(&self.epoll, &*socket, EventData::new_u64(place as u64), flags)
            .expect("a socket that is watched can be watched for something else");
    }

    /// Takes an open socket away; it closes when it is dropped.
    pub(crate) fn take(&mut self, place: usize, record: &mut Record) -> Option<OwnedFd> {
        match std::mem::replace(&mut self.lines[place], Line::Absent) {
            Line::Open { socket, .. } => {
                self.open[usize::from(!self.talks(place))] -= 1;
                record.counts.closed += 1;
                Some(socket)
            }
            other => {
                self.lines[place] = other;
                None
            }
        }
    }

    /// An open connection is gone; it is opened again soon.
    pub(crate) fn lose(&mut self, place: usize, now: u64, record: &mut Record) {
        drop(self.take(place, record));
        self.reopen(place, now);
    }

    /// Opens a place again in a moment.
    pub(crate) fn reopen(&mut self, place: usize, now: u64) {
        self.open_again(place, now, REOPEN);
    }

    /// Gives up what has been connecting for too long.
    pub(crate) fn expire(&mut self, now: u64, record: &mut Record) {
        while let Some(&(since, place)) = self.begun.front() {
            let (current, first) = match &self.lines[place as usize] {
                Line::Connecting { since: current, first, .. } => (*current == since, *first),
                _ => (false, false),
            };
            if current && now < since + self.timeout {
                return;
            }
            self.begun.pop_front();
            if current {
                self.pending -= 1;
                self.undecided -= usize::from(first);
                let words = format!("connecting took over {} s", self.timeout as f64 / 1e9);
                let failure = Failure { kind: ErrorKind::TimedOut, words };
                self.fail(place, &failure, now, record);
            }
        }
    }

    /// Places that failed to open since this was last asked.
    pub(crate) fn take_failed(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.failed)
    }
}

fn no_port() -> Failure {
    Failure {
        kind: ErrorKind::OutOfPorts,
        words: "no port is left towards this server; give more addresses of this machine with \
                --source"
            .into(),
    }
}
