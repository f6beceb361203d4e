//! io_uring(7): what is wanted is asked for in one queue, what was done comes out of another, and one
//! system call does both for all peers.
//!
//! Each peer's socket is received from for as long as it is wanted, into buffers that all share
//! ([`buffers`]). What sessions write lies in rooms until the loop waits; the sends are part of that
//! same call ([`sends`]). At a listener that is the loop's alone the kernel accepts by itself
//! ([`accepting`]); the loop's other descriptors are polled.

mod accepting;
mod buffers;
mod lines;
mod probe;
mod queues;
mod sends;
#[cfg(test)]
mod tests;
mod token;
mod uring;
mod watching;

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::os::fd::RawFd;
use std::time::Duration;

use crate::admission::Came;
use crate::mechanism::Key;

use buffers::{Buffers, Filled, GROUP};
use lines::{Line, Lines, Request, Sources};
pub(crate) use queues::Completion;
use queues::{Done, Queues};
pub(crate) use sends::Sending;
use sends::Sends;
pub(crate) use token::{Does, Token};
pub(crate) use uring::MODEL;

/// How long the end waits for the kernel to let go of a loop's sockets and buffers.
const ENDING_MOST: Duration = Duration::from_millis(100);

/// One loop's ring.
pub(crate) struct Ring {
    queues: Queues,
    buffers: Buffers,
    lines: Lines,
    sources: Sources,
    pub(crate) sends: Sends,
    /// What the kernel has done that nobody was told of yet.
    done: Done,
    /// What is being told: its buffer, if it has not been looked at.
    current: Option<(Key, Filled)>,
    /// Requests whose last completion has not come.
    live: usize,
    /// Peers that have said something for which there was no buffer, the longest first.
    without: VecDeque<Key>,
    /// Whom the kernel has accepted, and the loop has not taken.
    accepted: VecDeque<(Key, Came)>,
    /// Somewhere the kernel accepts no longer.
    stopped: bool,
    /// Completions are being told.
    pub(crate) amid: bool,
}

/// What is next of what a peer has sent.
pub(crate) enum Input<'r> {
    Bytes(&'r [u8]),
    /// 0: the peer's end; another number: an error.
    End(i32),
}

impl Ring {
    /// # Errors
    /// Those of io_uring_setup(2) and io_uring_register(2). See [`probe`], which knows what they mean.
    pub(crate) fn new(entries: u32, buffers: u16) -> io::Result<Ring> {
        let queues = Queues::new(entries)?;
        let buffers = Buffers::new(&queues, buffers)?;
        Ok(Ring {
            queues,
            buffers,
            lines: Lines::default(),
            sources: Sources::default(),
            sends: Sends::default(),
            done: Done::default(),
            current: None,
            live: 0,
            without: VecDeque::new(),
            accepted: VecDeque::new(),
            stopped: false,
            amid: false,
        })
    }

    /// A new peer, from whom input is wanted.
    pub(crate) fn open(&mut self, fd: RawFd, key: Key) -> io::Result<()> {
        self.lines.open(key, fd).wanted = true;
        self.receive_on(key)
    }

    /// Input from this peer is wanted, or is not. What comes although it is not is kept here, and
    /// then the rest stays in the kernel.
    pub(crate) fn want(&mut self, key: Key, wanted: bool) -> io::Result<()> {
        if let Some(line) = self.lines.get(key) {
            line.wanted = wanted;
        }
        self.receive_on(key)
    }

    /// Receives nothing more from this peer, for a while.
    pub(crate) fn hold(&mut self, key: Key) -> io::Result<()> {
        let Some(line) = self.lines.get(key) else { return Ok(()) };
        line.wanted = false;
        if line.receive != Request::Armed {
            return Ok(());
        }
        line.receive = Request::Ending;
        self.queues.cancel(Token::of(key, Does::Receive))
    }

    /// Receives from this peer, if that is wanted and not under way.
    pub(crate) fn receive_on(&mut self, key: Key) -> io::Result<()> {
        self.ask(key).map(drop)
    }

