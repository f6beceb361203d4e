//! An event-style session under test: its [`Connection`], with a network that is a vector.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use switchboard_core::{Connection, Ending, Limits, Next, PeerInfo, Session};

use super::{Bell, Driver, WINDOW};

/// Steps in a row that bring the peer nothing, after which a session runs in a circle. One that takes
/// a piece byte by byte is called 16 times in each.
const CIRCLES_MAX: u32 = 100_000;

/// One session and its peer.
pub(super) struct Conversation {
    /// `None`: it is over.
    connection: Option<Connection>,
    bell: Arc<Bell>,
    ending: Option<Ending>,
    room: Vec<u8>,
    now: Instant,
    /// Pieces that are under way to the session.
    inbox: VecDeque<Vec<u8>>,
    /// The peer's last byte is behind them.
    ended: bool,
    end_told: bool,
    draining: bool,
    came: Vec<u8>,
}

impl Conversation {
    pub(super) fn new(
        session: Box<dyn Session>,
        info: &PeerInfo,
        limits: Limits,
        now: Instant,
    ) -> Conversation {
        let bell = Arc::new(Bell::default());
        let terms = Arc::new(bell.terms(limits));
        let mut connection = Connection::new(session, info, terms, now);
        let mut room = Vec::new();
        connection.open(now, &mut room);
        let mut conversation = Conversation {
            connection: Some(connection),
            bell,
            ending: None,
            room,
            now,
            inbox: VecDeque::new(),
            ended: false,
            end_told: false,
            draining: false,
            came: Vec::new(),
        };
        conversation.go_on();
        conversation
    }

    /// Does everything that can be done now.
    fn go_on(&mut self) {
        let mut circles = 0;
        let mut before = self.came.len();
        while self.step() {
            circles = if self.came.len() == before { circles + 1 } else { 0 };
            before = self.came.len();
            assert!(circles < CIRCLES_MAX, "the session asks to be called and does nothing");
        }
    }

    /// One step of the carrier; whether there may be another.
    fn step(&mut self) -> bool {
        self.carry();
        let (now, room) = (self.now, &mut self.room);
        let Some(connection) = &mut self.connection else { return false };
        let early = connection.took_mailbox() && connection.mail_comes_to(0);
        if self.bell.quiet() || early {
            connection.mail(now, room);
            return true;
        }
        match connection.next(room) {
            Next::Go => {}
            Next::HalfClose => {
                connection.half_closed(now);
                // The peer sees the end, and ends too.
                connection.ended(now, room);
                return true;
            }
            Next::Over(ending) => {
                self.ending = Some(ending);
                if let Some(connection) = self.connection.take() {
                    connection.close(ending);
                }
                return false;
            }
        }
        if connection.resumable(room) {
            connection.resume(now, room);
            return true;
        }
        if !connection.wants_input() {
            return false;
        }
        if let Some(bytes) = self.inbox.pop_front() {
            connection.received(&bytes, now, room);
            return true;
        }
        if self.ended && !self.end_told {
            self.end_told = true;
            connection.ended(now, room);
            return true;
        }
        self.draining && connection.let_go(true, now, room)
    }

    /// The network takes what fits.
    fn carry(&mut self) {
        let Some(connection) = &mut self.connection else { return };
        let unsent = connection.unsent(&self.room);
        if !unsent.is_empty() {
            let count = unsent.len().min(WINDOW.saturating_sub(self.came.len()));
            self.came.extend_from_slice(&unsent[..count]);
            connection.sent(count, self.now, &mut self.room);
        }
    }
}

impl Driver for Conversation {
    fn send(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.inbox.push_back(bytes.to_vec());
        }
        self.go_on();
    }

    fn end(&mut self) {
        self.ended = true;
        self.go_on();
    }

    fn reset(&mut self) {
        if let Some(connection) = &mut self.connection {
            connection.fail(Ending::Reset);
        }
        self.go_on();
    }

    fn drain(&mut self) {
        self.draining = true;
        if let Some(connection) = &mut self.connection {
            connection.drain();
        }
        self.go_on();
    }

    fn wait(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(connection) = &mut self.connection
            && let Some(deadline) = connection.deadline()
            && deadline <= until
        {
            self.now = self.now.max(deadline);
            connection.expired(self.now, &mut self.room);
            self.go_on();
        }
        self.now = until;
    }

    fn came(&mut self) -> Vec<u8> {
        self.go_on();
        self.came.clone()
    }

    fn take(&mut self, count: usize) {
        self.came.drain(..count);
        self.go_on();
    }

    fn ending(&self) -> Option<(Ending, Option<String>)> {
        self.ending.map(|ending| (ending, None))
    }
}
