//! The carrier for sockets that block: the thread waits in recv(2) and send(2), and nowhere else.
//!
//! A message costs two system calls and no poll(2): deadlines are `SO_RCVTIMEO` and `SO_SNDTIMEO`,
//! set only when they change. On stop, another thread shuts the receiving side of those between
//! requests, which wakes them.

mod conversation;
mod mail;

use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{RecvFlags, SendFlags, Shutdown, recv, send, shutdown};
use switchboard_core::{Job, Mailbox, Note, Offload, OwnMailbox, Reading, Terms, Wait, Wire};

use super::delivered;
use crate::model::presence::Presence;
use crate::offload::Desk;
use crate::stopping::{Bell, Stop};
use crate::waiting::until_readable;

pub(crate) use conversation::{Buffers, converse};

/// Spare bytes of the first read of an event-style peer; grows to the second with what comes.
const READ_LEAST: usize = 2 << 10;
const READ_MOST: usize = 64 << 10;

/// How often a closed peer is looked after: a drain that begins meanwhile is noticed as soon.
const LINGER_LOOK: Duration = Duration::from_millis(10);

/// How long the rest of a request is awaited whose beginning came in the very instant in which the
/// drain shut the receiving side.
const TORN_WAIT: Duration = Duration::from_secs(1);

/// One blocking socket.
pub(crate) struct BlockingWire<'p> {
    presence: &'p Presence,
    stop: &'p Stop,
    desk: &'p Desk,
    terms: &'p Terms,
    receive_wait: Option<Duration>,
    send_wait: Option<Duration>,
    /// The mailbox of a handler, once it has taken one. A session's is its connection's.
    mailbox: Option<OwnMailbox>,
    /// There is one, so it waits for its socket and its bell together, with poll.
    hears_mail: bool,
}

