//! The loop: one thread serves all its peers, with whatever mechanism tells it who can go on.

mod apart;
#[cfg(target_os = "linux")]
mod completions;
mod engine;
mod jobs;
mod letters;
mod listening;
mod mail;
mod peers;
mod station;
mod stopping;
mod turns;

use std::collections::HashMap;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use switchboard_core::{Connection, Ending, Terms};

use crate::admission::{Acceptor, Newcomer, Whose};
use crate::carrier::turn::{self, Hand};
use crate::counters::Stats;
use crate::deadlines::Deadlines;
use crate::mechanism::{Interest, Key, Ready};
use crate::offload::Desk;
use crate::site::Site;

use apart::Apart;
use engine::Engine;
pub(crate) use letters::{Letter, Letters, Offer, Report};
use listening::Listening;
use peers::Peers;
pub(crate) use station::Station;

/// Bytes of the one buffer that all peers of a loop are read into.
const BUFFER: usize = 64 << 10;

/// With `-vv` a wait ends after this long at the latest, to say that nothing happened.
const NARRATED_WAIT: Duration = Duration::from_secs(5);

/// Serves with one loop on this thread until the site has stopped and the loop's peers are gone.
pub(crate) fn run<E: Engine>(station: &Station, engine: E) -> io::Result<()> {
    let mut reactor = Reactor::new(station, engine)?;
    station.begun.say();
    let result = reactor.serve();
    // Whoever is left when the loop itself fails was cut off by it.
    reactor.cut_off_all();
    reactor.engine.end();
    station.row.gather(&mut reactor.hand.stats);
    result
}

pub(crate) struct Reactor<'s, E> {
    station: &'s Station,
    site: &'s Site,
    engine: E,
    peers: Peers,
    deadlines: Deadlines,
    listening: Listening,
    desk: Arc<Desk>,
    /// What each peer is granted: the jobs of its session come back here.
    terms: Arc<Terms>,
    /// Peers for which jobs may be under way.
    jobs: HashMap<u64, Key>,
    apart: Option<Apart>,
    /// Where letters are read from; empty between readings.
    letters: Vec<Letter>,
    acceptor: Acceptor,
    hand: Hand,
    /// What sessions will touch is worth fetching ahead: they are on stacks, and called here.
    prefetches: bool,
    /// Peers with more to do, whatever the mechanism says.
    again: Vec<Key>,
    draining: bool,
}

