//! The control channel between the supervisor and one of its processes: a pair of Unix sockets that
//! keeps packets apart (unix(7), `SOCK_SEQPACKET`), and could carry descriptors.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socketpair,
};

use super::warden::{self, Orders};
use super::{Crew, Seen};
use crate::site::Site;

/// One end.
pub(crate) struct Channel(OwnedFd);

/// The largest packet: the path of a Unix socket has 108 bytes.
const PACKET_MAX: usize = 256;

/// What the supervisor says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Drain,
    /// Drain, and leave the backlogs to others: a successor serves.
    Leave,
    Cut,
    Hold(bool),
    /// Bring the counters up to date, and list the peers (true) or not.
    Report(bool),
}

/// What a process says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// It serves.
    Ready,
    /// It was told to end, and serves until it has a successor.
    Leaving,
    /// One of its peers.
    Peer(Seen),
    /// That was all that it was asked for.
    Reported,
}

impl Channel {
    /// Both ends. Neither ever waits.
    pub(crate) fn pair() -> io::Result<(Channel, Channel)> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let (one, other) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        Ok((Channel(one), Channel(other)))
    }

    fn send(&self, packet: &[u8]) -> io::Result<()> {
        loop {
            match send(&self.0, packet, SendFlags::NOSIGNAL) {
                Ok(_) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// One packet; `None`: there is none now. The other end's closing is an error.
    fn receive(&self) -> io::Result<Option<Vec<u8>>> {
        let mut packet = [0; PACKET_MAX];
        loop {
            match recv(&self.0, &mut packet, RecvFlags::empty()) {
                Ok((0, _)) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok((count, _)) => return Ok(Some(packet[..count].to_vec())),
                Err(Errno::WOULDBLOCK) => return Ok(None),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    pub(crate) fn order(&self, order: Order) -> io::Result<()> {
        self.send(&match order {
            Order::Drain => [b'd', 0],
            Order::Leave => [b'l', 0],
            Order::Cut => [b'c', 0],
            Order::Hold(held) => [b'h', u8::from(held)],
            Order::Report(peers) => [b'r', u8::from(peers)],
        })
    }

    fn next_order(&self) -> io::Result<Option<Order>> {
        let packet = self.receive()?;
        Ok(packet.and_then(|packet| match *packet {
            [b'd', _] => Some(Order::Drain),
            [b'l', _] => Some(Order::Leave),
            [b'c', _] => Some(Order::Cut),
            [b'h', held] => Some(Order::Hold(held != 0)),
            [b'r', peers] => Some(Order::Report(peers != 0)),
            _ => None,
        }))
    }

    /// Waits a moment for room, if there is none: the supervisor reads while it awaits a report.
    pub(crate) fn say(&self, word: &Word) -> io::Result<()> {
        let packet = match word {
            Word::Ready => b"R".to_vec(),
            Word::Leaving => b"L".to_vec(),
            Word::Reported => b"E".to_vec(),
            Word::Peer(seen) => packed(seen),
        };
        match self.send(&packet) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let mut room = [PollFd::new(&self.0, PollFlags::OUT)];
                poll(&mut room, Some(&Timespec { tv_sec: 0, tv_nsec: 200_000_000 }))?;
                self.send(&packet)
            }
            sent => sent,
        }
    }

    pub(crate) fn next_word(&self) -> io::Result<Option<Word>> {
        let packet = self.receive()?;
        Ok(packet.and_then(|packet| match packet.split_first() {
            Some((b'R', _)) => Some(Word::Ready),
            Some((b'L', _)) => Some(Word::Leaving),
            Some((b'E', _)) => Some(Word::Reported),
            Some((b'P', rest)) => unpacked(rest),
            _ => None,
        }))
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// `P`, three numbers in network order, and the address.
fn packed(seen: &Seen) -> Vec<u8> {
    let mut packet = vec![b'P'];
    for number in [seen.id, seen.traffic.0, seen.traffic.1] {
        packet.extend(number.to_be_bytes());
    }
    packet.extend(seen.address.bytes());
    packet.truncate(PACKET_MAX);
    packet
}

fn unpacked(rest: &[u8]) -> Option<Word> {
    let (numbers, text) = rest.split_at_checked(24)?;
    let number = |place: usize| {
        let bytes = numbers[8 * place..8 * place + 8].try_into().expect("eight bytes");
        u64::from_be_bytes(bytes)
    };
    let address = String::from_utf8_lossy(text).into_owned();
    Some(Word::Peer(Seen { id: number(0), address, traffic: (number(1), number(2)) }))
}

/// The supervisor, as a process hears it.
pub(crate) struct Supervisor {
    channel: Option<Rc<Channel>>,
}

impl Supervisor {
    pub(crate) fn new(channel: Rc<Channel>) -> Supervisor {
        Supervisor { channel: Some(channel) }
    }

    pub(crate) fn say(&self, word: &Word) {
        // Who does not listen any more has died, and this process is about to.
        let _ = self.channel.as_ref().map(|channel| channel.say(word));
    }

    fn report(&self, crew: &mut dyn Crew, peers: bool) {
        let mut tell = |seen: Seen| self.say(&Word::Peer(seen));
        crew.report(if peers { Some(&mut tell) } else { None });
        self.say(&Word::Reported);
    }
}

impl Orders for Supervisor {
    fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.channel.as_ref().map(|channel| channel.as_fd())
    }

    fn obey(&mut self, site: &Site, crew: &mut dyn Crew) {
        match self.channel.as_ref().map(|channel| channel.next_order()) {
            Some(Ok(Some(Order::Drain))) => site.stop.drain(),
            Some(Ok(Some(Order::Leave))) => {
                site.listeners.leave_to_others();
                site.stop.drain();
            }
            Some(Ok(Some(Order::Cut))) => site.stop.cut(),
            Some(Ok(Some(Order::Hold(held)))) => warden::hold(site, crew, held),
            Some(Ok(Some(Order::Report(peers)))) => self.report(crew, peers),
            Some(Err(_)) => self.channel = None,
            Some(Ok(None)) | None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_heard() {
        let (here, there) = Channel::pair().unwrap();
        let orders =
            [Order::Drain, Order::Leave, Order::Cut, Order::Hold(true), Order::Report(false)];
        for order in orders {
            here.order(order).unwrap();
        }
        for order in orders {
            assert_eq!(there.next_order().unwrap(), Some(order));
        }
        assert_eq!(there.next_order().unwrap(), None);
        let peer = Seen { id: 7, address: "[::1]:8080".to_owned(), traffic: (1, u64::MAX) };
        for word in [Word::Ready, Word::Leaving, Word::Peer(peer), Word::Reported] {
            there.say(&word).unwrap();
            assert_eq!(here.next_word().unwrap(), Some(word));
        }
        drop(there);
        assert!(here.next_word().is_err());
    }
}
