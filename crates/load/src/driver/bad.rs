//! Peers that behave badly: nothing of theirs is measured, but whether the server got rid of them.
//!
//! They are the first connections of a load, and so the first places of every thread. What takes its
//! time takes a step with each tick, ten times a second.

use rustix::event::epoll::EventFlags;

use super::Driver;
use crate::clock;
use crate::message::Which;
use crate::plan::Manner;
use crate::socket;
use crate::watch::Phase;

/// One of them.
#[derive(Debug)]
pub(super) struct BadPeer {
    manner: Manner,
    number: u64,
    /// The message that is being sent, and how much of it has gone.
    message: Vec<u8>,
    gone: usize,
    sequence: u64,
}

impl BadPeer {
    pub(super) fn new(manner: Manner, number: u64) -> BadPeer {
        BadPeer { manner, number, message: Vec::new(), gone: 0, sequence: 0 }
    }

    /// What its socket is watched for: who does not read must not be woken by what it could read.
    fn watched(&self) -> EventFlags {
        match self.manner {
            Manner::SlowRead => EventFlags::OUT | EventFlags::RDHUP,
            _ => EventFlags::IN,
        }
    }

    /// Bytes of its message that go at a time.
    fn step(&self) -> usize {
        match self.manner {
            Manner::SlowWrite => 1,
            // A message of one byte cannot be sent by half: nothing of it goes.
            Manner::Stall => (self.message.len() / 2).saturating_sub(self.gone),
            _ => self.message.len() - self.gone,
        }
    }
}

impl Driver<'_> {
    /// Whether the peer at `place` is a bad one.
    #[inline]
    pub(super) fn is_bad(&self, place: usize) -> bool {
        place < self.bad.len()
    }

    /// A bad peer is connected, and load is applied: it begins.
    pub(super) fn begin_badly(&mut self, place: usize) {
        if matches!(self.phase, Phase::Connecting | Phase::Finishing) || !self.crowd.is_open(place)
        {
            return;
        }
        let peer = &mut self.bad[place];
        peer.message.clear();
        let watched = peer.watched();
        if peer.manner == Manner::SlowRead
            && let Some(socket) = self.crowd.socket(place)
        {
            socket::narrow(socket);
        }
        self.crowd.watch_for(place, watched);
        self.send_badly(place);
    }

    /// Something happened to a bad peer's socket.
    pub(super) fn bad_event(&mut self, place: usize, flags: EventFlags) {
        let gone = EventFlags::ERR | EventFlags::RDHUP;
        if flags.intersects(gone) {
            return self.got_rid_of(place);
        }
        // After both sides have ended there may still be something to read.
        if flags.intersects(EventFlags::IN | EventFlags::HUP) {
            self.read_badly(place, usize::MAX);
        }
        if flags.contains(EventFlags::OUT) {
            self.send_badly(place);
        }
    }

    /// What bad peers do ten times a second.
    pub(super) fn step_badly(&mut self) {
        for place in 0..self.bad.len() {
            match self.bad[place].manner {
                Manner::SlowWrite => self.send_badly(place),
                Manner::SlowRead => self.read_badly(place, 1),
                Manner::ResetAfter | Manner::HalfClose | Manner::Stall => {}
            }
        }
    }

    fn send_badly(&mut self, place: usize) {
        let Some(socket) = self.crowd.socket(place) else { return };
        let peer = &mut self.bad[place];
        if peer.message.is_empty() {
            let (connection, sequence) = (peer.number, peer.sequence);
            let which = Which { seed: self.plan.seed, connection, sequence };
            match &self.scripted {
                Some(scripted) => scripted.script.render(which, &mut peer.message),
                None => self.terms.exchange.render(which, &mut peer.message),
            }
            peer.gone = 0;
        }
        let step = peer.step();
        if step == 0 {
            return;
        }
        match socket::transmit(socket, &peer.message[peer.gone..peer.gone + step]) {
            Ok(count) => {
                peer.gone += count;
                self.record.counts.bytes_sent += count as u64;
            }
            Err(_) => return self.got_rid_of(place),
        }
        let peer = &mut self.bad[place];
        if peer.gone == peer.message.len() {
            peer.message.clear();
            peer.sequence += 1;
            self.record.counts.bad_sent += 1;
            self.after_message(place);
        }
    }

    /// A bad peer has sent a message whole.
    fn after_message(&mut self, place: usize) {
        match self.bad[place].manner {
            Manner::ResetAfter => {
                if let Some(socket) = self.crowd.take(place, &mut self.record) {
                    socket::reset(socket);
                }
                self.crowd.reopen(place, clock::now());
            }
            Manner::HalfClose => {
                if let Some(socket) = self.crowd.socket(place) {
                    socket::end(socket);
                }
            }
            Manner::SlowRead | Manner::SlowWrite | Manner::Stall => {}
        }
    }

    fn read_badly(&mut self, place: usize, most: usize) {
        let Some(socket) = self.crowd.socket(place) else { return };
        let most = most.min(self.buffer.len());
        match socket::receive(socket, &mut self.buffer[..most]) {
            Ok(Some(0)) if self.bad[place].manner == Manner::HalfClose => {
                // It asked for that.
                drop(self.crowd.take(place, &mut self.record));
                self.crowd.reopen(place, clock::now());
            }
            Ok(Some(0)) | Err(_) => self.got_rid_of(place),
            Ok(Some(count)) => self.record.counts.bytes_received += count as u64,
            Ok(None) => {}
        }
    }

    /// The server closed or reset the connection of a bad peer, which comes again.
    fn got_rid_of(&mut self, place: usize) {
        if self.crowd.take(place, &mut self.record).is_some() {
            self.record.counts.bad_closed += 1;
            self.crowd.reopen(place, clock::now());
        }
    }
}
