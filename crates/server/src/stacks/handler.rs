//! A straight-line handler on a stack: its peer waits by suspending it.

use std::io::{self, ErrorKind};
use std::panic;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use switchboard_core::{
    Context, Ending, Flow, Job, Mailbox, Note, Peer, PeerInfo, Reading, Service, Style, Terms,
    Wait, Wire,
};

use super::session::{Call, Event, Pause, Waits};
use crate::site;

/// As good as for ever, for an instant that the clock can still say.
const LONG: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// Serves a peer on this stack, from its opening to its end; what the last call of its session says.
pub(super) fn serve(
    service: &Service,
    info: PeerInfo,
    terms: Arc<Terms>,
    waits: &Waits,
    call: Call,
) -> Flow {
    let Style::StraightLine(handler) = service.style() else {
        unreachable!("event-style services are served by their sessions")
    };
    let mut wire = StackWire { waits, call };
    let (ending, error) = Peer::new(&mut wire, info.clone(), terms).serve(&**handler);
    if let Some(error) = error {
        site::say_failed(service, (info.id, &info.address), &error);
    }
    match wire.context() {
        Ok(peer) => peer.close_as(ending),
        // Only the handler can have panicked: the rest is known to who told of the end.
        Err(_) if ending == Ending::Panicked => panic::resume_unwind(Box::new("a handler")),
        Err(_) => Flow::Close,
    }
}

/// What a stack is suspended for.
#[derive(Clone, Copy)]
enum Awaited {
    Room,
    Time,
    Job,
}

/// A peer's side of its session.
struct StackWire<'s> {
    waits: &'s Waits,
    /// What the stack was resumed with last.
    call: Call,
}

impl StackWire<'_> {
    /// The call's context.
    ///
    /// # Errors
    /// What the peer's end means for whoever goes on reading and writing.
    fn context<'c>(&mut self) -> io::Result<&'c mut Context<'static>> {
        match (self.call.context, self.call.event) {
            // SAFETY: the context is that of the call which has resumed this stack and lasts until it
            // is suspended. This wire is on that stack, gives no context to anyone else, and keeps
            // none across a suspension: see each use.
            (Some(mut context), _) => Ok(unsafe { context.as_mut() }),
            (None, Event::Closed(ending)) => Err(over(ending)),
            (None, _) => unreachable!("only the last call has no context"),
        }
    }

    /// Ends the call; what the next one is.
    ///
    /// # Errors
    /// If the peer is gone, or the handler is being unwound: this thread has others to serve, who
    /// must not find it panicking.
    #[inline(always)]
    fn suspend(&mut self) -> io::Result<Event> {
        if thread::panicking() {
            return Err(io::Error::other("a handler that panics cannot wait"));
        }
        self.call = self.waits.suspend(Pause::new(Flow::Continue));
        match self.call.event {
            Event::Closed(ending) => Err(over(ending)),
            event => Ok(event),
        }
    }

    /// Is suspended until that has come, with no input meanwhile.
    ///
    /// # Errors
    /// [`io::ErrorKind::TimedOut`], if the deadline comes before; as [`suspend`](Self::suspend).
    fn hold_until(&mut self, awaited: Awaited) -> io::Result<()> {
        let timed = self.context()?.deadline().is_some();
        self.context()?.pause_input();
        let came = loop {
            let event = self.suspend()?;
            let peer = self.context()?;
            // Notes wake a session as well: neither its job is done then nor its deadline unset.
            let elapsed = timed && peer.deadline().is_none();
            match awaited {
                Awaited::Room if event == Event::Writable => break Ok(()),
                Awaited::Job if !peer.awaits_jobs() => break Ok(()),
                Awaited::Time if elapsed => break Ok(()),
                _ if elapsed => break Err(io::ErrorKind::TimedOut.into()),
                _ => {}
            }
        };
        let peer = self.context()?;
        peer.set_deadline(None);
        peer.resume_input();
        came
    }

    /// Sets the deadline of a wait, unless the connection keeps it: the idle limit.
    fn bound(&mut self, wait: Wait) -> io::Result<()> {
        if let (Some(limit), false) = (wait.limit, wait.idle) {
            let end = self.now() + limit.min(LONG);
            self.context()?.set_deadline(Some(end));
        }
        Ok(())
    }

    /// A read with a time of its own.
    fn receive_within(&mut self, into: &mut Vec<u8>, reading: Reading) -> io::Result<usize> {
        let end = reading.wait.limit.map(|limit| self.now() + limit.min(LONG));
        loop {
            let peer = self.context()?;
            if !peer.input.is_empty() {
                let bytes = peer.input.take_all();
                into.extend_from_slice(bytes);
                peer.engage(false);
                if end.is_some() {
                    peer.await_peer(None);
                }
                return Ok(bytes.len());
            }
            if peer.input.ended() {
                peer.engage(false);
                return Ok(0);
            }
            peer.engage(!reading.between_requests);
            if end.is_some() {
                peer.await_peer(end);
            }
            if self.suspend()? == Event::Woken {
                let peer = self.context()?;
                // A deadline that has come is unset; otherwise there are notes.
                let elapsed = end.is_some() && peer.deadline().is_none();
                if elapsed || (reading.notes && peer.has_note()) {
                    peer.engage(false);
                    peer.await_peer(None);
                    let kind = if elapsed { ErrorKind::TimedOut } else { ErrorKind::Interrupted };
                    return Err(kind.into());
                }
            }
        }
    }
}

