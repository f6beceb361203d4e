//! Peers that the kernel accepted by itself, for a loop that has not looked at them: accept(2) is
//! asked for once, and done for each who comes (io_uring_enter(2), `IORING_ACCEPT_MULTISHOT`).

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

use rustix::io::Errno;
use rustix::net::getpeername;

use crate::listening::Listener;

/// A socket that was accepted, or why none could be.
pub(crate) type Came = Result<OwnedFd, Errno>;

/// They wait here as they would in a listener's backlog: in their order, and connected.
#[derive(Default)]
pub(super) struct Ahead {
    waiting: VecDeque<(RawFd, Came)>,
}

impl Ahead {
    pub(super) fn push(&mut self, listener: &Listener, came: Came) {
        self.waiting.push_back((listener.as_fd().as_raw_fd(), came));
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether whoever is next came to this listener.
    pub(super) fn is_next(&self, listener: &Listener) -> bool {
        let fd = listener.as_fd().as_raw_fd();
        self.waiting.front().is_some_and(|(whose, _)| *whose == fd)
    }

    /// Whether somebody waits who came to this listener.
    pub(super) fn any(&self, listener: &Listener) -> bool {
        self.place(listener).is_some()
    }

    /// The first who came to this listener, with the address that accept4(2) would have told.
    pub(super) fn take(
        &mut self,
        listener: &Listener,
    ) -> Option<Result<(OwnedFd, Option<SocketAddr>), Errno>> {
        let (_, came) = self.waiting.remove(self.place(listener)?)?;
        Some(came.map(|socket| {
            let address = address_of(&socket, listener);
            (socket, address)
        }))
    }

    /// Closes them all; how many there were.
    pub(super) fn clear(&mut self) -> u64 {
        self.waiting.drain(..).map(|(_, came)| u64::from(came.is_ok())).sum()
    }

    fn place(&self, listener: &Listener) -> Option<usize> {
        let fd = listener.as_fd().as_raw_fd();
        self.waiting.iter().position(|(whose, _)| *whose == fd)
    }
}

/// What accept4(2) tells of a peer. The kernel forgets it when the peer is reset: then it is 0.0.0.0
/// and port 0, and the session is told of the reset, as if it had come a little later.
fn address_of(socket: &OwnedFd, listener: &Listener) -> Option<SocketAddr> {
    match getpeername(socket) {
        Ok(address) => address.and_then(|address| SocketAddr::try_from(address).ok()),
        Err(_) if listener.is_inet() => Some(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))),
        Err(_) => None,
    }
}
