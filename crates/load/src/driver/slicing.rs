//! What a driver does at the end of each slice of its measurement, if somebody wants slices.

use super::Driver;

impl Driver<'_> {
    pub(super) fn begin_slices(&mut self) {
        if let Some(slicer) = &mut self.slicer {
            slicer.begin();
        }
    }

    pub(super) fn report_slices(&mut self) {
        if let Some(slicer) = &mut self.slicer {
            slicer.report(self.record.counts.answered);
        }
    }

    /// Ends the measurement when whoever is told of slices has enough.
    #[inline]
    pub(super) fn has_slices_enough(&mut self, now: u64) {
        if let Some(slicer) = &mut self.slicer
            && !slicer.goes_on(self.record.counts.answered)
        {
            self.until = now;
        }
    }

    pub(super) fn end_slices(&mut self) {
        if let Some(slicer) = &mut self.slicer {
            slicer.end(self.record.counts.answered);
        }
    }
}
