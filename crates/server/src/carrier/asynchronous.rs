//! The carrier for a socket whose readiness a runtime remembers: what can be done now is done as for
//! any socket that never blocks (`ready`), and only what cannot is awaited.
//!
//! The runtime is told of each change once, and registers a socket once for all its life. So its note
//! that something can be done is struck out only after a call has found nothing left to do, and not
//! if more has come since the note was read, which the guards of [`AsyncFd`] know.

use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use switchboard_core::{Connection, Ending, Next, PeerInfo, Session, Terms};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::task::coop;
use tokio::time::Sleep;

use super::ready;
use super::turn::{self, Hand, Manner, Turn};
use crate::mechanism::{Key, Ready};
use crate::offload::Desk;

/// Turns after which other tasks get theirs.
const BUDGET: u32 = 16;

/// A turn is told what is ready by a set that carries a key. Here is nobody to tell apart by it.
const KEY: Key = Key::STOP;

/// What others have to tell a peer's task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct News(pub(crate) u8);

impl News {
    /// The server drains.
    pub(crate) const DRAIN: News = News(1);
    /// The drain is over.
    pub(crate) const CUT: News = News(2);
    /// Jobs of the peer's are done.
    pub(crate) const JOBS: News = News(4);
    /// There is mail for the peer.
    pub(crate) const MAIL: News = News(8);

    #[inline]
    fn none(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn has(self, news: News) -> bool {
        self.0 & news.0 != 0
    }
}

/// What a peer's task is given for one turn after another.
pub(crate) struct Aids<'a, 'w> {
    /// Its own, and the runtime's way to wake it.
    pub(crate) task: &'a mut Context<'w>,
    /// Its own timer.
    pub(crate) timer: Pin<&'a mut Sleep>,
    /// Lent by the thread that it runs on now.
    pub(crate) hand: &'a mut Hand,
    /// Where its jobs are.
    pub(crate) desk: &'a Desk,
}

/// One peer whose bytes are moved by a task.
pub(crate) struct Carrier {
    socket: AsyncFd<OwnedFd>,
    connection: Connection,
    /// The timer wakes the task then: never too late, often too early.
    armed: Option<Instant>,
    draining: bool,
    greeted: bool,
    /// What is worth a try, whatever the runtime says.
    tried: Ready,
}

/// Lets the runtime watch a socket, until it is dropped. Called by one of the runtime's threads.
///
/// # Errors
/// If the kernel has no room to watch another (epoll_ctl(2), `ENOSPC`, `ENOMEM`).
pub(crate) fn watch(socket: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    let both = Interest::READABLE | Interest::WRITABLE;
    // Urgent data ends a read at its mark: whoever is not told of it takes the rest for nothing left.
    #[cfg(target_os = "linux")]
    let both = both | Interest::PRIORITY;
    // SAFETY: an `OwnedFd` is one open descriptor for as long as it lives, which is until the `AsyncFd`
    // drops it: nobody takes it out, and nothing opens another under its number (dup2(2)).
    Ok(unsafe { AsyncFd::register_with_interest(socket, both) }?)
}

impl Carrier {
    /// A peer whose session greets it in the first [`poll`](Carrier::poll); `draining`: the server
    /// drains already.
    pub(crate) fn new(
        socket: AsyncFd<OwnedFd>,
        session: Box<dyn Session>,
        (info, terms): (&PeerInfo, &Arc<Terms>),
        draining: bool,
    ) -> Carrier {
        let mut connection = Connection::new(session, info, Arc::clone(terms), Instant::now());
        if draining {
            connection.drain();
        }
        let tried = Ready::to_write(KEY);
        Carrier { socket, connection, armed: None, draining, greeted: false, tried }
    }

    /// Bytes received and sent.
    #[inline]
    pub(crate) fn traffic(&self) -> (u64, u64) {
        self.connection.traffic()
    }

    /// Does what can be done now; how the peer ended, once it has.
    #[inline]
    pub(crate) fn poll(&mut self, news: News, aids: &mut Aids<'_, '_>) -> Poll<Ending> {
        aids.hand.now = Instant::now();
        let due = self.armed.is_some_and(|at| at <= aids.hand.now);
        if news.none() && !due && !aids.hand.narrated {
            for _ in 0..BUDGET {
                // Then nothing is worth a try but what the runtime knows of.
                if !self.connection.plain() || self.tried != Ready::nothing(KEY) {
                    break;
                }
                if self.answer(aids).is_pending() {
                    return Poll::Pending;
                }
            }
        }
        self.poll_unusual(news, due, aids)
    }

