//! Connections whose session is called on another thread: what goes there, and what stays.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use switchboard_core::{
    Call as Due, Connection, Context, Ending, Flow, Job, Limits, Next, Offload, Terms,
};

use crate::carrier::{Call, Carrier, small, upper};

const SECOND: Duration = Duration::from_secs(1);

/// A peer in the midst of things: half a line is unread, half an answer is unsent, a deadline is
/// set.
fn busy() -> Carrier {
    let mut carrier = Carrier::open(small(), |call, peer| {
        let soon = peer.now() + SECOND;
        peer.set_deadline(Some(soon));
        upper(call, peer)
    });
    carrier.set_apart();
    carrier.receive(b"ab\nc");
    carrier.send_only(1);
    carrier.told();
    carrier
}

/// Kills: the short path for a session that is called elsewhere, at first, after the long way has
/// cleared all other marks, and after a visit there.
#[test]
fn a_connection_that_is_set_apart_is_never_plain() {
    let mut carrier = Carrier::open(small(), upper);
    assert!(carrier.connection.plain());
    carrier.set_apart();
    for _ in 0..2 {
        assert!(!carrier.connection.plain());
        carrier.receive(b"abc\n");
        carrier.send_all();
    }
    assert!(!carrier.connection.plain() && carrier.connection.between_requests());
    assert_eq!(carrier.output, b"ABC\nABC\n");
    assert_eq!(carrier.connection.traffic(), (8, 8));
}

/// Kills: a stand-in that is asked for something, that asks for something, or that sends what is
/// another's.
#[test]
fn a_stand_in_wants_nothing_and_does_nothing() {
    let mut carrier = busy();
    let identity = carrier.connection.identity().0;
    let real = carrier.connection.leave_stand_in();
    let (now, connection) = (carrier.now + 3600 * SECOND, &mut carrier.connection);
    let mut room = b"of another peer".to_vec();
    let calls = [Due::Open, Due::Ended, Due::Resume, Due::Expired, Due::JobDone { last: true }];
    for call in calls {
        connection.perform(call, now, &mut room);
    }
    connection.received(b"x\n", now, &mut room);
    connection.half_closed(now);
    assert!(!connection.let_go(true, now, &mut room) && !connection.linger_on(now));
    assert!(connection.away() && !connection.converses() && !connection.plain());
    assert!(!connection.wants_input() && !connection.between_requests() && !connection.lingers());
    assert!(!connection.awaits_jobs() && !connection.resumable(&[]));
    assert_eq!((connection.deadline(), connection.next(&room)), (None, Next::Go));
    assert_eq!(connection.unsent(&room), b"");
    assert_eq!((connection.identity().0, connection.traffic()), (identity, (4, 1)));
    assert_eq!(room, b"of another peer");
    assert!(!real.away() && real.converses());
    assert_eq!(carrier.told(), []);
}

/// Kills: a part of a connection that stays with its stand-in: unread input, kept output, a
/// deadline, counters, the session's own state.
#[test]
fn a_connection_comes_back_whole() {
    let mut carrier = busy();
    let deadline = carrier.connection.deadline();
    let real = carrier.connection.leave_stand_in();
    carrier.connection.come_back(real);
    assert_eq!(carrier.connection.deadline(), deadline);
    assert_eq!(carrier.connection.traffic(), (4, 1));
    assert!(!carrier.connection.away() && !carrier.connection.between_requests());
    carrier.receive(b"d\n");
    carrier.send_all();
    assert_eq!(carrier.output, b"AB\nCD\n");
    let (_, told) = carrier.close(Ending::Left);
    assert_eq!(told.last(), Some(&Call::Closed(Ending::Left)), "its session was with it");
}

/// Kills: a connection that cannot go to another thread, output that does not come back with it, a
/// method that `perform` does not reach or that it calls with something else.
#[test]
fn whatever_is_due_can_be_done_on_another_thread() {
    let elsewhere = |carrier: &mut Carrier, due: Due| {
        let (mut real, now) = (carrier.connection.leave_stand_in(), carrier.now);
        let worker = thread::spawn(move || {
            let mut room = Vec::new();
            let came_of_it = real.perform(due, now, &mut room);
            (real, room, came_of_it)
        });
        let (real, room, came_of_it) = worker.join().expect("no panic");
        carrier.connection.come_back(real);
        assert!(carrier.room.is_empty());
        carrier.room = room;
        came_of_it
    };
    let mut carrier = Carrier::open(Limits { low_mark: 0, ..small() }, |call, peer| {
        peer.output.line(&format!("{call:?}"));
        match call {
            Call::Opened => peer.want_room(),
            Call::Received => {
                peer.input.take_all();
                let now = peer.now();
                peer.set_deadline(Some(now));
            }
            Call::Ended => return Flow::Close,
            _ => {}
        }
        Flow::Continue
    });
    carrier.set_apart();
    assert!(!carrier.connection.resumable(&carrier.room), "the greeting is unsent");
    carrier.send_only(usize::MAX);
    assert!(carrier.connection.resumable(&carrier.room));
    assert!(elsewhere(&mut carrier, Due::Resume));
    assert_eq!(carrier.connection.unsent(&carrier.room), b"Writable\n");
    assert!(!carrier.connection.resumable(&carrier.room));
    carrier.send_only(3);
    assert!(carrier.room.is_empty(), "what the socket did not take is kept");
    assert!(elsewhere(&mut carrier, Due::Received(b"x".to_vec())));
    carrier.send_all();
    assert!(!elsewhere(&mut carrier, Due::LetGo { delivered: true }), "it has a deadline");
    assert!(elsewhere(&mut carrier, Due::Expired));
    carrier.send_all();
    assert!(elsewhere(&mut carrier, Due::LetGo { delivered: false }));
    assert_eq!(carrier.next(), Next::Go, "its last answer is unsent");
    carrier.send_all();
    assert_eq!(carrier.output, b"Opened\nWritable\nReceived\nWoken\nEnded\n");
    assert_eq!(carrier.next(), Next::HalfClose, "not all is delivered");
    let told = [Call::Opened, Call::Writable, Call::Received, Call::Woken, Call::Ended];
    assert_eq!(carrier.told(), told);
}

