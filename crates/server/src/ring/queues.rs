//! The two queues of an io_uring(7): what is asked of the kernel, and what it has done.

use std::io;
use std::os::fd::RawFd;
use std::time::Duration;

use io_uring::types::{CancelBuilder, Fd, SubmitArgs, Timespec};
use io_uring::{EnterFlags, IoUring, cqueue, opcode, squeue};

use super::Token;

/// Enters that take nothing before the kernel is given up. It says `EAGAIN` or `EBUSY` while it is
/// short of memory.
const VAIN_MOST: u32 = 1000;

/// What the kernel has done: one completion queue entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Completion {
    pub(crate) token: Token,
    /// As the system call's: a count, or an error as a negative number.
    pub(crate) result: i32,
    flags: u32,
}

impl Completion {
    /// Whether its request goes on, and will complete again.
    #[inline]
    pub(crate) fn more(self) -> bool {
        cqueue::more(self.flags)
    }

    /// The buffer that was filled.
    #[inline]
    pub(super) fn buffer(self) -> Option<u16> {
        cqueue::buffer_select(self.flags)
    }
}

/// Where completions are put.
#[derive(Default)]
pub(super) struct Done {
    /// All but those of sends, in their order.
    pub(super) told: Vec<Completion>,
    /// Sends that failed, or took less than all: which, and the result.
    pub(super) failed: Vec<(usize, i32)>,
}

/// The queues. They belong to the thread that made them.
pub(super) struct Queues {
    ring: IoUring,
    /// Calls of io_uring_enter(2).
    pub(super) enters: u64,
    /// Entering has failed for good: what is in the queue may point to what is gone, and must not
    /// be submitted any more.
    broken: bool,
}

impl Queues {
    /// `entries`: a power of two; there is room for four times as many completions.
    ///
    /// # Errors
    /// Those of io_uring_setup(2).
    pub(super) fn new(entries: u32) -> io::Result<Queues> {
        let ring = IoUring::builder()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_submit_all()
            .setup_cqsize(4 * entries)
            .build(entries)?;
        Ok(Queues { ring, enters: 0, broken: false })
    }

    pub(super) fn ring(&self) -> &IoUring {
        &self.ring
    }

    /// Receives what comes on `fd`, again and again, each time into a buffer of that group.
    pub(super) fn receive(&mut self, fd: RawFd, group: u16, token: Token) -> io::Result<()> {
        self.push(&opcode::RecvMulti::new(Fd(fd), group).build().user_data(token.0))
    }

    /// Tells when one of poll(2)'s `events` is there: once, or `again` and again when something
    /// changes.
    pub(super) fn poll(
        &mut self,
        fd: RawFd,
        events: u32,
        again: bool,
        token: Token,
    ) -> io::Result<()> {
        self.push(&opcode::PollAdd::new(Fd(fd), events).multi(again).build().user_data(token.0))
    }

    /// Accepts whoever comes to a listener, as non-blocking sockets that are closed on exec.
    pub(super) fn accept(&mut self, fd: RawFd, token: Token) -> io::Result<()> {
        let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
        self.push(&opcode::AcceptMulti::new(Fd(fd)).flags(flags).build().user_data(token.0))
    }

    /// Ends a request. Its last completion is still to come.
    pub(super) fn cancel(&mut self, token: Token) -> io::Result<()> {
        let cancel = opcode::AsyncCancel::new(token.0).build();
        self.push(&cancel.flags(squeue::Flags::SKIP_SUCCESS).user_data(Token::CANCEL.0))
    }

    /// Ends all requests.
    pub(super) fn cancel_all(&mut self) -> io::Result<()> {
        let cancel = opcode::AsyncCancel2::new(CancelBuilder::any().all()).build();
        self.push(&cancel.flags(squeue::Flags::SKIP_SUCCESS).user_data(Token::CANCEL.0))
    }

    /// Queues a request that points to no memory; if the queue is full, submits what is in it.
    fn push(&mut self, entry: &squeue::Entry) -> io::Result<()> {
        for _ in 0..VAIN_MOST {
            // SAFETY: the request points to nothing, so nothing can go before it does.
            if unsafe { self.ring.submission().push(entry) }.is_ok() {
                return Ok(());
            }
            self.submit()?;
        }
        self.give_up()
    }

