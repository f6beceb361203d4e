//! Jobs of a session: what waits for them, what does not, and how it is woken.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use switchboard_core::{
    Context, Ending, Flow, Job, JobPanicked, Limits, Next, Offload, Offloaded, Terms,
};

use crate::carrier::{Call, Carrier, small};

const SECOND: Duration = Duration::from_secs(1);

/// Threads that run a job when they are told to.
#[derive(Clone, Default)]
struct Threads(Arc<Mutex<VecDeque<(u64, Job)>>>);

impl Offload for Threads {
    fn submit(&self, peer: u64, job: Job) {
        self.0.lock().expect("no panic in a job").push_back((peer, job));
    }
}

impl Threads {
    fn terms(&self, limits: Limits) -> Terms {
        Terms { limits, offload: Some(Arc::new(self.clone())), post: None }
    }

    fn waiting(&self) -> usize {
        self.0.lock().expect("no panic in a job").len()
    }

    /// Runs the oldest job, for which peer 7 asked, on another thread.
    fn run(&self) {
        let next = self.0.lock().expect("no panic in a job").pop_front();
        let (peer, job) = next.expect("a job waits");
        assert_eq!(peer, 7);
        std::thread::spawn(job).join().expect("a job never panics");
    }

    /// Runs the oldest job and tells of it.
    fn finish(&self, carrier: &mut Carrier) {
        self.run();
        let (last, now) = (self.waiting() == 0, carrier.now);
        carrier.connection.job_done(last, now, &mut carrier.room);
    }
}

/// Doubles each line's number, by a job; says what it got, or "..." for nothing yet.
fn doubler(call: Call, peer: &mut Context<'_>, jobs: &mut Vec<Offloaded<u32>>) -> Flow {
    match call {
        Call::Received => {
            let Some(line) = peer.input.line() else { return Flow::Continue };
            let number = String::from_utf8_lossy(line).parse::<u32>();
            jobs.push(peer.offload(move || number.expect("a number") * 2));
        }
        Call::Woken => {
            jobs.retain_mut(|job| {
                match job.take() {
                    None => peer.output.write(b"..."),
                    Some(Err(panicked)) => peer.output.line(&panicked.to_string()),
                    Some(Ok(number)) => peer.output.line(&number.to_string()),
                }
                assert_eq!(job.take(), None, "a value is taken once");
                false
            });
        }
        Call::Ended => return Flow::Close,
        _ => {}
    }
    Flow::Continue
}

fn doubling(terms: impl Into<Terms>) -> Carrier {
    let mut jobs = Vec::new();
    let carrier = Carrier::open(terms, move |call, peer| doubler(call, peer, &mut jobs));
    carrier.told();
    carrier
}

/// Kills: input, or the peer's end, for a session that waits for a job; requests that are lost or
/// overtake each other; a mark that stays.
#[test]
fn requests_are_answered_in_their_order_one_job_at_a_time() {
    let threads = Threads::default();
    let mut carrier = doubling(threads.terms(small()));
    carrier.receive(b"1\n2\n");
    assert!(carrier.connection.awaits_jobs() && !carrier.connection.wants_input());
    carrier.receive(b"3\n");
    carrier.end();
    carrier.go_on();
    assert_eq!((carrier.told(), threads.waiting()), (vec![Call::Received], 1));
    for more in [true, true, false] {
        threads.finish(&mut carrier);
        assert_eq!(carrier.connection.awaits_jobs(), more);
    }
    let turn = [Call::Woken, Call::Received];
    assert_eq!(carrier.told(), [&turn[..], &turn, &[Call::Woken, Call::Ended]].concat());
    carrier.send_all();
    assert_eq!(carrier.output, b"2\n4\n6\n");
    assert_eq!(carrier.next(), Next::Over(Ending::Left));
}

/// Kills: a peer that stays off the short path after its job, or is on it during the job.
#[test]
fn after_its_job_a_peer_is_plain() {
    let threads = Threads::default();
    let mut carrier = doubling(threads.terms(small()));
    carrier.receive(b"4\n");
    assert!(!carrier.connection.plain() && carrier.connection.hurries());
    assert!(!carrier.connection.resumable(&carrier.room));
    threads.finish(&mut carrier);
    carrier.send_only(usize::MAX);
    assert!(carrier.connection.plain() && !carrier.connection.hurries());
    assert!(carrier.connection.wants_input());
}