    /// The same; whether it is asked for now.
    fn ask(&mut self, key: Key) -> io::Result<bool> {
        let Some(line) = self.lines.get(key) else { return Ok(false) };
        if !line.wanted || line.receive != Request::Idle || line.stash.is_some() {
            return Ok(false);
        }
        line.receive = Request::Armed;
        self.live += 1;
        self.queues.receive(line.fd, GROUP, Token::of(key, Does::Receive))?;
        Ok(true)
    }

    /// Receives from those who had to go without, as many as there are buffers, now that all were
    /// given back: a request for one who has said something is done while it is submitted, before
    /// anybody else is received from. To ask for more of them would be in vain, and always the same
    /// would be left over.
    fn ask_again(&mut self) -> io::Result<()> {
        let mut buffers = self.buffers.used;
        while buffers > 0
            && let Some(key) = self.without.pop_front()
        {
            buffers -= u16::from(self.ask(key)?);
        }
        Ok(())
    }

    /// Forgets a peer, whose socket is closed next. The kernel lets go of it with the next call.
    pub(crate) fn close(&mut self, key: Key) -> io::Result<()> {
        let Some(line) = self.lines.close(key) else { return Ok(()) };
        if line.receive == Request::Armed {
            self.queues.cancel(Token::of(key, Does::Receive))?;
        }
        if line.room == Request::Armed {
            self.queues.cancel(Token::of(key, Does::AwaitRoom))?;
        }
        Ok(())
    }

    /// A peer's socket was received from. Whether there is something new for the peer; it is taken
    /// with [`input`](Ring::input).
    pub(crate) fn received(&mut self, completion: Completion) -> io::Result<bool> {
        let key = completion.token.key();
        let filled = self.buffers.take(completion);
        self.live -= usize::from(!completion.more());
        let Some(line) = self.lines.get(key) else {
            filled.into_iter().for_each(|filled| self.buffers.give_back(filled));
            return Ok(false);
        };
        if !completion.more() {
            line.receive = Request::Idle;
        }
        match completion.result {
            result if result == -libc::ENOBUFS => {
                self.buffers.grow();
                self.without.push_back(key);
                Ok(false)
            }
            result if result == -libc::ECANCELED => {
                self.receive_on(key)?;
                Ok(false)
            }
            result if result > 0 => {
                self.current = filled.map(|filled| (key, filled));
                Ok(true)
            }
            result => {
                line.stash.get_or_insert_default().end = Some(result);
                line.wanted = false;
                filled.into_iter().for_each(|filled| self.buffers.give_back(filled));
                Ok(true)
            }
        }
    }

    /// The quick way of [`received`](Ring::received), for a completion that only brought bytes to a
    /// peer who has nothing waiting: calls `with` with the bytes. `false`: it is not that simple.
    #[inline(always)]
    pub(crate) fn received_plainly(
        &mut self,
        completion: Completion,
        with: impl FnOnce(&[u8]),
    ) -> bool {
        let simple = |line: &mut Line| line.sending == 0 && line.stash.is_none();
        if !completion.more()
            || completion.result <= 0
            || !self.lines.get(completion.token.key()).is_some_and(simple)
        {
            return false;
        }
        let Some(filled) = self.buffers.take(completion) else { return false };
        with(self.buffers.bytes(&filled));
        self.buffers.give_back(filled);
        true
    }

    /// Whether something of what this peer has sent is here.
    pub(crate) fn has_input(&mut self, key: Key) -> bool {
        self.current.as_ref().is_some_and(|(whose, _)| *whose == key)
            || self.lines.get(key).is_some_and(|line| line.stash.is_some())
    }

