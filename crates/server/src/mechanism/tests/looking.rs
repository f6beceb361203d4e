//! What the cases work with: pairs of sockets, and a look at what a wait told.

use std::collections::BTreeMap;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::net::{SendFlags, send, sockopt};

use super::{Interest, Key, Mechanism, Ready};

/// Whoever waits for longer waits in vain.
pub(super) const LONG: Duration = Duration::from_secs(10);

/// What one wait told, the places of one key together.
#[derive(Debug, PartialEq)]
pub(super) struct Told(BTreeMap<Key, u32>);

impl Told {
    pub(super) fn keys(&self) -> Vec<Key> {
        self.0.keys().copied().collect()
    }

    pub(super) fn ready(&self, key: Key) -> Ready {
        Ready::new(key, self.0.get(&key).copied().unwrap_or(0))
    }

    pub(super) fn read(&self, key: Key) -> bool {
        self.ready(key).read()
    }

    pub(super) fn room(&self, key: Key) -> bool {
        self.ready(key).set & Ready::OUT != 0
    }
}

pub(super) fn look_for<M: Mechanism>(
    mechanism: &mut M,
    timeout: Option<Duration>,
) -> io::Result<Told> {
    let mut left = M::Told::default();
    mechanism.wait(timeout, &mut left)?;
    let mut told = BTreeMap::new();
    for ready in M::ready(&left) {
        *told.entry(ready.key).or_insert(0) |= ready.set;
    }
    Ok(Told(told))
}

pub(super) fn look(mechanism: &mut impl Mechanism, timeout: Duration) -> Told {
    look_for(mechanism, Some(timeout)).expect("a wait")
}

/// Looks until what is awaited is told, which over TCP may take a moment.
pub(super) fn await_told(
    mechanism: &mut impl Mechanism,
    mut wanted: impl FnMut(&Told) -> bool,
) -> Told {
    let end = Instant::now() + LONG;
    loop {
        let told = look(mechanism, Duration::from_millis(100));
        if wanted(&told) {
            return told;
        }
        assert!(Instant::now() < end, "not told; the last look found {told:?}");
    }
}

/// It tries instead of being told: what cannot be done is told too.
pub(super) fn blind<M: Mechanism>() -> bool {
    M::CALL == "scan"
}

pub(super) fn peer(index: u32) -> Key {
    Key::peer(index, 3)
}

pub(super) struct Pair {
    pub(super) near: OwnedFd,
    pub(super) far: OwnedFd,
}

impl Pair {
    pub(super) fn of(near: impl Into<OwnedFd>, far: impl Into<OwnedFd>) -> Pair {
        let pair = Pair { near: near.into(), far: far.into() };
        rustix::io::ioctl_fionbio(&pair.near, true).unwrap();
        pair
    }

    pub(super) fn say(&self, bytes: &[u8]) {
        assert_eq!(send(&self.far, bytes, SendFlags::NOSIGNAL), Ok(bytes.len()));
    }

    pub(super) fn read(&self) -> usize {
        rustix::io::read(&self.near, &mut [0; 4096]).unwrap()
    }
}

pub(super) fn unix() -> Pair {
    let (near, far) = UnixStream::pair().unwrap();
    Pair::of(near, far)
}

pub(super) fn tcp() -> Pair {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let far = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let near = listener.accept().unwrap().0;
    sockopt::set_socket_oobinline(&near, true).unwrap();
    Pair::of(near, far)
}

pub(super) const FAMILIES: [fn() -> Pair; 2] = [unix, tcp];

/// Three peers that are watched for reading.
pub(super) fn three<M: Mechanism>(mechanism: &mut M, family: fn() -> Pair) -> [Pair; 3] {
    let pairs = [family(), family(), family()];
    for (index, pair) in (0..).zip(&pairs) {
        mechanism.add(pair.near.as_fd(), peer(index), Interest::READ).unwrap();
    }
    pairs
}
