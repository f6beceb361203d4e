//! The runtimes of a process: one whose threads share all tasks, or some with a thread each.

use std::future::Future;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;

use super::worker::{self, Attendance};
use crate::site::Site;
use crate::supervision::Staff;

/// Where tasks run.
pub(super) struct Runtimes {
    all: Vec<Arc<Runtime>>,
    /// Ends those that have a thread of the staff's.
    over: Arc<[Notify]>,
    attendances: Attendances,
}

type Attendances = Arc<Mutex<Vec<Arc<Attendance>>>>;

impl Runtimes {
    /// One runtime of several threads, each of which takes the next task that can go on, wherever it
    /// ran before.
    pub(super) fn shared(staff: &Staff, site: &Arc<Site>, threads: usize) -> io::Result<Runtimes> {
        let (attendances, begun) = (Attendances::default(), staff.begun());
        let (named, numbered) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .enable_io()
            .enable_time()
            .thread_name_fn(move || name_of(named.fetch_add(1, SeqCst), threads))
            .on_thread_start({
                let (site, attendances) = (Arc::clone(site), Arc::clone(&attendances));
                move || {
                    let number = numbered.fetch_add(1, SeqCst);
                    let attendance = worker::begin(site.row(number % threads));
                    // Those beyond the number do what services block on, or stand in for one that
                    // does.
                    if number < threads {
                        attend(&attendances, attendance);
                        begun.say();
                    }
                }
            })
            .on_thread_park(worker::rest)
            .on_thread_unpark(worker::go_on)
            .build()?;
        Ok(Runtimes { all: vec![Arc::new(runtime)], over: Arc::new([]), attendances })
    }

    /// So many runtimes, each on one thread of the staff's: a task stays where it is.
    pub(super) fn single(
        staff: &mut Staff,
        site: &Arc<Site>,
        count: usize,
    ) -> io::Result<Runtimes> {
        let over: Arc<[Notify]> = (0..count).map(|_| Notify::new()).collect();
        let mut runtimes =
            Runtimes { all: Vec::new(), over: Arc::clone(&over), attendances: Arc::default() };
        for number in 0..count {
            let runtime = Builder::new_current_thread()
                .enable_io()
                .enable_time()
                .thread_name_fn(move || name_of(count, count))
                .on_thread_park(worker::rest)
                .on_thread_unpark(worker::go_on)
                .build()?;
            let runtime = Arc::new(runtime);
            runtimes.all.push(Arc::clone(&runtime));
            let (over, begun) = (Arc::clone(&over), staff.begun());
            let (site, attendances) = (Arc::clone(site), Arc::clone(&runtimes.attendances));
            staff.start(name_of(number, count), move || {
                attend(&attendances, worker::begin(site.row(number)));
                begun.say();
                runtime.block_on(over[number].notified());
                Ok(())
            })?;
        }
        Ok(runtimes)
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.all.len()
    }

    /// Starts a task on one of them.
    pub(super) fn start(&self, place: usize, task: impl Future<Output = ()> + Send + 'static) {
        drop(self.all[place].spawn(task));
    }

    /// Nobody else comes, and all have gone: threads of the staff's end.
    pub(super) fn end(&self) {
        self.over.iter().for_each(Notify::notify_one);
    }

    /// The names of the threads that are in the midst of something.
    pub(super) fn computing(&self) -> Vec<String> {
        let attendances = self.attendances.lock().unwrap_or_else(PoisonError::into_inner);
        let computing = attendances.iter().filter(|attendance| attendance.computes());
        computing.map(|attendance| attendance.name.clone()).collect()
    }

    /// Joins the threads that are not the staff's; one that computes on after `grace` is left behind.
    pub(super) fn close(&mut self, grace: Duration) {
        for runtime in self.all.drain(..) {
            // One whose thread computes on is that thread's, which drops it at its end.
            if let Ok(runtime) = Arc::try_unwrap(runtime) {
                runtime.shutdown_timeout(grace);
            }
        }
    }
}

/// A crew that never came up leaves no thread waiting.
impl Drop for Runtimes {
    fn drop(&mut self) {
        self.end();
        self.close(Duration::ZERO);
    }
}

fn attend(attendances: &Attendances, attendance: Arc<Attendance>) {
    let mut attendances = attendances.lock().unwrap_or_else(PoisonError::into_inner);
    // One of the same name has been replaced.
    attendances.retain(|other| other.name != attendance.name);
    attendances.push(attendance);
}

/// The name of a runtime's thread; those beyond the number are the ones that services block.
fn name_of(number: usize, threads: usize) -> String {
    match number.checked_sub(threads) {
        None => format!("sb-tokio-{number}"),
        Some(_) => "sb-tokio-wait".to_owned(),
    }
}
