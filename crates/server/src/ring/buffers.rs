//! Provided buffers: the kernel receives into them, whichever peer something comes from, and so no
//! silent peer has one (io_uring_register(2), `IORING_REGISTER_PBUF_RING`).

use std::io;
use std::ptr::{NonNull, null_mut};
use std::slice;
use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::types::BufRingEntry;
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};

use super::queues::{Completion, Queues};

/// Bytes of each buffer. Messages up to this size come in one piece.
pub(super) const SIZE: usize = 16 << 10;

/// Between two buffers, so that their beginnings, where short messages lie, do not compete for the
/// same few lines of the cache.
const GAP: usize = 192;

/// So many are in use at first: what few share stays in the caches.
const FIRST: u16 = 32;

/// The one group of a ring.
pub(super) const GROUP: u16 = 0;

/// A buffer that has been filled. It is the loop's until it is given back.
#[derive(Debug)]
pub(crate) struct Filled {
    number: u16,
    length: usize,
}

/// The buffers and the ring in which they are handed to the kernel.
pub(super) struct Buffers {
    ring: Mapping,
    data: Mapping,
    count: u16,
    /// The first so many are in use, by the kernel or the loop; the others are in reserve, and take
    /// no memory.
    pub(super) used: u16,
    /// The reserve was touched since the last [`publish`](Buffers::publish).
    grown: bool,
    /// Which of them are the loop's.
    filled: Box<[bool]>,
    /// How many were ever given to the kernel.
    given: u16,
}

impl Buffers {
    /// `count`: a power of two, at most 32,768; they are registered with the ring of `queues`.
    ///
    /// # Errors
    /// Those of mmap(2) and io_uring_register(2).
    pub(super) fn new(queues: &Queues, count: u16) -> io::Result<Buffers> {
        let entries = usize::from(count);
        let ring = Mapping::new(entries * size_of::<BufRingEntry>())?;
        let data = Mapping::new(entries * (SIZE + GAP))?;
        let address = ring.start.as_ptr() as u64;
        // SAFETY: the mapping has room for so many entries. It outlives the ring's requests: see
        // `Ring::end`, and `Drop` of `Ring`.
        unsafe {
            let submitter = queues.ring().submitter();
            submitter.register_buf_ring_with_flags(address, count, GROUP, 0)?;
        }
        let filled = vec![true; entries].into_boxed_slice();
        let mut buffers = Buffers { ring, data, count, used: 0, grown: false, filled, given: 0 };
        buffers.use_up_to(FIRST.min(count));
        buffers.publish();
        Ok(buffers)
    }

    /// The kernel had none left: twice as many are in use from the next
    /// [`publish`](Buffers::publish) on, if there are more; once for each, however many peers had to
    /// go without.
    pub(super) fn grow(&mut self) {
        if !self.grown {
            self.grown = true;
            self.use_up_to(self.used.saturating_mul(2).min(self.count));
        }
    }

    fn use_up_to(&mut self, used: u16) {
        (self.used..used).for_each(|number| self.give_back(Filled { number, length: 0 }));
        self.used = used;
    }

    /// The buffer that a completion says was filled, if it says so.
    #[inline]
    pub(super) fn take(&mut self, completion: Completion) -> Option<Filled> {
        let number = completion.buffer()?;
        let length = usize::try_from(completion.result).unwrap_or(0).min(SIZE);
        let filled = self.filled.get_mut(usize::from(number))?;
        let had = std::mem::replace(filled, true);
        debug_assert!(!had, "the kernel fills what it was given");
        (!had).then_some(Filled { number, length })
    }

    /// What is in it.
    #[inline]
    pub(super) fn bytes(&self, buffer: &Filled) -> &[u8] {
        // SAFETY: the buffer lies within the mapping, since its number was looked up in `filled`;
        // it is initialised, as a mapping is; and it is not the kernel's, which writes only to
        // buffers that were given back.
        unsafe { slice::from_raw_parts(self.place(buffer.number), buffer.length) }
    }

    /// Gives it to the kernel, from the next [`publish`](Buffers::publish) on.
    #[inline]
    pub(super) fn give_back(&mut self, buffer: Filled) {
        let Filled { number, .. } = buffer;
        self.filled[usize::from(number)] = false;
        let at = usize::from(self.given & (self.count - 1));
        // SAFETY: the ring has `count` entries, and `at` is below that. The kernel does not read an
        // entry at or behind the tail that was published.
        let entry = unsafe { &mut *self.ring.start.cast::<BufRingEntry>().as_ptr().add(at) };
        entry.set_addr(self.place(number) as u64);
        entry.set_len(SIZE as u32);
        entry.set_bid(number);
        self.given = self.given.wrapping_add(1);
    }

    /// Lets the kernel see what was given back, before a wait.
    pub(super) fn publish(&mut self) {
        self.grown = false;
        // SAFETY: the tail lies within the first entry, in a part of it that no buffer uses; the
        // mapping is as long as this value. Only this thread writes it, the kernel reads it.
        let tail =
            unsafe { &*BufRingEntry::tail(self.ring.start.as_ptr().cast()).cast::<AtomicU16>() };
        tail.store(self.given, Ordering::Release);
    }

    /// The memory is the kernel's for good: it may still write there.
    pub(super) fn leak(&mut self) {
        self.ring.length = 0;
        self.data.length = 0;
    }

    fn place(&self, number: u16) -> *mut u8 {
        self.data.start.as_ptr().wrapping_add(usize::from(number) * (SIZE + GAP))
    }
}

/// Memory of this process's own, from the system: it begins at a page, as zeroes, and takes memory
/// from its first use on.
struct Mapping {
    start: NonNull<u8>,
    /// 0: it stays for good.
    length: usize,
}

impl Mapping {
    fn new(length: usize) -> io::Result<Mapping> {
        let (access, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
        // SAFETY: without an address, the kernel chooses one where nothing is mapped.
        let start = unsafe { mmap_anonymous(null_mut(), length, access, flags) }?;
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Mapping { start, length })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        if self.length > 0 {
            // SAFETY: the mapping is this value's own, and no reference outlives it.
            let _ = unsafe { munmap(self.start.as_ptr().cast(), self.length) };
        }
    }
}
