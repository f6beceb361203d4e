//! Work that would hold its thread up: done by another thread, its value handed back.

use std::error::Error;
use std::fmt;
use std::mem;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Work for another thread. It never panics there.
pub type Job = Box<dyn FnOnce() + Send>;

/// Who runs jobs: a server with a bounded number of threads for them.
pub trait Offload: Send + Sync {
    /// Runs `job` on a thread of its own, soon; nothing is dropped. Afterwards the carrier of peer
    /// `peer` is told. Called by whichever thread the session is called by; must not wait.
    fn submit(&self, peer: u64, job: Job);
}

/// The value of a job that was offloaded, once it is done.
pub struct Offloaded<T> {
    place: Place<T>,
}

/// The job panicked. What it said has been printed, as for any panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobPanicked;

/// Where a job leaves its value; `None` before that, and after it was taken.
type Place<T> = Arc<Mutex<Option<Result<T, JobPanicked>>>>;

impl<T> Offloaded<T> {
    /// The job's value; `None` if it is not done yet, or if its value was taken already.
    pub fn take(&mut self) -> Option<Result<T, JobPanicked>> {
        look(&self.place).take()
    }
}

/// `work` as a job, and the handle of its value.
pub(crate) fn job<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> (Job, Offloaded<T>) {
    let place = Place::default();
    let value = Offloaded { place: Arc::clone(&place) };
    let whole = move || {
        let done = panic::catch_unwind(AssertUnwindSafe(work)).map_err(|_| JobPanicked);
        *look(&place) = Some(done);
    };
    let job = move || {
        // Once more: when nobody waits for the value any longer, it is dropped here, and may panic.
        if let Err(panic) = panic::catch_unwind(AssertUnwindSafe(whole)) {
            mem::forget(panic);
        }
    };
    (Box::new(job), value)
}

fn look<T>(place: &Place<T>) -> MutexGuard<'_, Option<Result<T, JobPanicked>>> {
    place.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T> fmt::Debug for Offloaded<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offloaded").finish_non_exhaustive()
    }
}

impl fmt::Display for JobPanicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an offloaded job panicked; its message is on standard error")
    }
}

impl Error for JobPanicked {}
