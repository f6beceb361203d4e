//! The exchange: puts what all processes of a server ask of their topics into one order, and tells each
//! of them what it has to know. It belongs to the process that forks, which has one thread and never
//! waits for another process.
//!
//! Each process has a **line** to it, a pair of Unix sockets that keep packets apart (unix(7),
//! `SOCK_SEQPACKET`). A process that has just been forked knows of all topics what the exchange knows,
//! since it has its memory; from then on its line tells it of every change.
//!
//! What a process does not read at once is kept for it. Beyond [`OWED_MOST`] nothing more is read from
//! any of them until it has read, which pushes back on those who publish; and a process that has read
//! nothing for [`PATIENCE`] then is given up. So is one whose line fails, which would live on without
//! a word from the others.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socketpair,
};
use slab::Slab;
use switchboard_core::topics::{Concerns, News, Op, PACKET_MAX};
use switchboard_core::{Service, Topics};

use super::branch::Branch;
use crate::waiting::Watch;

/// Bytes that are kept for one process.
const OWED_MOST: usize = 1 << 20;

/// Bytes kept for it at which the others are read from again.
const OWED_AGAIN: usize = OWED_MOST / 4;

/// How long a process may read nothing while others wait for it.
const PATIENCE: Duration = Duration::from_secs(2);

/// Packets that are read from one process before others get their turn.
const BUDGET: usize = 64;

/// What `outer` calls the two sets.
const READS: u64 = 0;
const WRITES: u64 = 1;

/// The exchange of a service that has topics.
pub(crate) struct Exchange {
    topics: Topics,
    lines: Slab<Line>,
    /// Both sets below; the first only while nobody is waited for.
    outer: Watch,
    /// Lines on which something has come.
    reads: Watch,
    /// Lines that have room again, of those to which something is owed.
    writes: Watch,
    /// Some line is owed too much.
    held: bool,
    /// Therefore nothing is read.
    deaf: bool,
    packet: Vec<u8>,
}

/// The exchange's end of a line.
struct Line {
    socket: OwnedFd,
    /// Packets for which there was no room.
    owed: VecDeque<Bytes>,
    owed_bytes: usize,
    /// When it took something last, while something is owed.
    took: Instant,
    /// Its process has closed its end: nothing is told there any more, but what it has said before
    /// can still be read.
    closed: bool,
    /// It is closed, or of no use: the process is gone or about to be.
    over: bool,
    /// It is over because it failed, and it has not been named as given up yet.
    failed: bool,
}

impl Exchange {
    /// `None`: the service has no topics.
    pub(crate) fn of(service: &Service) -> io::Result<Option<Exchange>> {
        service.declared_topics().cloned().map(Exchange::new).transpose()
    }

    fn new(topics: Topics) -> io::Result<Exchange> {
        let (outer, reads, writes) = (Watch::new()?, Watch::new()?, Watch::new()?);
        outer.add(&reads, READS, false)?;
        outer.add(&writes, WRITES, false)?;
        let (lines, packet) = (Slab::new(), vec![0; PACKET_MAX]);
        Ok(Exchange { topics, lines, outer, reads, writes, held: false, deaf: false, packet })
    }

    /// A line for a process that is about to be forked, and that process's end of it. Nothing may be
    /// [read](Exchange::look) between this and the fork.
    pub(crate) fn line(&mut self) -> io::Result<(usize, Branch)> {
        let (kind, flags) = (SocketType::SEQPACKET, SocketFlags::CLOEXEC);
        let (socket, branch) = socketpair(AddressFamily::UNIX, kind, flags, None)?;
        let line = Line {
            socket,
            owed: VecDeque::new(),
            owed_bytes: 0,
            took: Instant::now(),
            closed: false,
            over: false,
            failed: false,
        };
        let number = self.lines.insert(line);
        let watched = self.reads.add(&self.lines[number].socket, number as u64, false);
        watched.inspect_err(|_| drop(self.lines.remove(number)))?;
        Ok((number, Branch::new(branch)))
    }

