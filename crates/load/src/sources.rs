//! Where connections come from: a port is taken towards one server at a time, so that some 28,000
//! connections fit between two addresses. On loopback there are sixteen million more addresses.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Connections from one address before the next is taken. By default there are about 28,000 ports, and
/// connect(2) tries one after the other, first those of one half: 19,000 connections from one address
/// took 6 s to open, from two 0.7 s.
const COMFORTABLE: u64 = 7_000;
/// How many further addresses one connection tries.
const TRIES: u32 = 8;

/// The addresses of one thread, in turn.
#[derive(Debug)]
pub(crate) struct Sources {
    given: Vec<IpAddr>,
    /// Whether the target is on IPv4's loopback network, so that there is always another address.
    spread: bool,
    /// This thread's number, and how many threads in all processes there are.
    worker: u32,
    workers: u32,
    /// 0: the kernel's choice, or the first of those given.
    turn: u32,
    taken: u64,
}

impl Sources {
    pub(crate) fn new(
        given: &[IpAddr],
        target: Option<SocketAddr>,
        worker: u32,
        workers: u32,
    ) -> Sources {
        let spread = given.is_empty()
            && target.is_some_and(|target| target.ip().is_loopback() && target.is_ipv4());
        // Those that are given are shared by starting with different ones.
        let turn = if given.is_empty() { 0 } else { worker };
        Sources { given: given.to_vec(), spread, worker, workers, turn, taken: 0 }
    }

    /// Where the next connection comes from; `None` leaves it to the kernel.
    pub(crate) fn next(&mut self) -> Option<IpAddr> {
        let shared = COMFORTABLE / u64::from(if self.turn == 0 { self.workers } else { 1 });
        if self.spread && self.taken >= shared {
            self.advance();
        }
        self.taken += 1;
        if self.given.len() > 1 {
            self.turn = self.turn.wrapping_add(1);
        }
        match self.given.len() {
            0 if self.turn == 0 => None,
            0 => Some(loopback((self.turn - 1) * self.workers + self.worker).into()),
            count => Some(self.given[self.turn as usize % count]),
        }
    }

    /// The last one had no port left. How many others may be tried for this connection.
    pub(crate) fn exhausted(&mut self) -> u32 {
        match self.given.len() as u32 {
            0 if !self.spread => 0,
            0 => {
                self.advance();
                TRIES
            }
            count => count - 1,
        }
    }

    fn advance(&mut self) {
        // Back at the start, ports of closed connections are free again.
        let last = ADDRESSES / self.workers - 1;
        self.turn = if self.turn >= last { 0 } else { self.turn + 1 };
        self.taken = 0;
    }
}

/// From 127.1.0.1 on, so that servers on 127.0.0.x are left alone.
const ADDRESSES: u32 = 1 << 16;

fn loopback(number: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 1, 0, 1)) + number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn target(text: &str) -> Option<SocketAddr> {
        Some(text.parse().unwrap())
    }

    /// Kills: two threads that take ports of the same address; a first address that all fill up.
    #[test]
    fn no_address_has_more_than_fit_and_threads_share_none_but_the_first() {
        let mut used: [HashSet<IpAddr>; 2] = Default::default();
        let mut from_kernel = 0;
        for worker in 0..2 {
            let mut sources = Sources::new(&[], target("127.0.0.1:80"), worker, 2);
            for _ in 0..100_000 {
                match sources.next() {
                    Some(source) => drop(used[worker as usize].insert(source)),
                    None => from_kernel += 1,
                }
            }
        }
        assert_eq!(from_kernel, COMFORTABLE);
        assert!(used[0].is_disjoint(&used[1]));
        let addresses = (100_000 - COMFORTABLE / 2).div_ceil(COMFORTABLE) as usize;
        assert_eq!((used[0].len(), used[1].len()), (addresses, addresses));
        assert!(used.iter().flatten().all(IpAddr::is_loopback));
    }

    #[test]
    fn elsewhere_there_are_no_other_addresses_unless_they_are_given() {
        let mut sources = Sources::new(&[], target("10.0.0.1:80"), 0, 1);
        assert_eq!((sources.next(), sources.exhausted()), (None, 0));
        let given = ["10.0.0.2".parse().unwrap(), "10.0.0.3".parse().unwrap()];
        let mut sources = Sources::new(&given, target("10.0.0.1:80"), 0, 1);
        let first: HashSet<_> = [sources.next(), sources.next()].into();
        assert_eq!((first.len(), sources.exhausted()), (2, 1));
    }
}
