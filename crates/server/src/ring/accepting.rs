//! Listeners at which the kernel accepts by itself: asked for once, done for each who comes.
//!
//! It takes whoever is in the backlog whenever the loop waits, however many they are. So a ring does it
//! only where nobody else could have served them, and nobody is to wait for room: the reactor knows.

#[cfg(test)]
mod tests;

use std::io;
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use rustix::io::Errno;

use super::lines::Request;
use super::{Completion, Does, Ring, Token};
use crate::admission::Came;
use crate::mechanism::Key;

impl Ring {
    /// Accepts whoever comes to this listener.
    pub(crate) fn accept_at(&mut self, fd: BorrowedFd<'_>, key: Key) -> io::Result<()> {
        self.sources.open(key, fd.as_raw_fd()).accepts = true;
        self.accept_on(key)
    }

    /// Goes on where the kernel has stopped: after an error, or because there was no room for another
    /// completion.
    pub(crate) fn accept_again(&mut self) -> io::Result<()> {
        if mem::take(&mut self.stopped) {
            for key in self.sources.accepting() {
                self.accept_on(key)?;
            }
        }
        Ok(())
    }

    fn accept_on(&mut self, key: Key) -> io::Result<()> {
        let Some(source) = self.sources.get(key) else { return Ok(()) };
        if !source.wanted || source.request != Request::Idle {
            return Ok(());
        }
        source.request = Request::Armed;
        self.live += 1;
        self.queues.accept(source.fd, Token::of(key, Does::Accept))
    }

    /// Somebody was accepted, or could not be: keeps that until [`next_accepted`](Ring::next_accepted).
    pub(crate) fn keep_accepted(&mut self, completion: Completion) {
        let key = completion.token.key();
        if !completion.more() {
            self.live -= 1;
            self.stopped = true;
            if let Some(source) = self.sources.get(key) {
                source.request = Request::Idle;
            }
        }
        if let Some(came) = came(completion) {
            self.accepted.push_back((key, came));
        }
    }

    /// The next whom the kernel has accepted, or why it could not.
    pub(crate) fn next_accepted(&mut self) -> Option<(Key, Came)> {
        self.accepted.pop_front()
    }

    /// Keeps whom the kernel has accepted and nobody was told of, before the listener is closed.
    pub(super) fn keep_untold(&mut self) {
        let accepts = |one: &mut Completion| one.token.does() == Does::Accept;
        let untold: Vec<_> = self.done.told.extract_if(.., accepts).collect();
        untold.into_iter().for_each(|completion| self.keep_accepted(completion));
    }
}

/// The socket that a completion brings, which has no other owner; `None`: it was cancelled.
fn came(completion: Completion) -> Option<Came> {
    match completion.result {
        error if error == -libc::ECANCELED => None,
        error if error < 0 => Some(Err(Errno::from_raw_os_error(-error))),
        // SAFETY: the kernel has opened the descriptor for this completion, which is looked at once.
        fd => Some(Ok(unsafe { OwnedFd::from_raw_fd(fd) })),
    }
}
