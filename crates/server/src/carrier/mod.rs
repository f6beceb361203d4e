//! Carriers: who moves the bytes of one socket. They know that socket and nobody else's.

pub(crate) mod asynchronous;
pub(crate) mod blocking;
mod calls;
#[cfg(target_os = "linux")]
pub(crate) mod completion;
pub(crate) mod ready;
pub(crate) mod turn;

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

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

/// How long a peer that has just been accepted waited in the backlog, to the millisecond or tick:
/// nothing has been sent on its socket since the kernel made it (`TCP_INFO`, tcp(7)). A Unix socket
/// cannot tell.
#[cfg(target_os = "linux")]
pub(crate) fn waited_in_backlog(socket: impl AsFd) -> Option<Duration> {
    let mut info = MaybeUninit::<libc::tcp_info>::zeroed();
    let mut size = size_of::<libc::tcp_info>() as libc::socklen_t;
    // SAFETY: the socket is open, and `size` says how much room there is, of which the kernel fills as
    // much as it knows. All of it are numbers, for which zeros are values, too.
    let (got, info) = unsafe {
        let fd = socket.as_fd().as_raw_fd();
        let into = info.as_mut_ptr().cast();
        let got = libc::getsockopt(fd, libc::IPPROTO_TCP, libc::TCP_INFO, into, &raw mut size);
        (got, info.assume_init())
    };
    (got == 0).then(|| Duration::from_millis(info.tcpi_last_data_sent.into()))
}

/// Not every system can tell.
#[cfg(not(target_os = "linux"))]
pub(crate) fn waited_in_backlog(_: impl AsFd) -> Option<Duration> {
    None
}

#[cfg(test)]
mod tests;
