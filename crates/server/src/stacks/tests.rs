//! Handlers on stacks, driven through their connections: no socket, and a clock of the test's own.

mod endings;

use std::io::{self, BufRead, Read, Write};
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use switchboard_core::{
    Connection, Ending, Endpoint, Limits, Next, Peer, PeerInfo, Service, Terms,
};

use super::memory;
use super::{DEFAULT, Sessions};
use crate::model::Model;

const SECOND: Duration = Duration::from_secs(1);

/// One peer of a handler under test.
struct Rig {
    connection: Connection,
    room: Vec<u8>,
    now: Instant,
}

fn sessions(service: Service, model: &str) -> Sessions {
    let model: Model = model.parse().unwrap();
    Sessions::new(Arc::new(service), &model)
}

fn info() -> PeerInfo {
    let local = Endpoint::Process { uid: 0, pid: 0 };
    PeerInfo { id: 1, address: local.clone(), local }
}

impl Rig {
    fn new(handler: impl Fn(&mut Peer<'_>) -> io::Result<()> + Send + Sync + 'static) -> Rig {
        let limits = Limits { high_mark: 64, low_mark: 16, ..Limits::default() };
        Rig::open(&sessions(Service::handler("test", handler), "epoll"), limits)
    }

    fn open(sessions: &Sessions, limits: Limits) -> Rig {
        let (now, terms) = (Instant::now(), Arc::new(Terms::from(limits)));
        let session = sessions.open(&info(), &terms).unwrap();
        let mut connection = Connection::new(session, &info(), terms, now);
        let mut room = Vec::new();
        connection.open(now, &mut room);
        Rig { connection, room, now }
    }

    fn says(&mut self, bytes: &str) -> &mut Rig {
        self.connection.received(bytes.as_bytes(), self.now, &mut self.room);
        self
    }

    /// The socket takes up to `most` bytes; what it took.
    fn takes(&mut self, most: usize) -> String {
        let unsent = self.connection.unsent(&self.room);
        let count = unsent.len().min(most);
        let taken = String::from_utf8_lossy(&unsent[..count]).into_owned();
        self.connection.sent(count, self.now, &mut self.room);
        self.connection.resume(self.now, &mut self.room);
        taken
    }

    fn passes(&mut self, time: Duration) -> &mut Rig {
        self.now += time;
        self.connection.expired(self.now, &mut self.room);
        self
    }

    fn over(&self) -> Option<Ending> {
        match self.connection.next(&self.room) {
            Next::Over(ending) => Some(ending),
            Next::Go | Next::HalfClose => None,
        }
    }

    fn close(self, ending: Ending) -> Ending {
        self.connection.close(ending)
    }
}

/// Notes what a handler does.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    fn add(&self, what: impl ToString) {
        self.0.lock().unwrap().push(what.to_string());
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

#[test]
fn a_handler_goes_on_where_it_waited() {
    let mut rig = Rig::new(|peer| {
        writeln!(peer, "hello")?;
        while let Some(line) = peer.line()? {
            writeln!(peer, "{line}!")?;
        }
        write!(peer, "bye")
    });
    assert_eq!(rig.takes(99), "hello\n");
    rig.says("a\nb");
    assert_eq!(rig.takes(99), "a!\n");
    rig.says("c\n");
    assert_eq!(rig.takes(99), "bc!\n");
    rig.connection.ended(rig.now, &mut rig.room);
    assert_eq!(rig.takes(99), "bye");
    assert_eq!(rig.over(), Some(Ending::Left));
}

/// Kills: a flush that lets the handler go on before its bytes are gone, one that never does, input
/// that is offered to a handler that waits for something else.
#[test]
fn a_flush_waits_until_all_is_sent_and_a_handler_reads_on_afterwards() {
    let notes = Notes::default();
    let noted = notes.clone();
    let mut rig = Rig::new(move |peer| {
        write!(peer, "0123456789")?;
        peer.flush()?;
        noted.add("flushed");
        noted.add(peer.line()?.unwrap_or_default());
        Ok(())
    });
    assert!(!rig.connection.wants_input(), "a peer is read that nobody waits for");
    assert_eq!(rig.takes(4), "0123");
    assert!(notes.all().is_empty());
    rig.says("early\n");
    assert!(notes.all().is_empty());
    assert_eq!(rig.takes(99), "456789");
    assert_eq!(notes.all(), ["flushed", "early"]);
}

/// Kills: more in memory than the high mark, bytes lost or doubled where a write is cut.
#[test]
fn a_long_reply_waits_for_room() {
    let text: String = ('a'..='z').cycle().take(1000).collect();
    let long = text.clone();
    let mut rig = Rig::new(move |peer| peer.write_all(long.as_bytes()));
    let mut came = String::new();
    while rig.over().is_none() && came.len() < 2000 {
        assert!(rig.connection.unsent(&rig.room).len() <= 64);
        came += &rig.takes(7);
        if rig.connection.next(&rig.room) == Next::HalfClose {
            break;
        }
    }
    assert_eq!(came, text);
}

#[test]
fn a_sleep_lasts_as_long_as_it_was_told_and_is_no_silence_of_the_peer() {
    let notes = Notes::default();
    let noted = notes.clone();
    let mut rig = Rig::new(move |peer| {
        write!(peer, "z")?;
        peer.sleep(3600 * SECOND)?;
        noted.add("awake");
        Ok(())
    });
    assert_eq!(rig.takes(9), "z");
    assert!(!rig.connection.between_requests());
    rig.passes(3500 * SECOND);
    assert!(notes.all().is_empty() && rig.over().is_none());
    rig.passes(101 * SECOND);
    assert_eq!(notes.all(), ["awake"]);
}

/// Kills: a timed read that ends its peer, one whose deadline stays behind, a peer between requests
/// that the drain takes for busy because of a timed read.
#[test]
fn a_timed_read_elapses_and_leaves_its_peer_between_requests() {
    let notes = Notes::default();
    let noted = notes.clone();
    let mut rig = Rig::new(move |peer| {
        noted.add(format!("{:?}", peer.read_for(SECOND)?));
        noted.add(format!("{:?}", peer.line()?));
        Ok(())
    });
    assert!(rig.connection.between_requests(), "it waits for its peer's next request");
    rig.passes(2 * SECOND);
    assert_eq!(notes.all(), ["Elapsed"]);
    rig.passes(2 * SECOND).says("x");
    assert!(rig.over().is_none());
    assert!(!rig.connection.between_requests(), "half a line has come");
    rig.says("\n");
    assert_eq!(notes.all(), ["Elapsed", "Some(\"x\")"]);
}

#[test]
fn silence_ends_a_peer_by_the_idle_limit() {
    let notes = Notes::default();
    let noted = notes.clone();
    let mut rig = Rig::new(move |peer| {
        let error = peer.line().unwrap_err();
        noted.add(error.kind());
        Err(error)
    });
    rig.passes(601 * SECOND);
    assert_eq!(rig.over(), Some(Ending::TimedOut));
    assert_eq!(rig.close(Ending::TimedOut), Ending::TimedOut);
    assert_eq!(notes.all(), ["timed out"]);
}

#[test]
fn the_drain_lets_go_who_is_between_requests() {
    let mut rig = Rig::new(|peer| {
        while let Some(line) = peer.line()? {
            writeln!(peer, "{line}")?;
        }
        assert!(peer.draining());
        write!(peer, "goodbye")
    });
    rig.says("half a li");
    rig.connection.drain();
    assert!(!rig.connection.let_go(true, rig.now, &mut rig.room));
    rig.says("ne\n");
    assert_eq!(rig.takes(99), "half a line\n");
    assert!(rig.connection.let_go(true, rig.now, &mut rig.room));
    assert_eq!(rig.takes(99), "goodbye");
    assert_eq!(rig.over(), Some(Ending::Drained));
}

/// Kills: one session's calls on another's stack, a call that is lost or doubled on its way.
#[test]
fn an_event_style_session_on_a_stack_hears_every_call() {
    use switchboard_core::{Context, Flow, Session};
    struct Told(Notes);
    impl Session for Told {
        fn opened(&mut self, _: &mut Context<'_>) -> Flow {
            self.0.add("opened");
            Flow::Continue
        }
        fn received(&mut self, peer: &mut Context<'_>) -> Flow {
            self.0.add(String::from_utf8_lossy(peer.input.take_all()));
            peer.set_deadline(Some(peer.now() + SECOND));
            peer.want_room();
            Flow::Continue
        }
        fn writable(&mut self, _: &mut Context<'_>) -> Flow {
            self.0.add("writable");
            Flow::Continue
        }
        fn woken(&mut self, _: &mut Context<'_>) -> Flow {
            self.0.add("woken");
            Flow::Continue
        }
        fn ended(&mut self, _: &mut Context<'_>) -> Flow {
            self.0.add("ended");
            Flow::Close
        }
        fn closed(&mut self, ending: Ending) {
            self.0.add(ending);
        }
    }
    let notes = Notes::default();
    let noted = notes.clone();
    let service = Service::sessions("told", move |_| Told(noted.clone()));
    let mut rig = Rig::open(&sessions(service, "coroutine"), Limits::default());
    rig.says("hey").passes(2 * SECOND);
    rig.connection.ended(rig.now, &mut rig.room);
    rig.close(Ending::Left);
    assert_eq!(notes.all(), ["opened", "hey", "writable", "woken", "ended", "left"]);
}

/// Kills: a session that is made when its stack is, and not when it is first called.
#[test]
fn a_session_that_was_never_opened_is_dropped_unmade() {
    let made = Arc::new(AtomicUsize::new(0));
    let count = made.clone();
    let service = Service::handler("never", move |_| {
        count.fetch_add(1, SeqCst);
        Ok(())
    });
    let terms = Arc::new(Terms::from(Limits::default()));
    drop(sessions(service, "epoll").open(&info(), &terms).unwrap());
    assert_eq!((made.load(SeqCst), Arc::strong_count(&made)), (0, 1));
}

/// Kills: a stack for each peer that ever was.
#[test]
fn a_thread_uses_its_stacks_again() {
    let size = usize::try_from(DEFAULT).unwrap();
    let first = memory::take(size).unwrap();
    let guard = first.guard();
    memory::give_back(first);
    assert_eq!(memory::take(size).unwrap().guard(), guard);
    assert_ne!(memory::take(2 * size).unwrap().guard(), guard);
}

/// Kills: input that is read into the middle of another read, or lost between two.
#[test]
fn bytes_are_read_in_every_way_that_a_stream_has() {
    let notes = Notes::default();
    let noted = notes.clone();
    let mut rig = Rig::new(move |peer| {
        let mut until = Vec::new();
        peer.read_until(b';', &mut until)?;
        noted.add(String::from_utf8_lossy(&until));
        let exact = peer.exact(3)?.unwrap_or_default();
        noted.add(String::from_utf8_lossy(&exact));
        noted.add(String::from_utf8_lossy(peer.fill_buf()?));
        Ok(())
    });
    rig.says("a").says("b;c").says("d").says("ef");
    assert_eq!(notes.all(), ["ab;", "cde", "f"]);
}

/// Kills: a read that drops what its buffer has no room for, or gives it before what came earlier.
#[test]
fn what_a_read_has_no_room_for_is_there_for_the_next() {
    let notes = Notes::default();
    let noted = notes.clone();
    let mut rig = Rig::new(move |peer| {
        let mut piece = [0; 3];
        loop {
            match peer.read(&mut piece)? {
                0 => return Ok(()),
                count if &piece[..count] == b"now" => noted.add(peer.line()?.unwrap_or_default()),
                count => noted.add(String::from_utf8_lossy(&piece[..count])),
            }
        }
    });
    rig.says("abcde").says("now a ").says("line\nfgh").says("i");
    assert_eq!(notes.all(), ["abc", "de", " a line", "fgh", "i"]);
    rig.connection.ended(rig.now, &mut rig.room);
    assert_eq!(rig.over(), Some(Ending::Left));
}