    /// The process of this line is gone, or was never there: what it has asked for last is done, its
    /// members are lost, and the others are told.
    pub(crate) fn hang_up(&mut self, number: usize) {
        while self.lines.get(number).is_some_and(|line| !line.over) {
            match self.next_op(number) {
                Ok(Some(op)) => self.order(op, number),
                Ok(None) | Err(_) => self.end(number),
            }
        }
        drop(self.lines.try_remove(number));
        for news in self.topics.lose(origin_of(number)) {
            self.tell(&news, None);
        }
        self.weigh();
    }

    /// From now on nobody is told who comes and goes: the whole server stops.
    pub(crate) fn hush(&self) {
        self.topics.hush();
    }

    /// Reads what has come, and passes it on; the lines of processes that are to be given up.
    pub(crate) fn look(&mut self) -> io::Result<Vec<usize>> {
        for number in self.writes.ready_now()? {
            self.pay(number as usize);
        }
        self.weigh();
        if !self.held {
            for number in self.reads.ready_now()? {
                self.read(number as usize);
            }
            self.weigh();
        }
        Ok(self.given_up())
    }

    /// When to look even if nothing became readable.
    pub(crate) fn next_look(&self) -> Option<Instant> {
        let full = |line: &Line| self.held && line.owed_bytes > OWED_MOST && !line.over;
        let looks = self.lines.iter().filter_map(|(_, line)| match line.failed {
            true => Some(line.took),
            false => full(line).then(|| line.took + PATIENCE),
        });
        looks.min()
    }

    /// Those of whose reading nothing is hoped for any more: each is named once.
    fn given_up(&mut self) -> Vec<usize> {
        let now = Instant::now();
        let late = |line: &Line| line.owed_bytes > OWED_MOST && line.took + PATIENCE <= now;
        let useless = |line: &Line| line.failed || (!line.over && late(line));
        let lines = self.lines.iter().filter(|(_, line)| useless(line));
        let given_up: Vec<usize> = lines.map(|(number, _)| number).collect();
        for number in &given_up {
            self.end(*number);
            self.lines[*number].failed = false;
        }
        if !given_up.is_empty() {
            self.weigh();
        }
        given_up
    }

