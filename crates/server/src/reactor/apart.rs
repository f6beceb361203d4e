//! A loop whose sessions run on workers: it moves bytes, sends connections away to be called, and
//! goes on with them when they come back.

use std::collections::{HashMap, HashSet, VecDeque};
use std::mem;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::net::{Shutdown, shutdown};
use switchboard_core::{Call, Connection, Context, Ending, Flow, PeerInfo, Session};

use super::{Engine, Letter, Reactor};
use crate::mechanism::{Interest, Key, Ready};
use crate::workers::{Back, Home, Task, Work, Workers};

/// Connections that a loop may have sent away, for each worker. Beyond that it reads from nobody,
/// and its peers are pushed back.
const SENT_MOST: usize = 64;

/// How long the workers get to bring the connections of peers back that were cut off.
const GRACE: Duration = Duration::from_secs(1);

/// What a loop knows of its workers.
pub(super) struct Apart {
    workers: Workers,
    /// Works that no answer has come for.
    out: usize,
    /// Peers whose sockets are closed, and whose sessions are being told.
    closing: HashMap<Key, Ending>,
    /// Peers that wait for another's connection to come back.
    parked: VecDeque<Key>,
    /// Peers for whom mail came while their connection was away, or parked.
    mail: HashSet<Key>,
    /// Jobs that were done while their peer's connection was away, or parked.
    done: HashMap<Key, u32>,
    /// The cut waits no longer.
    gives_up: Option<Instant>,
}

/// Stands where a worker is about to make a session.
struct Unborn;

impl Session for Unborn {
    fn received(&mut self, _: &mut Context<'_>) -> Flow {
        Flow::Close
    }
}

impl Apart {
    pub(super) fn new(workers: Workers) -> Apart {
        Apart {
            workers,
            out: 0,
            closing: HashMap::new(),
            parked: VecDeque::new(),
            mail: HashSet::new(),
            done: HashMap::new(),
            gives_up: None,
        }
    }

    /// Nothing is on its way.
    pub(super) fn settled(&self) -> bool {
        self.out == 0
    }

    /// When the cut waits no longer for what is on its way.
    pub(super) fn gives_up(&self) -> Option<Instant> {
        self.gives_up
    }

    fn full(&self) -> bool {
        self.places() == 0
    }

    /// How many more may be sent away.
    fn places(&self) -> usize {
        (SENT_MOST * self.workers.count()).saturating_sub(self.out)
    }
}

