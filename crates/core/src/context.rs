//! What a session sees during one call.

use std::io;
use std::time::Instant;

use crate::connection::Vitals;
use crate::framing::{self, Frame};
use crate::mail::OwnMailbox;
use crate::marks::Marks;
use crate::{Ending, Endpoint, Flow, Job, Mailbox, Note, Offloaded, Terms, offload};

/// One call's view of a peer: what it sent, what it will be sent, and what is known about it.
pub struct Context<'a> {
    /// What the peer sent and no call has taken yet.
    pub input: Input<'a>,
    /// What will be sent to the peer, in this order.
    pub output: Output<'a>,
    pub(crate) vitals: &'a mut Vitals,
    pub(crate) now: Instant,
}

impl Context<'_> {
    /// The instant at which the carrier learnt of what caused this call.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Unlike that of any other peer of this server.
    pub fn id(&self) -> u64 {
        self.vitals.id
    }

    /// Where the peer speaks from.
    pub fn address(&self) -> &Endpoint {
        &self.vitals.address
    }

    /// Asks for one call of [`Session::woken`](crate::Session::woken) at `instant`; `None` takes
    /// the request back. There is one deadline for each peer: the last one counts. A session that
    /// waits for its deadline does not wait for its peer: meanwhile a silent peer is not idle, and
    /// the drain does not let it go. The end of a job ([`offload`](Context::offload)) leaves the
    /// deadline as it is.
    pub fn set_deadline(&mut self, instant: Option<Instant>) {
        self.vitals.deadline = instant;
        self.vitals.marks.put(Marks::DEADLINE, instant.is_some());
        self.vitals.marks.put(Marks::AWAITS_PEER, false);
    }

    /// As [`set_deadline`](Context::set_deadline), for a session that waits for its peer until then:
    /// the peer is idle as without a deadline, and the drain lets it go as without one. What comes
    /// from the peer leaves the deadline as it is; `None` takes it back.
    pub fn await_peer(&mut self, instant: Option<Instant>) {
        self.set_deadline(instant);
        self.vitals.marks.put(Marks::AWAITS_PEER, instant.is_some());
    }

    /// The deadline that is set.
    pub fn deadline(&self) -> Option<Instant> {
        self.vitals.deadline
    }

    /// Asks for one call of [`Session::writable`](crate::Session::writable) when unsent output has
    /// fallen to the low mark; at once, if it is there already. This is how an endless reply is
    /// written without an endless buffer: fill [`Output::room`], ask, return.
    pub fn want_room(&mut self) {
        self.vitals.marks.put(Marks::WANTS_ROOM, true);
    }

    /// Asks for one call of [`Session::writable`](crate::Session::writable) when the kernel has all
    /// that was written.
    pub fn want_flushed(&mut self) {
        self.vitals.marks.put(Marks::WANTS_ROOM.or(Marks::FLUSHES), true);
    }

    /// Offers no more input, and does not tell of the peer's end, until
    /// [`resume_input`](Context::resume_input). The peer is pushed back meanwhile. A session that
    /// waits like this for something else than its peer says for what: a deadline, a job, room, or
    /// its peer will be idle in the end. The drain does not let such a peer go.
    pub fn pause_input(&mut self) {
        self.vitals.marks.put(Marks::PAUSED, true);
    }

    /// Offers input again, that which came meanwhile first.
    pub fn resume_input(&mut self) {
        if self.vitals.marks.has(Marks::PAUSED) {
            self.vitals.marks.put(Marks::PAUSED, false);
            self.vitals.marks.put(Marks::MORE, true);
        }
    }

    /// Says whether a request is under way of which nothing is left in [`input`](Context::input), as
    /// with a session that gathers requests by itself: the drain does not let such a peer go.
    pub fn engage(&mut self, engaged: bool) {
        self.vitals.marks.put(Marks::ENGAGED, engaged);
    }

    /// Closes as [`Flow::Close`] does, and counts the peer as `ending` says. One that is over for
    /// another reason than [`Closed`](Ending::Closed), [`Left`](Ending::Left),
    /// [`Drained`](Ending::Drained) or [`Error`](Ending::Error) is sent nothing more.
    pub fn close_as(&mut self, ending: Ending) -> Flow {
        self.vitals.close_as(ending);
        Flow::Close
    }

    /// Runs `job` on one of the threads that the server has for jobs, so that this one can serve
    /// others meanwhile; [`Session::woken`](crate::Session::woken) is called when it is done, and
    /// takes its value from what this gives. Where nobody runs jobs, it is run at once, in place.
    ///
    /// While a job is under way the session is offered no input and is not told of its peer's end:
    /// requests are answered in their order, and a peer that sends more is pushed back. It is not
    /// idle, unless it does not read what it was sent, and the drain does not let it go. There may
    /// be several jobs: `woken` is called more than once, each time after at least one more is done.
    /// If the peer is over before that, its jobs are still run, and their values dropped.
    pub fn offload<T: Send + 'static>(
        &mut self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Offloaded<T> {
        let (job, value) = offload::job(job);
        self.submit(job);
        value
    }

    /// As [`offload`](Context::offload), for a job that keeps its value to itself.
    pub fn submit(&mut self, job: Job) {
        self.vitals.marks.put(Marks::OFFLOADED, true);
        match &self.output.terms.offload {
            Some(threads) => threads.submit(self.vitals.id, job),
            None => job(),
        }
    }

    /// This peer's mailbox, which can be given to others: what they [`send`](Mailbox::send) joins the
    /// output; for a [`note`](Mailbox::note) the session is [`woken`](crate::Session::woken).
    pub fn mailbox(&mut self) -> Mailbox {
        let Vitals { id, mail, marks, .. } = &mut *self.vitals;
        let terms = self.output.terms;
        let mail = mail.get_or_insert_with(|| {
            marks.put(Marks::MAILBOX, true);
            OwnMailbox::new(*id, terms.post.clone(), terms.mail_max)
        });
        mail.address()
    }

    /// Whether there is a note in this peer's mailbox.
    pub fn has_note(&self) -> bool {
        self.vitals.mail.as_ref().is_some_and(|mail| mail.has_note())
    }

    /// Whether a job that was [offloaded](Context::offload) is under way.
    pub fn awaits_jobs(&self) -> bool {
        self.vitals.marks.has(Marks::OFFLOADED)
    }

    /// The oldest note in this peer's mailbox, taken out of it.
    pub fn take_note(&mut self) -> Option<Note> {
        self.vitals.mail.as_ref().and_then(|mail| mail.take_note())
    }

    /// Whether the server is stopping: finish what was begun, begin nothing.
    pub fn draining(&self) -> bool {
        self.vitals.marks.has(Marks::DRAINING)
    }
}

