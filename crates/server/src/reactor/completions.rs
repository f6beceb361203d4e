//! A loop on a ring: what the kernel has done is told to the peers, and what they write leaves with
//! the next wait.

use std::io;
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, Timespec, clock_gettime};
use switchboard_core::{Connection, Ending};

use super::peers::Peers;
use super::{Engine, Reactor};
use crate::admission::Came;
use crate::carrier::completion;
use crate::carrier::turn::{Hand, Manner, Turn};
use crate::mechanism::{Interest, Key, Ready};
use crate::ring::{Completion, Does, Ring, Sending};

impl Engine for Ring {
    const CALL: &'static str = "io_uring_enter";
    const WAITS: bool = true;
    const EDGE: bool = false;
    const EXCLUSIVE: bool = true;
    /// What is watched is said in the call that waits.
    const ARMS: u64 = 0;
    const ACCEPTS: bool = true;

    type Told = Vec<Completion>;

    fn add(&mut self, fd: BorrowedFd<'_>, key: Key, _: Interest) -> io::Result<()> {
        match key.is_peer() {
            true => self.open(fd.as_raw_fd(), key),
            false => self.watch(fd, key),
        }
    }

    fn change(&mut self, _: BorrowedFd<'_>, key: Key, interest: Interest) -> io::Result<()> {
        self.want(key, interest.read())
    }

    fn listen(&mut self, fd: BorrowedFd<'_>, key: Key) -> io::Result<()> {
        self.accept_at(fd, key)
    }

    fn accepted(&mut self) -> Option<(Key, Came)> {
        self.next_accepted()
    }

    fn listen_on(&mut self) -> io::Result<()> {
        self.accept_again()
    }

    fn remove(&mut self, _: BorrowedFd<'_>, key: Key) -> io::Result<()> {
        match key.is_peer() {
            true => self.close(key),
            false => self.unwatch(key),
        }
    }

    fn pause(&mut self, _: BorrowedFd<'_>, key: Key) -> io::Result<()> {
        self.hold(key)
    }

    fn resume(&mut self, _: BorrowedFd<'_>, key: Key) -> io::Result<()> {
        self.want(key, true)
    }

    fn wait(
        &mut self,
        timeout: Option<Duration>,
        told: &mut Vec<Completion>,
        peers: &mut Peers,
        hand: &mut Hand,
    ) -> io::Result<()> {
        let at_once = timeout == Some(Duration::ZERO) || self.sends.hurries() || self.any();
        let want = Some(u32::from(!at_once));
        flush(self, want, timeout.filter(|_| !at_once), peers, hand)?;
        // The loop counts its wait itself.
        hand.stats.waits += self.take_enters().saturating_sub(1);
        self.take_told(told);
        Ok(())
    }

    fn count(told: &Vec<Completion>) -> usize {
        told.len()
    }

    fn serve(reactor: &mut Reactor<'_, Ring>, told: &Vec<Completion>) -> io::Result<()> {
        reactor.engine.amid = true;
        let mut since = tick();
        for key in mem::take(&mut reactor.engine.sends.follow) {
            reactor.turn(Ready::to_write(key));
            reactor.relay(&mut since)?;
        }
        for completion in told {
            match completion.token.does() {
                Does::Receive => {
                    reactor.received(*completion)?;
                    reactor.relay(&mut since)?;
                }
                Does::AwaitRoom => {
                    if reactor.engine.has_room(*completion)? {
                        reactor.turn(Ready::to_write(completion.token.key()));
                    }
                }
                Does::Watch => {
                    let key = completion.token.key();
                    if reactor.engine.watched(*completion) {
                        reactor.source_ready(Ready::to_read(key))?;
                    }
                    reactor.engine.watch_on(key)?;
                }
                Does::Accept => reactor.engine.keep_accepted(*completion),
                Does::Other => {}
            }
        }
        reactor.engine.amid = false;
        Ok(())
    }

    fn turn(
        &mut self,
        (key, socket, connection): (Key, &OwnedFd, &mut Connection),
        _: Ready,
        manner: Manner,
        hand: &mut Hand,
    ) -> Turn {
        self.lend(key, hand);
        let turn = completion::turn((key, socket, &mut *connection), manner, self, hand);
        self.gather(key, connection, hand);
        let kept = self.stash().and_then(|()| self.receive_on(key));
        if let Err(error) = kept {
            tracing::warn!("io_uring_enter cannot receive from a peer any longer: {error}");
            connection.fail(Ending::Error);
        }
        turn
    }

    fn lend(&mut self, key: Key, hand: &mut Hand) {
        if let Some(number) = self.sending(key)
            && hand.room.is_empty()
        {
            self.sends.swap(number, &mut hand.room);
            self.sends.before = hand.room.len();
        }
    }

    fn pack(&mut self, key: Key, connection: &mut Connection, hand: &mut Hand) {
        let Some(number) = self.sending(key) else { return };
        self.not_sending(key);
        let mut room = self.sends.withdraw(number);
        if !room.is_empty() {
            connection.sent(0, hand.now, &mut room);
        }
    }

    fn part(&mut self, key: Key, peers: &mut Peers, hand: &mut Hand) -> io::Result<()> {
        match self.sending(key) {
            Some(_) => flush(self, None, None, peers, hand),
            None => Ok(()),
        }
    }

    fn relieve(&mut self, peers: &mut Peers, hand: &mut Hand) -> io::Result<()> {
        match self.sends.are_many() {
            true => flush(self, None, None, peers, hand),
            false => Ok(()),
        }
    }

    fn amid(&self) -> bool {
        self.amid || self.any()
    }

    fn end(&mut self) {
        Ring::end(self);
    }
}

