//! Bytes that came and were not taken yet.

/// Received bytes in order, taken from the front. An empty one owns no memory.
#[derive(Debug, Default)]
pub(crate) struct Unread {
    bytes: Vec<u8>,
    start: usize,
    /// How many of the unread bytes are known to hold no line feed.
    pub(crate) searched: usize,
}

impl Unread {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.bytes.len()
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len() - self.start
    }

    pub(crate) fn push(&mut self, more: &[u8]) {
        self.reclaim();
        self.bytes.extend_from_slice(more);
    }

    /// What a carrier appends to.
    pub(crate) fn tail(&mut self) -> &mut Vec<u8> {
        self.reclaim();
        &mut self.bytes
    }

    /// Takes as many as `into` has room for; how many.
    pub(crate) fn take_into(&mut self, into: &mut [u8]) -> usize {
        let count = self.len().min(into.len());
        into[..count].copy_from_slice(&self.bytes()[..count]);
        self.take(count);
        count
    }

    #[inline]
    pub(crate) fn take(&mut self, count: usize) {
        assert!(count <= self.len(), "took {count} of {} unread bytes", self.len());
        self.start += count;
        self.searched = self.searched.saturating_sub(count);
        if self.start == self.bytes.len() {
            self.bytes.clear();
            self.start = 0;
        }
    }

    /// Gives the memory back, if nothing is unread.
    pub(crate) fn release(&mut self) {
        if self.is_empty() {
            *self = Unread::default();
        }
    }

    /// Moves the unread bytes to the front once as many have been taken, so that a byte is moved
    /// at most once for each byte taken.
    fn reclaim(&mut self) {
        if self.start > 0 && self.start >= self.len() {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_order_over_takes_and_pushes() {
        let mut unread = Unread::default();
        unread.push(b"abcdef");
        unread.take(4);
        unread.push(b"gh");
        assert_eq!(unread.bytes(), b"efgh");
        unread.take(4);
        assert!(unread.is_empty());
        unread.release();
        assert_eq!(unread.bytes.capacity(), 0);
    }
}