/// Kills: half a line that is not offered again after the job, or that is lost meanwhile.
#[test]
fn what_was_left_is_offered_after_the_job() {
    let threads = Threads::default();
    let mut jobs = Vec::new();
    let mut carrier = Carrier::open(threads.terms(small()), move |call, peer| {
        if call == Call::Received {
            match peer.input.len() {
                2 if jobs.is_empty() => jobs.push(peer.offload(|| ())),
                _ => drop(peer.input.take_all()),
            }
        }
        Flow::Continue
    });
    carrier.receive(b"ab");
    threads.finish(&mut carrier);
    assert_eq!(carrier.told(), [Call::Opened, Call::Received, Call::Woken, Call::Received]);
    assert!(carrier.connection.plain());
}

/// Kills: idleness of a peer whose job takes long; a limit that is over the moment its job is done;
/// a job by which a peer is saved that does not read.
#[test]
fn a_peer_whose_job_takes_long_is_not_idle() {
    let threads = Threads::default();
    let mut carrier = doubling(threads.terms(small()));
    carrier.receive(b"1\n");
    assert_eq!(carrier.connection.deadline(), None);
    carrier.pass(3600 * SECOND);
    assert_eq!(carrier.next(), Next::Go);
    threads.finish(&mut carrier);
    assert_eq!(carrier.connection.deadline(), Some(carrier.now + 60 * SECOND));
    carrier.send_only(1);
    carrier.receive(b"2\n");
    assert_eq!(carrier.connection.deadline(), Some(carrier.now + 60 * SECOND), "it must read");
    carrier.pass(60 * SECOND);
    assert_eq!(carrier.next(), Next::Over(Ending::TimedOut));
    threads.finish(&mut carrier);
    assert_eq!(carrier.told(), [Call::Received, Call::Woken, Call::Received], "and it is over");
}

/// Kills: a drain that lets a peer go before its answer, or that waits for one that has it.
#[test]
fn a_drain_waits_for_jobs() {
    let threads = Threads::default();
    let mut carrier = doubling(threads.terms(small()));
    carrier.receive(b"21\n");
    carrier.connection.drain();
    assert!(!carrier.connection.between_requests());
    assert!(!carrier.connection.let_go(true, carrier.now, &mut carrier.room));
    threads.finish(&mut carrier);
    carrier.send_all();
    assert!(carrier.connection.let_go(true, carrier.now, &mut carrier.room));
    assert_eq!((&carrier.output[..], carrier.next()), (&b"42\n"[..], Next::Over(Ending::Drained)));
}

/// Kills: a deadline that a job's end unsets or brings forward, one that is put off by the job, and
/// a wake-up by one that lets input through to the other.
#[test]
fn a_deadline_and_a_job_do_not_disturb_each_other() {
    let threads = Threads::default();
    let mut jobs = Vec::new();
    let mut carrier = Carrier::open(threads.terms(small()), move |call, peer| {
        if call == Call::Received {
            let soon = peer.now() + 10 * SECOND;
            peer.set_deadline(Some(soon));
        }
        doubler(call, peer, &mut jobs)
    });
    carrier.receive(b"1\n");
    let deadline = Some(carrier.now + 10 * SECOND);
    assert_eq!(carrier.connection.deadline(), deadline);
    carrier.pass(5 * SECOND);
    threads.finish(&mut carrier);
    assert_eq!(carrier.told(), [Call::Opened, Call::Received, Call::Woken]);
    assert_eq!(carrier.connection.deadline(), deadline);
    carrier.receive(b"2\n3\n");
    carrier.pass(10 * SECOND);
    assert_eq!(carrier.told(), [Call::Received, Call::Woken], "the job is under way");
    assert!(carrier.connection.awaits_jobs());
    assert_eq!(carrier.connection.unsent(&carrier.room), b"2\n...");
}

