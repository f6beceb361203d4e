//! The mailbox under loom: every order in which senders and the thread that serves a peer can meet.
//!
//! The file under test is the crate's own, with loom's mutex and atomic in place of the standard ones.

#![allow(clippy::unwrap_used, reason = "clippy does not see that helpers of tests are tests")]

#[path = "../src/mail.rs"]
#[allow(dead_code, unreachable_pub, reason = "the crate uses all of it, this test a part")]
mod mail;

mod sync {
    pub(crate) use loom::sync::atomic::AtomicU64;
    pub(crate) use loom::sync::{Mutex, MutexGuard};
    pub(crate) use std::sync::PoisonError;
}

use loom::sync::{Condvar, Mutex};
use mail::{Mailbox, Overrun, OwnMailbox, Post, Undelivered, Waiting};

/// The places that were rung for, and nobody has looked after.
struct Bell {
    rung: Mutex<Vec<u64>>,
    any: Condvar,
}

impl Post for Bell {
    fn ring(&self, _: u64, place: u64, _: bool) {
        self.rung.lock().unwrap().push(place);
        self.any.notify_one();
    }
}

impl Bell {
    fn new() -> std::sync::Arc<Bell> {
        std::sync::Arc::new(Bell { rung: Mutex::new(Vec::new()), any: Condvar::new() })
    }

    /// Waits for a ring. A lost one is a deadlock here, of which loom tells.
    fn wait(&self) -> Vec<u64> {
        let mut rung = self.rung.lock().unwrap();
        while rung.is_empty() {
            rung = self.any.wait(rung).unwrap();
        }
        std::mem::take(&mut *rung)
    }
}

fn sends(mailbox: Mailbox, texts: &'static [&'static str]) -> loom::thread::JoinHandle<()> {
    loom::thread::spawn(move || {
        for text in texts {
            mailbox.send(*text, Overrun::Report).unwrap();
        }
    })
}

/// Takes, as a carrier does that was rung for, until so many bytes have come.
fn takes(own: &OwnMailbox, bell: &Bell, count: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < count {
        bell.wait();
        while own.take(&mut bytes, 1) == (Waiting::Nothing, true) {}
    }
    bytes
}

/// Kills: `rung` that is unset before the mail is taken (a ring too many, and one that is lost after
/// it); a sender that looks at it without the lock.
#[test]
fn no_ring_is_lost() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(2);
    model.check(|| {
        let bell = Bell::new();
        let own = OwnMailbox::new(1, Some(bell.clone()), 100);
        let senders = [sends(own.address(), &["a", "b"]), sends(own.address(), &["x"])];
        let bytes = takes(&own, &bell, 3);
        senders.into_iter().for_each(|sender| sender.join().unwrap());
        let own: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != b'x').collect();
        assert_eq!((own.as_slice(), bytes.len()), (&b"ab"[..], 3));
    });
}

/// Kills: a place that is named between a sender's look at it and its ring: the mail would lie there.
#[test]
fn mail_comes_to_the_place_that_was_named_or_was_there_before() {
    loom::model(|| {
        let bell = Bell::new();
        let own = OwnMailbox::new(1, Some(bell.clone()), 100);
        let sender = sends(own.address(), &["a"]);
        let before = own.set_place(7);
        let mut bytes = Vec::new();
        if !before {
            assert_eq!(bell.wait(), [7]);
        }
        own.take(&mut bytes, 100);
        assert_eq!(bytes, b"a");
        sender.join().unwrap();
    });
}

/// Kills: mail that is accepted after its peer is gone, and that nobody would drop.
#[test]
fn mail_for_one_that_goes_is_delivered_or_reported() {
    loom::model(|| {
        let bell = Bell::new();
        let own = OwnMailbox::new(1, Some(bell), 100);
        let address = own.address();
        let sender = loom::thread::spawn(move || {
            let first = address.send("a", Overrun::Report);
            let second = address.send("b", Overrun::Report);
            assert!(first.is_ok() || second == Err(Undelivered::Gone), "gone for good");
        });
        drop(own);
        sender.join().unwrap();
    });
}
