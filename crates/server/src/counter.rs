//! Counters of a service's own, exact under every model.

use std::fmt::Write;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::shared::Shared;

/// A number that all threads and processes of a server add to. Clones are the same counter.
///
/// It lies in memory that the processes share, so that nothing is lost with a process that dies.
#[derive(Clone)]
pub struct Counter(Arc<Shared<AtomicU64>>);

/// Every counter of this program, in the order of their making.
static COUNTERS: Mutex<Vec<(String, Counter)>> = Mutex::new(Vec::new());

/// The process that may make counters: 0 until a server has forked.
static MAKER: AtomicU32 = AtomicU32::new(0);

/// The counter of that name, made if there is none yet: one for the whole program, however many
/// servers it runs. The console's `stats` prints it as `NAME=VALUE`. Make it before the server runs:
///
/// ```
/// use std::io::Write;
/// use switchboard::{Server, counter};
///
/// let lines = counter("lines");
/// let server = Server::handler("shout", move |peer| {
///     while let Some(line) = peer.line()? {
///         lines.add(1);
///         writeln!(peer, "{}", line.to_uppercase())?;
///     }
///     Ok(())
/// });
/// # drop(server);
/// ```
///
/// # Panics
/// If the name has other characters than `a` to `z`, `0` to `9` and `_`, if there is no memory, or
/// if a new counter is made in a process that a server has forked: the others would not see it.
pub fn counter(name: &str) -> Counter {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    assert!(
        !name.is_empty() && name.bytes().all(plain),
        "a counter's name is made of a-z, 0-9 and _, not {name:?}"
    );
    let mut counters = COUNTERS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, counter)) = counters.iter().find(|(known, _)| known == name) {
        return counter.clone();
    }
    let maker = MAKER.load(Ordering::SeqCst);
    assert!(
        maker == 0 || maker == std::process::id(),
        "the counter {name:?} is made in a forked process; make it before the server runs"
    );
    let memory = Shared::new(1).expect("memory for a counter");
    let counter = Counter(Arc::new(memory));
    counters.push((name.to_owned(), counter.clone()));
    counter
}

impl Counter {
    /// Adds to it. Wraps around after 2^64 - 1.
    pub fn add(&self, count: u64) {
        self.0[0].fetch_add(count, Ordering::Relaxed);
    }

    /// What was added so far, by all threads and processes.
    pub fn get(&self) -> u64 {
        self.0[0].load(Ordering::Relaxed)
    }
}

/// This process is about to fork: from now on only it makes counters.
pub(crate) fn about_to_fork() {
    let own = std::process::id();
    // A page that is not written to is one that need not be copied.
    if MAKER.load(Ordering::SeqCst) != own {
        MAKER.store(own, Ordering::SeqCst);
    }
}

/// All of them, each after a space.
pub(crate) fn describe() -> String {
    let counters = COUNTERS.lock().unwrap_or_else(PoisonError::into_inner);
    counters.iter().fold(String::new(), |mut line, (name, counter)| {
        let _ = write!(line, " {name}={}", counter.get());
        line
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_is_one_counter() {
        let (one, same) = (counter("of_this_test"), counter("of_this_test"));
        one.add(2);
        same.add(3);
        assert_eq!(one.get(), 5);
        assert!(describe().contains(" of_this_test=5"));
    }

    #[test]
    #[should_panic(expected = "a-z")]
    fn a_name_that_would_not_be_read_by_key_is_refused() {
        counter("lines read");
    }
}
