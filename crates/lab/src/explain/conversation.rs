//! The client of the traced conversation: it connects, sends two messages, closes, and notes when.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use super::tracer::{Failure, Tracer};

/// The parts of a conversation, in order.
pub const PARTS: [&str; 4] = ["accept", "first message", "second message", "close"];

/// How long a server may take until it rests. None is so slow, but a machine may be.
const TO_REST: Duration = Duration::from_secs(5);

/// A server of which more than this is traced in each of three looks, of five times [`RESTLESS`] each,
/// before anybody has connected, never rests; in bytes.
const BUSY: u64 = 40 << 10;

/// How long a reply is awaited of a server that rests: it may answer when some time has passed, as the
/// phone menu does. One that has not answered the first message is not waited for again.
const REPLY: Duration = Duration::from_millis(500);

/// For how long a server that never rests is looked at in each part.
const RESTLESS: Duration = Duration::from_millis(20);

/// The most that the client reads in one part: of a service that sends for ever.
const READ_MAX: u64 = 1 << 20;

/// What the client did, and what it saw.
#[derive(Clone, Debug)]
pub(super) struct Act {
    /// One of [`PARTS`].
    pub(super) name: &'static str,
    /// How much had been traced before it did so, in bytes.
    pub(super) at: u64,
    /// How long it was until the next act.
    pub(super) lasted: Duration,
    /// Bytes that it sent, and received until the next act.
    pub(super) sent: u64,
    pub(super) received: u64,
    /// Whether the server rested before the next act.
    pub(super) rested: bool,
}

/// A conversation that is over.
pub(super) struct Conversation {
    pub(super) acts: Vec<Act>,
    /// How much had been traced when the server had nothing more to do for it.
    pub(super) over: u64,
}

/// The client, while it talks.
struct Client<'a, 'b> {
    tracer: &'a Tracer<'b>,
    stream: TcpStream,
    /// The server never waits, so nobody can wait for it to rest.
    restless: bool,
    /// Whether there may be replies.
    answers: bool,
    /// The server has ended its side: there is nobody to talk to.
    ended: bool,
}

impl Conversation {
    /// Holds it.
    pub(super) fn hold(tracer: &Tracer<'_>, message: &[u8]) -> Result<Conversation, Failure> {
        let restless = !settles(tracer)?;
        let mark = Mark::of(tracer);
        let stream = connect(tracer.address()).map_err(|error| {
            Failure::OfModel(format!("the client cannot connect to {}: {error}", tracer.address()))
        })?;
        let mut client = Client { tracer, stream, restless, answers: true, ended: false };
        let mut acts = vec![client.rest(PARTS[0], mark, 0)?];
        for name in &PARTS[1..3] {
            let mark = Mark::of(client.tracer);
            // Nothing sent is what the part says then.
            let sent = if client.ended { 0 } else { client.send(message) };
            let act = client.rest(name, mark, sent)?;
            client.answers = act.received > 0;
            acts.push(act);
        }
        acts.push(client.close()?);
        Ok(Conversation { acts, over: tracer.written() })
    }
}

impl Client<'_, '_> {
    fn send(&mut self, message: &[u8]) -> u64 {
        let mut sent = 0;
        while sent < message.len() {
            match self.stream.write(&message[sent..]) {
                Ok(count) => sent += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // The server reads no more, or not now: what has left is what is counted.
                Err(_) => break,
            }
        }
        sent as u64
    }

    /// Reads what comes until the server rests.
    fn rest(&mut self, name: &'static str, mark: Mark, sent: u64) -> Result<Act, Failure> {
        let mut act = mark.act(name, sent);
        if self.restless {
            self.linger(&mut act);
            return Ok(mark.over(act));
        }
        let awaits = sent > 0 && self.answers;
        let reply_by = Instant::now() + if awaits { REPLY } else { Duration::ZERO };
        loop {
            act.rested = self.tracer.rests(TO_REST)?;
            // Room in the socket may be what it waits for.
            let came = self.take();
            act.received += came;
            let answers = act.received > 0 || Instant::now() >= reply_by;
            if came == 0 && answers || !act.rested || act.received >= READ_MAX {
                return Ok(mark.over(act));
            }
        }
    }

    /// Looks at a server that never rests for a while, after its reply if there is one.
    fn linger(&mut self, act: &mut Act) {
        let end = Instant::now() + if act.sent > 0 { 50 * RESTLESS } else { Duration::ZERO };
        while act.received == 0 && Instant::now() < end {
            act.received += self.take();
            thread::sleep(RESTLESS / 20);
        }
        thread::sleep(RESTLESS);
        act.received += self.take();
    }

    /// The bytes that have come by now.
    fn take(&mut self) -> u64 {
        let mut room = [0; 16 << 10];
        let mut received = 0;
        while received < READ_MAX {
            match self.stream.read(&mut room) {
                Ok(0) => {
                    self.ended = true;
                    break;
                }
                Ok(count) => received += count as u64,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Nothing more for now, or for ever.
                Err(_) => break,
            }
        }
        received
    }

    fn close(self) -> Result<Act, Failure> {
        let mark = Mark::of(self.tracer);
        let mut act = mark.act(PARTS[3], 0);
        drop(self.stream);
        act.rested = match self.restless {
            true => {
                thread::sleep(RESTLESS);
                false
            }
            false => self.tracer.rests(TO_REST)?,
        };
        Ok(mark.over(act))
    }
}

/// Whether the server comes to rest at all, before anybody talks to it.
fn settles(tracer: &Tracer<'_>) -> Result<bool, Failure> {
    let end = Instant::now() + TO_REST;
    let mut busy = 0;
    while busy < 3 && Instant::now() < end {
        let before = tracer.written();
        if tracer.rests(5 * RESTLESS)? {
            return Ok(true);
        }
        busy = if tracer.written() - before > BUSY { busy + 1 } else { 0 };
    }
    Ok(false)
}

fn connect(address: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}

/// Where a part begins.
struct Mark {
    at: u64,
    began: Instant,
}

impl Mark {
    fn of(tracer: &Tracer<'_>) -> Mark {
        Mark { at: tracer.written(), began: Instant::now() }
    }

    fn act(&self, name: &'static str, sent: u64) -> Act {
        Act { name, at: self.at, lasted: Duration::ZERO, sent, received: 0, rested: false }
    }

    fn over(&self, act: Act) -> Act {
        Act { lasted: self.began.elapsed(), ..act }
    }
}