    /// Sends each of `sends` (a socket, bytes, a number), submits all that is queued, and waits for
    /// `want` completions, which it leaves in `done`. `None`: it does not even look whether something
    /// has come, so that nothing is received meanwhile.
    ///
    /// A send that takes all its bytes completes in silence. None is left with the kernel: it is
    /// made while it is submitted, and one that would have to wait fails instead (`MSG_DONTWAIT`),
    /// so the bytes are not needed any more when this returns.
    pub(super) fn exchange<'a>(
        &mut self,
        sends: impl Iterator<Item = (RawFd, &'a [u8], usize)>,
        want: Option<u32>,
        timeout: Option<Duration>,
        done: &mut Done,
    ) -> io::Result<()> {
        let mut queue = self.ring.submission();
        for (fd, bytes, number) in sends {
            let length = u32::try_from(bytes.len()).unwrap_or(i32::MAX as u32);
            let flags = libc::MSG_DONTWAIT | libc::MSG_WAITALL | libc::MSG_NOSIGNAL;
            let entry = opcode::Send::new(Fd(fd), bytes.as_ptr(), length.min(i32::MAX as u32))
                .flags(flags)
                .build()
                .flags(squeue::Flags::SKIP_SUCCESS)
                .user_data(Token::send(number).0);
            // SAFETY: `bytes` are borrowed until this function returns. By then the kernel has
            // taken the request from the queue, and with that made the send; or entering has
            // failed, and nothing is submitted any more.
            while unsafe { queue.push(&entry) }.is_err() {
                drop(queue);
                self.submit_some(done)?;
                queue = self.ring.submission();
            }
        }
        drop(queue);
        let known = !done.failed.is_empty() || !done.told.is_empty();
        match want {
            Some(want) => self.enter(if known { 0 } else { want }, timeout)?,
            None => self.submit()?,
        }
        self.collect(done);
        while !self.ring.submission().is_empty() {
            self.submit_some(done)?;
        }
        Ok(())
    }

    /// Submits what is queued and looks what has been done, without waiting.
    fn submit_some(&mut self, done: &mut Done) -> io::Result<()> {
        for _ in 0..VAIN_MOST {
            let before = self.ring.submission().len();
            self.enter(0, None)?;
            self.collect(done);
            if self.ring.submission().len() < before {
                return Ok(());
            }
        }
        self.give_up()
    }

    fn submit(&mut self) -> io::Result<()> {
        if self.broken {
            return self.give_up();
        }
        self.enters += 1;
        // SAFETY: without an argument and without flags there is nothing to get wrong.
        let entered = unsafe {
            let queued = self.ring.submission().len() as u32;
            self.ring.submitter().enter::<libc::sigset_t>(queued, 0, 0, None)
        };
        self.heed(entered)
    }

    fn enter(&mut self, want: u32, timeout: Option<Duration>) -> io::Result<()> {
        if self.broken {
            return self.give_up();
        }
        self.enters += 1;
        let time = timeout.map_or_else(Timespec::new, |timeout| {
            Timespec::new().sec(timeout.as_secs()).nsec(timeout.subsec_nanos())
        });
        let arguments = match timeout {
            Some(_) => SubmitArgs::new().timespec(&time),
            None => SubmitArgs::new(),
        };
        let flags = (EnterFlags::GETEVENTS | EnterFlags::EXT_ARG).bits();
        let queued = self.ring.submission().len() as u32;
        // SAFETY: the arguments are those that `EXT_ARG` announces, and outlive the call.
        let entered = unsafe { self.ring.submitter().enter(queued, want, flags, Some(&arguments)) };
        self.heed(entered)
    }

    fn heed(&mut self, entered: io::Result<usize>) -> io::Result<()> {
        match entered {
            Ok(_) => Ok(()),
            Err(error) => match error.raw_os_error() {
                // The time is over; a signal; it is short of memory, or of room for completions.
                Some(libc::ETIME | libc::EINTR | libc::EAGAIN | libc::EBUSY) => Ok(()),
                _ => {
                    self.broken = true;
                    Err(error)
                }
            },
        }
    }

    fn give_up(&mut self) -> io::Result<()> {
        self.broken = true;
        Err(io::Error::other("io_uring_enter takes no more requests"))
    }

    /// Takes all completions out of their queue.
    fn collect(&mut self, done: &mut Done) {
        for entry in self.ring.completion() {
            let token = Token(entry.user_data());
            if let Some(number) = token.sent() {
                done.failed.push((number, entry.result()));
            } else if token != Token::CANCEL {
                done.told.push(Completion { token, result: entry.result(), flags: entry.flags() });
            }
        }
    }
}
