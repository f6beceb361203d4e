//! Engines: what a loop runs on. Every [`Mechanism`] is one, with the carrier `ready`; a ring is
//! another, with the carrier `completion`. Whatever else a loop does, the reactor does for both.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Duration;

use switchboard_core::{Connection, Session};

use super::Reactor;
use super::peers::Peers;
use crate::admission::Came;
use crate::carrier::ready;
use crate::carrier::turn::{Hand, Manner, Turn};
use crate::mechanism::{Interest, Key, Mechanism, Ready};
use crate::stacks::prefetch;

/// Moves the bytes of a loop's peers, and tells what has happened.
///
/// All methods are called by the loop's own thread. A descriptor is removed before it is closed.
pub(crate) trait Engine: Sized {
    /// What it waits with, for `-vv`.
    const CALL: &'static str;

    /// Whether its call waits at all.
    const WAITS: bool;

    /// Whether a peer must be received from until nothing is left, whenever it has a turn.
    const EDGE: bool;

    /// See [`Mechanism::EXCLUSIVE`].
    const EXCLUSIVE: bool;

    /// The system calls of an `add`, a `change` or a `remove`.
    const ARMS: u64;

    /// Whether the kernel can accept peers by itself.
    const ACCEPTS: bool = false;

    /// Where a wait leaves what has happened.
    type Told: Default;