/// Kills: `perform` that opens no session, or ends none, or says that a job is not the last.
#[test]
fn opening_ending_and_jobs_can_be_performed_too() {
    #[derive(Default)]
    struct Count(AtomicUsize);
    impl Offload for Count {
        fn submit(&self, _: u64, job: Job) {
            self.0.fetch_add(1, Ordering::SeqCst);
            job();
        }
    }
    let jobs = Arc::new(Count::default());
    let terms = Terms { limits: small(), offload: Some(jobs.clone()), post: None };
    let mut carrier = Carrier::open(terms, |call, peer| {
        if call == Call::Opened {
            peer.offload(|| ());
            peer.offload(|| ());
        }
        if call == Call::Ended { Flow::Close } else { Flow::Continue }
    });
    carrier.set_apart();
    carrier.perform(Due::Open);
    assert_eq!(jobs.0.load(Ordering::SeqCst), 4);
    carrier.perform(Due::JobDone { last: false });
    carrier.perform(Due::Ended);
    assert!(carrier.connection.awaits_jobs());
    carrier.perform(Due::JobDone { last: true });
    let told = [Call::Opened, Call::Opened, Call::Woken, Call::Woken, Call::Ended];
    assert_eq!(carrier.told(), told);
    assert_eq!(carrier.next(), Next::Over(Ending::Left));
}

/// Kills: a drain that is forgotten because it found a stand-in, before it was left or afterwards.
#[test]
fn a_drain_reaches_the_connection_when_it_comes_back() {
    for before in [true, false] {
        let mut carrier = Carrier::open(small(), |call, peer| {
            assert_eq!(peer.draining(), call == Call::Ended);
            upper(call, peer)
        });
        carrier.set_apart();
        if before {
            carrier.connection.drain();
        }
        let real = carrier.connection.leave_stand_in();
        if !before {
            carrier.connection.drain();
        }
        carrier.connection.come_back(real);
        assert!(carrier.perform(Due::LetGo { delivered: true }));
        assert_eq!(carrier.next(), Next::Over(Ending::Drained));
    }
}

/// Kills: a peer that cannot be given up while its session is called; one whose session is told of
/// its end by the wrong one of the two, or never; a failure that is forgotten.
#[test]
fn a_stand_in_can_fail_and_be_closed() {
    let mut carrier = busy();
    let real = carrier.connection.leave_stand_in();
    carrier.connection.fail(Ending::CutOff);
    assert_eq!(carrier.next(), Next::Over(Ending::CutOff));
    assert!(!carrier.connection.converses());

    let mut back: Connection = carrier.connection.leave_stand_in();
    back.come_back(real);
    assert_eq!(back.next(&[]), Next::Over(Ending::CutOff), "it fails as its stand-in did");
    back.close(Ending::CutOff);
    assert_eq!(carrier.told(), [Call::Closed(Ending::CutOff)], "the connection tells its session");
    let ((_, sent), told) = carrier.close(Ending::CutOff);
    assert_eq!((sent, told), (1, vec![]), "a stand-in has none to tell");
}

/// Kills: a connection without a conversation that is sent away for nothing, or the reverse.
#[test]
fn only_an_open_connection_converses() {
    let bye = |call, peer: &mut Context<'_>| {
        upper(call, peer);
        if call == Call::Received { Flow::Close } else { Flow::Continue }
    };
    let mut carrier = Carrier::open(small(), bye);
    assert!(carrier.connection.converses());
    carrier.receive(b"a\n");
    assert!(!carrier.connection.converses(), "it is closing");
    carrier.send_all();
    carrier.connection.half_closed(carrier.now);
    assert!(!carrier.connection.converses(), "it lingers");
    carrier.end();
    assert!(!carrier.connection.converses(), "it is over");
}

/// Kills: a mark, a phase or a field that makes every idle peer larger.
#[test]
fn a_connection_is_as_large_as_it_was() {
    if size_of::<usize>() == 8 {
        assert_eq!(size_of::<Connection>(), 200);
    }
}
