//! How handlers on stacks come to their ends, whoever brings them there.

use std::io::Write;
use std::thread;
use std::time::Duration;

use switchboard_core::{Ending, Next, Peer};

use super::{Notes, Rig};

const SECOND: Duration = Duration::from_secs(1);

/// Kills: a handler that waits again after it was cut off, one that is not brought to its end.
#[test]
fn a_handler_that_is_cut_off_never_waits_again() {
    let notes = Notes::default();
    let noted = notes.clone();
    let rig = Rig::new(move |peer| {
        for _ in 0..3 {
            noted.add(peer.line().unwrap_err().kind());
        }
        noted.add(peer.sleep(SECOND).unwrap_err().kind());
        noted.add(write!(peer, "x").and_then(|()| peer.flush()).unwrap_err().kind());
        Ok(())
    });
    assert_eq!(rig.close(Ending::CutOff), Ending::CutOff);
    assert_eq!(notes.all(), ["connection aborted"; 5]);
}

/// Writes when it is dropped, as a handler's guard might.
struct Farewell<'p, 'w>(&'p mut Peer<'w>, Notes);

impl Drop for Farewell<'_, '_> {
    fn drop(&mut self) {
        let said = write!(self.0, "farewell").and_then(|()| self.0.flush());
        self.1.add(said.map_or_else(|error| error.kind().to_string(), |()| "said".to_owned()));
    }
}

/// Kills: a stack that is suspended while it unwinds, which leaves its thread panicking.
#[test]
fn a_destructor_that_writes_while_its_handler_panics_does_not_wait() {
    let notes = Notes::default();
    let noted = notes.clone();
    let mut rig = Rig::new(move |peer| {
        let guard = Farewell(peer, noted.clone());
        let line = guard.0.line()?;
        panic!("{line:?}");
    });
    rig.says("boo\n");
    assert!(!thread::panicking());
    assert_eq!(rig.over(), Some(Ending::Panicked));
    assert_eq!(notes.all(), ["other error"]);
    assert_eq!(rig.close(Ending::Panicked), Ending::Panicked);
}

#[test]
fn a_destructor_that_writes_runs_when_its_peer_is_cut_off() {
    let notes = Notes::default();
    let noted = notes.clone();
    let rig = Rig::new(move |peer| {
        let guard = Farewell(peer, noted.clone());
        guard.0.line().map(drop)
    });
    rig.close(Ending::CutOff);
    assert_eq!(notes.all(), ["connection aborted"]);
}

#[test]
fn a_panic_after_the_peers_end_is_counted() {
    let rig = Rig::new(|peer| {
        let _ = peer.line();
        panic!("too late");
    });
    assert_eq!(rig.close(Ending::Reset), Ending::Panicked);
}

/// Kills: a handler whose values are leaked when whoever served it fails.
#[test]
fn a_handler_comes_to_its_end_although_nobody_closed_its_peer() {
    let notes = Notes::default();
    let noted = notes.clone();
    let rig = Rig::new(move |peer| {
        let guard = Farewell(peer, noted.clone());
        guard.0.line().map(drop)
    });
    drop(rig);
    assert_eq!(notes.all(), ["connection aborted"]);
}

/// Kills: values of one thread dropped by another.
#[test]
fn a_stack_that_is_dropped_by_another_thread_is_left_alone() {
    let notes = Notes::default();
    let noted = notes.clone();
    let rig = Rig::new(move |peer| {
        let guard = Farewell(peer, noted.clone());
        guard.0.line().map(drop)
    });
    let Rig { connection, .. } = rig;
    thread::spawn(move || drop(connection)).join().unwrap();
    assert!(notes.all().is_empty());
}

#[test]
fn a_stack_that_is_resumed_by_another_thread_fails_its_peer_alone() {
    let Rig { mut connection, mut room, now } = Rig::new(|peer| peer.line().map(drop));
    let ending = thread::spawn(move || {
        connection.received(b"x\n", now, &mut room);
        connection.next(&room)
    });
    assert_eq!(ending.join().unwrap(), Next::Over(Ending::Panicked));
}