    /// The path of nearly every message: one read, one answer, one write. Pending: there was nothing
    /// to read.
    #[inline]
    fn answer(&mut self, aids: &mut Aids<'_, '_>) -> Poll<()> {
        let Poll::Ready(readable) = self.socket.poll_read_ready(aids.task) else {
            return Poll::Pending;
        };
        let urgent = is_told_of_urgent_data(&self.socket);
        let (Ok(mut readable), false) = (readable, urgent) else {
            self.tried = Ready::to_read(KEY);
            return Poll::Ready(());
        };
        let socket = self.socket.get_ref();
        match ready::answer(socket, &mut self.connection, Manner::Empty, aids.hand) {
            // Less than the buffer holds: nothing is left (epoll(7), question 9).
            None => readable.clear_ready(),
            Some(Turn::Rest) if self.connection.wants_input() => {
                readable.clear_ready();
                self.tried = Ready::to_write(KEY);
            }
            // Whatever else there is to do shows in the next step.
            Some(_) => self.tried = Ready::to_write(KEY),
        }
        Poll::Ready(())
    }

    #[cold]
    fn poll_unusual(&mut self, news: News, mut due: bool, aids: &mut Aids<'_, '_>) -> Poll<Ending> {
        if !std::mem::replace(&mut self.greeted, true) {
            self.connection.open(aids.hand.now, &mut aids.hand.room);
        }
        if let Poll::Ready(ending) = self.heed(news, aids) {
            return Poll::Ready(ending);
        }
        if due {
            self.armed = None;
        }
        for _ in 0..BUDGET {
            match self.step(aids) {
                Poll::Ready(Turn::Over(ending)) => return Poll::Ready(ending),
                Poll::Ready(Turn::Again) => break,
                Poll::Ready(_) => {}
                // Not before what has come was read: another task may have computed so long that the
                // timer came up meanwhile.
                Poll::Pending if std::mem::take(&mut due) => self.expire(aids.hand),
                Poll::Pending if self.arm(aids) => break,
                Poll::Pending => return Poll::Pending,
            }
        }
        // There is more to do, after the others.
        self.tried = Ready::to_all(KEY);
        self.arm(aids);
        aids.task.waker().wake_by_ref();
        Poll::Pending
    }

    /// What others tell of.
    fn heed(&mut self, news: News, aids: &mut Aids<'_, '_>) -> Poll<Ending> {
        if news.has(News::CUT) {
            // There may be a greeting, which is nobody else's.
            aids.hand.room.clear();
            self.connection.fail(Ending::CutOff);
            return Poll::Ready(match self.connection.next(&[]) {
                Next::Over(ending) => ending,
                Next::Go | Next::HalfClose => Ending::CutOff,
            });
        }
        if news.has(News::DRAIN) {
            self.draining = true;
            self.connection.drain();
            self.tried = Ready::to_all(KEY);
        }
        if self.connection.took_mailbox() {
            // By its number, with which it was known all along.
            self.connection.mail_comes_to(0);
        }
        if news.has(News::MAIL) {
            let hand = &mut *aids.hand;
            self.connection.mail(hand.now, &mut hand.room);
            self.tried = Ready::to_all(KEY);
            if let Poll::Ready(Turn::Over(ending)) = self.step(aids) {
                return Poll::Ready(ending);
            }
        }
        if news.has(News::JOBS) {
            let id = self.connection.identity().0;
            while let Some(last) = aids.desk.take_done(id) {
                let hand = &mut *aids.hand;
                self.connection.job_done(last, hand.now, &mut hand.room);
                self.tried = Ready::to_all(KEY);
                if let Poll::Ready(Turn::Over(ending)) = self.step(aids) {
                    return Poll::Ready(ending);
                }
            }
        }
        Poll::Pending
    }

    /// The timer has come up.
    fn expire(&mut self, hand: &mut Hand) {
        turn::expire(self.socket.get_ref(), &mut self.connection, hand);
        self.tried = Ready::to_write(KEY);
    }

