//! One peer of a service, without a socket: bytes go in, bytes are expected, time passes when it is
//! told to.

mod event;
mod straight_line;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};

use switchboard_core::{Ending, Idle, Limits, Outcome, PeerInfo, Post, Service, Style, Terms};

use super::text::{around, beside};
use crate::Server;

/// Bytes that the peer is sent and has not expected yet; then the service has to wait for it, as
/// for a peer that does not read.
const WINDOW: usize = 256 << 10;

/// What can be talked to: a [`Service`], or a [`Server`] with its idle limit and other bounds.
pub struct Subject {
    made: Made,
    limits: Limits,
    /// The peer's identity.
    peer: u16,
}

enum Made {
    Server(Box<Server>),
    Service(Arc<Service>),
}

/// How one style is driven. Each step is over when the service waits for its peer again.
trait Driver {
    /// The peer sent these bytes, in one piece.
    fn send(&mut self, bytes: &[u8]);
    /// The peer sent its last byte.
    fn end(&mut self);
    /// The peer's connection broke.
    fn reset(&mut self);
    /// The server begins to stop.
    fn drain(&mut self);
    /// Time passes.
    fn wait(&mut self, time: Duration);
    /// What came and was not taken, mail from others included.
    fn came(&mut self) -> Vec<u8>;
    /// The peer has read so many bytes.
    fn take(&mut self, count: usize);
    /// How it ended, if it has; with an error of the handler's own.
    fn ending(&self) -> Option<(Ending, Option<String>)>;
}

/// A conversation with a service. Made by [`talk()`].
pub struct Talk {
    driver: Box<dyn Driver>,
}

/// Wakes the peer of one conversation: it looks for mail at the next step.
#[derive(Default)]
struct Bell(AtomicBool);

impl Post for Bell {
    fn ring(&self, _: u64, _: u64, _: bool) {
        self.0.store(true, SeqCst);
    }
}

impl Bell {
    /// Whether it was rung since.
    fn quiet(&self) -> bool {
        self.0.swap(false, SeqCst)
    }

    /// What a peer is granted whom it wakes.
    fn terms(self: &Arc<Bell>, limits: Limits) -> Terms {
        let post: Arc<dyn Post> = Arc::clone(self) as Arc<dyn Post>;
        Terms { limits, offload: None, post: Some(post) }
    }
}

/// Begins a conversation: a peer comes from `192.0.2.1:40000`, as the service's peer 1. Several of one
/// service, which can write to each other's [mailboxes](crate::Mailbox), are told apart by
/// [`Subject::peer`].
///
/// A straight-line handler runs on a thread of its own, an event-style session in this one; either
/// way a step returns when the service has nothing more to do. Time is simulated: sleeps, deadlines
/// and idle limits take no time, and come in [`wait`](Talk::wait) only.
///
/// ```
/// use std::time::Duration;
/// use switchboard::{Context, Flow, Server, Session, testing::talk};
///
/// struct Shout;
///
/// impl Session for Shout {
///     fn received(&mut self, peer: &mut Context) -> Flow {
///         while let Some(line) = peer.input.line() {
///             peer.output.line(&line.to_ascii_uppercase());
///         }
///         Flow::Continue
///     }
/// }
///
/// let shout = Server::sessions("shout", |_peer| Shout).idle(Some(Duration::from_secs(60)));
/// let mut peer = talk(shout);
/// peer.send("a\nb").expect("A\n").expect_nothing();
/// peer.wait(Duration::from_secs(59)).send("\n").expect("B\n");
/// peer.wait(Duration::from_secs(60)).expect_ending(switchboard::Ending::TimedOut);
/// ```
///
/// # Panics
/// If a straight-line handler computes on without waiting for anything; if the service is one of
/// [futures](crate::future), which need a socket.
#[track_caller]
pub fn talk(subject: impl Into<Subject>) -> Talk {
    let subject = subject.into();
    let here: SocketAddr = ([192, 0, 2, 2], crate::DEFAULT_PORT).into();
    let there: SocketAddr = ([192, 0, 2, 1], 39_999 + subject.peer).into();
    let info = PeerInfo { id: subject.peer.into(), address: there.into(), local: here.into() };
    let driver: Box<dyn Driver> = match subject.service().style() {
        Style::Event(open) => {
            Box::new(event::Conversation::new(open(&info), &info, subject.limits, Instant::now()))
        }
        Style::StraightLine(_) => Box::new(straight_line::Conversation::new(subject, info)),
        Style::Future(_) => panic!("a future needs its runtime; test it with `every_model`"),
    };
    Talk { driver }
}

impl Talk {
    /// The peer sends these bytes, which arrive in one piece.
    ///
    /// # Panics
    /// If the service has closed.
    #[track_caller]
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Talk {
        self.must_be_open("send");
        self.driver.send(bytes.as_ref());
        self
    }

    /// The peer sends its last byte; it still reads.
    ///
    /// # Panics
    /// If the service has closed.
    #[track_caller]
    pub fn end(&mut self) -> &mut Talk {
        self.must_be_open("end");
        self.driver.end();
        self
    }

