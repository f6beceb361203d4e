//! A thread per peer on sockets that block: both styles of service, on a floor without listeners.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use switchboard_core::{Context, Endpoint, Flow, Limits, Peer, PeerInfo, Service, Session};

use crate::WhenFull;
use crate::admission::{Gate, Newcomer};
use crate::carrier::blocking::Buffers;
use crate::counters::{Counters, Stats};
use crate::listening::{ListenOptions, Listeners};
use crate::model::floor::Floor;
use crate::offload::Jobs;
use crate::site::Site;
use crate::stacks::Sessions;
use crate::stopping::{Drain, Stop};

const SHORT: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(10);

/// The same service in the event style: capitals, and some lines that mean more.
#[derive(Default)]
struct Lines {
    /// After the peer's end.
    stays: bool,
}

impl Session for Lines {
    fn opened(&mut self, peer: &mut Context<'_>) -> Flow {
        peer.output.line("hello");
        Flow::Continue
    }

    fn received(&mut self, peer: &mut Context<'_>) -> Flow {
        let Some(line) = peer.input.line() else { return Flow::Continue };
        match line {
            b"bye" => return Flow::Close,
            b"panic" => panic!("as was asked for"),
            b"wake" => {
                let soon = peer.now() + SHORT;
                peer.set_deadline(Some(soon));
            }
            b"book" => peer.output.write(&vec![b'.'; 4 << 20]),
            line => peer.output.line(&line.to_ascii_uppercase()),
        }
        Flow::Continue
    }

    fn ended(&mut self, peer: &mut Context<'_>) -> Flow {
        if !self.stays {
            return Flow::Close;
        }
        peer.output.line("still here");
        Flow::Continue
    }

    fn woken(&mut self, peer: &mut Context<'_>) -> Flow {
        peer.output.line("awake");
        Flow::Continue
    }
}

/// In straight lines.
fn handler(peer: &mut Peer<'_>) -> io::Result<()> {
    writeln!(peer, "hello")?;
    while let Some(line) = peer.line()? {
        match line.as_str() {
            "bye" => break,
            "panic" => panic!("as was asked for"),
            "wake" => {
                peer.sleep(SHORT)?;
                writeln!(peer, "awake")?;
            }
            "book" => peer.write_all(&vec![b'.'; 4 << 20])?,
            line => writeln!(peer, "{}", line.to_uppercase())?,
        }
    }
    Ok(())
}

fn services() -> [Service; 2] {
    [Service::sessions("lines", |_| Lines::default()), Service::handler("lines", handler)]
}

/// One peer, served by a thread.
struct Rig {
    floor: Arc<Floor>,
    thread: JoinHandle<()>,
    far: UnixStream,
}

impl Rig {
    /// A peer that was greeted.
    fn of(service: Service, limits: Limits) -> Rig {
        let options = ListenOptions { backlog: 1, ..ListenOptions::default() };
        let (service, model) = (Arc::new(service), "thread".parse().unwrap());
        let site = Arc::new(Site {
            sessions: Arc::new(Sessions::new(Arc::clone(&service), &model)),
            service,
            terms: Arc::new(limits.into()),
            jobs: Arc::new(Jobs::new(1)),
            listeners: Arc::new(Listeners::open(&[], options, 1).unwrap()),
            gate: Arc::new(Gate::new(9, 9, false, WhenFull::Refuse).unwrap()),
            counters: Counters::new(1).unwrap(),
            rows: 0..1,
            shown: Vec::new(),
            stop: Stop::new().unwrap(),
            drain: Drain::Forever,
            attended: false,
        });
        let floor = Arc::new(Floor::new(&site).unwrap());
        let (near, far) = UnixStream::pair().unwrap();
        far.set_read_timeout(Some(LONG)).unwrap();
        let address = Endpoint::Process { uid: 0, pid: 0 };
        let info = PeerInfo { id: 1, address: address.clone(), local: address };
        let serving = Arc::clone(&floor);
        let thread = thread::spawn(move || {
            serving.serve(
                Newcomer { socket: near.into(), info, wait: None },
                &serving.site.row(0),
                &mut Buffers::default(),
            );
        });
        let mut rig = Rig { floor, thread, far };
        rig.hears("hello\n");
        rig
    }