/// Kills: a session that is woken for the last of its jobs only, or that goes on before it; a job
/// that is begun in `woken` and not waited for.
#[test]
fn a_session_is_woken_for_each_of_its_jobs() {
    let threads = Threads::default();
    let mut jobs = Vec::new();
    let mut carrier = Carrier::open(threads.terms(small()), move |call, peer| {
        match call {
            Call::Received => jobs.extend(peer.input.take(2).iter().map(|byte| {
                let byte = *byte;
                peer.offload(move || byte)
            })),
            Call::Woken => {
                let done = jobs.remove(0).take().expect("in their order").expect("no panic");
                peer.output.write(&[done]);
                if done == b'b' {
                    jobs.push(peer.offload(|| b'!'));
                }
                peer.want_room();
            }
            _ => {}
        }
        Flow::Continue
    });
    carrier.told();
    carrier.receive(b"abc");
    let alone = [Call::Woken, Call::Writable];
    for told in [&alone[..], &alone, &[Call::Woken, Call::Received, Call::Writable], &alone] {
        assert!(carrier.connection.awaits_jobs());
        carrier.told();
        threads.finish(&mut carrier);
        assert_eq!(carrier.told(), told);
    }
    assert!(!carrier.connection.awaits_jobs());
    assert_eq!(carrier.connection.unsent(&carrier.room), b"ab!c");
}

/// Kills: a panic that ends the thread of a job or the session that waits, and a wait for ever.
#[test]
fn a_job_that_panics_is_an_answer_too() {
    let threads = Threads::default();
    let mut carrier = doubling(threads.terms(small()));
    carrier.receive(b"one\n2\n");
    threads.finish(&mut carrier);
    threads.finish(&mut carrier);
    let said = format!("{JobPanicked}\n4\n");
    assert_eq!(carrier.connection.unsent(&carrier.room), said.as_bytes());
}

/// Kills: a job that is forgotten with its peer, and a value that takes the thread with it.
#[test]
fn who_is_gone_or_closes_is_not_woken() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("as was asked for");
        }
    }
    let threads = Threads::default();
    for flow in [Flow::Continue, Flow::Close] {
        let mut carrier = Carrier::open(threads.terms(small()), move |_, peer| {
            drop(peer.offload(|| Bomb));
            flow
        });
        if flow == Flow::Continue {
            carrier.connection.fail(Ending::Reset);
        }
        assert!(!carrier.connection.awaits_jobs());
        threads.finish(&mut carrier);
        assert_eq!(carrier.told(), [Call::Opened]);
    }
}

/// Kills: a job that is not run where nobody runs jobs, a session that is not woken then, one that
/// is woken within its own call, one that goes round for ever in one step, one that the drain lets
/// go before it has gone on.
#[test]
fn without_threads_a_job_is_run_in_place() {
    let mut carrier = doubling(small());
    carrier.receive(b"1\n2\n3");
    assert_eq!(carrier.told(), [Call::Received, Call::Woken], "the next is another step's");
    assert!(!carrier.connection.awaits_jobs() && !carrier.connection.between_requests());
    carrier.go_on();
    carrier.receive(b"\n");
    assert!(
        !carrier.connection.between_requests(),
        "nothing is unread, and it is called once more"
    );
    carrier.go_on();
    carrier.end();
    carrier.send_all();
    assert_eq!(carrier.output, b"2\n4\n6\n");
    assert_eq!(carrier.next(), Next::Over(Ending::Left));
}

/// Kills: a session that is woken in place after some of its calls only.
#[test]
fn every_call_may_offload_in_place() {
    for asks in [Call::Opened, Call::Received, Call::Writable, Call::Woken, Call::Ended] {
        let mut asked = false;
        let mut carrier = Carrier::open(small(), move |call, peer| {
            if call == Call::Received {
                peer.input.take_all();
                peer.want_room();
                let now = peer.now();
                peer.set_deadline((asks == Call::Woken).then_some(now));
            }
            if call == asks && !std::mem::replace(&mut asked, true) {
                peer.offload(|| ());
            }
            Flow::Continue
        });
        carrier.receive(b"x");
        assert!(!carrier.connection.awaits_jobs(), "{asks:?}: nothing else would wake it");
        carrier.go_on();
        carrier.pass(Duration::ZERO);
        carrier.go_on();
        carrier.end();
        carrier.go_on();
        let told = carrier.told();
        let woken = told.iter().filter(|call| **call == Call::Woken).count();
        assert_eq!(woken, 1 + usize::from(asks == Call::Woken), "{asks:?}: {told:?}");
        let at = told.iter().position(|call| *call == asks).expect("it was called");
        assert_eq!(told[at + 1], Call::Woken, "{asks:?}: {told:?}");
    }
}
