//! What a thread of a runtime lends to each task that it runs: buffers, and a place to count.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::Instant;

use crate::carrier::turn::Hand;
use crate::counters::{RowHandle, Stats};

/// Bytes of the one buffer that all peers of a thread are read into.
const BUFFER: usize = 64 << 10;

/// Turns after which a thread that never rests adds what it has counted to its row.
const TURNS_MOST: u32 = 64;

thread_local! {
    static WORKER: RefCell<Option<Worker>> = const { RefCell::new(None) };
}

/// What other threads see of one thread of a runtime.
pub(super) struct Attendance {
    pub(super) name: String,
    /// It has nothing to do, and waits.
    rests: AtomicBool,
}

impl Attendance {
    /// Whether it is in the midst of something.
    pub(super) fn computes(&self) -> bool {
        !self.rests.load(SeqCst)
    }
}

/// One thread of a runtime, as its tasks see it.
pub(super) struct Worker {
    pub(super) hand: Hand,
    row: RowHandle,
    turns: u32,
    attendance: Arc<Attendance>,
}

/// The calling thread is one of a runtime's from now on. It counts in `row`, which no other thread
/// may do as often.
pub(super) fn begin(row: RowHandle) -> Arc<Attendance> {
    let name = thread::current().name().unwrap_or_default().to_owned();
    let attendance = Arc::new(Attendance { name, rests: AtomicBool::new(false) });
    let worker = Worker {
        hand: Hand {
            buffer: Box::default(),
            room: Vec::new(),
            stats: Stats::default(),
            now: Instant::now(),
            narrated: tracing::enabled!(tracing::Level::DEBUG),
            apart: false,
            call: None,
        },
        row,
        turns: 0,
        attendance: Arc::clone(&attendance),
    };
    WORKER.set(Some(worker));
    attendance
}

/// The calling thread is about to wait: what it has counted is there for everyone to see.
pub(super) fn rest() {
    with_if_any(|worker| {
        worker.hand.stats.waits += 1;
        worker.tell();
        worker.attendance.rests.store(true, SeqCst);
    });
}

/// The calling thread goes on.
pub(super) fn go_on() {
    with_if_any(|worker| worker.attendance.rests.store(false, SeqCst));
}

/// A turn of one of the tasks on the calling thread.
///
/// # Panics
/// If it is none of a runtime's of this server.
#[inline]
pub(super) fn turn<R>(take: impl FnOnce(&mut Worker) -> R) -> R {
    WORKER.with_borrow_mut(|worker| {
        let worker = worker.as_mut().expect("a task runs on its runtime's threads");
        if worker.hand.buffer.is_empty() {
            worker.furnish();
        }
        debug_assert!(worker.hand.room.is_empty(), "what one peer is sent is sent to no other");
        let result = take(worker);
        worker.turns += 1;
        if worker.turns >= TURNS_MOST {
            worker.tell();
        }
        result
    })
}

fn with_if_any(then: impl FnOnce(&mut Worker)) {
    WORKER.with_borrow_mut(|worker| worker.as_mut().map(then));
}

impl Worker {
    /// A runtime has threads that never run a task of ours.
    #[cold]
    fn furnish(&mut self) {
        self.hand.buffer = vec![0; BUFFER].into_boxed_slice();
        self.hand.room = Vec::with_capacity(BUFFER);
    }

    /// Adds what was counted to the row.
    pub(super) fn tell(&mut self) {
        self.turns = 0;
        self.row.gather(&mut self.hand.stats);
    }
}