/// More bytes than there can be.
pub(crate) const TOO_LARGE: usize = usize::MAX;

/// Unread input. What is not taken stays, and is offered again.
///
/// The slices that it gives live as long as the call, not as long as the borrow of the input, so
/// that they can be written to `peer.output` directly.
pub struct Input<'a> {
    rest: &'a [u8],
    searched: usize,
    terms: &'a Terms,
    ended: bool,
}

impl<'a> Input<'a> {
    #[inline]
    pub(crate) fn new(
        bytes: &'a [u8],
        searched: usize,
        terms: &'a Terms,
        ended: bool,
    ) -> Input<'a> {
        Input { rest: bytes, searched, terms, ended }
    }

    /// How many of the bytes that are left are known to hold no line feed; [`TOO_LARGE`] if they
    /// begin a request that is larger than it may be.
    #[inline]
    pub(crate) fn searched(&self) -> usize {
        self.searched
    }

    /// All unread bytes, without taking them.
    #[inline]
    pub fn bytes(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether nothing is unread.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// How many bytes are unread.
    #[inline]
    pub fn len(&self) -> usize {
        self.rest.len()
    }

    /// Whether the peer has sent its last byte: what is not here will not come.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// Takes everything.
    #[inline]
    pub fn take_all(&mut self) -> &'a [u8] {
        self.searched = 0;
        std::mem::take(&mut self.rest)
    }

    /// Takes the next `count` bytes, or all if there are fewer.
    #[inline]
    pub fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(count.min(self.rest.len()));
        self.rest = rest;
        self.searched = self.searched.saturating_sub(count);
        taken
    }

    /// Takes a line, without its LF or CRLF; `None` until it is whole. After the peer's last byte
    /// the rest counts as a line. A line longer than the largest request ends the peer.
    pub fn line(&mut self) -> Option<&'a [u8]> {
        let frame = match framing::line(self.rest, self.searched, self.terms.request_max) {
            Frame::Partial { .. } if self.ended => {
                framing::last_line(self.rest, self.terms.request_max)
            }
            frame => frame,
        };
        self.take_frame(frame)
    }

    /// Takes a request that begins with its length in 4 bytes, network order; gives its content.
    pub fn frame(&mut self) -> Option<&'a [u8]> {
        self.take_frame(framing::length4(self.rest, self.terms.request_max))
    }

    /// Takes exactly `count` bytes; `None` until they have come.
    pub fn exact(&mut self, count: usize) -> Option<&'a [u8]> {
        self.take_frame(framing::exact(self.rest, count, self.terms.request_max))
    }

    fn take_frame(&mut self, frame: Frame) -> Option<&'a [u8]> {
        match frame {
            Frame::Whole { content, taken } => {
                let bytes = self.rest;
                self.rest = &bytes[taken..];
                self.searched = 0;
                Some(&bytes[content])
            }
            Frame::Partial { searched } => {
                self.searched = searched;
                None
            }
            Frame::TooLarge => {
                self.searched = TOO_LARGE;
                None
            }
        }
    }
}

/// Unsent output. It is sent after the call, in one piece where the socket takes it.
pub struct Output<'a> {
    pub(crate) bytes: &'a mut Vec<u8>,
    /// Bytes at the front of `bytes` that have been sent.
    pub(crate) sent: usize,
    pub(crate) terms: &'a Terms,
}

impl Output<'_> {
    /// Adds bytes.
    #[inline]
    pub fn write(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Adds a line: the text and a line feed.
    pub fn line<T: AsRef<[u8]> + ?Sized>(&mut self, text: &T) {
        self.write(text.as_ref());
        self.write(b"\n");
    }

    /// Adds a request with its length in 4 bytes before it, network order.
    ///
    /// # Panics
    /// If the content has 4 GiB or more, which this framing cannot say.
    pub fn frame(&mut self, content: &[u8]) {
        let header = framing::length4_header(content.len()).expect("content of less than 4 GiB");
        self.write(&header);
        self.write(content);
    }

    /// How many bytes may be added before the high mark. Going past it is not an error: it only
    /// delays the next call.
    pub fn room(&self) -> usize {
        self.terms.high_mark.saturating_sub(self.unsent())
    }

    /// How many bytes are unsent.
    pub fn unsent(&self) -> usize {
        self.bytes.len() - self.sent
    }

    /// The buffer itself, for encoders that append to a `Vec`. What it holds already must stay.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        self.bytes
    }
}

/// `write!` and `writeln!` add to the output; they cannot fail.
impl io::Write for Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Output::write(self, bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
