//! Records that were read and can be written again.
//!
//! A record of an open loop has half a megabyte of histograms. A new one costs over a hundred page
//! faults, which the thread that measures would take in the midst of its messages.

use std::sync::{Arc, Mutex, MutexGuard};

use crate::record::Record;

/// Empty records, for the threads of a process and whoever reads what they saw. May be used by any
/// thread; nobody holds the lock for longer than it takes to move a pointer.
#[derive(Clone, Debug)]
pub(crate) struct Spares {
    open: bool,
    most: usize,
    waiting: Arc<Mutex<Waiting>>,
}

#[allow(clippy::vec_box, reason = "they come and go as they are told: boxed")]
type Waiting = Vec<Box<Record>>;

impl Spares {
    /// `most` records to begin with, and at most; for an `open` loop, with service times.
    pub(crate) fn new(most: usize, open: bool) -> Spares {
        let waiting = (0..most).map(|_| Box::new(Record::in_place(open))).collect();
        Spares { open, most, waiting: Arc::new(Mutex::new(waiting)) }
    }

    /// An empty one; a new one if none waits.
    pub(crate) fn take(&self) -> Box<Record> {
        let waiting = self.waiting().pop();
        waiting.unwrap_or_else(|| Box::new(Record::new(self.open)))
    }

    /// This one has been read.
    pub(crate) fn give_back(&self, mut record: Box<Record>) {
        if self.waiting().len() < self.most {
            record.clear();
            self.waiting().push(record);
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().expect("nothing that is done with it panics")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kills: what one span saw counted again in a later one; a heap that grows with every report.
    #[test]
    fn a_record_that_comes_back_is_empty_and_there_are_never_too_many() {
        let spares = Spares::new(1, true);
        let (mut first, second) = (spares.take(), spares.take());
        first.answered(1000, 10);
        spares.give_back(first);
        spares.give_back(second);
        assert_eq!(spares.waiting().len(), 1);
        assert_eq!(*spares.take(), Record::new(true));
    }
}
