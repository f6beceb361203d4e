//! What the kernel says of one TCP socket, by sock_diag(7): asking for one costs microseconds, where
//! the table in `/proc/net/tcp` has thousands of lines after a few hundred trials.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::AsFd;

use rustix::net::netlink::{SOCK_DIAG, SocketAddrNetlink};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, getpeername, getsockname, recv,
    sendto, socket_with,
};
use switchboard::testing::{Client, until};

/// Where the fields of an answer are: `struct nlmsghdr`, then `struct inet_diag_msg`.
const TYPE: usize = 4;
const STATE: usize = 17;
const UNREAD: usize = 72;
const UNSENT: usize = 76;

/// The message type of requests and of answers; errors have another.
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const LISTENING: u8 = 10;

/// One socket, as the kernel describes it.
struct Socket {
    state: u8,
    unread: u32,
    unsent: u32,
}

/// Waits until the server has read all that this peer, from this process, has sent.
#[track_caller]
pub(crate) fn until_read(client: &Client) {
    let (own, servers) = ends(client);
    until("the server to read", || {
        // All is acknowledged, and so it has arrived; and there it does not lie unread.
        ask(own, servers).is_some_and(|socket| socket.unsent == 0)
            && ask(servers, own).is_some_and(|socket| socket.unread == 0)
    });
}

/// Resets the peer, and waits until the server's kernel has let go of its connection: the server need
/// not have been told of it yet, but is before it is told of anything that is sent from now on.
#[track_caller]
pub(crate) fn reset_and_wait(client: Client) {
    let (own, servers) = ends(&client);
    client.reset();
    // Where the connection was, the kernel finds what listens at that address.
    until("the reset to arrive", || {
        ask(servers, own).is_none_or(|socket| socket.state == LISTENING)
    });
}

/// The peer's end of its connection, and the server's.
#[track_caller]
fn ends(client: &Client) -> (SocketAddrV4, SocketAddrV4) {
    let own = SocketAddrV4::try_from(getsockname(client.as_fd()).expect("a socket"));
    let peer = getpeername(client.as_fd()).expect("a connected socket").expect("its peer");
    (own.expect("IPv4"), SocketAddrV4::try_from(peer).expect("IPv4"))
}

/// Whether somebody listens at this address. Nobody connects for that.
pub(crate) fn listens(address: SocketAddrV4) -> bool {
    let nobody = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0);
    ask(address, nobody).is_some_and(|socket| socket.state == LISTENING)
}

/// The socket with these two ends, if there is one.
fn ask(local: SocketAddrV4, remote: SocketAddrV4) -> Option<Socket> {
    let flags = SocketFlags::CLOEXEC;
    let kernel = socket_with(AddressFamily::NETLINK, SocketType::DGRAM, flags, Some(SOCK_DIAG));
    let kernel = kernel.expect("a netlink socket");
    let request = request(local, remote);
    let to_kernel = SocketAddrNetlink::new(0, 0);
    sendto(&kernel, &request, SendFlags::empty(), &to_kernel).expect("a request");
    let mut answer = [0; 1024];
    let (count, _) = recv(&kernel, &mut answer, RecvFlags::empty()).expect("an answer");
    let number = |at: usize| answer[at..at + 4].try_into().map(u32::from_ne_bytes).ok();
    let kind = u16::from_ne_bytes([answer[TYPE], answer[TYPE + 1]]);
    if kind != SOCK_DIAG_BY_FAMILY || count < UNSENT + 4 {
        return None;
    }
    Some(Socket { state: answer[STATE], unread: number(UNREAD)?, unsent: number(UNSENT)? })
}

/// `struct nlmsghdr`, then `struct inet_diag_req_v2`.
fn request(local: SocketAddrV4, remote: SocketAddrV4) -> Vec<u8> {
    const LENGTH: u32 = 16 + 56;
    const REQUEST: u16 = 1;
    const IPV4_TCP: [u8; 4] = [2, 6, 0, 0];
    let mut bytes = Vec::new();
    bytes.extend(LENGTH.to_ne_bytes());
    bytes.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    bytes.extend(REQUEST.to_ne_bytes());
    bytes.extend([0; 8]);
    bytes.extend(IPV4_TCP);
    // Sockets in every state.
    bytes.extend(u32::MAX.to_ne_bytes());
    bytes.extend(local.port().to_be_bytes());
    bytes.extend(remote.port().to_be_bytes());
    for address in [local.ip(), remote.ip()] {
        bytes.extend(address.octets());
        bytes.extend([0; 12]);
    }
    // Whatever its interface, whatever its cookie.
    bytes.extend([0; 4]);
    bytes.extend([0xff; 8]);
    bytes
}
