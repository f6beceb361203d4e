//! A stack that is too small: its guard page is touched, and the process ends with a sentence.
//!
//! The same signal means other mistakes, too; those are left to whoever handled it before, which is
//! the standard library unless the program has something else in its place.

use std::cell::Cell;
use std::io;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::ptr;
use std::sync::OnceLock;

use libc::{SA_ONSTACK, SA_SIGINFO, SIG_DFL, SIG_IGN, SIGSEGV, SIGSTKSZ, SS_DISABLE};
use libc::{c_int, c_void, siginfo_t, stack_t};

use crate::model::Model;
use crate::size;

/// What is known of a stack while something runs on it.
pub(super) struct Bounds {
    /// The addresses of its guard page.
    pub(super) guard: Range<usize>,
    /// What is said when it is touched.
    pub(super) sentence: &'static str,
}

thread_local! {
    /// The stack that runs on this thread, if one does. No destructor and nothing to begin with: a
    /// signal handler can read it.
    static RUNNING: Cell<*const Bounds> = const { Cell::new(ptr::null()) };
}

/// What is said when a stack is too small for a service. It is never freed: a signal may ask for it
/// at any time, and there is one for each server.
pub(super) fn sentence(service: &str, model: &Model) -> &'static str {
    let size = model.number(super::SETTING);
    let more = model.with(super::SETTING, size.saturating_mul(4).min(super::MOST));
    let size = size::written(size);
    let text = format!(
        "error: a peer of the service `{service}` needs more stack than the {size} that it has; if \
         that is no endless recursion, give it more: --model {more}\n"
    );
    Box::leak(text.into_boxed_str())
}

/// Says that something is about to run on a stack, until what this gives is dropped.
#[inline]
pub(super) fn mark(bounds: &Bounds) -> Marked {
    RUNNING.set(bounds);
    Marked
}

/// While this lives, something runs on a stack.
pub(super) struct Marked;

impl Drop for Marked {
    #[inline]
    fn drop(&mut self) {
        RUNNING.set(ptr::null());
    }
}

/// Has an overflow on this thread end the process with its sentence.
///
/// # Errors
/// If the system has no memory for the stack of this thread's signals.
pub(super) fn watch() -> io::Result<()> {
    install()?;
    thread_local! {
        static SIGNALS: Result<Option<Alternate>, c_int> = Alternate::ensure();
    }
    let had = SIGNALS.try_with(|stack| stack.as_ref().err().copied()).ok().flatten();
    had.map_or(Ok(()), |errno| Err(io::Error::from_raw_os_error(errno)))
}

/// What handled the signal before.
static BEFORE: OnceLock<libc::sigaction> = OnceLock::new();

fn install() -> io::Result<()> {
    if BEFORE.get().is_some() {
        return Ok(());
    }
    let mut before = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: the action is whole (zeros mean an empty mask and no restorer), and its handler does
    // only what a handler of signals may. What was there before is known before the new one is put
    // in its place, in a step of its own: a fault in between finds one or the other.
    unsafe {
        if libc::sigaction(SIGSEGV, ptr::null(), before.as_mut_ptr()) != 0 {
            return Err(io::Error::last_os_error());
        }
        if BEFORE.set(before.assume_init()).is_err() {
            return Ok(());
        }
        let mut action = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
        let handler: extern "C" fn(c_int, *mut siginfo_t, *mut c_void) = on_fault;
        action.sa_sigaction = handler as usize;
        action.sa_flags = SA_SIGINFO | SA_ONSTACK;
        if libc::sigaction(SIGSEGV, &raw const action, ptr::null_mut()) != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Runs on the stack for signals, in the thread that touched what it must not.
extern "C" fn on_fault(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel passes information on the fault, for which `si_addr` is the address. The
    // bounds are those of a stack that runs on this very thread.
    unsafe {
        let address = (*info).si_addr().addr();
        if let Some(bounds) = RUNNING.get().as_ref()
            && bounds.guard.contains(&address)
        {
            let text = bounds.sentence.as_bytes();
            libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), text.len());
            libc::abort();
        }
        let before = BEFORE.get().map_or(SIG_DFL, |before| before.sa_sigaction);
        if before == SIG_DFL || before == SIG_IGN {
            // Returning touches the same address again, which ends the process.
            libc::signal(signal, SIG_DFL);
            return;
        }
        let siginfo = BEFORE.get().is_some_and(|before| before.sa_flags & SA_SIGINFO != 0);
        if siginfo {
            let handler: extern "C" fn(c_int, *mut siginfo_t, *mut c_void) =
                std::mem::transmute(before);
            handler(signal, info, context);
        } else {
            let handler: extern "C" fn(c_int) = std::mem::transmute(before);
            handler(signal);
        }
    }
}

/// A stack for this thread's signals: the one that has overflowed cannot be theirs.
struct Alternate(Vec<u8>);

impl Alternate {
    /// Makes one, if the thread has none; the standard library makes one for most.
    fn ensure() -> Result<Option<Alternate>, c_int> {
        let errno = || io::Error::last_os_error().raw_os_error().unwrap_or(libc::EINVAL);
        let mut present = MaybeUninit::<stack_t>::uninit();
        // SAFETY: asks only, into memory for the answer.
        if unsafe { libc::sigaltstack(ptr::null(), present.as_mut_ptr()) } != 0 {
            return Err(errno());
        }
        // SAFETY: the call above has succeeded and filled it.
        if unsafe { present.assume_init() }.ss_flags & SS_DISABLE == 0 {
            return Ok(None);
        }
        // SAFETY: a number that the kernel has given to this process.
        let least = unsafe { libc::getauxval(libc::AT_MINSIGSTKSZ) };
        let size = SIGSTKSZ.max(usize::try_from(least).unwrap_or(0) * 2);
        let mut memory = vec![0; size];
        let stack = stack_t { ss_sp: memory.as_mut_ptr().cast(), ss_flags: 0, ss_size: size };
        // SAFETY: the memory is this thread's until it takes the stack out of use, in `drop`.
        match unsafe { libc::sigaltstack(&raw const stack, ptr::null_mut()) } {
            0 => Ok(Some(Alternate(memory))),
            _ => Err(errno()),
        }
    }
}

impl Drop for Alternate {
    fn drop(&mut self) {
        let off = stack_t { ss_sp: ptr::null_mut(), ss_flags: SS_DISABLE, ss_size: self.0.len() };
        // SAFETY: from now on no signal of this thread uses the memory, which is freed next.
        unsafe { libc::sigaltstack(&raw const off, ptr::null_mut()) };
    }
}
