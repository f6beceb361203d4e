//! The inbox under loom: every order in which two senders and a loop can meet.
//!
//! The file under test is the library's own, with loom's mutex in place of the standard one.

#![allow(clippy::unwrap_used, reason = "clippy does not see that helpers of tests are tests")]

#[path = "../src/inbox.rs"]
#[allow(dead_code, reason = "the library uses all of it, this test a part")]
mod inbox;

#[allow(unused_imports, reason = "the inbox alone knows which of them it needs")]
mod sync {
    pub(crate) use loom::sync::Mutex;
    pub(crate) use std::sync::PoisonError;
}

use inbox::{Inbox, Wake};
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::{Arc, Condvar, Mutex};

/// Counts like an eventfd: rings add up until it is quieted.
struct Bell {
    count: Mutex<usize>,
    rung: Condvar,
    rings: AtomicUsize,
}

impl Bell {
    fn new() -> Bell {
        Bell { count: Mutex::new(0), rung: Condvar::new(), rings: AtomicUsize::new(0) }
    }

    /// As epoll_wait(2) does.
    fn wait(&self) {
        let mut count = self.count.lock().unwrap();
        while *count == 0 {
            count = self.rung.wait(count).unwrap();
        }
    }
}

impl Wake for Bell {
    fn ring(&self) {
        self.rings.fetch_add(1, Ordering::SeqCst);
        *self.count.lock().unwrap() += 1;
        self.rung.notify_one();
    }

    fn quiet(&self) {
        *self.count.lock().unwrap() = 0;
    }
}

/// Two threads send `each` letters; the loop sleeps until it has all.
fn meet(each: usize) {
    let inbox = Arc::new(Inbox::new(Bell::new()));
    let senders: Vec<_> = (0..2)
        .map(|sender| {
            let inbox = Arc::clone(&inbox);
            loom::thread::spawn(move || (0..each).for_each(|letter| inbox.put((sender, letter))))
        })
        .collect();
    let (mut all, mut letters, mut wakes) = (Vec::new(), Vec::new(), 0);
    while all.len() < 2 * each {
        // A lost wake-up is a deadlock here, of which loom tells.
        inbox.bell().wait();
        wakes += 1;
        inbox.take(&mut letters);
        assert!(!letters.is_empty(), "woken for nothing");
        all.append(&mut letters);
    }
    senders.into_iter().for_each(|sender| sender.join().unwrap());
    assert_eq!(inbox.bell().rings.load(Ordering::SeqCst), wakes, "a ring for each wake-up");
    for sender in 0..2 {
        let order: Vec<usize> =
            all.iter().filter(|(of, _)| *of == sender).map(|(_, n)| *n).collect();
        assert_eq!(order, (0..each).collect::<Vec<_>>());
    }
}

/// Kills: a bell that is quieted after the letters were taken (a lost wake-up); one that is rung for
/// every letter (a doubled one); `len() == 1` looked at after the lock is gone.
#[test]
fn no_wake_up_is_lost_or_doubled() {
    loom::model(|| meet(1));
}

#[test]
fn letters_of_one_sender_keep_their_order() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| meet(2));
}

/// Kills: a letter that is taken back and read all the same; one behind it for which nobody rings.
#[test]
fn whoever_takes_letters_back_takes_no_wake_up_with_them() {
    loom::model(|| {
        let inbox = Arc::new(Inbox::new(Bell::new()));
        let sender = {
            let inbox = Arc::clone(&inbox);
            loom::thread::spawn(move || {
                inbox.put(0);
                let back = inbox.take_back(|_| true);
                inbox.put(1);
                back
            })
        };
        let (mut all, mut letters) = (Vec::new(), Vec::new());
        while !all.contains(&1) {
            inbox.bell().wait();
            inbox.take(&mut letters);
            all.append(&mut letters);
        }
        let mut both = sender.join().unwrap();
        both.append(&mut all);
        assert_eq!(both, [0, 1]);
    });
}
