//! What a process asks for and the line has not taken, in the order in which it was asked for.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rustix::io::Errno;
use rustix::net::{SendFlags, send};
use switchboard_core::topics::Backlog;

use super::Lost;
use crate::stopping::Bell;

/// Bytes that wait at which services are told to publish no more, and those at which they are told
/// that they may again.
pub(super) const LARGE: usize = 256 << 10;
const SMALL: usize = LARGE / 4;

/// Bytes that wait beyond which no publication is taken.
pub(super) const FULL: usize = 4 << 20;

/// Bytes that wait beyond which not even joinings and farewells can be kept, without which a process
/// is of no use.
pub(super) const MOST: usize = 64 << 20;

/// The way up.
pub(super) struct Up {
    pub(super) socket: OwnedFd,
    queue: Mutex<Queue>,
    /// Rings when something begins to wait.
    pub(super) bell: Bell,
    /// As in the queue, for those who only ask how much it is.
    bytes: AtomicUsize,
    /// It was large, and has not become small since.
    large: AtomicBool,
}

struct Queue {
    packets: VecDeque<Vec<u8>>,
    bytes: usize,
    /// When something was taken last, or began to wait.
    since: Instant,
    /// What was asked for could not be kept, or cannot be sent.
    lost: Option<Lost>,
}

/// That something waits.
pub(super) struct Waiting {
    /// Nothing has been taken since.
    pub(super) since: Instant,
    pub(super) packets: usize,
}

impl Up {
    pub(super) fn new(socket: OwnedFd) -> io::Result<Up> {
        let queue = Queue { packets: VecDeque::new(), bytes: 0, since: Instant::now(), lost: None };
        let (bytes, large) = (AtomicUsize::new(0), AtomicBool::new(false));
        Ok(Up { socket, queue: Mutex::new(queue), bell: Bell::new()?, bytes, large })
    }

    /// Sends a packet, or keeps it until there is room. From any thread; never waits.
    pub(super) fn send(&self, packet: Vec<u8>) {
        let mut queue = self.lock();
        if queue.packets.is_empty() {
            match self.try_send(&packet) {
                Ok(true) => return,
                Ok(false) => queue.since = Instant::now(),
                Err(error) => return self.lose(&mut queue, Lost::Line(error.into())),
            }
        }
        if queue.bytes + packet.len() > MOST {
            let bytes = queue.bytes;
            return self.lose(&mut queue, Lost::TooMuch(bytes));
        }
        queue.bytes += packet.len();
        queue.packets.push_back(packet);
        self.count(&queue);
        if queue.packets.len() == 1 {
            self.bell.ring();
        }
    }

    /// Sends what waits, as far as there is room; what is left.
    ///
    /// # Errors
    /// If something was lost.
    pub(super) fn pass_on(&self) -> Result<Option<Waiting>, Lost> {
        let mut queue = self.lock();
        let queue = &mut *queue;
        while let Some(packet) = queue.packets.front() {
            match self.try_send(packet) {
                Ok(true) => {
                    queue.bytes -= packet.len();
                    queue.packets.pop_front();
                    queue.since = Instant::now();
                }
                Ok(false) => break,
                Err(error) => return Err(Lost::Line(error.into())),
            }
        }
        self.count(queue);
        if let Some(lost) = queue.lost.take() {
            return Err(lost);
        }
        let packets = queue.packets.len();
        Ok((packets > 0).then_some(Waiting { since: queue.since, packets }))
    }

    /// Whether it was large and is small by now: said once.
    pub(super) fn has_caught_up(&self) -> bool {
        let _queue = self.lock();
        self.bytes.load(SeqCst) <= SMALL && self.large.swap(false, SeqCst)
    }

    pub(super) fn backlog(&self) -> Backlog {
        match (self.bytes.load(SeqCst) > FULL, self.large.load(SeqCst)) {
            (true, _) => Backlog::Full,
            (false, true) => Backlog::Large,
            (false, false) => Backlog::Small,
        }
    }

    fn count(&self, queue: &Queue) {
        self.bytes.store(queue.bytes, SeqCst);
        if queue.bytes > LARGE {
            self.large.store(true, SeqCst);
        }
    }

    fn lose(&self, queue: &mut Queue, lost: Lost) {
        queue.lost.get_or_insert(lost);
        self.bell.ring();
    }

    /// Whether there was room. To whom has gone everything can be sent.
    fn try_send(&self, packet: &[u8]) -> Result<bool, Errno> {
        loop {
            match send(&self.socket, packet, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
                // Whoever orders is gone, and so will this process be.
                Ok(_) | Err(Errno::PIPE | Errno::CONNRESET) => return Ok(true),
                Err(Errno::WOULDBLOCK) => return Ok(false),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
