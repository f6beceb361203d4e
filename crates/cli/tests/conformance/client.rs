//! Peers that are hard on a server: small buffers, urgent data, and the words that all cases use.

use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;

use rustix::net::{
    AddressFamily, SendFlags, SocketFlags, SocketType, connect, send, socket_with, sockopt,
};
use switchboard::testing::{Client, Running, until};

/// A peer whose kernel takes next to nothing that it does not read.
#[track_caller]
pub(crate) fn connect_with_small_buffers(server: &Running) -> Client {
    let address: SocketAddr = server.address().parse().expect("an IPv4 address");
    // Closed in the servers that other trials start meanwhile: they would keep it open.
    let flags = SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None);
    let socket = socket.expect("a socket");
    // Before it connects: the window that is offered then is never taken back.
    sockopt::set_socket_recv_buffer_size(&socket, 4096).expect("SO_RCVBUF");
    sockopt::set_tcp_nodelay(&socket, true).expect("TCP_NODELAY");
    connect(&socket, &address).expect("a connection");
    Client::new(socket).expect("a peer")
}

/// The same connection, for another thread.
#[track_caller]
pub(crate) fn stream_of(client: &Client) -> TcpStream {
    client.as_fd().try_clone_to_owned().expect("a descriptor").into()
}

/// Sends one byte of urgent data.
#[track_caller]
pub(crate) fn send_urgent(client: &Client, byte: u8) {
    assert_eq!(send(client.as_fd(), &[byte], SendFlags::OOB), Ok(1));
}

/// The peer is there and is answered.
#[track_caller]
pub(crate) fn expect_service(client: &mut Client) {
    client.send("echo are you there\n").expect("are you there\n");
}

/// A new peer is let in and answered, and leaves.
#[track_caller]
pub(crate) fn expect_service_to_a_new_peer(server: &Running) {
    let mut client = server.connect();
    expect_service(&mut client);
    client.end().expect_end();
}

/// Asks whether this peer was let in: it is answered, or it is closed.
#[track_caller]
pub(crate) fn is_served(client: &mut Client) -> bool {
    if client.try_send("echo in\n").is_err() {
        return false;
    }
    until("an answer or the end", || client.unexpected().ends_with(b"\n") || client.closed());
    let served = !client.unexpected().is_empty();
    if served {
        client.expect("in\n");
    }
    served
}

/// What `big N` sends.
pub(crate) fn big(count: usize) -> Vec<u8> {
    let digits = b"0123456789".iter().copied().cycle().take(count);
    digits.chain([b'\n']).collect()
}
