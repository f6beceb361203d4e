//! What a ring polls: the loop's own descriptors, and sockets that take no more.

use std::io;
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd};

use super::lines::Request;
use super::{Completion, Does, Ring, Token};
use crate::mechanism::Key;

impl Ring {
    /// Watches one of the loop's own descriptors: it is told of for as long as it is readable.
    pub(crate) fn watch(&mut self, fd: BorrowedFd<'_>, key: Key) -> io::Result<()> {
        self.sources.open(key, fd.as_raw_fd());
        self.watch_on(key)
    }

    /// Polls it, unless that is under way.
    pub(crate) fn watch_on(&mut self, key: Key) -> io::Result<()> {
        let Some(source) = self.sources.get(key) else { return Ok(()) };
        if !source.wanted || source.request != Request::Idle {
            return Ok(());
        }
        source.request = Request::Armed;
        // Of several loops that share a listener, not all are woken for one peer.
        let exclusive =
            if key.listener_index().is_some() { libc::EPOLLEXCLUSIVE as u32 } else { 0 };
        let events = libc::POLLIN as u32 | exclusive;
        self.live += 1;
        self.queues.poll(source.fd, events, false, Token::of(key, Does::Watch))
    }

    /// Watches it no longer. The kernel has let go of it when this returns, so that a listener that
    /// is closed next is closed; whom it has accepted there is kept.
    pub(crate) fn unwatch(&mut self, key: Key) -> io::Result<()> {
        let Some(source) = self.sources.get(key) else { return Ok(()) };
        source.wanted = false;
        if source.request != Request::Armed {
            return Ok(());
        }
        source.request = Request::Ending;
        let does = if source.accepts { Does::Accept } else { Does::Watch };
        self.queues.cancel(Token::of(key, does))?;
        self.queues.exchange(std::iter::empty(), Some(0), None, &mut self.done)?;
        self.keep_untold();
        Ok(())
    }

    /// A source's poll has completed: whether it is to be told of.
    pub(crate) fn watched(&mut self, completion: Completion) -> bool {
        self.live -= 1;
        let Some(source) = self.sources.get(completion.token.key()) else { return false };
        source.request = Request::Idle;
        source.wanted && completion.result != -libc::ECANCELED
    }

    /// This peer's socket took less than all: nothing is sent to it until it takes more.
    ///
    /// The kernel tells whenever something changes, not as long as there is room: it tells of the
    /// peer's end, too, which stays, whatever else is asked for.
    pub(crate) fn await_room(&mut self, key: Key) -> io::Result<()> {
        let Some(line) = self.lines.get(key) else { return Ok(()) };
        line.blocked = true;
        if line.room != Request::Idle {
            return Ok(());
        }
        line.room = Request::Armed;
        self.live += 1;
        let token = Token::of(key, Does::AwaitRoom);
        self.queues.poll(line.fd, libc::POLLOUT as u32, true, token)
    }

    /// Whether room in this peer's socket is waited for.
    pub(crate) fn awaits_room(&mut self, key: Key) -> bool {
        self.lines.get(key).is_some_and(|line| line.blocked)
    }

    /// There may be room, or the socket failed: whether the peer has waited for that.
    pub(crate) fn has_room(&mut self, completion: Completion) -> io::Result<bool> {
        let (key, over) = (completion.token.key(), !completion.more());
        self.live -= usize::from(over);
        let Some(line) = self.lines.get(key) else { return Ok(false) };
        if over {
            line.room = Request::Idle;
        }
        if completion.result != -libc::ECANCELED {
            return Ok(mem::take(&mut line.blocked));
        }
        if line.blocked {
            self.await_room(key)?;
        }
        Ok(false)
    }

    /// All has been sent to this peer: room is not waited for any more.
    pub(crate) fn needs_no_room(&mut self, key: Key) -> io::Result<()> {
        let Some(line) = self.lines.get(key) else { return Ok(()) };
        if line.room != Request::Armed {
            return Ok(());
        }
        line.room = Request::Ending;
        self.queues.cancel(Token::of(key, Does::AwaitRoom))
    }
}
