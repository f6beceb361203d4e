//! A straight-line handler under test: on a thread of its own, over a [`Wire`] whose clock and bytes
//! belong to the test. The test goes on when the handler waits.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use switchboard_core::{
    Ending, Mailbox, Note, OwnMailbox, Peer, PeerInfo, Reading, Style, Terms, Wait, Waiting, Wire,
};

use super::super::PATIENCE;
use super::{Bell, Driver, Subject, WINDOW};

/// One handler and its peer.
pub(super) struct Conversation {
    line: Line,
}

/// What the test and the handler's thread share; and, with the handler, whose it is and what that is
/// granted.
#[derive(Clone)]
struct Line(Arc<(Mutex<State>, Condvar)>, Option<(u64, Arc<Terms>)>);

struct State {
    handler: Handler,
    now: Instant,
    /// Pieces that are under way to the handler.
    inbox: VecDeque<Vec<u8>>,
    /// The peer's last byte is behind them.
    ended: bool,
    draining: bool,
    /// The connection broke, or the test is over.
    broken: Option<io::ErrorKind>,
    came: Vec<u8>,
    bell: Arc<Bell>,
    /// If the handler has taken one.
    mailbox: Option<OwnMailbox>,
}

/// What the handler is doing.
enum Handler {
    Runs,
    /// It waits for its peer, until this instant at the latest.
    Waits(Option<Instant>),
    Ended(Ending, Option<String>),
}

impl Conversation {
    pub(super) fn new(subject: Subject, info: PeerInfo) -> Conversation {
        let state = State {
            handler: Handler::Runs,
            now: Instant::now(),
            inbox: VecDeque::new(),
            ended: false,
            draining: false,
            broken: None,
            came: Vec::new(),
            bell: Arc::default(),
            mailbox: None,
        };
        let line = Line(Arc::new((Mutex::new(state), Condvar::new())), None);
        let own = line.clone();
        let handle = move || {
            let (ending, error) = serve(&own, &subject, info);
            own.lock().handler = Handler::Ended(ending, error);
            own.0.1.notify_all();
        };
        // Joined by nobody: its end is told by `Handler::Ended`, and one that computes on is left.
        thread::Builder::new()
            .name("talk".to_owned())
            .spawn(handle)
            .expect("a test can have a thread");
        let conversation = Conversation { line };
        conversation.settle(|_| {});
        conversation
    }

