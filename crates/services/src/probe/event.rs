//! The probe as a session: a command that has to wait, for time or for bytes, is remembered, and
//! what came after it stays unread; after the peer's last byte too.

use std::time::Duration;

use switchboard_core::{Context, Flow, Offloaded, Session};

use super::command::{Command, big, job, recurse, spin};

/// One peer's session.
pub(super) struct Probe {
    greeting: String,
    /// The command that is being carried out.
    pending: Pending,
}

enum Pending {
    Nothing,
    /// Nothing comes in meanwhile: it is the core that waits.
    Job(Offloaded<String>),
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
        Probe { greeting, pending: Pending::Nothing }
    }

    /// Carries out one command, or goes on with the pending one.
    fn step(&mut self, peer: &mut Context<'_>) -> Step {
        self.end_timed(peer);
        match self.pending {
            Pending::Sleep | Pending::Timed(_) | Pending::Job(_) => return Step::Waits,
            Pending::Frame => {
                let Some(content) = peer.input.frame() else { return Step::Waits };
                peer.output.frame(content);
            }
            Pending::Exact(count) => {
                let Some(bytes) = peer.input.exact(count) else { return Step::Waits };
                peer.output.write(bytes);
            }
            Pending::Nothing => {
                let Some(line) = peer.input.line() else { return Step::Waits };
                return self.carry_out(Command::of(&String::from_utf8_lossy(line)), peer);
            }
        }
        self.pending = Pending::Nothing;
        Step::Done
    }

    fn carry_out(&mut self, command: Command, peer: &mut Context<'_>) -> Step {
        match command {
            Command::Echo(text) => peer.output.line(&text),
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
            Command::Recurse(kib) => {
                recurse(kib);
                peer.output.line("recursed");
            }
            Command::Sleep(time) => self.wait(Pending::Sleep, time, peer),
            Command::Timed(time) => self.wait(Pending::Timed(peer.input.len()), time, peer),
            Command::Offload(time) => {
                self.pending = Pending::Job(peer.offload(move || job(time)));
            }
            Command::Draining => peer.output.line(&peer.draining().to_string()),
            Command::Id => peer.output.line(&peer.id().to_string()),
            Command::Frame => self.pending = Pending::Frame,
            // Nothing to wait for, and a call that takes nothing would not be repeated.
            Command::Exact(0) => {}
            Command::Exact(count) => self.pending = Pending::Exact(count),
            Command::Unknown(line) => peer.output.line(&format!("unknown: {line}")),
        }
        Step::Done
    }

    fn wait(&mut self, pending: Pending, time: Duration, peer: &mut Context<'_>) {
        self.pending = pending;
        peer.set_deadline(Some(peer.now() + time));
    }

    /// Ends the wait of a `timed` if bytes came, or if none will.
    fn end_timed(&mut self, peer: &mut Context<'_>) {
        match self.pending {
            Pending::Timed(unread) if peer.input.len() > unread => self.timed("came", peer),
            Pending::Timed(_) if peer.input.ended() => self.timed("ended", peer),
            _ => {}
        }
    }

    fn timed(&mut self, answer: &str, peer: &mut Context<'_>) {
        self.pending = Pending::Nothing;
        peer.set_deadline(None);
        peer.output.line(answer);
    }

    /// Carries out all that is left, while there is room for the answers; then closes.
    fn finish(&mut self, peer: &mut Context<'_>) -> Flow {
        loop {
            if peer.output.room() == 0 {
                peer.want_room();
                return Flow::Continue;
            }
            match self.step(peer) {
                Step::Done => {}
                Step::Waits if matches!(self.pending, Pending::Sleep | Pending::Job(_)) => {
                    return Flow::Continue;
                }
                Step::Waits | Step::Closes => return Flow::Close,
            }
        }
    }
}

impl Session for Probe {
    fn opened(&mut self, peer: &mut Context<'_>) -> Flow {
        peer.output.write(self.greeting.as_bytes());
        Flow::Continue
    }

    /// One command for each call: while output is below its mark the next call comes at once.
    fn received(&mut self, peer: &mut Context<'_>) -> Flow {
        match self.step(peer) {
            Step::Done | Step::Waits => Flow::Continue,
            Step::Closes => Flow::Close,
        }
    }

    fn ended(&mut self, peer: &mut Context<'_>) -> Flow {
        self.finish(peer)
    }

    fn writable(&mut self, peer: &mut Context<'_>) -> Flow {
        self.finish(peer)
    }

    fn woken(&mut self, peer: &mut Context<'_>) -> Flow {
        match &mut self.pending {
            Pending::Sleep => {
                self.pending = Pending::Nothing;
                peer.output.line("slept");
            }
            Pending::Timed(_) => self.timed("elapsed", peer),
            Pending::Job(value) => {
                let thread = value.take().and_then(Result::ok).unwrap_or_default();
                self.pending = Pending::Nothing;
                peer.output.line(&format!("done by {thread}"));
            }
            Pending::Nothing | Pending::Frame | Pending::Exact(_) => {}
        }
        match peer.input.ended() {
            true => self.finish(peer),
            false => Flow::Continue,
        }
    }
}