    fn say(&mut self, text: &str) {
        self.far.write_all(text.as_bytes()).unwrap();
    }

    fn hears(&mut self, expected: &str) {
        let mut heard = vec![0; expected.len()];
        self.far.read_exact(&mut heard).unwrap();
        assert_eq!(String::from_utf8_lossy(&heard), expected);
    }

    fn hears_the_end(&mut self) {
        assert_eq!(self.far.read(&mut [0]).unwrap(), 0);
    }

    /// Until the thread has that many bytes in its hands.
    fn await_received(&self, count: u64) {
        let end = Instant::now() + LONG;
        while self.floor.site.counters.read().received < count {
            assert!(Instant::now() < end, "the bytes do not arrive");
            thread::yield_now();
        }
    }

    /// Until the thread says that it waits for the beginning of a request.
    fn await_waiting(&self) {
        let (mut waits, end) = (false, Instant::now() + LONG);
        while !waits {
            assert!(Instant::now() < end, "it does not wait");
            waits = self.floor.any_waits();
        }
    }

    fn drain(&self) {
        self.floor.site.stop.drain();
        self.floor.release_idle();
    }

    /// Again and again, as the warden does.
    fn cut_off(&self) {
        self.floor.site.stop.cut();
        while !self.thread.is_finished() {
            self.floor.cut_off();
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// What was counted after the peer's end, which must come soon.
    fn over(self) -> Stats {
        let end = Instant::now() + LONG;
        while !self.thread.is_finished() {
            assert!(Instant::now() < end, "the thread does not end");
            thread::sleep(Duration::from_millis(1));
        }
        self.thread.join().unwrap();
        self.floor.site.counters.read()
    }
}

/// Whether exactly one peer came and ended as `one` says.
fn one(stats: Stats, one: fn(&Stats) -> u64) -> bool {
    let endings = stats.in_order + stats.failed + stats.timed_out + stats.cut_off;
    (stats.accepted, endings, one(&stats)) == (1, 1, 1)
}

/// Kills: bytes lost between two receives, counts that are not those of the socket.
#[test]
fn both_styles_answer_and_count() {
    for service in services() {
        let mut rig = Rig::of(service, Limits::default());
        for (part, answer) in [("a", ""), ("b\nc\nd", "AB\nC\n"), ("\n", "D\n")] {
            rig.say(part);
            rig.hears(answer);
        }
        rig.far.shutdown(Shutdown::Write).unwrap();
        rig.hears_the_end();
        let stats = rig.over();
        assert!(one(stats, |stats| stats.in_order), "{stats}");
        assert_eq!((stats.received, stats.sent), (7, 6 + 7));
    }
}

/// Kills: a close that resets the peer before it has read the last answer, one that waits for the
/// peer for ever.
#[test]
fn a_close_lingers_and_not_for_ever() {
    let twice = services().into_iter().chain(services());
    for (service, leaves) in twice.zip([true, true, false, false]) {
        let linger = if leaves { LONG * 9 } else { SHORT };
        let mut rig = Rig::of(service, Limits { linger, ..Limits::default() });
        rig.say("last\nbye\nunread\n");
        rig.hears("LAST\n");
        rig.hears_the_end();
        rig.say("still talking\n");
        if leaves {
            rig.far.shutdown(Shutdown::Write).unwrap();
        }
        let far = rig.far.try_clone().unwrap();
        let stats = rig.over();
        assert!(one(stats, |stats| stats.in_order), "{stats}");
        drop(far);
    }
}

/// Kills: an idle limit that the kernel does not hear of.
#[test]
fn silence_times_out() {
    for service in services() {
        let rig = Rig::of(service, Limits { idle: Some(SHORT), ..Limits::default() });
        let begun = Instant::now();
        let far = rig.far.try_clone().unwrap();
        let stats = rig.over();
        assert!(one(stats, |stats| stats.timed_out), "{stats}");
        assert!(begun.elapsed() >= SHORT / 2);
        drop(far);
    }
}

/// Kills: a peer that does not read and keeps its thread for ever.
#[test]
fn a_blocked_send_times_out() {
    for service in services() {
        let mut rig = Rig::of(service, Limits { idle: Some(SHORT), ..Limits::default() });
        rig.say("book\n");
        let far = rig.far.try_clone().unwrap();
        let stats = rig.over();
        assert!(one(stats, |stats| stats.timed_out), "{stats}");
        assert!(stats.sent < 4 << 20);
        drop(far);
    }
}

/// Kills: a deadline that waits for the next byte, a sleep that holds back output.
#[test]
fn a_deadline_wakes_without_a_byte() {
    for service in services() {
        let mut rig = Rig::of(service, Limits::default());
        for _ in 0..2 {
            let begun = Instant::now();
            rig.say("wake\n");
            rig.hears("awake\n");
            assert!(begun.elapsed() >= SHORT);
        }
        rig.far.shutdown(Shutdown::Write).unwrap();
        let stats = rig.over();
        assert!(one(stats, |stats| stats.in_order), "{stats}");
    }
}

/// Kills: a panic that is not counted, or that leaves the peer on the list.
#[test]
fn a_panic_ends_the_peer_and_is_counted() {
    for service in services() {
        let mut rig = Rig::of(service, Limits::default());
        rig.say("panic\n");
        rig.hears_the_end();
        let floor = Arc::clone(&rig.floor);
        assert!(one(rig.over(), |stats| stats.failed));
        assert!(floor.is_empty());
    }
}

/// Kills: a drain that a waiting thread sleeps through, and one that ends who is in the midst of a
/// request.
#[test]
fn a_drain_wakes_who_is_between_requests_and_nobody_else() {
    for service in services() {
        let mut rig = Rig::of(service, Limits::default());
        rig.await_waiting();
        rig.drain();
        rig.hears_the_end();
        assert!(one(rig.over(), |stats| stats.in_order));
    }
    for service in services() {
        let mut rig = Rig::of(service, Limits::default());
        rig.say("hal");
        rig.await_received(3);
        rig.drain();
        rig.say("f\n");
        rig.hears("HALF\n");
        rig.hears_the_end();
        assert!(one(rig.over(), |stats| stats.in_order));
    }
}

/// Kills: a thread that a cut cannot reach: in a receive, in a blocked send, asleep.
#[test]
fn a_cut_reaches_every_wait() {
    for what in ["", "half", "book\n", "wake\n"] {
        for service in services() {
            let limits = Limits { idle: None, ..Limits::default() };
            let mut rig = Rig::of(service, limits);
            rig.say(what);
            rig.await_received(what.len() as u64);
            rig.cut_off();
            let far = rig.far.try_clone().unwrap();
            let stats = rig.over();
            assert!(one(stats, |stats| stats.cut_off), "{what:?}: {stats}");
            drop(far);
        }
    }
}

/// Kills: a wait for nothing but time that a cut cannot reach.
#[test]
fn a_cut_reaches_who_waits_for_nothing() {
    let service = Service::sessions("patient", |_| Lines { stays: true });
    let mut rig = Rig::of(service, Limits { idle: None, ..Limits::default() });
    rig.far.shutdown(Shutdown::Write).unwrap();
    rig.hears("still here\n");
    rig.cut_off();
    let stats = rig.over();
    assert!(one(stats, |stats| stats.cut_off), "{stats}");
}

/// Kills: a stalled session that nobody resumes.
#[test]
fn a_stalled_session_goes_on_once_its_output_is_sent() {
    for service in services() {
        let mut rig = Rig::of(service, Limits { high_mark: 8, low_mark: 2, ..Limits::default() });
        rig.say(&"abc\n".repeat(50));
        rig.hears(&"ABC\n".repeat(50));
        rig.far.shutdown(Shutdown::Write).unwrap();
        assert!(one(rig.over(), |stats| stats.in_order));
    }
}
