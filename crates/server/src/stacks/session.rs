//! A stack as a session: each call of the session resumes what runs on it.

use std::hint;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::ptr::{self, NonNull};

use corosensei::stack::Stack as _;
use corosensei::{Coroutine, CoroutineResult, Yielder};
use switchboard_core::{Context, Ending, Flow, PeerInfo, Service, Session, Style};

use super::memory::{self, Stack};
use super::overflow::{self, Bounds};
use super::prefetch;

/// Suspends what runs on a stack; it goes on with the next call.
pub(super) type Waits = Yielder<Call, Pause>;

/// What a stack is suspended with, in one word, which passes in a register: about how far down it
/// is in use, an even address, and in its lowest bit whether the session closes.
pub(super) struct Pause(usize);

impl Pause {
    #[inline(always)]
    pub(super) fn new(flow: Flow) -> Pause {
        let here = hint::black_box(0u16);
        Pause((&raw const here).addr() | usize::from(flow == Flow::Close))
    }

    #[inline]
    fn flow(&self) -> Flow {
        if self.0 & 1 == 0 { Flow::Continue } else { Flow::Close }
    }
}

/// What a stack is resumed with: one call of the session.
#[derive(Clone, Copy)]
pub(super) struct Call {
    pub(super) event: Event,
    /// That call's context, for as long as it lasts, which is until the stack is suspended or done.
    /// `None`: the peer is gone.
    pub(super) context: Option<NonNull<Context<'static>>>,
}

/// Which call it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Opened,
    Received,
    Ended,
    Writable,
    Woken,
    Closed(Ending),
}

/// What runs on a stack, until it is done.
type Running = Coroutine<Call, Pause, Flow, Stack>;

/// A session that runs on a stack of its own.
pub(super) struct OnStack {
    /// `None`: it is done.
    running: Option<Running>,
    bounds: Bounds,
    /// About where what is in use of the stack begins, while it is suspended.
    used_from: usize,
    /// Where it ends.
    base: usize,
    /// The thread that it lives on.
    home: Home,
}

// SAFETY: what is on the stack may be anything but is touched by one thread only, its home, which is
// the thread that made it. Every resumption asserts that it happens there; dropped elsewhere, it is
// forgotten and not unwound. Between two calls the box around this may be moved by other threads (a
// loop hands connections to its workers and back), which touch none of what is on the stack.
unsafe impl Send for OnStack {}

impl OnStack {
    /// Has `body` run on a new stack of `size` bytes, from the first call on. `sentence` is said when
    /// it needs more.
    ///
    /// # Errors
    /// If there is no memory for a stack.
    pub(super) fn new(
        size: usize,
        sentence: &'static str,
        body: impl FnOnce(&Waits, Call) -> Flow + 'static,
    ) -> io::Result<OnStack> {
        let stack = memory::take(size)?;
        let bounds = Bounds { guard: stack.guard(), sentence };
        let base = stack.base().get();
        let running = Some(Coroutine::with_stack(stack, body));
        Ok(OnStack { running, bounds, used_from: base, base, home: Home::here() })
    }

    #[inline]
    fn call(&mut self, event: Event, peer: Option<&mut Context<'_>>) -> Flow {
        let Some(running) = &mut self.running else { return Flow::Close };
        assert!(self.home == Home::here(), "a stack never moves to another thread");
        // The lifetime is erased here; `Call::context` says how long it lasts.
        let context = peer.map(|peer| NonNull::from(peer).cast());
        let result = {
            let _marked = overflow::mark(&self.bounds);
            running.resume(Call { event, context })
        };
        match result {
            CoroutineResult::Yield(pause) => {
                self.used_from = pause.0;
                pause.flow()
            }
            CoroutineResult::Return(flow) => {
                self.retire();
                flow
            }
        }
    }

    /// What ran on it is done: the stack is for others.
    #[cold]
    fn retire(&mut self) {
        if let Some(running) = self.running.take() {
            memory::give_back(running.into_stack());
        }
    }
}

impl Session for OnStack {
    fn opened(&mut self, peer: &mut Context<'_>) -> Flow {
        self.call(Event::Opened, Some(peer))
    }

    fn received(&mut self, peer: &mut Context<'_>) -> Flow {
        self.call(Event::Received, Some(peer))
    }

    fn ended(&mut self, peer: &mut Context<'_>) -> Flow {
        self.call(Event::Ended, Some(peer))
    }

    fn writable(&mut self, peer: &mut Context<'_>) -> Flow {
        self.call(Event::Writable, Some(peer))
    }

    fn woken(&mut self, peer: &mut Context<'_>) -> Flow {
        self.call(Event::Woken, Some(peer))
    }

    #[inline]
    fn prefetch(&self) {
        prefetch::stack(self.used_from, self.base);
    }

    /// From now on nothing waits any more, so what runs comes to its end.
    fn closed(&mut self, ending: Ending) {
        if self.running.is_some() {
            let _ = self.call(Event::Closed(ending), None);
        }
    }
}

impl Drop for OnStack {
    fn drop(&mut self) {
        let Some(mut running) = self.running.take() else { return };
        if self.home != Home::here() {
            // Nobody may unwind it here, and its own thread will not come back for it.
            return std::mem::forget(running);
        }
        if running.started() && !running.done() {
            // No last call has come: whoever served it failed.
            let _marked = overflow::mark(&self.bounds);
            let last = Call { event: Event::Closed(Ending::CutOff), context: None };
            let _ = panic::catch_unwind(AssertUnwindSafe(|| running.resume(last)));
        }
        // Nothing is left of it but, if it never began, what it would have begun with.
        running.force_unwind();
        memory::give_back(running.into_stack());
    }
}

/// An event-style session on a stack: each call is made there.
pub(super) fn forward(service: &Service, info: &PeerInfo, waits: &Waits, mut call: Call) -> Flow {
    let Style::Event(open) = service.style() else {
        unreachable!("straight-line services are served by their handlers")
    };
    let mut session = open(info);
    loop {
        // SAFETY: the context is that of the call which has resumed this stack and lasts until it is
        // suspended, below; nobody else uses it meanwhile.
        let peer = call.context.map(|mut context| unsafe { context.as_mut() });
        let flow = match (call.event, peer) {
            (Event::Opened, Some(peer)) => session.opened(peer),
            (Event::Received, Some(peer)) => session.received(peer),
            (Event::Ended, Some(peer)) => session.ended(peer),
            (Event::Writable, Some(peer)) => session.writable(peer),
            (Event::Woken, Some(peer)) => session.woken(peer),
            (Event::Closed(ending), _) => {
                session.closed(ending);
                return Flow::Close;
            }
            (_, None) => unreachable!("only the last call has no context"),
        };
        call = waits.suspend(Pause::new(flow));
    }
}

/// A thread, by the address of something that each thread has one of.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Home(*const u8);

impl Home {
    #[inline]
    fn here() -> Home {
        thread_local! {
            static HERE: u8 = const { 0 };
        }
        Home(HERE.try_with(ptr::from_ref).unwrap_or(ptr::null()))
    }
}