impl Ring {
    /// A turn is over: what the session wrote is sent with the next wait.
    fn gather(&mut self, key: Key, connection: &Connection, hand: &mut Hand) {
        let before = mem::take(&mut self.sends.before);
        match self.sending(key) {
            Some(number) => {
                self.sends.count(hand.room.len().saturating_sub(before));
                self.sends.swap(number, &mut hand.room);
            }
            None if !hand.room.is_empty() => self.send(key, &mut hand.room),
            None if !connection.unsent(&[]).is_empty() && !self.awaits_room(key) => {
                self.send(key, &mut Vec::new());
            }
            None => return,
        }
        self.sends.urgent |= !connection.plain() || self.has_input(key);
    }
}

impl Reactor<'_, Ring> {
    /// Something has come from a peer. Nearly always it is a request, and nothing is unusual.
    #[inline(always)]
    fn received(&mut self, completion: Completion) -> io::Result<()> {
        let (key, hand) = (completion.token.key(), &mut self.hand);
        if !hand.narrated
            && let Some(slot) = self.peers.get(key)
            && slot.connection.plain()
        {
            let mut plain = true;
            let simple = self.engine.received_plainly(completion, |bytes| {
                hand.stats.received += bytes.len() as u64;
                plain = slot.connection.received_while_plain(bytes, hand.now, &mut hand.room);
            });
            if simple && !plain {
                self.turn_now(Ready::to_write(key), true);
            } else if simple && !hand.room.is_empty() {
                self.engine.send(key, &mut hand.room);
            }
            if simple {
                return Ok(());
            }
        }
        self.received_unusually(completion)
    }

    /// Sends what lies there if that is much, or if sessions have computed for as long as a tick:
    /// nobody's reply waits for what everybody else's takes.
    #[inline]
    fn relay(&mut self, since: &mut Timespec) -> io::Result<()> {
        let now = tick();
        if now == *since && !self.engine.sends.enough() {
            return Ok(());
        }
        *since = now;
        let Reactor { engine, peers, hand, .. } = self;
        if engine.sends.any() { flush(engine, None, None, peers, hand) } else { Ok(()) }
    }

    #[cold]
    fn received_unusually(&mut self, completion: Completion) -> io::Result<()> {
        if self.engine.received(completion)? {
            self.turn(Ready::to_read(completion.token.key()));
            self.engine.stash()?;
        }
        Ok(())
    }
}

/// The time as of the kernel's last tick, some milliseconds ago at most: to read it takes a fraction
/// of what an exact one does, and it is read for every request.
#[inline]
fn tick() -> Timespec {
    clock_gettime(ClockId::MonotonicCoarse)
}

/// Sends what all have written, and waits for `want` completions: see [`Ring::exchange`]. Those who go
/// on then are listed.
fn flush(
    ring: &mut Ring,
    want: Option<u32>,
    timeout: Option<Duration>,
    peers: &mut Peers,
    hand: &mut Hand,
) -> io::Result<()> {
    // Nobody is among them whose socket was closed: see `part`.
    let mut list = ring.sends.take();
    let sends = list.iter().enumerate().filter_map(|(number, sending)| {
        if !sending.room.is_empty() {
            return Some((sending.fd, &sending.room[..], number));
        }
        let kept = peers.find(sending.key)?.connection.unsent(&[]);
        (!kept.is_empty()).then_some((sending.fd, kept, number))
    });
    // Not when the last wait returned: a session may have computed since.
    let now = if list.is_empty() { hand.now } else { Instant::now() };
    let exchanged = ring.exchange(sends, want, timeout);
    for (number, result) in ring.take_failed() {
        list[number].result = Some(result);
    }
    for sending in list.drain(..) {
        sent(ring, sending, peers, now, hand)?;
    }
    ring.sends.put_back(list);
    exchanged
}

/// One send is over.
#[inline]
fn sent(
    ring: &mut Ring,
    sending: Sending,
    peers: &mut Peers,
    now: Instant,
    hand: &mut Hand,
) -> io::Result<()> {
    let Some(slot) = peers.get(sending.key) else { return Ok(()) };
    let connection = &mut slot.connection;
    // A result can say no more than that so much was sent.
    let length = sending.output(connection).len().min(i32::MAX as usize);
    let Sending { key, mut room, result, .. } = sending;
    let count = result.map_or(length, |result| usize::try_from(result).unwrap_or(0));
    hand.stats.sent += count as u64;
    ring.not_sending(key);
    if count == length && !room.is_empty() && connection.plain() {
        if hand.narrated {
            tracing::debug!("peer {}: sent {count} of {length} bytes", connection.identity().0);
        }
        connection.sent(count, now, &mut room);
        if ring.has_input(key) {
            ring.sends.follow.push(key);
        }
    } else {
        sent_unusually(ring, (key, connection), (count, length, result), &mut room, now)?;
    }
    ring.sends.spare(room);
    Ok(())
}

#[cold]
fn sent_unusually(
    ring: &mut Ring,
    (key, connection): (Key, &mut Connection),
    (count, length, result): (usize, usize, Option<i32>),
    room: &mut Vec<u8>,
    now: Instant,
) -> io::Result<()> {
    let id = connection.identity().0;
    match result {
        Some(error) if error < 0 && error != -libc::EAGAIN && error != -libc::EINTR => {
            tracing::debug!("peer {id}: {}", io::Error::from_raw_os_error(-error));
            room.clear();
            connection.fail(Ending::Reset);
        }
        _ => {
            tracing::debug!("peer {id}: sent {count} of {length} bytes");
            connection.sent(count, now, room);
            match count < length {
                true => ring.await_room(key)?,
                false => ring.needs_no_room(key)?,
            }
        }
    }
    ring.sends.follow.push(key);
    Ok(())
}
