//! Jobs of a straight-line handler: it waits for each, and has its value.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use switchboard_core::{Ending, JobPanicked, Reading, Wait, Wire};

use crate::wire::{Asked, bytes, script};

const SECOND: Duration = Duration::from_secs(1);

/// A wire that has no threads for jobs, and nothing else.
struct Bare;

impl Wire for Bare {
    fn receive(&mut self, _: &mut Vec<u8>, _: Reading) -> io::Result<usize> {
        unreachable!("nothing is read")
    }

    fn send(&mut self, _: &[u8], _: Wait) -> io::Result<usize> {
        unreachable!("nothing is written")
    }

    fn sleep(&mut self, _: Duration) -> io::Result<()> {
        unreachable!("nobody sleeps")
    }

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn draining(&self) -> bool {
        false
    }
}

/// Kills: a value that is not the job's, an answer that waits until a long job is done.
#[test]
fn a_handler_is_given_the_value_and_its_peer_what_was_written_before() {
    let mut script = bytes([&b"6 7\n"[..]]);
    let (ending, _) = script.serve(|peer| {
        let line = peer.line()?.unwrap_or_default();
        write!(peer, "{line} =")?;
        let product = peer.offload(move || {
            line.split(' ').filter_map(|factor| factor.parse::<u32>().ok()).product::<u32>()
        })?;
        writeln!(peer, " {product}")
    });
    assert_eq!(ending, Ending::Closed);
    let sent = |text: &[u8]| Asked::Send(text.to_vec());
    assert_eq!(script.asked[1..], [sent(b"6 7 ="), Asked::Offload, sent(b" 42\n")]);
}

/// Kills: a panic that gets out, or that ends a peer whose handler can do without the value.
#[test]
fn a_job_that_panics_is_an_error_and_not_an_end() {
    let mut script = script([]);
    let (ending, _) = script.serve(|peer| {
        let error = peer.offload(|| panic!("as was asked for")).expect_err("it panicked");
        assert_eq!(error.kind(), io::ErrorKind::Other);
        assert!(error.get_ref().is_some_and(|inner| inner.is::<JobPanicked>()));
        assert!(error.to_string().contains("panicked"), "{error}");
        writeln!(peer, "without")
    });
    assert_eq!((ending, script.output()), (Ending::Closed, b"without\n".to_vec()));
    let (ending, error) = script.serve(|peer| peer.offload(|| panic!("as was asked for")));
    assert_eq!((ending, error.is_some()), (Ending::Error, true), "passed on, it is the handler's");
}

/// Kills: a job for a peer that is over, a value that a peer is given which was cut off meanwhile.
#[test]
fn a_peer_that_is_cut_off_gets_an_error() {
    let mut script = script([]);
    (script.cut, script.draining) = (true, true);
    let (ending, _) = script.serve(|peer| {
        for _ in 0..2 {
            let error = peer.offload(|| 1).expect_err("cut off");
            assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
        }
        Ok(())
    });
    assert_eq!(ending, Ending::CutOff);
    assert_eq!(script.asked, [Asked::Offload], "the second is not begun");
}

/// Kills: a deadline that a job evades, one that takes away the value of a job that is done.
#[test]
fn a_deadline_that_passes_during_a_job_is_noticed_by_the_next_wait() {
    let mut script = bytes([&b"a\n"[..]]);
    let (ending, _) = script.serve(|peer| {
        let now = peer.now();
        peer.set_deadline(Some(now));
        assert_eq!(peer.offload(|| 1)?, 1);
        let error = peer.sleep(SECOND).expect_err("late");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        Ok(())
    });
    assert_eq!(ending, Ending::TimedOut);
}

/// Kills: a wire without threads for jobs that loses one.
#[test]
fn a_wire_runs_jobs_in_place_unless_it_knows_better() {
    let (told, heard) = std::sync::mpsc::channel();
    let here = std::thread::current().id();
    Bare.offload(Box::new(move || told.send(std::thread::current().id()).unwrap())).unwrap();
    assert_eq!(heard.try_recv(), Ok(here));
}
