//! Memory that all processes of a server share: anonymous, mapped before the first of them forks.

use std::io;
use std::ops::Deref;
use std::ptr::{NonNull, null_mut};

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};

/// What may lie in such memory.
///
/// # Safety
/// All bytes zero are a value of it; it is changed through shared references only, atomically, by
/// threads of any process; it points to nothing and needs no drop.
pub(crate) unsafe trait Sharable: Sync {}

// SAFETY: zero is a number, and every change is atomic.
unsafe impl Sharable for std::sync::atomic::AtomicU64 {}

/// A slice that this process and all that are forked from it have in common: each sees what the
/// others write (mmap(2), `MAP_SHARED | MAP_ANONYMOUS`). It begins as zeroes. A page of it takes
/// memory from its first use on.
pub(crate) struct Shared<T> {
    first: NonNull<T>,
    len: usize,
}

impl<T: Sharable> Shared<T> {
    /// `len`: at least 1.
    pub(crate) fn new(len: usize) -> io::Result<Shared<T>> {
        let bytes = Shared::<T>::bytes(len);
        let (access, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED);
        // SAFETY: without an address, the kernel chooses one where nothing is mapped.
        let first = unsafe { mmap_anonymous(null_mut(), bytes, access, flags) }?;
        let first = NonNull::new(first.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Shared { first, len })
    }

    fn bytes(len: usize) -> usize {
        const { assert!(align_of::<T>() <= 4096 && size_of::<T>() > 0) };
        size_of::<T>().checked_mul(len).expect("less than the address space")
    }
}

impl<T> Deref for Shared<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        // SAFETY: `len` values begin there, as `Sharable` promises, until the mapping is dropped;
        // the mapping begins at a page, and a `T` is aligned to no more.
        unsafe { std::slice::from_raw_parts(self.first.as_ptr(), self.len) }
    }
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's own, and no reference outlives it. Other processes
        // keep theirs.
        let _ = unsafe { munmap(self.first.as_ptr().cast(), size_of::<T>() * self.len) };
    }
}

// SAFETY: it is a place for `Sync` values, which any thread may use or give back.
unsafe impl<T: Sharable> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Sharable> Sync for Shared<T> {}
