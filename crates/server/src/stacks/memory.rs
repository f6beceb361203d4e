//! The memory of stacks: mapped lazily, with a guard page below, used again by the same thread.

use std::cell::RefCell;
use std::io;
use std::mem::ManuallyDrop;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::ptr;
use std::sync::OnceLock;

use corosensei::stack::valgrind::ValgrindStackRegistration;
use corosensei::stack::{self, StackPointer};
use libc::{MAP_ANONYMOUS, MAP_FAILED, MAP_NORESERVE, MAP_PRIVATE, MAP_STACK, PROT_NONE};
use libc::{PROT_READ, PROT_WRITE};

use crate::mappings;

/// How many unused stacks a thread keeps: what came and went in a burst is not mapped anew by the
/// next, and no more than 4 MiB stay for it.
const FREE_MOST: usize = 256;

/// Bytes at the top of an unused stack that stay in memory: whoever uses it next touches them at once.
const KEPT: usize = 16 << 10;

/// Of the mappings that this process may have, one part in so many is kept free of stacks.
const SPARE: usize = 16;

/// Makes pages a guard without splitting the mapping (madvise(2), since Linux 6.13): so many stacks
/// are one mapping for the kernel, of which a process may have 65,530 by default.
const MADV_GUARD_INSTALL: libc::c_int = 102;

thread_local! {
    static FREE: RefCell<Vec<Stack>> = const { RefCell::new(Vec::new()) };
}

/// Stacks begin at so many different distances from the end of a page, [`COLOUR`] bytes apart: where
/// all began at the same, what each peer touches first would be in the same sets of the processor's
/// caches, and a thousand busy peers would drive each other out of them.
const COLOURS: usize = 16;
const COLOUR: usize = 128;

/// Mapped memory to run on, with a guard page at its lower end.
pub(super) struct Stack {
    /// The lower end of the mapping.
    low: usize,
    /// Bytes, with the guard page.
    len: usize,
    /// Where it begins, at its upper end.
    base: StackPointer,
    /// Valgrind follows the switches to it.
    registration: ManuallyDrop<ValgrindStackRegistration>,
}

/// A stack of at least `size` bytes, whose contents are unspecified.
///
/// # Errors
/// If the system has no memory for it, or no mapping.
pub(super) fn take(size: usize) -> io::Result<Stack> {
    let len = mapped_len(size);
    let free = FREE.try_with(|free| free.borrow_mut().pop()).ok().flatten();
    match free {
        Some(stack) if stack.len == len => Ok(stack),
        _ => Stack::map(len),
    }
}

/// Nothing runs on it any more.
pub(super) fn give_back(stack: Stack) {
    // A thread that is ending keeps none; then it is dropped, which unmaps it.
    let _ = FREE.try_with(|free| {
        let mut free = free.borrow_mut();
        if free.len() < FREE_MOST {
            stack.forget_depths();
            free.push(stack);
        }
    });
}

/// How many stacks a process may map beside what it has mapped.
pub(super) fn stacks_that_fit() -> usize {
    // One mapping each, and one for its guard.
    if guards_are_cheap() { usize::MAX } else { mappings::that_fit(2, SPARE) }
}

/// Bytes of a page.
fn page_size() -> usize {
    static SIZE: OnceLock<usize> = OnceLock::new();
    *SIZE.get_or_init(|| {
        // SAFETY: asks for a number that every system has.
        let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        usize::try_from(size).expect("every system has pages")
    })
}

fn mapped_len(size: usize) -> usize {
    (size + COLOURS * COLOUR).next_multiple_of(page_size()) + page_size()
}

impl Stack {
    fn map(len: usize) -> io::Result<Stack> {
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK;
        // SAFETY: a new mapping, which concerns no memory that is there.
        let low = unsafe { libc::mmap(ptr::null_mut(), len, PROT_READ | PROT_WRITE, flags, -1, 0) };
        if low == MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        // Neighbours differ in colour. A page is a multiple of what a stack pointer is aligned to, and
        // so is a colour.
        let end = low.addr() + len;
        let base = NonZeroUsize::new(end - end / len % COLOURS * COLOUR);
        let base = base.expect("a mapping has several pages");
        let registration = ManuallyDrop::new(ValgrindStackRegistration::new(low.cast(), len));
        let stack = Stack { low: low.expose_provenance(), len, base, registration };
        // SAFETY: the advice is about the mapping that was just made. One huge page for the few
        // kilobytes of a stack would be a waste; where there are none, that is refused, and well.
        unsafe { libc::madvise(low, len, libc::MADV_NOHUGEPAGE) };
        make_guard(low)?;
        Ok(stack)
    }

    /// The addresses of its guard page.
    pub(super) fn guard(&self) -> Range<usize> {
        self.low..self.low + page_size()
    }

    /// Gives the memory back that only a deep recursion has needed.
    fn forget_depths(&self) {
        let low = self.guard().end;
        let count = (self.low + self.len - low).saturating_sub(KEPT);
        if count > 0 {
            // SAFETY: pages of this mapping, on which nothing runs: their contents are unspecified.
            unsafe {
                libc::madvise(ptr::with_exposed_provenance_mut(low), count, libc::MADV_DONTNEED)
            };
        }
    }
}

/// Makes the page at `low` one that must not be touched.
fn make_guard(low: *mut libc::c_void) -> io::Result<()> {
    // SAFETY: the page belongs to a mapping that nobody uses yet.
    let made = unsafe {
        match guards_are_cheap() {
            true => libc::madvise(low, page_size(), MADV_GUARD_INSTALL),
            false => libc::mprotect(low, page_size(), PROT_NONE),
        }
    };
    if made == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Whether this system knows guard pages that split no mapping.
fn guards_are_cheap() -> bool {
    static CHEAP: OnceLock<bool> = OnceLock::new();
    *CHEAP.get_or_init(|| {
        let flags = MAP_PRIVATE | MAP_ANONYMOUS;
        // SAFETY: a mapping of its own for the trial, unmapped again at once.
        unsafe {
            let page =
                libc::mmap(ptr::null_mut(), page_size(), PROT_READ | PROT_WRITE, flags, -1, 0);
            if page == MAP_FAILED {
                return false;
            }
            let made = libc::madvise(page, page_size(), MADV_GUARD_INSTALL) == 0;
            libc::munmap(page, page_size());
            made
        }
    })
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: taken once, here. Nothing runs on this mapping, and nothing points into it.
        unsafe {
            ManuallyDrop::drop(&mut self.registration);
            let low = ptr::with_exposed_provenance_mut(self.low);
            let unmapped = libc::munmap(low, self.len);
            debug_assert_eq!(unmapped, 0);
        }
    }
}

// SAFETY: the guard page is at the lower end, and there are at least `stacks::LEAST` bytes above it.
unsafe impl stack::Stack for Stack {
    #[inline]
    fn base(&self) -> StackPointer {
        self.base
    }

    #[inline]
    fn limit(&self) -> StackPointer {
        NonZeroUsize::new(self.low).expect("a mapping is not at address 0")
    }
}
