//! Slices of a measurement: so many messages each, whatever time they take.
//!
//! What a virtual machine's host, or anybody else, takes of a processor comes in bursts of
//! milliseconds. In the sum over a whole measurement each of them is there; of slices that are short
//! it spoils a few, and their median does not know of it.

use std::fmt;
use std::sync::Arc;

/// Who is called at the end of each slice, in the thread of the load, between two messages.
#[derive(Clone)]
pub struct Slices {
    every: u64,
    each: Arc<dyn Fn(u64) -> bool + Send + Sync>,
}

impl Slices {
    /// `each` is called when the measurement begins, whenever `every` messages more, or a few beyond,
    /// have been answered, and when it ends; with how many were answered until then. It says whether
    /// the measurement goes on. The load stands still meanwhile.
    pub fn new(every: u64, each: impl Fn(u64) -> bool + Send + Sync + 'static) -> Slices {
        Slices { every: every.max(1), each: Arc::new(each) }
    }
}

impl fmt::Debug for Slices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slices").field("every", &self.every).finish_non_exhaustive()
    }
}

/// Where a thread is in its slices.
#[derive(Debug)]
pub(crate) struct Slicer {
    slices: Slices,
    /// Answered, as far as that was reported.
    reported: u64,
    /// At the end of the last slice, and of the one that goes on.
    last: u64,
    next: u64,
}

impl Slicer {
    pub(crate) fn new(slices: Slices) -> Slicer {
        let next = slices.every;
        Slicer { slices, reported: 0, last: 0, next }
    }

    /// The measurement begins.
    pub(crate) fn begin(&mut self) {
        (self.reported, self.last, self.next) = (0, 0, self.slices.every);
        (self.slices.each)(0);
    }

    /// So many of those answered are in a record of their own from now on.
    pub(crate) fn report(&mut self, answered: u64) {
        self.reported += answered;
    }

    /// With so many answered since the last report: whether the measurement goes on.
    #[inline]
    pub(crate) fn goes_on(&mut self, answered: u64) -> bool {
        let all = self.reported + answered;
        if all < self.next {
            return true;
        }
        (self.last, self.next) = (all, all + self.slices.every);
        (self.slices.each)(all)
    }

    /// The measurement ends, with so many answered since the last report.
    pub(crate) fn end(&mut self, answered: u64) {
        let all = self.reported + answered;
        if all > self.last {
            (self.slices.each)(all);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Kills: a slice that begins anew with each report; an end that is told twice; one that goes on
    /// after it was told not to.
    #[test]
    fn every_slice_has_as_many_messages_and_the_last_has_the_rest() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let ear = Arc::clone(&told);
        let mut slicer = Slicer::new(Slices::new(10, move |answered| {
            ear.lock().unwrap().push(answered);
            answered < 25
        }));
        slicer.begin();
        assert!(slicer.goes_on(9) && slicer.goes_on(11) && slicer.goes_on(12));
        slicer.report(12);
        assert!(slicer.goes_on(8));
        assert!(!slicer.goes_on(13));
        slicer.end(13);
        slicer.end(14);
        assert_eq!(*told.lock().unwrap(), [0, 11, 25, 26]);
    }
}
