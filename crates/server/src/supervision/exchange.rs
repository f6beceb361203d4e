//! The exchange: puts what all processes of a server ask of their topics into one order, and tells each
//! of them what it has to know. It belongs to the process that forks, which has one thread and never
//! waits for another process.
//!
//! Each process has a **line** to it, a pair of Unix sockets that keep packets apart (unix(7),
//! `SOCK_SEQPACKET`). A process that has just been forked knows of all topics what the exchange knows,
//! since it has its memory; from then on its line tells it of every change.
//!
//! What a process does not read at once is kept for it. When that is much, its line is **full**: whoever
//! asks then for something that goes there is **held**, that is, not read from until the line is full no
//! longer, which pushes back on who publishes. Others go on; nobody waits for a process to which they
//! say nothing. One that has read nothing for 2 seconds is given up then, and so is one whose line stays
//! full for 10 (`line`): others are held for no longer. So is one whose line fails, which would live on
//! without a word from the others.

mod line;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use bytes::Bytes;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use slab::Slab;
use switchboard_core::topics::{Concerns, News, Op, PACKET_MAX};
use switchboard_core::{Service, Topics};

pub(crate) use self::line::Hopeless;
use self::line::Line;
use super::branch::Branch;
use crate::waiting::Watch;

/// Packets that are read from one process before others get their turn.
const BUDGET: usize = 64;

/// Packets that are told to one process, of those that it is owed.
const PAID: usize = 256;

/// Packets that are read and told in one look, about: a few milliseconds, after which whoever forks
/// has its signals and its dead to look after. One that goes to all counts as often.
const WORK: usize = 4096;

/// What `outer` calls the two sets.
const READS: u64 = 0;
const WRITES: u64 = 1;