    /// One turn, for what the runtime says is ready and for what is to be tried anyway. Pending:
    /// neither, and the task is woken when something is.
    fn step(&mut self, aids: &mut Aids<'_, '_>) -> Poll<Turn> {
        let tried = std::mem::replace(&mut self.tried, Ready::nothing(KEY));
        let mut event = tried;
        let mut reading = None;
        if self.connection.wants_input() {
            match self.socket.poll_read_ready(aids.task) {
                Poll::Ready(Ok(guard)) => {
                    event = event.with(Ready::to_read(KEY));
                    if guard.ready().is_read_closed() {
                        event = event.with(Ready::to_all(KEY));
                    }
                    reading = Some(guard);
                }
                // The runtime ends before its tasks do.
                Poll::Ready(Err(_)) => {
                    aids.hand.room.clear();
                    return Poll::Ready(Turn::Over(Ending::CutOff));
                }
                Poll::Pending => {}
            }
            if take_urgent(&self.socket, aids.task) {
                aids.hand.stats.urgent += 1;
                tracing::debug!("peer {}: urgent data", self.connection.identity().0);
                event = event.with_urgent();
            }
        }
        let unsent = !self.connection.unsent(&aids.hand.room).is_empty();
        let mut writing = None;
        // One from whom nothing is wanted may still be gone, which shows on the other side.
        while unsent || (!self.connection.wants_input() && !self.connection.awaits_jobs()) {
            let Poll::Ready(Ok(mut guard)) = self.socket.poll_write_ready(aids.task) else { break };
            let closed = guard.ready().is_write_closed();
            if closed && self.connection.awaits_jobs() {
                // Whoever sent a request and closed is answered, in vain, and has left in order.
                break;
            }
            if closed || unsent {
                event = event.with(Ready::to_write(KEY));
                if closed {
                    event = event.with_hangup();
                }
                writing = Some(guard);
                break;
            }
            guard.clear_ready();
        }
        if event == Ready::nothing(KEY) {
            return Poll::Pending;
        }
        let manner = if self.draining { Manner::Drain } else { Manner::Empty };
        let socket = self.socket.get_ref();
        let turn = ready::turn(socket, &mut self.connection, event, manner, aids.hand);
        if turn == Turn::Rest {
            if let Some(mut guard) = reading.filter(|_| self.connection.wants_input()) {
                guard.clear_ready();
            }
            if let Some(mut guard) = writing.filter(|_| !self.connection.unsent(&[]).is_empty()) {
                guard.clear_ready();
            }
        }
        Poll::Ready(turn)
    }

    /// Sees to it that the timer is not too late for the peer's deadline; whether that has come.
    fn arm(&mut self, aids: &mut Aids<'_, '_>) -> bool {
        let Some(deadline) = self.connection.deadline() else { return false };
        if self.armed.is_some_and(|armed| armed <= deadline) {
            return false;
        }
        self.armed = Some(deadline);
        set(aids.timer.as_mut(), deadline, aids.task)
    }

    /// Closes the socket; the connection, whose session is to be told.
    pub(crate) fn close(self) -> Connection {
        drop(self.socket);
        self.connection
    }
}

/// Has the timer wake the task then; whether that is now.
pub(crate) fn set(mut timer: Pin<&mut Sleep>, at: Instant, task: &mut Context<'_>) -> bool {
    timer.as_mut().reset(at.into());
    // With the task's budget it would not be noted whom to wake, once that is spent.
    pin!(coop::unconstrained(timer)).poll(task).is_ready()
}

/// Whether the runtime knows of urgent data, or of the peer's end: one look at what it remembers.
#[inline]
pub(crate) fn is_told_of_urgent_data(socket: &AsyncFd<OwnedFd>) -> bool {
    #[cfg(target_os = "linux")]
    return socket.try_io(Interest::PRIORITY, |_| Ok(())).is_ok();
    #[cfg(not(target_os = "linux"))]
    return false;
}

/// Whether there is urgent data that nobody was told of yet.
pub(crate) fn take_urgent(socket: &AsyncFd<OwnedFd>, task: &mut Context<'_>) -> bool {
    if !is_told_of_urgent_data(socket) {
        return false;
    }
    #[cfg(target_os = "linux")]
    if let Poll::Ready(Ok(mut guard)) = pin!(socket.ready(Interest::PRIORITY)).poll(task) {
        let urgent = guard.ready().is_priority();
        if urgent {
            guard.clear_ready_matching(tokio::io::Ready::PRIORITY);
        }
        return urgent;
    }
    false
}