impl<E: Engine> Reactor<'_, E> {
    /// A new peer, whose session a worker makes; until then there is a stand-in only.
    pub(super) fn open_apart(&mut self, key: Key, socket: OwnedFd, info: PeerInfo) {
        let terms = Arc::clone(&self.terms);
        let mut connection =
            Connection::new(Box::new(Unborn), &info, Arc::clone(&terms), self.hand.now);
        drop(connection.leave_stand_in());
        if self.draining {
            connection.drain();
        }
        self.peers.insert(key, socket, connection);
        self.jobs.insert(info.id, key);
        let (Some(apart), Some(slot)) = (&self.apart, self.peers.get(key)) else { return };
        let home = apart.workers.home();
        slot.home = home;
        self.send_away(key, home, Task::Begin(info, terms));
    }

    /// A turn has come to the point where the session is to be called.
    pub(super) fn call_apart(&mut self, key: Key, call: Call) {
        let Some(slot) = self.peers.get(key) else { return };
        self.engine.pack(key, &mut slot.connection, &mut self.hand);
        let (home, connection) = (slot.home, slot.connection.leave_stand_in());
        self.send_away(key, home, Task::Call(connection, call));
    }

    /// Whether a peer must wait before its turn: its connection is away, or too many are. Its socket
    /// is not watched meanwhile, or the loop would be told of it again and again.
    pub(super) fn must_wait(&mut self, event: Ready) -> bool {
        let Some(apart) = &mut self.apart else { return false };
        let Some(slot) = self.peers.get(event.key) else { return true };
        if !slot.connection.away() {
            if !apart.full() || !slot.connection.converses() {
                return false;
            }
            self.park(event.key);
        }
        self.unwatch(event.key);
        true
    }

    /// Parks a peer whose session is to be called, until there is room for its connection.
    fn park(&mut self, key: Key) {
        if let (Some(apart), Some(slot)) = (&mut self.apart, self.peers.get(key))
            && !mem::replace(&mut slot.queued, true)
        {
            apart.parked.push_back(key);
        }
        self.unwatch(key);
    }

    /// The deadline of a peer whose session is on the workers has come.
    pub(super) fn expire_apart(&mut self, key: Key) {
        match self.workers_are_full() {
            true => self.park(key),
            false => self.call_apart(key, Call::Expired),
        }
    }

    /// Says how many newcomers may be on their way here.
    pub(super) fn tell_places(&self) {
        if let Some(apart) = &self.apart {
            self.station.letters.set_places(apart.places());
        }
    }

    /// Whether newcomers must wait, whose sessions the workers would have to make.
    pub(super) fn workers_are_full(&self) -> bool {
        self.apart.as_ref().is_some_and(Apart::full)
    }

    /// A worker is done with a peer for now.
    pub(super) fn come_back(&mut self, back: Back) {
        let Some(apart) = &mut self.apart else { return };
        apart.out = apart.out.saturating_sub(1);
        if let Some(given) = apart.closing.remove(&back.key) {
            self.count_ended(back.came.err().unwrap_or(given));
        } else {
            self.go_on_with(back);
        }
        self.unpark();
    }

    fn go_on_with(&mut self, back: Back) {
        let Back { key, came, room, said } = back;
        // One that was given up in the meantime is not there any more.
        let Some(slot) = self.peers.get(key) else { return };
        match came {
            Ok(connection) => slot.connection.come_back(connection),
            Err(ending) => return self.close(key, ending),
        }
        self.hand.room = room;
        self.mail_came(key);
        let Some(slot) = self.peers.get(key) else { return };
        let done = self.apart.as_mut().and_then(|apart| apart.done.remove(&key)).unwrap_or(0);
        let id = slot.connection.identity().0;
        if slot.connection.converses() && done > 0 {
            // What it has written is sent first; then it is told, once for each.
            self.turn_now(Ready::to_write(key), true);
            (0..done).for_each(|_| self.job_done(id));
            return;
        }
        let again = self.watch_again(key) || E::EDGE || self.draining;
        let event = if again { Ready::to_all(key) } else { Ready::to_write(key) };
        self.turn_now(event, said);
    }

    /// Room for others, who have waited for it.
    fn unpark(&mut self) {
        while let Some(apart) = &mut self.apart
            && !apart.full()
            && let Some(key) = apart.parked.pop_front()
        {
            let done = apart.done.remove(&key).unwrap_or(0);
            let Some(slot) = self.peers.get(key) else { continue };
            slot.queued = false;
            self.mail_came(key);
            self.watch_again(key);
            self.go_on_with_parked(key, done);
        }
    }

    /// It is told what has happened meanwhile, `done` jobs first, before it receives.
    fn go_on_with_parked(&mut self, key: Key, done: u32) {
        let now = self.hand.now;
        let Some(slot) = self.peers.get(key) else { return };
        let id = slot.connection.identity().0;
        let due = slot.connection.deadline().is_some_and(|deadline| deadline <= now);
        if done > 0 {
            (0..done).for_each(|_| self.job_done(id));
        } else if due && slot.connection.converses() {
            self.call_apart(key, Call::Expired);
        } else {
            self.turn(Ready::to_all(key));
        }
    }

    /// The last call of a session, if it runs on a worker; `None`: it was made here.
    pub(super) fn close_apart(
        &mut self,
        key: Key,
        home: Home,
        connection: Connection,
        ending: Ending,
    ) -> Option<Connection> {
        let Some(apart) = &mut self.apart else { return Some(connection) };
        apart.workers.leave(home);
        apart.mail.remove(&key);
        apart.done.remove(&key);
        if connection.away() {
            return Some(connection);
        }
        apart.closing.insert(key, ending);
        self.send_away(key, home, Task::Close(connection, ending));
        None
    }

    fn send_away(&mut self, key: Key, home: Home, task: Task) {
        let Some(apart) = &mut self.apart else { return };
        apart.out += 1;
        self.station.letters.set_places(apart.places());
        let letters = self.station.letters();
        apart.workers.send(home, Work { key, task, now: self.hand.now, letters });
    }

    /// Whether a job that is done must wait: the connection is away, or too many are.
    pub(super) fn defers_job(&mut self, key: Key) -> bool {
        let (Some(apart), Some(slot)) = (&mut self.apart, self.peers.get(key)) else {
            return false;
        };
        let away = slot.connection.away();
        let waits = away || (apart.full() && slot.connection.converses());
        if !waits {
            return false;
        }
        *apart.done.entry(key).or_default() += 1;
        if !away {
            self.park(key);
        }
        true
    }

    /// Whether mail must wait, as [`defers_job`](Self::defers_job) says of a job.
    pub(super) fn defers_mail(&mut self, key: Key) -> bool {
        let (Some(apart), Some(slot)) = (&mut self.apart, self.peers.get(key)) else {
            return false;
        };
        let away = slot.connection.away();
        let waits = away || (apart.full() && slot.connection.converses());
        if waits {
            apart.mail.insert(key);
            if !away {
                self.park(key);
            }
        }
        waits
    }

    /// Goes on with mail that had to wait, if there was any.
    fn mail_came(&mut self, key: Key) {
        if self.apart.as_mut().is_some_and(|apart| apart.mail.remove(&key)) {
            self.station.letters.put(Letter::Mail(key));
        }
    }

    /// The cut, for those whose connections are away: their sockets are shut at once, the rest when
    /// they come back, or when that takes too long.
    pub(super) fn cut_off_away(&mut self) {
        let now = self.hand.now;
        let Some(apart) = &mut self.apart else { return };
        let gives_up = *apart.gives_up.get_or_insert(now + GRACE);
        let late = now >= gives_up;
        for key in self.peers.keys() {
            let Some(slot) = self.peers.get(key) else { continue };
            slot.connection.fail(Ending::CutOff);
            let _ = shutdown(&slot.socket, Shutdown::Both);
            self.unwatch(key);
            if late {
                self.close(key, Ending::CutOff);
            }
        }
        if late && let Some(apart) = &mut self.apart {
            apart.out = 0;
            for ending in mem::take(&mut apart.closing).into_values() {
                self.count_ended(ending);
            }
        }
    }

    /// Lets the mechanism forget a socket for a while.
    pub(super) fn unwatch(&mut self, key: Key) {
        let Some(slot) = self.peers.get(key) else { return };
        if mem::replace(&mut slot.unwatched, true) {
            return;
        }
        self.hand.stats.arms += E::ARMS;
        if let Err(error) = self.engine.pause(slot.socket.as_fd(), key) {
            tracing::warn!("{} cannot let go of a peer: {error}", E::CALL);
        }
    }

    /// Watches it again, if it was forgotten; whether it was.
    pub(super) fn watch_again(&mut self, key: Key) -> bool {
        let Some(slot) = self.peers.get(key) else { return false };
        if !mem::replace(&mut slot.unwatched, false) {
            return false;
        }
        slot.interest = Interest::READ;
        self.hand.stats.arms += E::ARMS;
        let added = self.engine.resume(slot.socket.as_fd(), key);
        if let Err(error) = added {
            tracing::warn!("{} cannot watch a peer any longer: {error}", E::CALL);
            slot.unwatched = true;
            slot.connection.fail(Ending::Error);
        }
        true
    }
}
