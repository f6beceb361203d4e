//! A carrier for one event-style peer, without a socket and without waiting. It does what the
//! server's does after each call, on a socket that takes only what the peer reads at that moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};

use switchboard_core::{Connection, Ending, Limits, Next, PeerInfo, Post, Service, Style, Terms};

pub(crate) struct Driver {
    connection: Connection,
    room: Vec<u8>,
    now: Instant,
    draining: bool,
    rung: Arc<Bell>,
    /// What the peer has read so far.
    pub(crate) output: Vec<u8>,
    /// How the peer ended, if it has.
    pub(crate) ending: Option<Ending>,
}

/// There is mail for the peer.
#[derive(Default)]
struct Bell(AtomicBool);

impl Post for Bell {
    fn ring(&self, _: u64, _: u64, _: bool) {
        self.0.store(true, SeqCst);
    }
}

impl Driver {
    /// A peer that has just been opened and has read nothing. It may be idle for ever.
    pub(crate) fn open(service: &Service, limits: Limits) -> Driver {
        Driver::open_as(7, service, limits)
    }

    /// One of several: each has an identity of its own.
    pub(crate) fn open_as(id: u64, service: &Service, limits: Limits) -> Driver {
        let Style::Event(open) = service.style() else { panic!("{service:?} has no sessions") };
        let limits = Limits { idle: None, ..limits };
        let now = Instant::now();
        let peer = PeerInfo { id, ..crate::peer() };
        let rung = Arc::new(Bell::default());
        let post: Arc<dyn Post> = Arc::clone(&rung) as Arc<dyn Post>;
        let terms = Arc::new(Terms { limits, offload: None, post: Some(post) });
        let mut connection = Connection::new(open(&peer), &peer, terms, now);
        let mut room = Vec::new();
        connection.open(now, &mut room);
        let (output, ending) = (Vec::new(), None);
        let mut driver = Driver { connection, room, now, draining: false, rung, output, ending };
        driver.work();
        driver
    }

    pub(crate) fn unsent(&self) -> usize {
        self.connection.unsent(&self.room).len()
    }

    /// The peer reads up to `most` bytes.
    pub(crate) fn read(&mut self, most: usize) -> usize {
        let bytes = self.connection.unsent(&self.room);
        let count = bytes.len().min(most);
        self.output.extend_from_slice(&bytes[..count]);
        self.connection.sent(count, self.now, &mut self.room);
        self.work();
        count
    }

    /// The peer reads until there is nothing to read.
    pub(crate) fn read_all(&mut self) {
        while self.read(usize::MAX) > 0 {}
    }

    /// The peer sends, and reads when it has to.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.make_room();
        self.connection.received(bytes, self.now, &mut self.room);
        self.work();
    }

    /// The peer sends its last byte, and reads when it has to.
    pub(crate) fn end(&mut self) {
        self.make_room();
        self.connection.ended(self.now, &mut self.room);
        self.work();
    }

    /// The server begins to drain.
    pub(crate) fn drain(&mut self) {
        self.draining = true;
        self.connection.drain();
        self.work();
    }

    /// Takes mail, if there is any. Says whether there was.
    pub(crate) fn hear(&mut self) -> bool {
        let rung = self.rung.0.swap(false, SeqCst);
        if rung && self.ending.is_none() {
            self.connection.mail(self.now, &mut self.room);
            self.work();
        }
        rung
    }

    /// The peer's connection breaks.
    pub(crate) fn reset(&mut self) {
        self.connection.fail(Ending::Reset);
        self.work();
    }

    /// It is gone, as its session is told.
    pub(crate) fn close(self) -> Ending {
        let ending = self.ending.unwrap_or(Ending::CutOff);
        self.connection.close(ending)
    }

    /// Time passes until the next deadline. Says whether there was one.
    pub(crate) fn wake(&mut self) -> bool {
        let Some(deadline) = self.connection.deadline() else { return false };
        self.pass(deadline.saturating_duration_since(self.now));
        true
    }

    /// Time passes.
    pub(crate) fn pass(&mut self, time: Duration) {
        self.now += time;
        self.connection.expired(self.now, &mut self.room);
        self.work();
    }

    /// The peer reads until its input is wanted, or the session has filled what was read again:
    /// what comes to an endless reply may have been under way.
    fn make_room(&mut self) {
        let mut before = usize::MAX;
        while !self.connection.wants_input() && (1..before).contains(&self.unsent()) {
            before = self.unsent();
            self.read(usize::MAX);
        }
    }

    /// What a carrier does after each call, as `work` of the server's.
    fn work(&mut self) {
        loop {
            if self.connection.took_mailbox() && self.connection.mail_comes_to(0) {
                self.rung.0.store(true, SeqCst);
            }
            if !self.connection.unsent(&self.room).is_empty() {
                self.connection.sent(0, self.now, &mut self.room);
            }
            match self.connection.next(&self.room) {
                Next::Go => {}
                Next::HalfClose => {
                    self.connection.half_closed(self.now);
                    continue;
                }
                Next::Over(ending) => {
                    self.room.clear();
                    self.ending = Some(ending);
                    return;
                }
            }
            if self.connection.resumable(&self.room) {
                self.connection.resume(self.now, &mut self.room);
                continue;
            }
            if !self.draining || !self.connection.let_go(true, self.now, &mut self.room) {
                return;
            }
        }
    }
}

/// All that a peer reads which sends `pieces` and then its last byte, and which reads before each
/// of them if it is `eager`, otherwise only at the end or when it has to.
pub(crate) fn conversation(
    service: &Service,
    limits: Limits,
    pieces: &[&[u8]],
    eager: bool,
) -> Vec<u8> {
    let mut driver = Driver::open(service, limits);
    for piece in pieces {
        if eager {
            driver.read_all();
        }
        driver.send(piece);
    }
    if eager {
        driver.read_all();
    }
    driver.end();
    driver.read_all();
    while driver.ending.is_none() && driver.wake() {
        driver.read_all();
    }
    driver.output
}