impl<'p> BlockingWire<'p> {
    pub(crate) fn new(
        presence: &'p Presence,
        stop: &'p Stop,
        desk: &'p Desk,
        terms: &'p Terms,
    ) -> BlockingWire<'p> {
        let wait = presence.wait;
        BlockingWire {
            presence,
            stop,
            desk,
            terms,
            receive_wait: wait,
            send_wait: wait,
            mailbox: None,
            hears_mail: false,
        }
    }

    /// Whether the kernel still holds bytes for the peer.
    pub(crate) fn holds(&self) -> bool {
        !delivered(&self.presence.socket)
    }

    /// Half-closes, then drops what still comes until the peer closes too or `limit` has passed, and
    /// longer, to 60 times that, while the kernel holds bytes for the peer: closing with unread
    /// input, or input that comes after it, resets the connection (RFC 9293, 3.6.1). In the drain
    /// only that counts.
    pub(crate) fn linger(&mut self, limit: Duration) {
        if shutdown(&self.presence.socket, Shutdown::Write).is_err() {
            return;
        }
        let begin = Instant::now();
        let mut sink = Vec::with_capacity(READ_LEAST);
        while self.cut().is_ok() {
            sink.clear();
            match self.read(&mut sink, RecvFlags::DONTWAIT) {
                Ok(0) if !self.presence.shut.load(SeqCst) => return,
                Ok(count) if count > 0 => continue,
                Ok(_) => thread::sleep(LINGER_LOOK),
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    until_readable(&[self.presence.socket.as_fd()], Some(LINGER_LOOK));
                }
                Err(_) => return,
            }
            let (passed, holds) = (begin.elapsed(), self.holds());
            let patience = if self.stop.draining() { Duration::ZERO } else { limit };
            if passed >= limit * 60 || (passed >= patience && !holds) {
                return;
            }
        }
    }

    /// Sleeps for `wait`, or until the peer is cut off or mail comes; without `undisturbed`, or until
    /// the drain begins.
    fn rest(&self, wait: Duration, undisturbed: bool) -> io::Result<()> {
        let bell = if self.hears_mail { Some(self.presence.bell()?) } else { None };
        let drain = (!undisturbed).then(|| self.stop.drain_fd());
        let fds: Vec<_> =
            [Some(self.stop.cut_fd()), drain, bell.map(Bell::fd)].into_iter().flatten().collect();
        until_readable(&fds, Some(wait));
        bell.into_iter().for_each(Bell::quiet);
        self.presence.row.waited();
        // The stop is cut a moment before this peer is.
        if self.stop.cutting() {
            self.presence.cut.store(true, SeqCst);
        }
        self.cut()
    }

    /// Waits up to `wait` until one of the peer's jobs is done; whether it was the last. `None`: that
    /// took longer.
    fn await_job(&self, wait: Option<Duration>) -> io::Result<Option<bool>> {
        let end = wait.and_then(|wait| Instant::now().checked_add(wait));
        let bell = self.presence.bell()?;
        loop {
            if let Some(last) = self.desk.take_done(self.presence.info.id) {
                return Ok(Some(last));
            }
            self.cut()?;
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(None);
            }
            until_readable(&[bell.fd(), self.stop.cut_fd()], left);
            self.presence.row.waited();
            bell.quiet();
            if self.stop.cutting() {
                self.presence.cut.store(true, SeqCst);
            }
        }
    }

    fn cut(&self) -> io::Result<()> {
        match self.presence.cut.load(SeqCst) {
            true => Err(io::Error::new(io::ErrorKind::ConnectionAborted, "cut off by the stop")),
            false => Ok(()),
        }
    }

    fn set_receive_wait(&mut self, wait: Option<Duration>) -> io::Result<()> {
        if wait != self.receive_wait {
            set_socket_timeout(&self.presence.socket, Timeout::Recv, at_least_one_tick(wait))?;
            self.presence.row.armed();
            self.receive_wait = wait;
        }
        Ok(())
    }

    fn set_send_wait(&mut self, wait: Option<Duration>) -> io::Result<()> {
        if wait != self.send_wait {
            set_socket_timeout(&self.presence.socket, Timeout::Send, at_least_one_tick(wait))?;
            self.presence.row.armed();
            self.send_wait = wait;
        }
        Ok(())
    }

    /// One recv(2). A signal does not begin the wait anew: under `process`, a drain sends them again
    /// and again.
    fn read(&mut self, into: &mut Vec<u8>, flags: RecvFlags) -> io::Result<usize> {
        let wait = self.receive_wait.filter(|_| flags.is_empty());
        let end = wait.and_then(|wait| self.now().checked_add(wait));
        loop {
            match recv(&self.presence.socket, spare_capacity(into), flags) {
                Ok((count, _)) => {
                    match (count, self.presence.info.id) {
                        (0, id) => tracing::debug!("peer {id}: the end"),
                        (count, id) => tracing::debug!("peer {id}: received {count} bytes"),
                    }
                    self.presence.received(count);
                    self.cut()?;
                    return Ok(count);
                }
                Err(Errno::INTR) => {
                    self.presence.received(0);
                    self.cut()?;
                    if let Some(end) = end {
                        self.set_receive_wait(Some(end.saturating_duration_since(self.now())))?;
                    }
                }
                Err(Errno::WOULDBLOCK) => {
                    self.presence.received(0);
                    if flags.is_empty() {
                        tracing::debug!("peer {}: nothing came in time", self.presence.info.id);
                    }
                    self.cut()?;
                    return Err(io::ErrorKind::TimedOut.into());
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// One wait for bytes.
    ///
    /// # Errors
    /// As [`await_bytes`](Self::await_bytes).
    fn receive_or_hear(&mut self, into: &mut Vec<u8>, reading: Reading) -> io::Result<usize> {
        let Reading { wait: Wait { limit: wait, .. }, between_requests, room, .. } = reading;
        into.reserve(room);
        self.cut()?;
        if !between_requests {
            if self.presence.shut.load(SeqCst) {
                return self.read_torn(into);
            }
            return self.await_bytes(into, wait);
        }
        tracing::debug!("peer {}: waits for a request", self.presence.info.id);
        self.presence.between.store(true, SeqCst);
        // Whoever drains sets its flag first and looks at ours second: one of the two sees the
        // other, so that no one sleeps through the drain.
        let result = if self.stop.draining() {
            match self.read(into, RecvFlags::DONTWAIT) {
                Err(error) if error.kind() == io::ErrorKind::TimedOut => Ok(0),
                other => other,
            }
        } else {
            self.await_bytes(into, wait)
        };
        self.presence.between.store(false, SeqCst);
        result
    }

    /// The receiving side was shut while a request was under way: over TCP, Linux still delivers
    /// what comes, but no longer waits for it. (Over a Unix socket the peer's writes fail: it learns
    /// that its request came too late.)
    fn read_torn(&mut self, into: &mut Vec<u8>) -> io::Result<usize> {
        let end = Instant::now() + TORN_WAIT;
        loop {
            match self.read(into, RecvFlags::DONTWAIT) {
                Ok(0) => {}
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {}
                other => return other,
            }
            if Instant::now() >= end {
                return Ok(0);
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Wire for BlockingWire<'_> {
    fn receive(&mut self, into: &mut Vec<u8>, mut reading: Reading) -> io::Result<usize> {
        let end = reading.wait.limit.and_then(|wait| self.now().checked_add(wait));
        loop {
            self.deliver(reading.wait, reading.notes)?;
            if reading.notes && self.mailbox.as_ref().is_some_and(OwnMailbox::has_note) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            match self.receive_or_hear(into, reading) {
                Err(error)
                    if error.kind() == io::ErrorKind::Interrupted && self.mailbox.is_some() => {}
                // Its socket has been shut for that.
                _ if self.is_overrun() => return Err(io::ErrorKind::QuotaExceeded.into()),
                came => return came,
            }
            reading.wait.limit = end.map(|end| end.saturating_duration_since(self.now()));
        }
    }

    fn mailbox(&mut self) -> Option<Mailbox> {
        if self.mailbox.is_none() {
            self.hear_mail().ok()?;
            let (id, terms) = (self.presence.info.id, self.terms);
            self.mailbox = Some(OwnMailbox::new(id, terms.post.clone(), terms.mail_max));
        }
        self.mailbox.as_ref().map(OwnMailbox::address)
    }

    fn take_note(&mut self) -> Option<Note> {
        self.mailbox.as_ref()?.take_note()
    }

    fn send(&mut self, bytes: &[u8], Wait { limit: wait, .. }: Wait) -> io::Result<usize> {
        self.cut()?;
        self.set_send_wait(wait)?;
        let end = wait.and_then(|wait| self.now().checked_add(wait));
        loop {
            return match send(&self.presence.socket, bytes, SendFlags::NOSIGNAL) {
                Ok(count) => {
                    let (id, of) = (self.presence.info.id, bytes.len());
                    tracing::debug!("peer {id}: sent {count} of {of} bytes");
                    self.presence.sent(count);
                    Ok(count)
                }
                Err(Errno::INTR) => {
                    self.cut()?;
                    if let Some(end) = end {
                        self.set_send_wait(Some(end.saturating_duration_since(self.now())))?;
                    }
                    continue;
                }
                Err(error) => {
                    self.cut()?;
                    match error {
                        _ if self.is_overrun() => Err(io::ErrorKind::QuotaExceeded.into()),
                        Errno::WOULDBLOCK => Err(io::ErrorKind::TimedOut.into()),
                        error => Err(error.into()),
                    }
                }
            };
        }
    }

    fn sleep(&mut self, wait: Duration) -> io::Result<()> {
        let end = self.now().checked_add(wait);
        loop {
            let left = end.map_or(wait, |end| end.saturating_duration_since(self.now()));
            self.rest(left, true)?;
            self.deliver(Wait { limit: self.terms.idle, idle: true }, false)?;
            if end.is_some_and(|end| end <= self.now()) {
                return Ok(());
            }
        }
    }

    fn offload(&mut self, job: Job) -> io::Result<()> {
        self.cut()?;
        self.desk.submit(self.presence.info.id, job);
        self.await_job(None).map(drop)
    }

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn draining(&self) -> bool {
        self.stop.draining()
    }
}

/// A timeout of zero would mean none at all (socket(7)).
fn at_least_one_tick(wait: Option<Duration>) -> Option<Duration> {
    wait.map(|wait| wait.max(Duration::from_micros(1)))
}
