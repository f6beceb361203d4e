//! One peer of a loop, its carrier's hand, and the other end.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Instant;

use switchboard_core::{Connection, Context, Endpoint, Flow, Limits, PeerInfo, Session};

use crate::carrier::ready::{answer, turn};
use crate::carrier::turn::{Hand, Manner, Turn};
use crate::counters::Stats;
use crate::mechanism::{Key, Ready};

/// Bytes of the buffer that is read into: a few are more than one read.
pub(super) const BUFFER: usize = 64;
pub(super) const BUDGET: usize = 16;

/// Answers each line in capitals; some lines mean more.
pub(super) struct Lines;

impl Session for Lines {
    fn received(&mut self, peer: &mut Context<'_>) -> Flow {
        let Some(line) = peer.input.line() else { return Flow::Continue };
        match line {
            b"bye" => {
                peer.output.line("BYE");
                return Flow::Close;
            }
            b"panic" => {
                peer.output.line("half an ans");
                panic!("as was asked for");
            }
            b"book" => book(40_000).iter().for_each(|byte| peer.output.write(&[*byte])),
            line => peer.output.line(&line.to_ascii_uppercase()),
        }
        Flow::Continue
    }
}

/// Answers anything without end.
pub(super) struct Endless;

impl Session for Endless {
    fn received(&mut self, peer: &mut Context<'_>) -> Flow {
        peer.input.take_all();
        self.writable(peer)
    }

    fn writable(&mut self, peer: &mut Context<'_>) -> Flow {
        let room = peer.output.room();
        peer.output.write(&vec![b'.'; room]);
        peer.want_room();
        Flow::Continue
    }
}

pub(super) fn book(length: usize) -> Vec<u8> {
    (0..length).map(|at| b'a' + u8::try_from(at % 26).unwrap()).collect()
}

/// A peer, its carrier's hand, and the other end.
pub(super) struct Rig<Far> {
    pub(super) socket: OwnedFd,
    pub(super) connection: Connection,
    pub(super) hand: Hand,
    pub(super) far: Far,
}

pub(super) fn readable() -> Ready {
    Ready::to_read(Key::STOP)
}

pub(super) fn writable() -> Ready {
    Ready::to_write(Key::STOP)
}

impl<Far> Rig<Far> {
    pub(super) fn of(
        near: OwnedFd,
        far: Far,
        session: impl Session + 'static,
        limits: Limits,
    ) -> Rig<Far> {
        rustix::io::ioctl_fionbio(&near, true).unwrap();
        let (now, local) = (Instant::now(), Endpoint::Process { uid: 0, pid: 0 });
        let info = PeerInfo { id: 1, address: local.clone(), local };
        let mut hand = Hand {
            buffer: vec![0; BUFFER].into(),
            room: Vec::new(),
            stats: Stats::default(),
            now,
            narrated: false,
            apart: false,
            call: None,
        };
        let mut connection =
            Connection::new(Box::new(session), &info, Arc::new(limits.into()), now);
        connection.open(now, &mut hand.room);
        Rig { socket: near, connection, hand, far }
    }

    pub(super) fn turn(&mut self, ready: Ready, manner: Manner) -> Turn {
        let turn = turn(&self.socket, &mut self.connection, ready, manner, &mut self.hand);
        assert!(self.hand.room.is_empty(), "the room is lent to one peer at a time");
        turn
    }

    pub(super) fn answer(&mut self, manner: Manner) -> Option<Turn> {
        assert!(self.connection.plain(), "only a plain peer is answered this way");
        let turn = answer(&self.socket, &mut self.connection, manner, &mut self.hand);
        assert!(self.hand.room.is_empty(), "the room is lent to one peer at a time");
        turn
    }

    pub(super) fn received(&self) -> usize {
        usize::try_from(self.hand.stats.received).unwrap()
    }
}

impl<Far: Write + Read> Rig<Far> {
    pub(super) fn say(&mut self, bytes: &[u8]) {
        self.far.write_all(bytes).unwrap();
    }

    /// Exactly these bytes are there to read.
    pub(super) fn hears(&mut self, expected: &[u8]) {
        let mut heard = vec![0; expected.len()];
        self.far.read_exact(&mut heard).unwrap();
        assert_eq!(heard, expected);
    }

    pub(super) fn hears_the_end(&mut self) {
        assert_eq!(self.far.read(&mut [0]).unwrap(), 0);
    }
}

pub(super) fn lines() -> Rig<UnixStream> {
    let (near, far) = UnixStream::pair().unwrap();
    Rig::of(near.into(), far, Lines, Limits { high_mark: 1 << 20, ..Limits::default() })
}

pub(super) fn tcp() -> Rig<TcpStream> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let far = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    Rig::of(listener.accept().unwrap().0.into(), far, Lines, Limits::default())
}
