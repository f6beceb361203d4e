//! Carriers: who moves the bytes of one socket. They know that socket and nobody else's.

pub(crate) mod blocking;
pub(crate) mod ready;

use std::os::fd::AsFd;

use libc::c_int;
use rustix::ioctl::{Getter, Opcode, ioctl};
use rustix::net::{AddressFamily, sockopt};

/// Whether closing the socket now loses nothing that was sent: the peer's kernel has it
/// (`SIOCOUTQ`, tcp(7); one byte is the end itself). What was sent over a Unix socket is there at
/// once, and stays. A socket that cannot tell has delivered.
pub(crate) fn delivered(socket: impl AsFd) -> bool {
    const OUTQ: Opcode = libc::TIOCOUTQ as Opcode;
    let socket = socket.as_fd();
    if sockopt::socket_domain(socket) == Ok(AddressFamily::UNIX) {
        return true;
    }
    // SAFETY: this request writes one int, which is what the getter provides room for.
    let held = unsafe { ioctl(socket, Getter::<OUTQ, c_int>::new()) };
    !held.is_ok_and(|held| held > 1)
}
#[cfg(test)]
mod tests;