    /// Changes something, and waits until the handler waits again or has ended.
    fn settle(&self, change: impl FnOnce(&mut State)) {
        let Line(shared, _) = &self.line;
        let mut state = self.line.lock();
        change(&mut state);
        if let Handler::Waits(_) = state.handler {
            state.handler = Handler::Runs;
            shared.1.notify_all();
        }
        let runs = |state: &mut State| matches!(state.handler, Handler::Runs);
        let waited = shared.1.wait_timeout_while(state, PATIENCE, runs);
        let (state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        drop(state);
        assert!(!timeout.timed_out(), "the handler computed for {PATIENCE:?}");
    }
}

fn serve(line: &Line, subject: &Subject, info: PeerInfo) -> (Ending, Option<String>) {
    let Style::StraightLine(handler) = subject.service().style() else {
        unreachable!("an event-style service is driven by `event`")
    };
    let mut wire = line.clone();
    let terms = Arc::new(line.lock().bell.terms(subject.limits));
    wire.1 = Some((info.id, Arc::clone(&terms)));
    let peer = Peer::new(&mut wire, info, terms);
    let (ending, error) = peer.serve(&**handler);
    (ending, error.map(|error| error.to_string()))
}

impl Line {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The handler's side: waits until `ready` gives something; `None` after `wait`. With
    /// `mail` the peer is sent its mail meanwhile: see [`State::deliver`].
    ///
    /// # Errors
    /// If the peer is gone; [`io::ErrorKind::Interrupted`] at a note.
    fn wait_for<T>(
        &self,
        wait: Option<Duration>,
        mail: Option<bool>,
        mut ready: impl FnMut(&mut State) -> Option<T>,
    ) -> io::Result<Option<T>> {
        let mut state = self.lock();
        let end = wait.and_then(|wait| state.now.checked_add(wait));
        loop {
            if let Some(kind) = state.broken {
                return Err(kind.into());
            }
            if let Some(notes) = mail {
                state.deliver(notes)?;
            }
            if let Some(value) = ready(&mut state) {
                return Ok(Some(value));
            }
            if end.is_some_and(|end| end <= state.now) {
                return Ok(None);
            }
            state.handler = Handler::Waits(end);
            self.0.1.notify_all();
            let waits = |state: &mut State| matches!(state.handler, Handler::Waits(_));
            state = self.0.1.wait_while(state, waits).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl State {
    /// The peer is sent what has come for it; with `notes` only what has come before the first note.
    fn deliver(&mut self, notes: bool) -> io::Result<()> {
        let Some(mailbox) = &self.mailbox else { return Ok(()) };
        loop {
            match mailbox.take(&mut self.came, usize::MAX) {
                (Waiting::TooMuch, _) => return Err(io::ErrorKind::QuotaExceeded.into()),
                (Waiting::Notes, _) if notes => return Err(io::ErrorKind::Interrupted.into()),
                (_, false) => return Ok(()),
                (_, true) => {}
            }
        }
    }
}

impl Wire for Line {
    fn receive(&mut self, into: &mut Vec<u8>, reading: Reading) -> io::Result<usize> {
        let Reading { wait, between_requests, room, notes } = reading;
        into.reserve(room);
        let arrived = self.wait_for(wait.limit, Some(notes), |state| {
            let Some(piece) = state.inbox.front_mut() else {
                let over = state.ended || (state.draining && between_requests);
                return over.then_some(0);
            };
            let count = piece.len().min(into.capacity() - into.len());
            into.extend(piece.drain(..count));
            if piece.is_empty() {
                state.inbox.pop_front();
            }
            Some(count)
        })?;
        arrived.ok_or_else(|| io::ErrorKind::TimedOut.into())
    }

    fn send(&mut self, bytes: &[u8], wait: Wait) -> io::Result<usize> {
        let sent = self.wait_for(wait.limit, None, |state| {
            let count = bytes.len().min(WINDOW.saturating_sub(state.came.len()));
            state.came.extend_from_slice(&bytes[..count]);
            (count > 0).then_some(count)
        })?;
        sent.ok_or_else(|| io::ErrorKind::TimedOut.into())
    }

    fn sleep(&mut self, wait: Duration) -> io::Result<()> {
        self.wait_for(Some(wait), Some(false), |_| None::<()>).map(drop)
    }

    fn mailbox(&mut self) -> Option<Mailbox> {
        let (id, terms) = self.1.as_ref()?;
        let own = || OwnMailbox::new(*id, terms.post.clone(), terms.mail_max);
        Some(self.lock().mailbox.get_or_insert_with(own).address())
    }

    fn take_note(&mut self) -> Option<Note> {
        self.lock().mailbox.as_ref()?.take_note()
    }

    fn now(&self) -> Instant {
        self.lock().now
    }

    fn draining(&self) -> bool {
        self.lock().draining
    }
}

impl Driver for Conversation {
    fn send(&mut self, bytes: &[u8]) {
        self.settle(|state| {
            if !bytes.is_empty() {
                state.inbox.push_back(bytes.to_vec());
            }
        });
    }

    fn end(&mut self) {
        self.settle(|state| state.ended = true);
    }

    fn reset(&mut self) {
        self.settle(|state| state.broken = Some(io::ErrorKind::ConnectionReset));
    }

    fn drain(&mut self) {
        self.settle(|state| state.draining = true);
    }

    fn wait(&mut self, time: Duration) {
        let until = self.line.lock().now + time;
        loop {
            let next = match self.line.lock().handler {
                Handler::Waits(Some(end)) if end <= until => end,
                _ => break,
            };
            self.settle(|state| state.now = state.now.max(next));
        }
        self.line.lock().now = until;
    }

    fn came(&mut self) -> Vec<u8> {
        while self.line.lock().bell.quiet() {
            self.settle(|_| {});
        }
        self.line.lock().came.clone()
    }

    fn take(&mut self, count: usize) {
        self.settle(|state| drop(state.came.drain(..count)));
    }

    fn ending(&self) -> Option<(Ending, Option<String>)> {
        match &self.line.lock().handler {
            Handler::Ended(ending, error) => Some((*ending, error.clone())),
            Handler::Runs | Handler::Waits(_) => None,
        }
    }
}

/// A handler that still waits is cut off; its thread ends when it passes the error on.
impl Drop for Conversation {
    fn drop(&mut self) {
        let mut state = self.line.lock();
        state.broken = Some(io::ErrorKind::ConnectionAborted);
        if let Handler::Waits(_) = state.handler {
            state.handler = Handler::Runs;
        }
        drop(state);
        self.line.0.1.notify_all();
    }
}