    /// Takes what this peer has sent, in its order, `most` bytes at a time; calls `with` with it.
    /// `None`: there is nothing.
    pub(crate) fn input<T>(
        &mut self,
        key: Key,
        most: usize,
        with: impl FnOnce(Input<'_>) -> T,
    ) -> Option<T> {
        let line = self.lines.get(key)?;
        if let Some(stash) = &mut line.stash
            && !stash.is_taken()
        {
            let did = with(Input::Bytes(stash.take(most)));
            if stash.is_taken() && stash.end.is_none() {
                line.stash = None;
            }
            return Some(did);
        }
        if let Some((whose, filled)) = self.current.take_if(|(whose, _)| *whose == key) {
            debug_assert_eq!(whose, key);
            let did = with(Input::Bytes(self.buffers.bytes(&filled)));
            self.buffers.give_back(filled);
            return Some(did);
        }
        let end = line.stash.take()?.end?;
        Some(with(Input::End(end)))
    }

    /// The turn that this completion gave its peer is over: keeps what the peer did not want.
    pub(crate) fn stash(&mut self) -> io::Result<()> {
        let Some((key, filled)) = self.current.take() else { return Ok(()) };
        if let Some(line) = self.lines.get(key) {
            let stash = line.stash.get_or_insert_default();
            stash.push(self.buffers.bytes(&filled));
            // No more of it: the rest waits in the kernel, and pushes back on the peer.
            if line.receive == Request::Armed {
                line.receive = Request::Ending;
                self.queues.cancel(Token::of(key, Does::Receive))?;
            }
        }
        self.buffers.give_back(filled);
        Ok(())
    }

    /// Where the output of this peer lies among those that are sent next.
    #[inline]
    pub(crate) fn sending(&mut self, key: Key) -> Option<usize> {
        let line = self.lines.get(key)?;
        (line.sending as usize).checked_sub(1)
    }

    /// This peer's output is sent next: see [`Sends::add`].
    #[inline]
    pub(crate) fn send(&mut self, key: Key, room: &mut Vec<u8>) {
        if let Some(line) = self.lines.get(key) {
            line.sending = self.sends.add(key, line.fd, room) as u32 + 1;
        }
    }

    /// It is sent, or is not to be.
    #[inline]
    pub(crate) fn not_sending(&mut self, key: Key) {
        if let Some(line) = self.lines.get(key) {
            line.sending = 0;
        }
    }

    /// Sends, submits what is queued, waits; see [`Queues::exchange`].
    pub(crate) fn exchange<'a>(
        &mut self,
        sends: impl Iterator<Item = (RawFd, &'a [u8], usize)>,
        want: Option<u32>,
        timeout: Option<Duration>,
    ) -> io::Result<()> {
        self.buffers.publish();
        if want.is_some() {
            self.ask_again()?;
        }
        self.queues.exchange(sends, want, timeout, &mut self.done)
    }

    /// Whether the kernel has done something that nobody was told of.
    pub(crate) fn any(&self) -> bool {
        !self.done.told.is_empty()
    }

    /// What the kernel has done.
    pub(crate) fn take_told(&mut self, told: &mut Vec<Completion>) {
        told.clear();
        mem::swap(told, &mut self.done.told);
    }

    /// The sends that failed or took less than all, since the last time.
    pub(crate) fn take_failed(&mut self) -> Vec<(usize, i32)> {
        mem::take(&mut self.done.failed)
    }

    /// How often the kernel was called, since the last time.
    pub(crate) fn take_enters(&mut self) -> u64 {
        mem::take(&mut self.queues.enters)
    }

    /// Ends all requests and waits until the kernel has let go of all sockets and buffers.
    pub(crate) fn end(&mut self) {
        self.without.clear();
        self.keep_untold();
        self.accepted.clear();
        if self.live == 0 || self.queues.cancel_all().is_err() {
            return;
        }
        for _ in 0..100 {
            let ended = self.exchange(std::iter::empty(), Some(1), Some(ENDING_MOST / 100));
            self.keep_untold();
            for completion in mem::take(&mut self.done.told) {
                self.live -= usize::from(!completion.more());
            }
            // Closed, for nobody is there to serve them.
            self.accepted.clear();
            if self.live == 0 || ended.is_err() {
                return;
            }
        }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // After a panic the queue may hold sends of what is gone: nothing is submitted any more.
        if !std::thread::panicking() {
            self.end();
        }
        if self.live > 0 {
            self.buffers.leak();
        }
    }
}