    /// Begins to watch `fd`, the loop's own or a peer's, for `interest`. Errors are those of
    /// [`Mechanism::add`].
    fn add(&mut self, fd: BorrowedFd<'_>, key: Key, interest: Interest) -> io::Result<()>;

    /// Watches a peer's `fd` for another `interest`.
    fn change(&mut self, fd: BorrowedFd<'_>, key: Key, interest: Interest) -> io::Result<()>;

    /// Begins to accept at a listener that is this loop's alone; it is removed as one that is watched.
    /// Only if the engine [accepts](Engine::ACCEPTS).
    fn listen(&mut self, fd: BorrowedFd<'_>, key: Key) -> io::Result<()> {
        self.add(fd, key, Interest::READ)
    }

    /// The next whom the kernel has accepted, or why it could not: then it accepts nobody until it is
    /// told to [go on](Engine::listen_on).
    fn accepted(&mut self) -> Option<(Key, Came)> {
        None
    }

    /// Goes on accepting at the listeners where that has ended.
    fn listen_on(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Watches `fd` no longer, and forgets what it knew of it.
    fn remove(&mut self, fd: BorrowedFd<'_>, key: Key) -> io::Result<()>;

    /// Does not watch a peer's `fd` for a while.
    fn pause(&mut self, fd: BorrowedFd<'_>, key: Key) -> io::Result<()>;

    /// Watches it again, for input.
    fn resume(&mut self, fd: BorrowedFd<'_>, key: Key) -> io::Result<()>;

    /// Waits until something has happened or `timeout` has passed (`None`: for ever). A signal may
    /// end the wait early, with nothing.
    fn wait(
        &mut self,
        timeout: Option<Duration>,
        told: &mut Self::Told,
        peers: &mut Peers,
        hand: &mut Hand,
    ) -> io::Result<()>;

    /// How much has happened.
    fn count(told: &Self::Told) -> usize;

    /// Serves all whom a wait told of.
    fn serve(reactor: &mut Reactor<'_, Self>, told: &Self::Told) -> io::Result<()>;

    /// One peer's turn: sends, receives, and lets the session answer.
    fn turn(
        &mut self,
        peer: (Key, &OwnedFd, &mut Connection),
        event: Ready,
        manner: Manner,
        hand: &mut Hand,
    ) -> Turn;

    /// Puts what this peer's session wrote, and is not sent yet, back into the room. To be called
    /// before its session may be, if its turn follows.
    fn lend(&mut self, _: Key, _: &mut Hand) {}

    /// This peer's connection is about to go elsewhere: what is not sent yet goes with it.
    fn pack(&mut self, _: Key, _: &mut Connection, _: &mut Hand) {}

    /// This peer's socket is about to be closed: sends what is not sent yet.
    fn part(&mut self, _: Key, _: &mut Peers, _: &mut Hand) -> io::Result<()> {
        Ok(())
    }

    /// Another of many peers has been given something: sends what has been gathered, if that is so
    /// much that it would leave the processor's caches.
    fn relieve(&mut self, _: &mut Peers, _: &mut Hand) -> io::Result<()> {
        Ok(())
    }

    /// Whether more may have been told of a peer than it knows: nobody is let go meanwhile.
    fn amid(&self) -> bool {
        false
    }

    /// The loop is over. Nothing of it is left to the kernel.
    fn end(&mut self) {}
}

impl<M: Mechanism> Engine for M {
    const CALL: &'static str = M::CALL;
    const WAITS: bool = M::WAITS;
    const EDGE: bool = M::EDGE;
    const EXCLUSIVE: bool = M::EXCLUSIVE;
    const ARMS: u64 = M::ARMS;

    type Told = M::Told;

    fn add(&mut self, fd: BorrowedFd<'_>, key: Key, interest: Interest) -> io::Result<()> {
        Mechanism::add(self, fd, key, interest)
    }

    fn change(&mut self, fd: BorrowedFd<'_>, key: Key, interest: Interest) -> io::Result<()> {
        Mechanism::change(self, fd, key, interest)
    }

    fn remove(&mut self, fd: BorrowedFd<'_>, _: Key) -> io::Result<()> {
        Mechanism::remove(self, fd)
    }

    fn pause(&mut self, fd: BorrowedFd<'_>, _: Key) -> io::Result<()> {
        Mechanism::remove(self, fd)
    }

    fn resume(&mut self, fd: BorrowedFd<'_>, key: Key) -> io::Result<()> {
        Mechanism::add(self, fd, key, Interest::READ)
    }

    #[inline]
    fn wait(
        &mut self,
        timeout: Option<Duration>,
        told: &mut M::Told,
        _: &mut Peers,
        _: &mut Hand,
    ) -> io::Result<()> {
        Mechanism::wait(self, timeout, told)
    }

    #[inline]
    fn count(told: &M::Told) -> usize {
        M::ready(told).len()
    }

    #[inline]
    fn serve(reactor: &mut Reactor<'_, M>, told: &M::Told) -> io::Result<()> {
        if reactor.hand.narrated {
            for event in M::ready(told) {
                reactor.dispatch_unusual(event)?;
            }
        } else if reactor.prefetches {
            // A session's own memory is two events ahead of its call, what that names one event.
            let mut nearing = M::ready(told).skip(1);
            let mut coming = M::ready(told).skip(2);
            for event in M::ready(told) {
                if let Some(session) = coming.next().and_then(|event| reactor.session(event)) {
                    prefetch::session((&raw const *session).addr());
                }
                if let Some(session) = nearing.next().and_then(|event| reactor.session(event)) {
                    session.prefetch();
                }
                reactor.dispatch(event)?;
            }
        } else {
            for event in M::ready(told) {
                reactor.dispatch(event)?;
            }
        }
        Ok(())
    }

    fn turn(
        &mut self,
        (_, socket, connection): (Key, &OwnedFd, &mut Connection),
        event: Ready,
        manner: Manner,
        hand: &mut Hand,
    ) -> Turn {
        ready::turn(socket, connection, event, manner, hand)
    }
}

impl<M: Mechanism> Reactor<'_, M> {
    #[inline]
    fn session(&self, event: Ready) -> Option<&dyn Session> {
        self.peers.find(event.key).map(|slot| slot.connection.session())
    }

    /// One event. Nearly all are peers that have sent a request and nothing unusual.
    #[inline(always)]
    fn dispatch(&mut self, event: Ready) -> io::Result<()> {
        if let Some(slot) = self.peers.get(event.key)
            && slot.connection.plain()
            && event.read_only()
        {
            let manner = if M::EDGE { Manner::Empty } else { Manner::Once };
            let turn = ready::answer(&slot.socket, &mut slot.connection, manner, &mut self.hand);
            if let Some(turn) = turn {
                self.settle(event.key, turn);
            }
            return Ok(());
        }
        self.dispatch_unusual(event)
    }
}
