//! A carrier that moves exactly the bytes it is told to, and a session that keeps a diary.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use switchboard_core::{
    Call as Due, Connection, Context, Ending, Endpoint, Flow, Limits, Next, PeerInfo, Session,
    Terms,
};

/// Which callback a session got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Opened,
    Received,
    Ended,
    Writable,
    Woken,
    Closed(Ending),
}

pub(crate) type Diary = Arc<Mutex<Vec<Call>>>;

/// A session that does what a closure says and writes down each call.
pub(crate) struct Scripted<F> {
    diary: Diary,
    script: F,
}

impl<F> Scripted<F> {
    fn note(&self, call: Call) {
        self.diary.lock().expect("no panic while it is written").push(call);
    }
}

impl<F: FnMut(Call, &mut Context<'_>) -> Flow + Send> Session for Scripted<F> {
    fn opened(&mut self, peer: &mut Context<'_>) -> Flow {
        self.note(Call::Opened);
        (self.script)(Call::Opened, peer)
    }

    fn received(&mut self, peer: &mut Context<'_>) -> Flow {
        self.note(Call::Received);
        (self.script)(Call::Received, peer)
    }

    fn ended(&mut self, peer: &mut Context<'_>) -> Flow {
        self.note(Call::Ended);
        (self.script)(Call::Ended, peer)
    }

    fn writable(&mut self, peer: &mut Context<'_>) -> Flow {
        self.note(Call::Writable);
        (self.script)(Call::Writable, peer)
    }

    fn woken(&mut self, peer: &mut Context<'_>) -> Flow {
        self.note(Call::Woken);
        (self.script)(Call::Woken, peer)
    }

    fn closed(&mut self, ending: Ending) {
        self.note(Call::Closed(ending));
    }
}

/// One peer and what it has read.
pub(crate) struct Carrier {
    pub(crate) connection: Connection,
    pub(crate) room: Vec<u8>,
    pub(crate) now: Instant,
    pub(crate) output: Vec<u8>,
    /// Calls are performed on the connection while a stand-in is in its place.
    apart: bool,
    diary: Diary,
}

/// Small marks, so that a few bytes reach them; a minute of idleness.
pub(crate) fn small() -> Limits {
    Limits {
        idle: Some(Duration::from_secs(60)),
        request_max: 100,
        high_mark: 64,
        low_mark: 16,
        mail_max: 256,
        linger: Duration::from_secs(1),
    }
}

impl Carrier {
    /// A peer that was opened and has moved no byte yet.
    pub(crate) fn open(
        terms: impl Into<Terms>,
        script: impl FnMut(Call, &mut Context<'_>) -> Flow + Send + 'static,
    ) -> Carrier {
        let diary = Diary::default();
        let session = Box::new(Scripted { diary: Arc::clone(&diary), script });
        let local = Endpoint::Process { uid: 0, pid: 0 };
        let info = PeerInfo { id: 7, address: local.clone(), local };
        let now = Instant::now();
        let connection = Connection::new(session, &info, Arc::new(terms.into()), now);
        let mut carrier =
            Carrier { connection, room: Vec::new(), now, output: Vec::new(), apart: false, diary };
        carrier.connection.open(now, &mut carrier.room);
        carrier
    }

    /// From now on the session is called apart.
    pub(crate) fn set_apart(&mut self) {
        self.apart = true;
        self.connection.set_apart();
    }

    /// Tells the connection of something, here or apart; what it says of it.
    pub(crate) fn perform(&mut self, due: Due) -> bool {
        if !self.apart || !self.connection.converses() {
            return self.connection.perform(due, self.now, &mut self.room);
        }
        let mut real = self.connection.leave_stand_in();
        assert!(self.connection.away());
        let came_of_it = real.perform(due, self.now, &mut self.room);
        self.connection.come_back(real);
        came_of_it
    }

    pub(crate) fn unsent(&self) -> usize {
        self.connection.unsent(&self.room).len()
    }

    /// The peer's socket takes up to `most` bytes; nothing else happens.
    pub(crate) fn send_only(&mut self, most: usize) -> usize {
        let unsent = self.connection.unsent(&self.room);
        let count = unsent.len().min(most);
        self.output.extend_from_slice(&unsent[..count]);
        self.connection.sent(count, self.now, &mut self.room);
        count
    }

    /// The socket takes up to `most` bytes, and the session goes on if it can.
    pub(crate) fn send(&mut self, most: usize) -> usize {
        let count = self.send_only(most);
        if self.connection.resumable(&self.room) {
            self.perform(Due::Resume);
        }
        count
    }

    /// Other peers had their turn, as often as the session has something to go on with.
    pub(crate) fn go_on(&mut self) {
        while self.connection.resumable(&self.room) {
            self.perform(Due::Resume);
        }
    }

    /// The socket takes everything, again and again.
    pub(crate) fn send_all(&mut self) {
        while self.unsent() > 0 {
            self.send(usize::MAX);
        }
    }

    /// Bytes from the peer; what is answered stays unsent.
    pub(crate) fn receive(&mut self, bytes: &[u8]) {
        match self.apart {
            true => {
                self.perform(Due::Received(bytes.to_vec()));
            }
            false => self.connection.received(bytes, self.now, &mut self.room),
        }
    }

    /// The peer's last byte was sent.
    pub(crate) fn end(&mut self) {
        self.perform(Due::Ended);
    }

    pub(crate) fn next(&self) -> Next {
        self.connection.next(&self.room)
    }

    /// Time passes, and the carrier looks at the clock.
    pub(crate) fn pass(&mut self, time: Duration) {
        self.now += time;
        self.perform(Due::Expired);
    }

    /// What the session was told so far, emptied.
    pub(crate) fn told(&self) -> Vec<Call> {
        std::mem::take(&mut self.diary.lock().expect("a diary"))
    }

    /// The diary after the last entry.
    pub(crate) fn close(self, ending: Ending) -> ((u64, u64), Vec<Call>) {
        let diary = Arc::clone(&self.diary);
        let traffic = self.connection.traffic();
        self.connection.close(ending);
        let told = std::mem::take(&mut *diary.lock().expect("a diary"));
        (traffic, told)
    }
}

/// Answers each line with itself in capitals, one line for each call.
pub(crate) fn upper(call: Call, peer: &mut Context<'_>) -> Flow {
    match call {
        Call::Received => {
            if let Some(line) = peer.input.line() {
                peer.output.line(&line.to_ascii_uppercase());
            }
            Flow::Continue
        }
        Call::Ended => Flow::Close,
        _ => Flow::Continue,
    }
}
