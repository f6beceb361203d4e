//! Threads that are always to be there: one that panics is replaced.

use std::io;
use std::os::fd::BorrowedFd;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use super::patience::{Patience, Verdict};
use crate::stopping::{Bell, Stop};
use crate::waiting::until_readable;

/// A few threads with a task each.
pub(crate) struct Staff {
    threads: Vec<JoinHandle<io::Result<()>>>,
    stop: Stop,
    /// Rung by each of them at its end.
    bell: Arc<Bell>,
}

/// Rings when it goes, even in a panic.
struct RingAtEnd(Arc<Bell>);

impl Drop for RingAtEnd {
    fn drop(&mut self) {
        self.0.ring();
    }
}

impl Staff {
    /// `bell` is rung whenever one of them has ended; `stop`: no one is replaced once it drains.
    pub(crate) fn new(bell: &Arc<Bell>, stop: &Stop) -> Staff {
        Staff { threads: Vec::new(), stop: stop.clone(), bell: Arc::clone(bell) }
    }

    /// Starts a thread that does `task`, and does it again whenever it panics: at once, then after
    /// longer and longer pauses.
    pub(crate) fn start(
        &mut self,
        name: String,
        mut task: impl FnMut() -> io::Result<()> + Send + 'static,
    ) -> io::Result<()> {
        let (stop, ring) = (self.stop.clone(), RingAtEnd(Arc::clone(&self.bell)));
        let thread = thread::Builder::new().name(name.clone()).spawn(move || {
            let _ring = ring;
            let mut patience = Patience::new(Instant::now());
            loop {
                patience.came_up();
                if let Ok(result) = panic::catch_unwind(AssertUnwindSafe(&mut task)) {
                    return result;
                }
                let Verdict::Replace(pause) = patience.died(Instant::now()) else {
                    unreachable!("a thread always comes up")
                };
                tracing::warn!("the thread {name} panicked; it begins anew in {pause:?}");
                until_readable(&[stop.drain_fd()], Some(pause));
                if stop.draining() {
                    return Err(io::Error::other(format!("the thread {name} panicked")));
                }
                patience.begin(Instant::now());
            }
        })?;
        self.threads.push(thread);
        Ok(())
    }

    /// Joins those that have ended, and says what one of them failed with.
    pub(crate) fn failure(&mut self) -> io::Result<()> {
        let mut result = Ok(());
        for thread in self.threads.extract_if(.., |thread| thread.is_finished()) {
            let ended = thread.join();
            let ended = ended.unwrap_or_else(|_| Err(io::Error::other("a thread panicked")));
            result = result.and(ended);
        }
        result
    }

    /// Readable when one of them may have ended.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.bell.fd()
    }

    /// Whether all have ended.
    pub(crate) fn ended(&self) -> bool {
        self.threads.iter().all(JoinHandle::is_finished)
    }

    /// The names of those that have not.
    pub(crate) fn running(&self) -> impl Iterator<Item = &str> {
        let running = self.threads.iter().filter(|thread| !thread.is_finished());
        running.filter_map(|thread| thread.thread().name())
    }

    /// Joins all that have ended; the others are left behind.
    ///
    /// # Errors
    /// What the first of them failed with.
    pub(crate) fn join(&mut self) -> io::Result<()> {
        let result = self.failure();
        self.threads.clear();
        result
    }
}