impl Wire for StackWire<'_> {
    #[inline]
    fn receive_next(
        &mut self,
        into: &mut [u8],
        beyond: &mut Vec<u8>,
        _: Option<Duration>,
        _: usize,
    ) -> io::Result<usize> {
        // The connection keeps the idle limit.
        loop {
            let peer = self.context()?;
            if !peer.input.is_empty() || peer.input.ended() {
                let bytes = peer.input.take_all();
                let (first, more) = bytes.split_at(bytes.len().min(into.len()));
                into[..first.len()].copy_from_slice(first);
                if !more.is_empty() {
                    beyond.extend_from_slice(more);
                }
                return Ok(bytes.len());
            }
            self.suspend()?;
        }
    }

    fn receive(&mut self, into: &mut Vec<u8>, reading: Reading) -> io::Result<usize> {
        let between = reading.between_requests;
        if !reading.wait.idle {
            return self.receive_within(into, reading);
        }
        // The connection keeps the idle limit.
        loop {
            let peer = self.context()?;
            if !peer.input.is_empty() || peer.input.ended() {
                let bytes = peer.input.take_all();
                into.extend_from_slice(bytes);
                if !between {
                    peer.engage(false);
                }
                return Ok(bytes.len());
            }
            if !between {
                peer.engage(true);
            }
            // No deadline was set, so it is woken for notes.
            if self.suspend()? == Event::Woken && reading.notes && self.context()?.has_note() {
                self.context()?.engage(false);
                return Err(ErrorKind::Interrupted.into());
            }
        }
    }

    fn send(&mut self, bytes: &[u8], wait: Wait) -> io::Result<usize> {
        loop {
            let peer = self.context()?;
            let count = bytes.len().min(peer.output.room());
            if count > 0 {
                peer.output.write(&bytes[..count]);
                return Ok(count);
            }
            peer.want_room();
            self.bound(wait)?;
            self.hold_until(Awaited::Room)?;
        }
    }

    fn gathers(&self) -> bool {
        true
    }

    fn gather(&mut self, bytes: &[u8]) -> bool {
        match self.context() {
            Ok(peer) if bytes.len() <= peer.output.room() => {
                peer.output.write(bytes);
                true
            }
            _ => false,
        }
    }

    fn flush(&mut self, wait: Wait) -> io::Result<()> {
        let peer = self.context()?;
        if peer.output.unsent() == 0 {
            return Ok(());
        }
        peer.want_flushed();
        self.bound(wait)?;
        self.hold_until(Awaited::Room)
    }

    fn sleep(&mut self, wait: Duration) -> io::Result<()> {
        let end = self.now() + wait.min(LONG);
        self.context()?.set_deadline(Some(end));
        self.hold_until(Awaited::Time)
    }

    fn offload(&mut self, job: Job) -> io::Result<()> {
        self.context()?.submit(job);
        self.hold_until(Awaited::Job)
    }

    fn mailbox(&mut self) -> Option<Mailbox> {
        self.context().ok().map(|peer| peer.mailbox())
    }

    fn take_note(&mut self) -> Option<Note> {
        self.context().ok().and_then(|peer| peer.take_note())
    }

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn draining(&self) -> bool {
        match self.call.context {
            // SAFETY: as in `context`, for as long as this call of it lasts.
            Some(context) => unsafe { context.as_ref() }.draining(),
            // Nobody is cut off but by the stop.
            None => self.call.event == Event::Closed(Ending::CutOff),
        }
    }
}

/// The error that a handler sees of its peer's end.
fn over(ending: Ending) -> io::Error {
    match ending {
        Ending::CutOff => io::ErrorKind::ConnectionAborted.into(),
        Ending::TimedOut => io::ErrorKind::TimedOut.into(),
        _ => io::ErrorKind::ConnectionReset.into(),
    }
}
