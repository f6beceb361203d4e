//! Threads for jobs that sessions and handlers offload: a bounded number for each process, started
//! with the first job. And the desk, by which other threads reach those who serve the peers.
//!
//! The queue needs no bound of its own: whoever offloads a job waits for it. A handler waits in
//! `offload`; a session is offered no input until its jobs are done.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use switchboard_core::{Job, Limits, Offload, Post, Terms};

use crate::queue::{Giver, Queue};

/// How long a stop waits for jobs whose peers are gone.
const GRACE: Duration = Duration::from_secs(1);

/// How often it looks.
const LOOK: Duration = Duration::from_millis(5);

/// The threads of one process.
pub(crate) struct Jobs {
    most: usize,
    started: Mutex<Option<Started>>,
}

struct Started {
    queue: Giver<Job>,
    threads: Vec<JoinHandle<()>>,
}

impl Jobs {
    /// At most so many threads, none of which runs yet.
    pub(crate) fn new(most: usize) -> Jobs {
        Jobs { most, started: Mutex::new(None) }
    }

    /// Puts a job into the queue. If no thread at all can be started, it is done here.
    fn run(&self, job: Job) {
        let mut started = lock(&self.started);
        let Started { queue, threads } = started.get_or_insert_with(|| Started::with(self.most));
        if threads.is_empty() {
            drop(started);
            return job();
        }
        // It has no bound.
        let _ = queue.give(job);
    }

    /// Ends and joins the threads; one whose job goes on is left behind.
    pub(crate) fn close(&self) {
        let Some(Started { queue, threads }) = lock(&self.started).take() else { return };
        drop(queue);
        let end = Instant::now() + GRACE;
        while threads.iter().any(|thread| !thread.is_finished()) && Instant::now() < end {
            thread::sleep(LOOK);
        }
        for thread in threads {
            match thread.is_finished() {
                true => drop(thread.join()),
                false => tracing::warn!(
                    "left behind: the thread {} still computes an offloaded job",
                    thread.thread().name().unwrap_or("sb-offload")
                ),
            }
        }
    }
}

impl Started {
    fn with(most: usize) -> Started {
        let (queue, jobs) = Queue::<Job>::new(usize::MAX);
        let mut threads = Vec::new();
        for number in 0..most {
            let jobs = Arc::clone(&jobs);
            let thread = thread::Builder::new()
                .name(format!("sb-offload-{number}"))
                // A job never panics: the core sees to it.
                .spawn(move || std::iter::from_fn(|| jobs.take()).for_each(|job| job()));
            match thread {
                Ok(thread) => threads.push(thread),
                Err(error) => tracing::warn!("no thread for offloaded jobs: {error}"),
            }
        }
        Started { queue, threads }
    }
}

/// Where the peers of a loop, or of a process's threads, hand in their jobs, and learn that they are
/// done.
pub(crate) struct Desk(Arc<Ledger>);

struct Ledger {
    jobs: Arc<Jobs>,
    under_way: Mutex<HashMap<u64, Account>>,
    hears: Box<dyn Hears>,
}

/// Who serves the peers of a desk: it is told what other threads have for them.
pub(crate) trait Hears: Send + Sync {
    /// One of the peer's jobs is done. From the thread that did it.
    fn job_done(&self, peer: u64);

    /// There is mail for the peer, as [`Post::ring`] says.
    fn mail(&self, peer: u64, place: u64, overrun: bool);
}

/// One peer's jobs.
#[derive(Default)]
struct Account {
    /// Those that its carrier has not been told of yet.
    open: u32,
    /// Of these, those that are done.
    done: u32,
    /// The peer is gone.
    gone: bool,
}

impl Desk {
    /// `hears` of what the peers of this desk are to be told.
    pub(crate) fn new(jobs: &Arc<Jobs>, hears: impl Hears + 'static) -> Desk {
        let (jobs, hears) = (Arc::clone(jobs), Box::new(hears));
        Desk(Arc::new(Ledger { jobs, under_way: Mutex::default(), hears }))
    }

