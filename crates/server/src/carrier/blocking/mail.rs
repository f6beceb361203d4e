//! Mail for a peer whose thread waits for it: it waits for its socket and its bell together, with
//! poll(2), from when it has taken a mailbox on, and not before.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::net::RecvFlags;
use switchboard_core::{OwnMailbox, Wait, Waiting, Wire};

use super::BlockingWire;
use crate::waiting::until_readable;

impl BlockingWire<'_> {
    /// From now on waits for its bell, too, which is rung for its peer's mail.
    pub(super) fn hear_mail(&mut self) -> io::Result<()> {
        self.presence.bell()?;
        self.hears_mail = true;
        Ok(())
    }

    /// Reads what comes within `wait`.
    ///
    /// # Errors
    /// [`io::ErrorKind::Interrupted`], if the bell rings that is [heard](Self::hear_mail).
    pub(super) fn await_bytes(
        &mut self,
        into: &mut Vec<u8>,
        wait: Option<Duration>,
    ) -> io::Result<usize> {
        if !self.hears_mail {
            self.set_receive_wait(wait)?;
            return self.read(into, RecvFlags::empty());
        }
        let end = wait.and_then(|wait| self.now().checked_add(wait));
        loop {
            let left = end.map(|end| end.saturating_duration_since(self.now()));
            let bell = self.presence.bell()?;
            let ready = until_readable(&[self.presence.socket.as_fd(), bell.fd()], left);
            self.presence.row.waited();
            self.cut()?;
            if ready.contains(&1) {
                bell.quiet();
                return Err(io::ErrorKind::Interrupted.into());
            }
            if ready.is_empty() && left.is_some_and(|left| left.is_zero()) {
                return Err(io::ErrorKind::TimedOut.into());
            }
            if ready.contains(&0) {
                match self.read(into, RecvFlags::DONTWAIT) {
                    Err(error) if error.kind() == io::ErrorKind::TimedOut => {}
                    came => return came,
                }
            }
        }
    }

    /// Sends what has come for the peer; with `notes` only what has come before the first note.
    pub(super) fn deliver(&mut self, wait: Wait, notes: bool) -> io::Result<()> {
        loop {
            let Some(mailbox) = &self.mailbox else { return Ok(()) };
            let mut bytes = Vec::new();
            let (waiting, left) = mailbox.take(&mut bytes, usize::MAX);
            if waiting == Waiting::TooMuch {
                return Err(io::ErrorKind::QuotaExceeded.into());
            }
            let mut sent = 0;
            while sent < bytes.len() {
                sent += self.send(&bytes[sent..], wait)?;
            }
            if !left || (notes && waiting == Waiting::Notes) {
                return Ok(());
            }
        }
    }

    /// Whether more mail has come for its peer than the mailbox holds.
    pub(super) fn is_overrun(&self) -> bool {
        self.mailbox.as_ref().is_some_and(OwnMailbox::is_overrun)
    }
}