/// The exchange of a service that has topics.
pub(crate) struct Exchange {
    topics: Topics,
    lines: Slab<Line>,
    /// Both sets below.
    outer: Watch,
    /// Lines on which something has come, of those that are not held.
    reads: Watch,
    /// Lines that have room again, of those to which something is owed.
    writes: Watch,
    /// Lines whose turn to be read comes next: all that had something at one time, before any of them
    /// comes again.
    turns: VecDeque<usize>,
    /// Lines that are full.
    full: Vec<usize>,
    /// Lines that failed, and have not been named as given up yet.
    failed: Vec<usize>,
    /// What is left of [`WORK`].
    work: usize,
    /// When this look began.
    now: Instant,
    packet: Vec<u8>,
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
        Ok(Exchange {
            topics,
            lines: Slab::new(),
            outer,
            reads,
            writes,
            turns: VecDeque::new(),
            full: Vec::new(),
            failed: Vec::new(),
            work: 0,
            now: Instant::now(),
            packet: vec![0; PACKET_MAX],
        })
    }

    /// A line for a process that is about to be forked, and that process's end of it. Nothing may be
    /// [read](Exchange::look) between this and the fork.
    pub(crate) fn line(&mut self) -> io::Result<(usize, Branch)> {
        let (kind, flags) = (SocketType::SEQPACKET, SocketFlags::CLOEXEC);
        let (socket, branch) = socketpair(AddressFamily::UNIX, kind, flags, None)?;
        let number = self.lines.insert(Line::new(socket, self.now));
        let watched = self.reads.add(&self.lines[number].socket, number as u64, false);
        watched.inspect_err(|_| drop(self.lines.remove(number)))?;
        Ok((number, Branch::new(branch)))
    }

    /// The process of this line is gone, or was never there: what it has asked for last is done, its
    /// members are lost, and the others are told.
    pub(crate) fn hang_up(&mut self, number: usize) {
        self.now = Instant::now();
        while self.lines.get(number).is_some_and(|line| !line.over) {
            match self.next_op(number) {
                Ok(Some(op)) => self.order(op, number),
                Ok(None) | Err(_) => self.end(number),
            }
        }
        drop(self.lines.try_remove(number));
        // Another will have its number.
        self.failed.retain(|failed| *failed != number);
        self.turns.retain(|turn| *turn != number);
        for news in self.topics.lose(origin_of(number)) {
            self.tell(&news, None);
        }
    }

    /// From now on nobody is told who comes and goes: the whole server stops.
    pub(crate) fn hush(&self) {
        self.topics.hush();
    }

    /// Reads what has come, and passes it on, as much as [`WORK`] says; the lines of processes that
    /// are to be given up, each once.
    pub(crate) fn look(&mut self) -> io::Result<Vec<(usize, Hopeless)>> {
        self.look_at(Instant::now())
    }

    fn look_at(&mut self, now: Instant) -> io::Result<Vec<(usize, Hopeless)>> {
        (self.now, self.work) = (now, WORK);
        for number in self.writes.ready_now()? {
            self.pay(number as usize);
        }
        if self.turns.is_empty() {
            self.turns.extend(self.reads.ready_now()?.into_iter().map(|number| number as usize));
        }
        while self.work > 0
            && let Some(number) = self.turns.pop_front()
        {
            self.read(number);
        }
        Ok(self.given_up())
    }

    /// When to look even if nothing became readable.
    pub(crate) fn next_look(&self) -> Option<Instant> {
        if !self.turns.is_empty() || !self.failed.is_empty() {
            return Some(self.now);
        }
        self.full.iter().filter_map(|number| self.lines[*number].hopeless_at()).min()
    }

    /// Those of whose reading nothing is hoped for any more.
    fn given_up(&mut self) -> Vec<(usize, Hopeless)> {
        let failed = mem::take(&mut self.failed).into_iter();
        let mut given_up: Vec<_> = failed.map(|number| (number, Hopeless::Failed)).collect();
        let hopeless = |number: &usize| Some((*number, self.lines[*number].hopeless(self.now)?));
        let late: Vec<_> = self.full.iter().filter_map(hopeless).collect();
        for (number, _) in &late {
            self.end(*number);
        }
        given_up.extend(late);
        given_up
    }

    fn read(&mut self, number: usize) {
        let read = |line: &&Line| !line.over && line.held_by.is_none();
        for _ in 0..BUDGET {
            if self.lines.get(number).filter(read).is_none() {
                return;
            }
            match self.next_op(number) {
                Ok(Some(op)) => self.order(op, number),
                Ok(None) => return,
                // Its members are lost when it is buried.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return self.end(number);
                }
                Err(error) => return self.fail(number, &error),
            }
            if self.work == 0 {
                return;
            }
        }
    }

    fn next_op(&mut self, number: usize) -> io::Result<Option<Op>> {
        self.work = self.work.saturating_sub(1);
        let line = self.lines.get(number);
        line.map_or(Ok(None), |line| line.next_op(&mut self.packet))
    }

    fn order(&mut self, op: Op, number: usize) {
        if let Some(news) = self.topics.order(op, origin_of(number)) {
            self.tell(&news, Some(number));
        }
    }

    /// Tells every process that it concerns. Who has asked for it is held if one of them cannot keep
    /// up; for what all have to know, and so those who do not talk to each other, only if one is far
    /// behind.
    fn tell(&mut self, news: &News, asker: Option<usize>) {
        if let Some(asker) = asker.filter(|_| news.concerns() != Concerns::Members) {
            self.give(asker, news.packed().into());
            self.hold_if(asker, asker, Line::is_overfull);
        }
        let (others, too_much): (Vec<usize>, fn(&Line) -> bool) = match news.concerns() {
            Concerns::Asker => return,
            Concerns::All => {
                let numbers = self.lines.iter().map(|(number, _)| number);
                (numbers.filter(|number| Some(*number) != asker).collect(), Line::is_overfull)
            }
            Concerns::Members => {
                let audience = self.topics.audience(news.topic(), news.member());
                (audience.into_iter().map(|origin| origin as usize - 1).collect(), Line::is_full)
            }
        };
        if others.is_empty() {
            return;
        }
        let packet: Bytes = news.for_others().packed().into();
        for number in others {
            self.give(number, packet.clone());
            if let Some(asker) = asker {
                self.hold_if(asker, number, too_much);
            }
        }
    }

    fn give(&mut self, number: usize, packet: Bytes) {
        self.work = self.work.saturating_sub(1);
        let open = |line: &&mut Line| !line.over && !line.closed;
        let Some(line) = self.lines.get_mut(number).filter(open) else { return };
        match line.tell(&packet) {
            Ok(true) => return,
            Ok(false) => {}
            Err(error) => return self.unsent(number, error),
        }
        if !line.owes()
            && let Err(error) = self.writes.add_writable(&line.socket, number as u64)
        {
            return self.fail(number, &error);
        }
        if line.owe(packet, self.now) {
            self.full.push(number);
        }
    }

    /// There is room on this line.
    fn pay(&mut self, number: usize) {
        let Some(line) = self.lines.get_mut(number).filter(|line| !line.over) else { return };
        match line.pay(PAID, self.now) {
            Ok(told) => self.work = self.work.saturating_sub(told),
            Err(error) => return self.unsent(number, error),
        }
        if !line.owes() {
            self.writes.remove(&line.socket);
        }
        self.relieve(number);
    }

    /// Who asks on line `asker` is not read from while line `full` is, if that is `too_much` for it.
    fn hold_if(&mut self, asker: usize, full: usize, too_much: fn(&Line) -> bool) {
        if self.lines.get(full).is_some_and(too_much)
            && let Some(line) = self.lines.get_mut(asker)
            && !line.over
            && line.held_by.is_none()
        {
            line.held_by = Some(full);
            self.reads.remove(&line.socket);
        }
    }

    /// If this line is full no longer, those are read from again who were held because of it.
    fn relieve(&mut self, number: usize) {
        if !self.lines.get_mut(number).is_some_and(Line::is_relieved) {
            return;
        }
        self.full.retain(|full| *full != number);
        let mut failed = Vec::new();
        for (held, line) in &mut self.lines {
            if line.held_by.take_if(|by| *by == number).is_some()
                && let Err(error) = self.reads.add(&line.socket, held as u64, false)
            {
                // Not watched, as if it were held still.
                line.held_by = Some(held);
                failed.push((held, error));
            }
        }
        for (held, error) in failed {
            self.fail(held, &error);
        }
    }

    /// Nothing can be told on this line. If that is because its process has closed its end, it is
    /// still read: the process may have said something before.
    fn unsent(&mut self, number: usize, error: Errno) {
        match error {
            Errno::PIPE | Errno::CONNRESET => {
                self.lines[number].closed = true;
                self.forgive(number);
            }
            error => self.fail(number, &error.into()),
        }
    }

    /// This line is of no use any more, while its process lives.
    fn fail(&mut self, number: usize, error: &io::Error) {
        tracing::warn!("the line between a process and the exchange failed: {error}");
        self.end(number);
        self.failed.push(number);
    }

    /// Nothing more comes or goes on this line.
    fn end(&mut self, number: usize) {
        let Some(line) = self.lines.get_mut(number).filter(|line| !line.over) else { return };
        line.over = true;
        if line.held_by.take().is_none() {
            self.reads.remove(&line.socket);
        }
        self.forgive(number);
    }

    fn forgive(&mut self, number: usize) {
        let Some(line) = self.lines.get_mut(number) else { return };
        if line.forgive() {
            self.writes.remove(&line.socket);
        }
        self.relieve(number);
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
