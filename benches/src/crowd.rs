//! A crowd of peers in a closed loop: all write, then all read, and every byte is checked.
//!
//! Blocking sockets in one thread: the client's own cost appears in no figure. All peers may come
//! from one address, because a port is only taken towards one server, and each server has its own.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::Result;

/// Bytes of a message, in each direction.
pub(crate) const MESSAGE: usize = 64;
/// Fewer than any backlog holds, so that none waits for a retransmitted SYN.
pub(crate) const TOGETHER: usize = 100;
const PATIENCE: Duration = Duration::from_secs(60);
/// Descriptors that are not peers: standard streams, pipes, libraries, a second server's crowd.
const SPARE: u64 = 500;

/// Connected peers, each served at least once.
pub(crate) struct Crowd {
    peers: Vec<TcpStream>,
    address: SocketAddr,
    rounds: u64,
    /// Bytes of a message, a multiple of [`MESSAGE`].
    size: usize,
}

impl Crowd {
    /// Connects `count` peers; each has had one reply when this returns.
    pub(crate) fn connect(address: SocketAddr, count: usize) -> Result<Crowd> {
        Crowd::of_size(address, count, MESSAGE)
    }

    /// The same with messages of `size` bytes, a multiple of [`MESSAGE`]. Sent at once, they are
    /// also a pipeline of so many messages of 64 bytes. The sockets' buffers must hold one.
    pub(crate) fn of_size(address: SocketAddr, count: usize, size: usize) -> Result<Crowd> {
        let mut crowd = Crowd { peers: Vec::with_capacity(count), address, rounds: 0, size };
        crowd.grow(count)?;
        Ok(crowd)
    }

    /// `more` peers; each of them has had one reply when this returns.
    pub(crate) fn grow(&mut self, more: usize) -> Result<()> {
        let end = self.peers.len() + more;
        while self.peers.len() < end {
            let start = self.peers.len();
            self.join(TOGETHER.min(end - start))?;
            self.round(start)?;
        }
        Ok(())
    }

    /// Connects without a word.
    fn join(&mut self, more: usize) -> Result<()> {
        for _ in 0..more {
            let peer = connect(self.address).map_err(|error| {
                format!("peer {} cannot connect: {error}", self.peers.len() + 1)
            })?;
            self.peers.push(peer);
        }
        Ok(())
    }

    /// `count` peers that all connect before any of them sends; the server's backlog must hold them.
    pub(crate) fn burst(address: SocketAddr, count: usize) -> Result<Crowd> {
        let peers = Vec::with_capacity(count);
        let mut crowd = Crowd { peers, address, rounds: 0, size: MESSAGE };
        crowd.join(count)?;
        crowd.round(0)?;
        Ok(crowd)
    }

    pub(crate) fn len(&self) -> usize {
        self.peers.len()
    }

    /// `count` times one message to and from every peer.
    pub(crate) fn rounds(&mut self, count: usize) -> Result<()> {
        (0..count).try_for_each(|_| self.round(0))
    }

    /// One message to and from every peer from `start` on.
    fn round(&mut self, start: usize) -> Result<()> {
        self.rounds += 1;
        for (number, peer) in self.peers.iter_mut().enumerate().skip(start) {
            let message = message(number, self.rounds).repeat(self.size / MESSAGE);
            peer.write_all(&message)
                .map_err(|error| format!("peer {number} cannot send: {error}"))?;
        }
        let mut reply = vec![0; self.size];
        for (number, peer) in self.peers.iter_mut().enumerate().skip(start) {
            peer.read_exact(&mut reply)
                .map_err(|error| format!("peer {number} gets no reply: {error}"))?;
            let message = message(number, self.rounds);
            if !reply.chunks(MESSAGE).all(|chunk| chunk == message) {
                return Err(format!("peer {number} got another reply than its own message"));
            }
        }
        Ok(())
    }
}

/// Room for `peers` descriptors in this process; a server started afterwards inherits it.
pub(crate) fn allow_descriptors(peers: usize) -> Result<()> {
    let sentence = |error| format!("cannot read or raise the limit on descriptors: {error}");
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(sentence)?;
    let needed = peers as u64 + SPARE;
    if needed > hard {
        return Err(format!(
            "{peers} peers need {needed} descriptors and the hard limit is {hard}: raise it with \
             `ulimit -Hn {needed}` or ask for fewer idle peers"
        ));
    }
    if needed > soft {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard).map_err(sentence)?;
    }
    Ok(())
}

/// With a limit on how long it waits for anything.
pub(crate) fn connect(address: SocketAddr) -> std::io::Result<TcpStream> {
    let peer = TcpStream::connect(address)?;
    peer.set_nodelay(true)?;
    peer.set_read_timeout(Some(PATIENCE))?;
    peer.set_write_timeout(Some(PATIENCE))?;
    Ok(peer)
}

/// One of 250 loopback addresses, by turns, of a server that listens on all: a pair of addresses has
/// some 28,000 ports, and each stays taken for a minute after the peer has left.
pub(crate) fn by_turns(address: SocketAddr, number: usize) -> SocketAddr {
    let last = u8::try_from(number % 250).expect("below 250") + 1;
    SocketAddr::from((Ipv4Addr::new(127, 0, 1, last), address.port()))
}

/// No two peers and no two rounds have the same, so that a crossed or stale reply is seen.
pub(crate) fn message(peer: usize, round: u64) -> [u8; MESSAGE] {
    let mut bytes = [0; MESSAGE];
    for (place, chunk) in (0u64..).zip(bytes.chunks_exact_mut(16)) {
        chunk[..8].copy_from_slice(&(peer as u64 + place).to_le_bytes());
        chunk[8..].copy_from_slice(&round.to_le_bytes());
    }
    bytes
}
