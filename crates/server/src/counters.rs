//! What the server counted: exact, and the same under every model.
//!
//! The counters lie in memory that all processes of the server share: a row for each loop or
//! serving thread, on cache lines of its own. What a process counted outlives it.

use std::fmt;
use std::io;
use std::ops::Deref;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use switchboard_core::{Ending, Outcome};

use crate::shared::{Sharable, Shared};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// What a server counted. Bytes are those of the socket calls.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Stats {
            $($(#[$doc])* pub $name: u64,)*
        }

        /// The counters of one loop or thread; the sum of all rows is the server's. Two cache
        /// lines at a time are fetched, so a row begins at a multiple of two.
        #[derive(Default)]
        #[repr(align(128))]
        pub(crate) struct Row {
            /// Peers that were let in here less those that left from here: may be "negative", when
            /// one thread lets in and another serves. Only the sum of a process's rows means
            /// anything.
            pub(crate) inside: AtomicU64,
            $($name: AtomicU64,)*
        }

        impl Row {
            /// Adds what a loop or thread has gathered, and empties it.
            pub(crate) fn gather(&self, stats: &mut Stats) {
                $(if stats.$name != 0 {
                    self.$name.fetch_add(stats.$name, Relaxed);
                })*
                *stats = Stats::default();
            }

            fn add_to(&self, stats: &mut Stats) {
                $(stats.$name = stats.$name.wrapping_add(self.$name.load(Relaxed));)*
            }
        }
    };
}

counters! {
    /// Peers given a session.
    accepted,
    /// Peers closed without one: too many, or no descriptor left.
    refused,
    /// Of the accepted: those that ended as their protocol has it.
    in_order,
    /// Of the accepted: those ended by an error, a reset, a panic, a crash.
    failed,
    /// Of the accepted: those that missed a deadline.
    timed_out,
    /// Of the accepted: those ended by the drain's deadline or a second signal.
    cut_off,
    /// Bytes received.
    received,
    /// Bytes sent.
    sent,
    /// Times that a loop was told of urgent data. Every model reads it in line; `spin`, `uring` and
    /// the blocking models, which ask nobody, are not told of it and count none.
    urgent,
    /// Microseconds that peers of `pool` waited for a thread, all together: in its queue, between
    /// accept(2) and their session; under `accept=all` in the backlog, to the millisecond, while no
    /// thread was free (Unix sockets cannot tell).
    queued_us,
    /// Times that the last free thread or process was taken, so that the next peer has to wait, in
    /// `pool:accept=all` and `process`; in `pool:accept=queue`, that the queue was full.
    full,
    /// System calls that accept a peer, including those that found none: accept4(2); where the
    /// kernel accepts by itself, those that ask who came: getpeername(2).
    accepts,
    /// System calls that wait for descriptors: epoll_wait(2), poll(2), select(2). `spin` makes one
    /// for each scan, which does not wait. Under `uring` all calls of io_uring_enter(2), which also
    /// receive, send and say what to watch, each for many peers. `tokio` makes its calls itself: there
    /// it is how often one of its threads had nothing to do and waited.
    waits,
    /// System calls that receive: recv(2). Under `uring` only those that look, in the drain, whether
    /// more has come.
    receives,
    /// System calls that send: send(2). None under `uring`.
    sends,
    /// System calls that say what to watch, or for how long: epoll_ctl(2), and the time-outs of
    /// blocking sockets. None under `uring`.
    arms,
}

// SAFETY: a row is nothing but atomic numbers.
unsafe impl Sharable for Row {}

impl Row {
    /// One system call that received.
    #[inline]
    pub(crate) fn received(&self, count: usize) {
        self.receives.fetch_add(1, Relaxed);
        self.received.fetch_add(count as u64, Relaxed);
    }

    /// One system call that sent.
    #[inline]
    pub(crate) fn sent(&self, count: usize) {
        self.sends.fetch_add(1, Relaxed);
        self.sent.fetch_add(count as u64, Relaxed);
    }

    /// A peer that was counted as accepted was not served after all.
    pub(crate) fn not_accepted(&self) {
        self.accepted.fetch_sub(1, Relaxed);
    }

    /// Bytes received and sent.
    pub(crate) fn traffic(&self) -> (u64, u64) {
        (self.received.load(Relaxed), self.sent.load(Relaxed))
    }

    /// One that looked for a peer to accept.
    pub(crate) fn accepted_once(&self) {
        self.accepts.fetch_add(1, Relaxed);
    }

    /// One that set a time-out.
    pub(crate) fn armed(&self) {
        self.arms.fetch_add(1, Relaxed);
    }