impl<'s, E: Engine> Reactor<'s, E> {
    fn new(station: &'s Station, engine: E) -> io::Result<Reactor<'s, E>> {
        let site = &*station.site;
        let desk = jobs::desk(station);
        let mut reactor = Reactor {
            station,
            site,
            engine,
            peers: Peers::of_generation(station.letters.begin()),
            deadlines: Deadlines::new(Instant::now()),
            listening: Listening::new(station.lent.take(), station.handoff),
            terms: desk.terms(site.terms.limits),
            desk,
            jobs: HashMap::new(),
            apart: station.workers.clone().map(Apart::new),
            letters: Vec::new(),
            acceptor: Acceptor::new(true, station.row.clone()),
            hand: Hand {
                buffer: vec![0; BUFFER].into_boxed_slice(),
                room: Vec::with_capacity(BUFFER),
                stats: Stats::default(),
                now: Instant::now(),
                narrated: tracing::enabled!(tracing::Level::DEBUG),
                apart: station.workers.is_some(),
                call: None,
            },
            prefetches: site.sessions.stay_on_their_thread() && station.workers.is_none(),
            again: Vec::new(),
            draining: false,
        };
        reactor.engine.add(site.stop.drain_fd(), Key::STOP, Interest::READ)?;
        reactor.engine.add(site.stop.cut_fd(), Key::CUT, Interest::READ)?;
        reactor.engine.add(station.letters.fd(), Key::LETTERS, Interest::READ)?;
        reactor.listening.held = site.listeners.held();
        reactor.listen()?;
        reactor.tell_places();
        Ok(reactor)
    }

    fn serve(&mut self) -> io::Result<()> {
        let mut told = E::Told::default();
        while !self.over() {
            let timeout = self.timeout();
            self.hand.stats.waits += 1;
            self.station.row.gather(&mut self.hand.stats);
            self.engine.wait(timeout, &mut told, &mut self.peers, &mut self.hand)?;
            let before = std::mem::replace(&mut self.hand.now, Instant::now());
            if self.hand.narrated {
                self.narrate(E::count(&told), self.hand.now - before);
            }
            E::serve(self, &told)?;
            self.afterwards()?;
        }
        Ok(())
    }

    /// Whether nobody is left, and nobody can come.
    fn over(&self) -> bool {
        self.draining
            && self.peers.len() == 0
            && self.listening.closed()
            && self.apart.as_ref().is_none_or(Apart::settled)
    }

    /// What does not come from a wait: spent budgets, deadlines, a pause's end.
    fn afterwards(&mut self) -> io::Result<()> {
        if !self.again.is_empty() {
            self.go_on();
        }
        self.expire();
        if E::ACCEPTS {
            self.take_in();
        }
        self.listen()?;
        if self.draining {
            self.accept_rest();
            // It may have found the server full.
            self.await_leaving()?;
        }
        if self.must_cut() {
            self.cut_off_all();
        }
        Ok(())
    }

    /// How long the next wait may last, as of when the last one returned: a deadline may be late
    /// by as long as it took to serve those who were ready.
    fn timeout(&self) -> Option<Duration> {
        if !self.again.is_empty() || E::ACCEPTS && self.has_ahead() {
            return Some(Duration::ZERO);
        }
        let mut first = self.deadlines.next();
        let gives_up = self.apart.as_ref().and_then(Apart::gives_up);
        // After the cut, only what other threads send is awaited.
        let draining = !self.site.stop.cutting();
        let end = gives_up.or_else(|| self.drain_deadline().filter(|_| draining));
        for end in [self.listening.resumes(), end] {
            if end.is_some() && (first.is_none() || end < first) {
                first = end;
            }
        }
        let left = first.map(|end| end.saturating_duration_since(self.hand.now));
        match self.hand.narrated {
            true => Some(left.map_or(NARRATED_WAIT, |left| left.min(NARRATED_WAIT))),
            false => left,
        }
    }

    fn source_ready(&mut self, event: Ready) -> io::Result<()> {
        match event.key {
            Key::STOP => self.drain(),
            Key::CUT => {
                self.engine.remove(self.site.stop.cut_fd(), Key::CUT)?;
                self.drain()?;
                self.cut_off_all();
                Ok(())
            }
            Key::LETTERS => {
                self.read_letters();
                Ok(())
            }
            Key::LEFT => {
                self.acceptor.answer(&self.site.gate, Whose::Servers);
                self.listening.peer_left(Whose::Servers);
                Ok(())
            }
            Key::OWN_LEFT => {
                self.acceptor.answer(&self.site.gate, Whose::Own);
                self.listening.peer_left(Whose::Own);
                Ok(())
            }
            key => {
                if let Some(index) = key.listener_index() {
                    self.accept(index, key.is_passed_on());
                }
                Ok(())
            }
        }
    }

    #[cold]
    fn dispatch_unusual(&mut self, event: Ready) -> io::Result<()> {
        if !event.key.is_peer() {
            return self.source_ready(event);
        }
        if event.urgent() {
            self.urgent(event.key);
        }
        self.turn(event);
        Ok(())
    }

    /// Opens a session for a peer that was let in.
    fn open(&mut self, newcomer: Newcomer) {
        let Newcomer { socket, info, .. } = newcomer;
        let key = self.peers.next_key();
        self.hand.stats.arms += E::ARMS;
        if let Err(error) = self.engine.add(socket.as_fd(), key, Interest::READ) {
            self.hand.stats.refused += 1;
            self.site.gate.leave(&self.station.row);
            return self.acceptor.say_refused(|| error.to_string());
        }
        self.hand.stats.accepted += 1;
        self.station.row.gather(&mut self.hand.stats);
        self.site.say_opened(&info);
        if self.apart.is_some() {
            return self.open_apart(key, socket, info);
        }
        let session = match self.site.sessions.open(&info, &self.terms) {
            Ok(session) => session,
            Err(ending) => {
                let _ = self.engine.remove(socket.as_fd(), key);
                self.site.say_closed((info.id, &info.address), ending, (0, 0), None);
                return self.count_ended(ending);
            }
        };
        let mut connection =
            Connection::new(session, &info, Arc::clone(&self.terms), self.hand.now);
        if self.draining {
            connection.drain();
        }
        connection.open(self.hand.now, &mut self.hand.room);
        self.peers.insert(key, socket, connection);
        // Sends a greeting. Whether the peer has said something already, the mechanism will tell.
        self.turn(Ready::to_write(key));
    }

    fn close(&mut self, key: Key, ending: Ending) {
        if let Err(error) = self.engine.part(key, &mut self.peers, &mut self.hand) {
            tracing::warn!("{} cannot send a peer's last bytes: {error}", E::CALL);
        }
        let Some(slot) = self.peers.remove(key) else { return };
        if !slot.unwatched {
            self.hand.stats.arms += E::ARMS;
            if let Err(error) = self.engine.remove(slot.socket.as_fd(), key) {
                tracing::warn!("{} cannot let go of a peer: {error}", E::CALL);
            }
        }
        drop(slot.socket);
        let (identity, traffic) = (slot.connection.identity(), slot.connection.traffic());
        self.site.say_closed(identity, ending, traffic, None);
        self.forget_jobs(identity.0);
        if let Some(connection) = self.close_apart(key, slot.home, slot.connection, ending) {
            self.count_ended(connection.close(ending));
        }
        let peers = &self.peers;
        self.deadlines.sweep(peers.len(), |key| peers.has(key));
    }

    /// A peer has gone, and its session knows.
    fn count_ended(&mut self, ending: Ending) {
        self.hand.stats.ended(ending);
        // Now, so that little is lost if a later session never lets go of this thread.
        self.station.row.gather(&mut self.hand.stats);
        self.site.gate.leave(&self.station.row);
        self.listening.peer_left(Whose::Servers);
        self.listening.peer_left(Whose::Own);
    }

    /// Those whose budget was spent.
    fn go_on(&mut self) {
        for key in std::mem::take(&mut self.again) {
            let Some(slot) = self.peers.get(key) else { continue };
            slot.queued = false;
            self.turn(Ready::to_all(key));
        }
    }

    /// Those whose deadline has come, or is later than it was. Each once: a session that asks to be
    /// woken at once is woken after the others have had their turn.
    fn expire(&mut self) {
        let mut due = Vec::new();
        while let Some(entry) = self.deadlines.due(self.hand.now) {
            due.push(entry);
        }
        for (at, key) in due {
            let Some(slot) = self.peers.get(key) else { continue };
            if slot.armed != Some(at) {
                continue;
            }
            slot.armed = None;
            let due = slot.connection.deadline().is_some_and(|deadline| deadline <= self.hand.now);
            if due && self.hand.apart && slot.connection.converses() {
                self.expire_apart(key);
                continue;
            }
            self.engine.lend(key, &mut self.hand);
            turn::expire(&slot.socket, &mut slot.connection, &mut self.hand);
            self.turn(Ready::to_write(key));
        }
    }

    fn narrate(&self, count: usize, waited: Duration) {
        if !E::WAITS {
            return;
        }
        match count {
            0 => tracing::debug!("{}: nothing happened in {waited:.1?}; waiting again", E::CALL),
            1 => tracing::debug!("{}: 1 event after {waited:.1?}", E::CALL),
            _ => tracing::debug!("{}: {count} events after {waited:.1?}", E::CALL),
        }
    }
}
