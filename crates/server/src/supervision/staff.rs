//! Threads that are always to be there: one that panics is replaced.

use std::io;
use std::os::fd::BorrowedFd;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::patience::{Patience, Verdict};
use crate::stopping::{Bell, Stop};
use crate::waiting::until_readable;

/// A few threads with a task each.
pub(crate) struct Staff {
    threads: Vec<Member>,
    stop: Stop,
    /// Rung by each of them at its end.
    bell: Arc<Bell>,
    /// So many have said that they have begun.
    begun: Arc<AtomicUsize>,
}

/// With this, a thread says that it has all that it needs to serve.
#[derive(Clone)]
pub(crate) struct Begun(Arc<AtomicUsize>);

impl Begun {
    pub(crate) fn say(&self) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// How often it is looked whether all have begun: that takes microseconds.
const LOOK: Duration = Duration::from_micros(100);

struct Member {
    thread: JoinHandle<io::Result<()>>,
    /// It has nothing left to do but to end. `JoinHandle::is_finished` is late: whoever was woken by
    /// the bell would not see it yet, and would not be woken again.
    done: Arc<AtomicBool>,
}

impl Member {
    fn is_done(&self) -> bool {
        self.done.load(SeqCst)
    }
}

/// Says that a thread is done, and rings, when it goes, even in a panic.
struct RingAtEnd {
    bell: Arc<Bell>,
    done: Arc<AtomicBool>,
}

impl Drop for RingAtEnd {
    fn drop(&mut self) {
        self.done.store(true, SeqCst);
        self.bell.ring();
    }
}

impl Staff {
    /// `bell` is rung whenever one of them has ended; `stop`: no one is replaced once it drains.
    pub(crate) fn new(bell: &Arc<Bell>, stop: &Stop) -> Staff {
        Staff {
            threads: Vec::new(),
            stop: stop.clone(),
            bell: Arc::clone(bell),
            begun: Arc::default(),
        }
    }

    /// Starts a thread that does `task`, and does it again whenever it panics: at once, then after
    /// longer and longer pauses.
    pub(crate) fn start(
        &mut self,
        name: String,
        mut task: impl FnMut() -> io::Result<()> + Send + 'static,
    ) -> io::Result<()> {
        let (stop, done) = (self.stop.clone(), Arc::new(AtomicBool::new(false)));
        let ring = RingAtEnd { bell: Arc::clone(&self.bell), done: Arc::clone(&done) };
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
        self.threads.push(Member { thread, done });
        Ok(())
    }

    /// Joins those that are done, and says what one of them failed with.
    pub(crate) fn failure(&mut self) -> io::Result<()> {
        let mut result = Ok(());
        for Member { thread, .. } in self.threads.extract_if(.., |member| member.is_done()) {
            let ended = thread.join();
            let ended = ended.unwrap_or_else(|_| Err(io::Error::other("a thread panicked")));
            result = result.and(ended);
        }
        result
    }

    /// What a thread says that it has begun with.
    pub(crate) fn begun(&self) -> Begun {
        Begun(Arc::clone(&self.begun))
    }

    /// Waits until so many have said that they have begun.
    ///
    /// # Errors
    /// What one failed with that has ended instead.
    pub(crate) fn await_begun(&mut self, count: usize) -> io::Result<()> {
        while self.begun.load(SeqCst) < count {
            self.failure()?;
            if self.stop.draining() {
                break;
            }
            thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Readable when one of them may have ended.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.bell.fd()
    }

    /// Whether all have ended.
    pub(crate) fn ended(&self) -> bool {
        self.threads.iter().all(Member::is_done)
    }

    /// The names of those that have not.
    pub(crate) fn running(&self) -> impl Iterator<Item = &str> {
        let running = self.threads.iter().filter(|member| !member.is_done());
        running.filter_map(|member| member.thread.thread().name())
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn staff() -> (Staff, Stop) {
        let (bell, stop) = (Arc::new(Bell::new().unwrap()), Stop::new().unwrap());
        (Staff::new(&bell, &stop), stop)
    }

    /// Kills: a look at the threads themselves, which end a moment after they have rung: the server
    /// would go on without its failed loop, or wait for the end of its drain.
    #[test]
    fn whoever_has_rung_is_seen_to_have_ended() {
        for _ in 0..2000 {
            let (mut staff, _stop) = staff();
            staff.start("fails".to_owned(), || Err(io::Error::other("no loop"))).unwrap();
            let woken = until_readable(&[staff.fd()], Some(Duration::from_secs(10)));
            assert_eq!(woken, [0]);
            assert!(staff.ended());
            assert!(staff.failure().is_err_and(|error| error.to_string() == "no loop"));
        }
    }

    #[test]
    fn a_task_that_panics_is_begun_anew() {
        let (mut staff, _stop) = staff();
        let mut begun = 0;
        let task = move || {
            begun += 1;
            assert!(begun > 1, "once");
            Ok(())
        };
        staff.start("sb-anew".to_owned(), task).unwrap();
        assert_eq!(until_readable(&[staff.fd()], Some(Duration::from_secs(10))), [0]);
        staff.join().unwrap();
    }
}