    /// The peer's connection breaks.
    #[track_caller]
    pub fn reset(&mut self) -> &mut Talk {
        self.driver.reset();
        self
    }

    /// The server begins to stop: a peer between requests is let go.
    #[track_caller]
    pub fn drain(&mut self) -> &mut Talk {
        self.driver.drain();
        self
    }

    /// This much time passes. Whatever is due in it happens at its instant.
    #[track_caller]
    pub fn wait(&mut self, time: Duration) -> &mut Talk {
        self.driver.wait(time);
        self
    }

    /// The next bytes that the service has sent are these.
    ///
    /// # Panics
    /// If they are others, or there are fewer.
    #[track_caller]
    pub fn expect(&mut self, bytes: impl AsRef<[u8]>) -> &mut Talk {
        let expected = bytes.as_ref();
        let mut matched = 0;
        while matched < expected.len() {
            let came = self.driver.came();
            let count = came.len().min(expected.len() - matched);
            if came[..count] != expected[matched..matched + count] {
                let came = [&expected[..matched], &came].concat();
                panic!("{self} sent other bytes\n{}", beside(expected, &came));
            }
            if count == 0 {
                panic!("{self} sent too little\n{}", beside(expected, &expected[..matched]));
            }
            self.driver.take(count);
            matched += count;
        }
        self
    }

    /// The service has sent nothing that was not expected.
    ///
    /// # Panics
    /// If it has.
    #[track_caller]
    pub fn expect_nothing(&mut self) -> &mut Talk {
        let came = self.driver.came();
        assert!(came.is_empty(), "{self} sent unexpectedly {}", around(&came, 0));
        self
    }

    /// The service has closed in order, and everything that it sent was expected.
    ///
    /// # Panics
    /// If it has not, or the peer ended in another way: an error, a panic, a deadline.
    #[track_caller]
    pub fn expect_end(&mut self) {
        self.expect_nothing();
        let ending = self.ending();
        let in_order = ending.is_some_and(|ending| ending.outcome() == Outcome::InOrder);
        assert!(in_order, "{self} was expected to have closed in order");
    }

    /// The peer has ended, and in this way.
    ///
    /// # Panics
    /// If it has not.
    #[track_caller]
    pub fn expect_ending(&mut self, expected: Ending) {
        self.expect_nothing();
        assert!(self.ending() == Some(expected), "{self} was expected to have ended: {expected}");
    }

    /// How the peer ended, if it has.
    pub fn ending(&self) -> Option<Ending> {
        self.driver.ending().map(|(ending, _)| ending)
    }

    /// Takes what the service has sent and nobody expected, for assertions of another kind.
    pub fn rest(&mut self) -> Vec<u8> {
        let came = self.driver.came();
        self.driver.take(came.len());
        came
    }

    #[track_caller]
    fn must_be_open(&self, what: &str) {
        assert!(self.ending().is_none(), "there is nobody to {what} to: {self}");
    }
}

/// For panics: the service, and how it ended.
impl fmt::Display for Talk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.driver.ending() {
            None => f.write_str("the service (still open)"),
            Some((ending, None)) => write!(f, "the service (ended: {ending})"),
            Some((ending, Some(error))) => write!(f, "the service (ended: {ending}: {error})"),
        }
    }
}

impl Subject {
    /// Comes as that peer of the service, of 1 to 25,000, and from a port of its own.
    ///
    /// # Panics
    /// If it is none of these.
    #[must_use]
    pub fn peer(self, peer: u16) -> Subject {
        assert!((1..=25_000).contains(&peer), "peers are numbered from 1 to 25,000");
        Subject { peer, ..self }
    }

    fn service(&self) -> &Service {
        match &self.made {
            Made::Server(server) => server.service(),
            Made::Service(service) => service,
        }
    }

    fn new(made: Made, mut limits: Limits, asked: Option<Option<Duration>>) -> Subject {
        let declared = match &made {
            Made::Server(server) => server.service().declared_idle(),
            Made::Service(service) => service.declared_idle(),
        };
        limits.idle = match (asked, declared) {
            (Some(asked), _) => asked,
            (None, Idle::Default) => limits.idle,
            (None, Idle::After(limit)) => Some(limit),
            (None, Idle::Never) => None,
        };
        Subject { made, limits, peer: 1 }
    }
}

impl From<Server> for Subject {
    fn from(server: Server) -> Subject {
        let (limits, idle) = (server.options.limits, server.options.idle);
        Subject::new(Made::Server(Box::new(server)), limits, idle)
    }
}

impl From<Service> for Subject {
    fn from(service: Service) -> Subject {
        Arc::new(service).into()
    }
}

/// For several peers of one service.
impl From<Arc<Service>> for Subject {
    fn from(service: Arc<Service>) -> Subject {
        Subject::new(Made::Service(service), Limits::default(), None)
    }
}

#[cfg(test)]
mod tests;