    /// What peers are granted that hand in their jobs here.
    pub(crate) fn terms(self: &Arc<Desk>, limits: Limits) -> Arc<Terms> {
        let offload: Arc<dyn Offload> = Arc::clone(self) as Arc<dyn Offload>;
        let post: Arc<dyn Post> = Arc::clone(self) as Arc<dyn Post>;
        Arc::new(Terms { limits, offload: Some(offload), post: Some(post) })
    }

    /// Takes note that one of the peer's jobs is done, if one is; whether it was the last.
    pub(crate) fn take_done(&self, peer: u64) -> Option<bool> {
        let mut accounts = lock(&self.0.under_way);
        let account = accounts.get_mut(&peer).filter(|account| account.done > 0)?;
        account.done -= 1;
        account.open -= 1;
        let last = account.open == 0;
        if last {
            accounts.remove(&peer);
        }
        Some(last)
    }

    /// The peer is gone: nobody is told of its jobs any more.
    pub(crate) fn forget(&self, peer: u64) {
        let mut accounts = lock(&self.0.under_way);
        if let Some(account) = accounts.get_mut(&peer) {
            account.gone = true;
            if account.done == account.open {
                accounts.remove(&peer);
            }
        }
    }
}

impl Offload for Desk {
    fn submit(&self, peer: u64, job: Job) {
        lock(&self.0.under_way).entry(peer).or_default().open += 1;
        let ledger = Arc::clone(&self.0);
        self.0.jobs.run(Box::new(move || {
            job();
            ledger.finish(peer);
        }));
    }
}

impl Post for Desk {
    fn ring(&self, peer: u64, place: u64, overrun: bool) {
        self.0.hears.mail(peer, place, overrun);
    }
}

impl Ledger {
    fn finish(&self, peer: u64) {
        {
            let mut accounts = lock(&self.under_way);
            let Some(account) = accounts.get_mut(&peer) else { return };
            account.done += 1;
            if account.gone {
                if account.done == account.open {
                    accounts.remove(&peer);
                }
                return;
            }
        }
        self.hears.job_done(peer);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Calls this for each job.
    struct Tells<F>(F);

    impl<F: Fn(u64) + Send + Sync> Hears for Tells<F> {
        fn job_done(&self, peer: u64) {
            (self.0)(peer);
        }

        fn mail(&self, _: u64, _: u64, _: bool) {}
    }

    #[test]
    fn every_job_is_done_and_told_of_once() {
        let jobs = Arc::new(Jobs::new(3));
        let (told, tells) = mpsc::channel();
        let desk = Desk::new(&jobs, Tells(move |peer| told.send(peer).unwrap()));
        let (did, does) = mpsc::channel();
        for peer in 0..10 {
            for number in 0..10 {
                let did = did.clone();
                desk.submit(peer, Box::new(move || did.send((peer, number)).unwrap()));
            }
        }
        let mut lasts = 0;
        for _ in 0..100 {
            let peer = tells.recv().unwrap();
            lasts += u32::from(desk.take_done(peer).unwrap());
        }
        assert_eq!((lasts, does.try_iter().count()), (10, 100));
        assert_eq!(desk.take_done(0), None);
        jobs.close();
        assert!(lock(&jobs.started).is_none());
    }

    #[test]
    fn nobody_is_told_of_the_jobs_of_one_that_is_gone() {
        let jobs = Arc::new(Jobs::new(1));
        let desk = Desk::new(&jobs, Tells(|_| panic!("nobody is to be told")));
        let (go, goes) = mpsc::channel::<()>();
        desk.submit(1, Box::new(move || assert!(goes.recv().is_ok())));
        desk.forget(1);
        go.send(()).unwrap();
        jobs.close();
        assert!(lock(&desk.0.under_way).is_empty());
    }
}
