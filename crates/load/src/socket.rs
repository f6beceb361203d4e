//! The system calls of one socket, non-blocking, and what their errors mean.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::sys::socket::{setsockopt, sockopt::IpBindAddressNoPort};
use rustix::io::Errno;
use rustix::net::sockopt::{
    set_socket_linger, set_socket_recv_buffer_size, set_tcp_nodelay, socket_error,
};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, Shutdown, SocketAddrUnix, SocketFlags, SocketType,
};
use rustix::net::{bind, connect, recv, send, shutdown, socket_with};

use crate::conversation::Failure;
use crate::errors::ErrorKind;

/// Where to connect, looked up.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// A socket that is on its way.
pub(crate) enum Dialled {
    /// It is writable once it is connected, or has failed.
    Pending(OwnedFd),
    /// The server's backlog is full (Unix sockets): try again in a moment.
    Later,
    /// This source address has no port left.
    NoPort,
}

/// Begins to connect.
pub(crate) fn dial(target: &Target, source: Option<IpAddr>) -> Result<Dialled, Failure> {
    match target {
        Target::Tcp(address) => dial_tcp(address, source),
        Target::Unix(path) => dial_unix(path),
    }
}

fn dial_tcp(address: &SocketAddr, source: Option<IpAddr>) -> Result<Dialled, Failure> {
    let family = if address.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET };
    let socket = open(family)?;
    set_tcp_nodelay(&socket, true).map_err(|errno| failure(errno, "setting TCP_NODELAY"))?;
    if let Some(source) = source {
        // The port is chosen by connect(2), which knows the other end and can share it.
        setsockopt(&socket, IpBindAddressNoPort, &true)
            .map_err(|errno| failure(Errno::from_raw_os_error(errno as i32), "preparing bind"))?;
        let what = format!("connecting from {source}");
        bind(&socket, &SocketAddr::new(source, 0)).map_err(|errno| match errno {
            Errno::ADDRNOTAVAIL => Failure {
                kind: ErrorKind::Other,
                words: format!("{source} is no address of this machine; check --source"),
            },
            errno => failure(errno, &what),
        })?;
    }
    match connect(&socket, address) {
        Ok(()) | Err(Errno::INPROGRESS | Errno::INTR) => Ok(Dialled::Pending(socket)),
        // Without a source the kernel says so when all ports are taken.
        Err(Errno::ADDRNOTAVAIL | Errno::ADDRINUSE) => Ok(Dialled::NoPort),
        Err(errno) => Err(failure(errno, "connecting")),
    }
}

fn dial_unix(path: &Path) -> Result<Dialled, Failure> {
    let socket = open(AddressFamily::UNIX)?;
    let address = SocketAddrUnix::new(path).map_err(|errno| failure(errno, "connecting"))?;
    match connect(&socket, &address) {
        Ok(()) | Err(Errno::INPROGRESS | Errno::INTR) => Ok(Dialled::Pending(socket)),
        Err(Errno::AGAIN) => Ok(Dialled::Later),
        Err(errno) => Err(failure(errno, "connecting")),
    }
}

fn open(family: AddressFamily) -> Result<OwnedFd, Failure> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    socket_with(family, SocketType::STREAM, flags, None)
        .map_err(|errno| failure(errno, "opening a socket"))
}

/// How a socket that was dialled and is writable now has fared.
pub(crate) fn arrived(socket: BorrowedFd<'_>) -> Result<(), Failure> {
    match socket_error(socket) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(errno)) | Err(errno) => Err(failure(errno, "connecting")),
    }
}

/// Takes what has come; `Ok(None)`: nothing; `Ok(Some(0))`: the server sent its last byte.
#[inline]
pub(crate) fn receive(socket: BorrowedFd<'_>, into: &mut [u8]) -> Result<Option<usize>, Failure> {
    match recv(socket, into, RecvFlags::empty()) {
        Ok((count, _)) => Ok(Some(count)),
        Err(Errno::AGAIN | Errno::INTR) => Ok(None),
        Err(errno) => Err(failure(errno, "receiving")),
    }
}

/// Hands bytes to the kernel; how many it took, perhaps none.
#[inline]
pub(crate) fn transmit(socket: BorrowedFd<'_>, bytes: &[u8]) -> Result<usize, Failure> {
    match send(socket, bytes, SendFlags::NOSIGNAL) {
        Ok(count) => Ok(count),
        Err(Errno::AGAIN | Errno::INTR) => Ok(0),
        Err(errno) => Err(failure(errno, "sending")),
    }
}

/// Closes so that the server sees a reset.
pub(crate) fn reset(socket: OwnedFd) {
    // On a socket that is broken already there is nothing left to reset.
    let _ = set_socket_linger(&socket, Some(std::time::Duration::ZERO));
}

/// Sends its last byte, as the server sees it.
pub(crate) fn end(socket: BorrowedFd<'_>) {
    // On a socket that is broken already the next call says so.
    let _ = shutdown(socket, Shutdown::Write);
}

/// Makes what can pile up on this side small.
pub(crate) fn narrow(socket: BorrowedFd<'_>) {
    // The kernel's least is what is asked for; any other size also does.
    let _ = set_socket_recv_buffer_size(socket, 4096);
}

/// What an error of the system means.
fn failure(errno: Errno, what: &str) -> Failure {
    let kind = match errno {
        // A Unix socket whose file is not there, or whose server is gone.
        Errno::CONNREFUSED | Errno::NOENT => ErrorKind::Refused,
        Errno::CONNRESET | Errno::PIPE | Errno::CONNABORTED => ErrorKind::Reset,
        Errno::TIMEDOUT => ErrorKind::TimedOut,
        Errno::MFILE | Errno::NFILE => ErrorKind::OutOfDescriptors,
        Errno::ADDRNOTAVAIL | Errno::ADDRINUSE => ErrorKind::OutOfPorts,
        _ => ErrorKind::Other,
    };
    Failure { kind, words: format!("{what}: {errno}") }
}
