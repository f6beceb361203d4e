//! A ring that accepts, with the kernel and without a loop.

use std::collections::HashSet;
use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::time::Duration;

use super::*;
use crate::ring::tests::here;

const LONG: Duration = Duration::from_secs(20);

/// A ring that accepts at a listener of its own, with its address.
fn accepting() -> (Ring, TcpListener, SocketAddr) {
    let mut ring = Ring::new(8, 4).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    ring.accept_at(listener.as_fd(), Key::listener(0)).unwrap();
    (ring, listener, address)
}

/// Whom the kernel brings there, as far as they have come.
fn accepts(ring: &mut Ring, brings: usize) -> Vec<Came> {
    let mut came = Vec::new();
    for _ in 0..20 {
        ring.exchange(std::iter::empty(), Some(1), Some(Duration::from_millis(20))).unwrap();
        let mut told = Vec::new();
        ring.take_told(&mut told);
        let told = told.into_iter().filter(|one| one.token.does() == Does::Accept);
        told.for_each(|one| ring.keep_accepted(one));
        came.extend(std::iter::from_fn(|| ring.next_accepted()).map(|(key, came)| {
            assert_eq!(key, Key::listener(0));
            came
        }));
        if came.len() >= brings {
            break;
        }
    }
    came
}

/// Kills: an accept that is made once; one for whose completions there was no room, and that nobody
/// asks for again; peers that are lost then.
#[test]
fn the_kernel_accepts_whoever_comes() {
    if !here() {
        return;
    }
    // 32 completions at a time have room, and all peers come at once.
    let (mut ring, _listener, address) = accepting();
    let peers: Vec<_> = (0..100).map(|_| TcpStream::connect(address).unwrap()).collect();
    let mut came = Vec::new();
    while came.len() < peers.len() {
        let more = accepts(&mut ring, peers.len() - came.len());
        assert!(!more.is_empty(), "{} of {}", came.len(), peers.len());
        came.extend(more.into_iter().map(|came| came.unwrap()));
        ring.accept_again().unwrap();
    }
    let own: HashSet<_> = peers.iter().map(|peer| peer.local_addr().unwrap()).collect();
    let theirs = came.iter().map(|socket| {
        let flags = rustix::io::fcntl_getfd(socket).unwrap();
        assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
        assert!(rustix::fs::fcntl_getfl(socket).unwrap().contains(rustix::fs::OFlags::NONBLOCK));
        SocketAddr::try_from(rustix::net::getpeername(socket).unwrap().unwrap()).unwrap()
    });
    assert_eq!(theirs.collect::<HashSet<_>>(), own);
}

/// Kills: peers that were accepted just before the listener was let go of, and are served by nobody;
/// a kernel that accepts on, after that.
#[test]
fn whom_the_kernel_has_accepted_before_it_stops_is_kept() {
    if !here() {
        return;
    }
    let (mut ring, listener, address) = accepting();
    let key = Key::listener(0);
    assert_eq!(accepts(&mut ring, 1).len(), 0);
    let mut peers = vec![TcpStream::connect(address).unwrap()];
    // This one the kernel has accepted, and nobody was told of it.
    ring.exchange(std::iter::empty(), Some(1), Some(LONG)).unwrap();
    peers.extend((0..3).map(|_| TcpStream::connect(address).unwrap()));
    ring.unwatch(key).unwrap();
    let kept = std::iter::from_fn(|| ring.next_accepted()).count();
    assert!(kept > 0, "it is lost");
    peers.push(TcpStream::connect(address).unwrap());
    assert_eq!(accepts(&mut ring, 1).len(), 0, "it accepts on");
    // Whom it has left, or who came later, waits in the backlog.
    listener.set_nonblocking(true).unwrap();
    let waits = std::iter::from_fn(|| listener.accept().ok()).count();
    assert_eq!(kept + waits, peers.len());
    // And again.
    ring.accept_at(listener.as_fd(), key).unwrap();
    let _again = TcpStream::connect(address).unwrap();
    assert_eq!(accepts(&mut ring, 1).len(), 1);
}

/// Kills: sockets that stay open when the ring they were accepted by is gone.
#[test]
fn whom_nobody_has_taken_is_closed_with_the_ring() {
    if !here() {
        return;
    }
    let (mut ring, _listener, address) = accepting();
    let connect = || TcpStream::connect(address).unwrap();
    let mut peers = [connect(), connect()];
    // One is told of and not taken, one is not told of.
    ring.exchange(std::iter::empty(), Some(1), Some(LONG)).unwrap();
    drop(ring);
    for peer in &mut peers {
        peer.set_read_timeout(Some(LONG)).unwrap();
        assert!(matches!(peer.read(&mut [0; 1]), Ok(0)), "it is still open");
    }
}
