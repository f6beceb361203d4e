//! Echo on mio by hand: one loop, one 64 KiB buffer, peers in a table indexed by descriptor.
//!
//! mio is edge-triggered, so a peer is read until the buffer is not filled: a short read from a
//! stream means that nothing is left, and saves the read that would only say so. As in the C
//! reference, a peer that does not take its reply at once is closed. SIGTERM ends it by default.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsRawFd;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

const LISTENER: Token = Token(usize::MAX);

fn main() -> io::Result<()> {
    let mut poll = Poll::new()?;
    let mut listener = TcpListener::bind(([127, 0, 0, 1], 0).into())?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    println!("listening on {}", listener.local_addr()?);
    let mut events = Events::with_capacity(1024);
    let mut peers: Vec<Option<TcpStream>> = Vec::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            outcome => outcome?,
        }
        for event in &events {
            if event.token() == LISTENER {
                accept(&listener, &poll, &mut peers)?;
            } else if let Some(slot) = peers.get_mut(event.token().0)
                && let Some(peer) = slot
                && !echo(peer, &mut buffer)
            {
                *slot = None;
            }
        }
    }
}

fn accept(
    listener: &TcpListener,
    poll: &Poll,
    peers: &mut Vec<Option<TcpStream>>,
) -> io::Result<()> {
    while let Ok((mut peer, _)) = listener.accept() {
        peer.set_nodelay(true)?;
        let slot = usize::try_from(peer.as_raw_fd()).expect("an open descriptor is not negative");
        poll.registry().register(&mut peer, Token(slot), Interest::READABLE)?;
        if peers.len() <= slot {
            peers.resize_with(slot + 1, || None);
        }
        peers[slot] = Some(peer);
    }
    Ok(())
}

/// Whether the peer stays.
fn echo(peer: &mut TcpStream, buffer: &mut [u8]) -> bool {
    loop {
        match peer.read(buffer) {
            Ok(0) => return false,
            Ok(length) => {
                if !matches!(peer.write(&buffer[..length]), Ok(sent) if sent == length) {
                    return false;
                }
                if length < buffer.len() {
                    return true;
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return false,
        }
    }
}
