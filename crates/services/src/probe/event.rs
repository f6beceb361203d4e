//! The probe as a session: a command that has to wait, for time or for bytes, is remembered, and
//! what came after it stays unread.

use std::time::Duration;

use switchboard_core::{Context, Flow, Output, Session};

use super::command::{Command, big, spin};
use super::rest::{Requests, Rest};

/// One peer's session.
pub(super) struct Probe {
    greeting: String,
    /// The command that is being carried out.
    pending: Pending,
    /// What is left of the input once the peer has sent its last byte.
    rest: Option<Rest>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pending {
    Nothing,
    Sleep,
    /// Waits for more bytes than these.
    Timed(usize),
    Frame,
    Exact(usize),
}

/// How far one step came.
enum Step {
    /// Something was done.
    Done,
    /// Nothing can be done before bytes or the deadline come.
    Waits,
    Closes,
}

impl Probe {
    pub(super) fn new(greeting: String) -> Probe {
        Probe { greeting, pending: Pending::Nothing, rest: None }
    }

    /// Carries out one command, or goes on with the pending one.
    fn step(&mut self, peer: &mut Context<'_>) -> Step {
        let (pending, output) = (&mut self.pending, &mut peer.output);
        let taken = match &mut self.rest {
            Some(rest) => next(pending, rest, output),
            None => next(pending, &mut peer.input, output),
        };
        self.carry_out(taken, peer)
    }

    fn carry_out(&mut self, taken: Option<Taken>, peer: &mut Context<'_>) -> Step {
        let command = match taken {
            None => return Step::Waits,
            Some(Taken::Bytes) => return Step::Done,
            Some(Taken::Command(command)) => command,
        };
        match command {
            Command::Echo(text) => peer.output.line(text),
            Command::Close => {
                peer.output.line("bye");
                return Step::Closes;
            }
            Command::Panic => panic!("the peer asked for a panic"),
            Command::Fail => return Step::Closes,
            Command::Big(count) => peer.output.write(&big(count)),
            Command::Spin(time) => {
                spin(time);
                peer.output.line("spun");
            }
            Command::Sleep(time) => self.wait(Pending::Sleep, time, peer),
            Command::Timed(time) => self.wait(Pending::Timed(peer.input.len()), time, peer),
            Command::Draining => peer.output.line(peer.draining().to_string()),
            Command::Id => peer.output.line(peer.id().to_string()),
            Command::Frame => self.pending = Pending::Frame,
            // Nothing to wait for, and a call that takes nothing would not be repeated.
            Command::Exact(0) => {}
            Command::Exact(count) => self.pending = Pending::Exact(count),
            Command::Unknown(line) => peer.output.line(format!("unknown: {line}")),
        }
        Step::Done
    }

    fn wait(&mut self, pending: Pending, time: Duration, peer: &mut Context<'_>) {
        self.pending = pending;
        peer.set_deadline(Some(peer.now() + time));
    }

    /// The wait of a `timed` is over.
    fn timed(&mut self, answer: &str, peer: &mut Context<'_>) {
        self.pending = Pending::Nothing;
        peer.set_deadline(None);
        peer.output.line(answer);
    }

    /// Carries out all that is left, while there is room for the answers; then closes.
    fn finish(&mut self, peer: &mut Context<'_>) -> Flow {
        loop {
            if let Pending::Timed(_) = self.pending {
                self.timed("ended", peer);
            }
            if peer.output.room() == 0 {
                peer.want_room();
                return Flow::Continue;
            }
            match self.step(peer) {
                Step::Done => {}
                Step::Waits if self.pending == Pending::Sleep => return Flow::Continue,
                Step::Waits | Step::Closes => return Flow::Close,
            }
        }
    }
}

/// What was taken from the input.
enum Taken {
    Command(Command),
    Bytes,
}

/// The next command; the bytes that a pending one waits for go straight to the output.
fn next(pending: &mut Pending, from: &mut dyn Requests, output: &mut Output<'_>) -> Option<Taken> {
    match *pending {
        Pending::Sleep | Pending::Timed(_) => return None,
        Pending::Frame => output.frame(from.frame()?),
        Pending::Exact(count) => output.write(from.exact(count)?),
        Pending::Nothing => {
            let line = from.line()?;
            return Some(Taken::Command(Command::of(&String::from_utf8_lossy(line))));
        }
    }
    *pending = Pending::Nothing;
    Some(Taken::Bytes)
}

impl Session for Probe {
    fn opened(&mut self, peer: &mut Context<'_>) -> Flow {
        peer.output.write(self.greeting.as_bytes());
        Flow::Continue
    }

    /// One command for each call: while output is below its mark the next call comes at once.
    fn received(&mut self, peer: &mut Context<'_>) -> Flow {
        if let Pending::Timed(unread) = self.pending
            && peer.input.len() > unread
        {
            self.timed("came", peer);
        }
        match self.step(peer) {
            Step::Done | Step::Waits => Flow::Continue,
            Step::Closes => Flow::Close,
        }
    }

    fn ended(&mut self, peer: &mut Context<'_>) -> Flow {
        self.rest = Some(Rest::new(peer.input.take_all()));
        self.finish(peer)
    }

    fn writable(&mut self, peer: &mut Context<'_>) -> Flow {
        self.finish(peer)
    }

    fn woken(&mut self, peer: &mut Context<'_>) -> Flow {
        match self.pending {
            Pending::Sleep => {
                self.pending = Pending::Nothing;
                peer.output.line("slept");
            }
            Pending::Timed(_) => self.timed("elapsed", peer),
            Pending::Nothing | Pending::Frame | Pending::Exact(_) => {}
        }
        match self.rest.is_some() {
            true => self.finish(peer),
            false => Flow::Continue,
        }
    }
}
