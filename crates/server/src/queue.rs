//! A queue between threads: first come, first served. Whoever waits is asleep, not trying.
//!
//! (A channel from a library tries for a while before it sleeps; among threads that mostly wait for
//! peers, that is processor time for nothing.)

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The queue. It ends when all its [`Giver`]s are gone.
pub(crate) struct Queue<T> {
    state: Mutex<State<T>>,
    /// Signalled when there is something to take, or nothing will be any more.
    filled: Condvar,
    /// Signalled when there is room.
    emptied: Condvar,
    most: usize,
}

struct State<T> {
    waiting: VecDeque<T>,
    /// Threads that wait for room.
    givers_waiting: usize,
    /// Threads that wait for something to take.
    takers_waiting: usize,
    ended: bool,
}

/// Whoever puts something in. The last one that goes ends the queue.
pub(crate) struct Giver<T>(Arc<End<T>>);

struct End<T>(Arc<Queue<T>>);

impl<T> Queue<T> {
    /// A queue of at most so many, at least 1; and its giver.
    pub(crate) fn new(most: usize) -> (Giver<T>, Arc<Queue<T>>) {
        let state =
            State { waiting: VecDeque::new(), givers_waiting: 0, takers_waiting: 0, ended: false };
        let queue = Arc::new(Queue {
            state: Mutex::new(state),
            filled: Condvar::new(),
            emptied: Condvar::new(),
            most: most.max(1),
        });
        (Giver(Arc::new(End(Arc::clone(&queue)))), queue)
    }

    /// Takes the one that has waited longest, after waiting for it; `None`: no more will come.
    pub(crate) fn take(&self) -> Option<T> {
        let mut state = self.state();
        loop {
            if let Some(first) = state.waiting.pop_front() {
                if state.givers_waiting > 0 {
                    self.emptied.notify_one();
                }
                return Some(first);
            }
            if state.ended {
                return None;
            }
            state.takers_waiting += 1;
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.takers_waiting -= 1;
        }
    }

    /// Takes the one that has waited longest, if there is one.
    pub(crate) fn take_now(&self) -> Option<T> {
        let mut state = self.state();
        let first = state.waiting.pop_front();
        if first.is_some() && state.givers_waiting > 0 {
            self.emptied.notify_one();
        }
        first
    }

    /// Whether there is nothing to take now.
    pub(crate) fn is_empty(&self) -> bool {
        self.state().waiting.is_empty()
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Giver<T> {
    /// Puts one in; hands it back if the queue is full.
    pub(crate) fn give(&self, one: T) -> Result<(), T> {
        self.give_within(one, Duration::ZERO)
    }

    /// Puts one in, after waiting up to `wait` for room; hands it back if there was none.
    pub(crate) fn give_within(&self, one: T, wait: Duration) -> Result<(), T> {
        let queue = &self.0.0;
        let mut state = queue.state();
        if state.waiting.len() >= queue.most && wait > Duration::ZERO {
            state.givers_waiting += 1;
            let full = |state: &mut State<T>| state.waiting.len() >= queue.most;
            let waited = queue.emptied.wait_timeout_while(state, wait, full);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            state.givers_waiting -= 1;
        }
        if state.waiting.len() >= queue.most {
            return Err(one);
        }
        state.waiting.push_back(one);
        let wakes = state.takers_waiting > 0;
        drop(state);
        if wakes {
            queue.filled.notify_one();
        }
        Ok(())
    }
}

impl<T> Clone for Giver<T> {
    fn clone(&self) -> Giver<T> {
        Giver(Arc::clone(&self.0))
    }
}

impl<T> Drop for End<T> {
    fn drop(&mut self) {
        self.0.state().ended = true;
        self.0.filled.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    /// Kills: a wake-up that is lost because a taker that is about to wait is not counted; an end
    /// that leaves something behind, or somebody asleep.
    #[test]
    fn everything_is_taken_once_before_the_end() {
        let (giver, queue) = Queue::new(3);
        let takers: Vec<_> = (0..4)
            .map(|_| {
                let queue = Arc::clone(&queue);
                thread::spawn(move || std::iter::from_fn(|| queue.take()).collect::<Vec<u32>>())
            })
            .collect();
        let givers: Vec<_> = (0..2)
            .map(|giver_number| {
                let giver = giver.clone();
                thread::spawn(move || {
                    for one in 0..5_000 {
                        giver.give_within(giver_number * 5_000 + one, LONG).unwrap();
                    }
                })
            })
            .collect();
        drop(giver);
        givers.into_iter().for_each(|giver| giver.join().unwrap());
        let mut all: Vec<u32> =
            takers.into_iter().flat_map(|taker| taker.join().unwrap()).collect();
        all.sort_unstable();
        assert_eq!(all, (0..10_000).collect::<Vec<_>>());
    }

    #[test]
    fn one_that_is_full_hands_back() {
        let (giver, queue) = Queue::new(2);
        assert_eq!((giver.give(1), giver.give(2), giver.give(3)), (Ok(()), Ok(()), Err(3)));
        assert_eq!(giver.give_within(4, Duration::from_millis(1)), Err(4));
        assert_eq!(queue.take(), Some(1));
        assert_eq!(giver.give(5), Ok(()));
        drop(giver);
        assert_eq!((queue.take(), queue.take(), queue.take()), (Some(2), Some(5), None));
    }
}