    fn read(&mut self, number: usize) {
        for _ in 0..BUDGET {
            match self.next_op(number) {
                Ok(Some(op)) => self.order(op, number),
                Ok(None) => return,
                // Its members are lost when it is buried.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return self.end(number);
                }
                Err(error) => return self.fail(number, &error),
            }
            if self.held {
                return;
            }
        }
    }

    /// What this process asks for next; `None`: nothing now.
    fn next_op(&mut self, number: usize) -> io::Result<Option<Op>> {
        let Some(line) = self.lines.get(number) else { return Ok(None) };
        loop {
            match recv(&line.socket, &mut self.packet[..], RecvFlags::DONTWAIT) {
                Ok((0, _)) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok((count, _)) => {
                    let packet = Bytes::copy_from_slice(&self.packet[..count]);
                    return Op::unpacked(packet)
                        .ok_or_else(|| io::ErrorKind::InvalidData.into())
                        .map(Some);
                }
                Err(Errno::WOULDBLOCK) => return Ok(None),
                // Said once, before anything else, of a process that has closed its end with news
                // unread in it. What it had asked for is still there to be read, then the end
                // (net/unix/af_unix.c, `unix_release_sock`).
                Err(Errno::INTR | Errno::CONNRESET) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn order(&mut self, op: Op, number: usize) {
        if let Some(news) = self.topics.order(op, origin_of(number)) {
            self.tell(&news, Some(number));
        }
    }

    /// Tells every process that it concerns.
    fn tell(&mut self, news: &News, asker: Option<usize>) {
        if let Some(asker) = asker.filter(|_| news.concerns() != Concerns::Members) {
            self.give(asker, news.packed().into());
        }
        let others: Vec<usize> = match news.concerns() {
            Concerns::Asker => return,
            Concerns::All => {
                let numbers = self.lines.iter().map(|(number, _)| number);
                numbers.filter(|number| Some(*number) != asker).collect()
            }
            Concerns::Members => {
                let audience = self.topics.audience(news.topic(), news.member());
                audience.into_iter().map(|origin| origin as usize - 1).collect()
            }
        };
        if others.is_empty() {
            return;
        }
        let packet: Bytes = news.for_others().packed().into();
        for number in others {
            self.give(number, packet.clone());
        }
    }

    fn give(&mut self, number: usize, packet: Bytes) {
        let open = |line: &&mut Line| !line.over && !line.closed;
        let Some(line) = self.lines.get_mut(number).filter(open) else { return };
        if line.owed.is_empty() {
            match line.send(&packet) {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => return self.unsent(number, error),
            }
            line.took = Instant::now();
            if let Err(error) = self.writes.add_writable(&line.socket, number as u64) {
                return self.fail(number, &error);
            }
        }
        line.owed_bytes += packet.len();
        line.owed.push_back(packet);
        self.held |= line.owed_bytes > OWED_MOST;
    }

    /// There is room on this line.
    fn pay(&mut self, number: usize) {
        let Some(line) = self.lines.get_mut(number).filter(|line| !line.over) else { return };
        while let Some(packet) = line.owed.front() {
            match line.send(packet) {
                Ok(true) => {
                    line.took = Instant::now();
                    line.owed_bytes -= packet.len();
                    line.owed.pop_front();
                }
                Ok(false) => return,
                Err(error) => return self.unsent(number, error),
            }
        }
        self.writes.remove(&line.socket);
    }

    /// Nothing can be told on this line. If that is because its process has closed its end, it is
    /// still read: the process may have said something before.
    fn unsent(&mut self, number: usize, error: Errno) {
        match error {
            Errno::PIPE | Errno::CONNRESET => {
                self.lines[number].closed = true;
                self.forget_owed(number);
            }
            error => self.fail(number, &error.into()),
        }
    }

    /// This line is of no use any more, while its process lives.
    fn fail(&mut self, number: usize, error: &io::Error) {
        tracing::warn!("the line between a process and the exchange failed: {error}");
        self.end(number);
        if let Some(line) = self.lines.get_mut(number) {
            line.failed = true;
        }
    }

    /// Nothing more comes or goes on this line.
    fn end(&mut self, number: usize) {
        let Some(line) = self.lines.get_mut(number).filter(|line| !line.over) else { return };
        line.over = true;
        self.reads.remove(&line.socket);
        self.forget_owed(number);
    }

    fn forget_owed(&mut self, number: usize) {
        let Some(line) = self.lines.get_mut(number) else { return };
        if !line.owed.is_empty() {
            self.writes.remove(&line.socket);
        }
        (line.owed, line.owed_bytes) = (VecDeque::new(), 0);
    }

    /// Whether others are read from, after what is owed has changed.
    fn weigh(&mut self) {
        let most = self.lines.iter().map(|(_, line)| line.owed_bytes).max().unwrap_or_default();
        let held = most > if self.held { OWED_AGAIN } else { OWED_MOST };
        self.held = held;
        if held == std::mem::replace(&mut self.deaf, held) {
            return;
        }
        match held {
            true => self.outer.remove(&self.reads),
            false => {
                if let Err(error) = self.outer.add(&self.reads, READS, false) {
                    tracing::warn!("the exchange hears nothing any more: {error}");
                }
            }
        }
    }
}

impl Line {
    /// Whether there was room.
    fn send(&self, packet: &Bytes) -> Result<bool, Errno> {
        loop {
            match send(&self.socket, packet, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
                Ok(_) => return Ok(true),
                Err(Errno::WOULDBLOCK) => return Ok(false),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Readable when there is something to [look](Exchange::look) after.
impl AsFd for Exchange {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.outer.as_fd()
    }
}

/// What topics call the process of that line.
fn origin_of(number: usize) -> u32 {
    u32::try_from(number + 1).expect("fewer processes than that")
}
