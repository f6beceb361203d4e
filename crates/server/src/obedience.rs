//! Obedience: while a server runs, SIGTERM and SIGINT stop it; when it has ended they do what they did
//! before.
//!
//! signal_hook never takes its handler back from the kernel, and a signal for which nothing is
//! registered any more would be lost. So what it found is put back after the last server of this
//! process, and the handler is put in its place again for the next one.

use std::io;
use std::mem::MaybeUninit;
use std::process;
use std::ptr;
use std::sync::{Mutex, PoisonError};

use libc::sigaction;
use signal_hook::SigId;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::{register, unregister};

use crate::stopping::Stop;

/// What stops a server.
const STOPPING: [i32; 2] = [SIGTERM, SIGINT];

/// While it lives, SIGTERM and SIGINT stop a server.
pub(crate) struct Obedience(Vec<Handler>);

/// Something that is done at a signal while this lives.
pub(crate) struct Handler(SigId);

static KEPT: Mutex<Kept> = Mutex::new(Kept { servers: 0, signals: [None; 2] });

/// What this process knows of the signals that stop its servers.
struct Kept {
    /// Those that they stop now.
    servers: usize,
    /// By their places in [`STOPPING`]: what they did before the first of these servers, and what
    /// they do while there is one.
    signals: [Option<(sigaction, sigaction)>; 2],
}

impl Obedience {
    /// The first of the signals begins the drain, the second ends it. Processes that are forked from
    /// this one have the same handlers, and ignore both.
    pub(crate) fn to(stop: &Stop) -> io::Result<Obedience> {
        let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        kept.servers += 1;
        let mut handlers = Vec::new();
        let begun = STOPPING.into_iter().enumerate().try_for_each(|(place, signal)| {
            let before = disposition(signal, None)?;
            let (own, stop) = (process::id(), stop.clone());
            let advance = move || {
                if process::id() == own {
                    stop.advance();
                }
            };
            // SAFETY: `Stop::advance` is async-signal-safe: atomics, a monotonic clock reading
            // and write(2); so is getpid(2) (signal-safety(7)).
            handlers.push(unsafe { Handler::of(signal, advance) }?);
            if kept.servers == 1 {
                kept.begin(place, signal, before)?;
            }
            Ok(())
        });
        drop(kept);
        let obedience = Obedience(handlers);
        begun.map(|()| obedience)
    }
}

impl Drop for Obedience {
    fn drop(&mut self) {
        // Before the handlers go: a signal that comes in between is not lost.
        KEPT.lock().unwrap_or_else(PoisonError::into_inner).end();
        self.0.clear();
    }
}

impl Kept {
    /// `before`: what the signal did before a handler was registered.
    fn begin(&mut self, place: usize, signal: i32, before: sigaction) -> io::Result<()> {
        let ours = match self.signals[place] {
            // An earlier server has had signal_hook's handler taken out, of which that knows nothing.
            Some((_, ours)) => {
                disposition(signal, Some(&ours))?;
                ours
            }
            None => disposition(signal, None)?,
        };
        self.signals[place] = Some((before, ours));
        Ok(())
    }

    fn end(&mut self) {
        self.servers -= 1;
        if self.servers > 0 {
            return;
        }
        for (signal, kept) in STOPPING.into_iter().zip(&self.signals) {
            let Some((before, ours)) = kept else { continue };
            // What the program has installed meanwhile stays.
            let replaced =
                disposition(signal, None).is_ok_and(|now| now.sa_sigaction != ours.sa_sigaction);
            if !replaced && let Err(error) = disposition(signal, Some(before)) {
                tracing::warn!("signal {signal} does nothing any more: {error}");
            }
        }
    }
}

impl Handler {
    /// Does `action` at every `signal`, besides what else is registered for it.
    ///
    /// # Safety
    /// `action` must be async-signal-safe.
    pub(crate) unsafe fn of(
        signal: i32,
        action: impl Fn() + Send + Sync + 'static,
    ) -> io::Result<Handler> {
        // SAFETY: as the caller promises.
        unsafe { register(signal, action) }.map(Handler)
    }
}

impl Drop for Handler {
    fn drop(&mut self) {
        unregister(self.0);
    }
}

/// What this process does at `signal`, until now; from now on what `new` says, if it is given.
fn disposition(signal: i32, new: Option<&sigaction>) -> io::Result<sigaction> {
    let mut now = MaybeUninit::<sigaction>::zeroed();
    let new = new.map_or(ptr::null(), ptr::from_ref);
    // SAFETY: a valid signal; `new` is null or what an earlier call gave; the kernel fills `now`, for
    // which zeros are a value, too.
    match unsafe { (libc::sigaction(signal, new, now.as_mut_ptr()), now.assume_init()) } {
        (0, now) => Ok(now),
        _ => Err(io::Error::last_os_error()),
    }
}