    /// One that waited.
    pub(crate) fn waited(&self) {
        self.waits.fetch_add(1, Relaxed);
    }

    /// How often it has waited.
    pub(crate) fn waits(&self) -> u64 {
        self.waits.load(Relaxed)
    }

    /// Peers that were accepted here and have not ended.
    pub(crate) fn present(&self) -> u64 {
        let mut stats = Stats::default();
        self.add_to(&mut stats);
        stats.present()
    }
}

/// All rows of a server. Clones are the same rows.
#[derive(Clone)]
pub(crate) struct Counters(Arc<Shared<Row>>);

impl Counters {
    /// `rows`: at least 1.
    pub(crate) fn new(rows: usize) -> io::Result<Counters> {
        Ok(Counters(Arc::new(Shared::new(rows)?)))
    }

    /// A row, for whoever writes it.
    pub(crate) fn row(&self, index: usize) -> RowHandle {
        debug_assert!(index < self.0.len());
        RowHandle { rows: Arc::clone(&self.0), index }
    }

    /// The sum of all rows, as they are now.
    pub(crate) fn read(&self) -> Stats {
        self.sum(0..self.0.len())
    }

    /// The sum of some rows.
    pub(crate) fn sum(&self, rows: Range<usize>) -> Stats {
        let mut stats = Stats::default();
        self.0[rows].iter().for_each(|row| row.add_to(&mut stats));
        stats
    }

    /// Whoever wrote these rows is gone: its open peers are counted as `ending` has it. How many
    /// those were.
    pub(crate) fn close(&self, rows: Range<usize>, ending: Ending) -> u64 {
        let mut lost = 0;
        for row in &self.0[rows] {
            let present = row.present();
            let mut stats = Stats::default();
            (0..present).for_each(|_| stats.ended(ending));
            row.gather(&mut stats);
            lost += present;
        }
        lost
    }

    /// How many peers the gate still counts for these rows, whose process is gone; from now on none.
    pub(crate) fn take_inside(&self, rows: Range<usize>) -> u64 {
        let rows = self.0[rows].iter();
        let sum = rows.fold(0_u64, |sum, row| sum.wrapping_add(row.inside.swap(0, Relaxed)));
        // "Negative" if a loop that was left behind has let its peer go once more.
        if sum.cast_signed() < 0 { 0 } else { sum }
    }
}

/// One row, kept mapped.
#[derive(Clone)]
pub(crate) struct RowHandle {
    rows: Arc<Shared<Row>>,
    index: usize,
}

impl Deref for RowHandle {
    type Target = Row;

    #[inline]
    fn deref(&self) -> &Row {
        &self.rows[self.index]
    }
}

impl Stats {
    /// Counts one ended peer.
    pub(crate) fn ended(&mut self, ending: Ending) {
        match ending.outcome() {
            Outcome::InOrder => self.in_order += 1,
            Outcome::Failed => self.failed += 1,
            Outcome::TimedOut => self.timed_out += 1,
            Outcome::CutOff => self.cut_off += 1,
        }
    }

    /// Peers that have a session now.
    pub fn present(&self) -> u64 {
        self.accepted.saturating_sub(self.in_order + self.failed + self.timed_out + self.cut_off)
    }
}

/// The stop line's fields, in their order.
impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "accepted={} refused={} failed={} timed_out={} cut_off={} received={} sent={} urgent={}",
            self.accepted,
            self.refused,
            self.failed,
            self.timed_out,
            self.cut_off,
            self.received,
            self.sent,
            self.urgent
        )?;
        write!(
            f,
            " queued_us={} full={} accepts={} waits={} receives={} sends={} arms={}",
            self.queued_us,
            self.full,
            self.accepts,
            self.waits,
            self.receives,
            self.sends,
            self.arms
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_open_peers_of_a_row_that_is_closed_have_failed() {
        let counters = Counters::new(3).unwrap();
        let mut stats = Stats { accepted: 5, in_order: 2, ..Stats::default() };
        counters.row(1).gather(&mut stats);
        counters.row(2).gather(&mut Stats { accepted: 7, ..Stats::default() });
        counters.row(1).inside.store(3, Relaxed);
        assert_eq!(counters.close(1..2, Ending::Reset), 3);
        assert_eq!(counters.close(1..2, Ending::Reset), 0);
        assert_eq!(counters.take_inside(0..3), 3);
        assert_eq!(counters.take_inside(0..3), 0);
        let sum = counters.read();
        assert_eq!((sum.accepted, sum.failed, sum.present()), (12, 3, 7));
    }

    #[test]
    fn rows_share_no_cache_line() {
        assert_eq!(size_of::<Row>() % 128, 0);
        assert_eq!(align_of::<Row>(), 128);
    }
}
