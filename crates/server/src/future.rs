//! Services that are written as futures: a third way, for those who have an `async fn` already or
//! need what only a runtime has. They run under `tokio` and no other model, which is the price.
//!
//! The server does what it does for every peer: admission, counters, the idle limit, both stages of
//! the stop, a lingering close at the end. Not its own are the bounds of a request and of unsent
//! output: the future reads and writes the socket itself.
//!
//! - At the drain nobody but the future knows whether its peer is in the midst of something, so it is
//!   told ([`Stream::draining`]), and is to come to its end. One that does not heed it is cut off when
//!   the drain is over: then it is dropped where it waits, and what it has given of its stream to other
//!   tasks fails.
//! - An error that comes from its stream is counted as what it is, a reset or the peer's leaving; any
//!   other is logged and counted as a failure. A panic ends that peer alone.
//! - Under `tokio:threads=N` a future moves from thread to thread, hence `Send`. While it computes, it
//!   holds up every peer of its thread: `tokio::task::spawn_blocking` is for that.
//!
//! ```
//! use switchboard::Server;
//! use switchboard::testing::every_model;
//! use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufStream};
//!
//! let upper = || {
//!     Server::future("upper", |stream, _peer| async move {
//!         let draining = stream.draining();
//!         let mut lines = BufStream::new(stream).lines();
//!         loop {
//!             let line = tokio::select! {
//!                 line = lines.next_line() => line?,
//!                 () = draining.begun() => None,
//!             };
//!             let Some(line) = line else { return Ok(()) };
//!             let answer = line.to_uppercase() + "\n";
//!             lines.get_mut().write_all(answer.as_bytes()).await?;
//!             lines.get_mut().flush().await?;
//!         }
//!     })
//! };
//! // There is one.
//! every_model(upper, |server| {
//!     server.connect().send("hello\n").expect("HELLO\n").end().expect_end();
//! });
//! ```

use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, Shutdown, recv, send, shutdown};
use switchboard_core::{Ending, Endpoint, PeerInfo, Service};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;

use crate::carrier::asynchronous::{is_told_of_urgent_data, take_urgent};
use crate::counters::{RowHandle, Stats};

/// One peer's future.
pub(crate) type Serving = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

/// What makes the future of each peer: what a service's style holds.
pub(crate) struct Serve(pub(crate) Box<dyn Fn(Stream, PeerInfo) -> Serving + Send + Sync>);

/// A service of futures, for [`Server::new`](crate::Server::new): where it is to declare more than its
/// name.
pub fn service<F>(
    name: impl Into<String>,
    serve: impl Fn(Stream, PeerInfo) -> F + Send + Sync + 'static,
) -> Service
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    Service::future(name, Serve(Box::new(move |stream, info| Box::pin(serve(stream, info)))))
}

/// One peer's bytes, over TCP or a Unix socket.
///
/// Each read and each write is one system call, so small ones are for `tokio::io::BufStream`. Its
/// two sides can be used apart with `tokio::io::split`. It belongs to the future that it was given
/// to: once that has ended, or was cut off, every read and write fails with
/// [`io::ErrorKind::ConnectionAborted`].
pub struct Stream {
    line: Arc<Line>,
    draining: Draining,
}

/// Tells when the server begins to drain. Clones tell the same.
#[derive(Clone, Debug)]
pub struct Draining(watch::Receiver<bool>);

/// A peer's socket, and what the server knows of it.
pub(crate) struct Line {
    pub(crate) socket: AsyncFd<OwnedFd>,
    address: Endpoint,
    row: RowHandle,
    opened: Instant,
    /// Milliseconds after that at which a byte moved last.
    active_ms: AtomicU64,
    received: AtomicU64,
    sent: AtomicU64,
    /// The peer's end was read.
    ended: AtomicBool,
    /// Nothing is read or written any more.
    over: AtomicBool,
    /// What the socket failed with first.
    fate: std::sync::OnceLock<Ending>,
}

impl Stream {
    pub(crate) fn new(line: Arc<Line>, draining: Draining) -> Stream {
        Stream { line, draining }
    }

    /// Where the peer speaks from.
    pub fn address(&self) -> Endpoint {
        self.line.address.clone()
    }

    /// What tells of the drain, also while the stream itself is lent to a read.
    pub fn draining(&self) -> Draining {
        self.draining.clone()
    }
}

impl Draining {
    pub(crate) fn new(told: watch::Receiver<bool>) -> Draining {
        Draining(told)
    }

    /// Whether the server drains.
    pub fn has_begun(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it does. Can be dropped and called again at any time.
    pub async fn begun(&self) {
        // If there is nobody left to say so, the server has stopped.
        let _ = self.0.clone().wait_for(|begun| *begun).await;
    }
}

impl Line {
    pub(crate) fn new(socket: AsyncFd<OwnedFd>, info: &PeerInfo, row: RowHandle) -> Line {
        Line {
            socket,
            address: info.address.clone(),
            row,
            opened: Instant::now(),
            active_ms: AtomicU64::new(0),
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            ended: AtomicBool::new(false),
            over: AtomicBool::new(false),
            fate: std::sync::OnceLock::new(),
        }
    }

    /// When a byte moved last.
    pub(crate) fn active(&self) -> Instant {
        self.opened + Duration::from_millis(self.active_ms.load(Relaxed))
    }

    /// Bytes received and sent.
    pub(crate) fn traffic(&self) -> (u64, u64) {
        (self.received.load(Relaxed), self.sent.load(Relaxed))
    }

    /// Whether the peer's end was read.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(SeqCst)
    }

    /// What an error of the socket's own says of the peer, if there was one.
    pub(crate) fn fate(&self) -> Option<Ending> {
        self.fate.get().copied()
    }

    /// Nothing is read or written from now on.
    pub(crate) fn end(&self) {
        self.over.store(true, SeqCst);
    }

    /// The same for one that other tasks of the service's still hold: they are woken.
    pub(crate) fn abort(&self) {
        self.end();
        let _ = shutdown(self.socket.get_ref(), Shutdown::Both);
    }

    fn check(&self) -> io::Result<()> {
        match self.over.load(SeqCst) {
            true => Err(io::ErrorKind::ConnectionAborted.into()),
            false => Ok(()),
        }
    }

    fn moved(&self) {
        let since = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.active_ms.store(since, Relaxed);
    }

    fn failed(&self, error: Errno) -> io::Error {
        let error = io::Error::from(error);
        self.fate.get_or_init(|| Ending::of_io(&error));
        error
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        task: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let line = &*self.line;
        if into.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        loop {
            line.check()?;
            let mut readable = ready!(line.socket.poll_read_ready(task))?;
            let room = into.initialize_unfilled();
            let asked = room.len();
            match recv(&line.socket, room, RecvFlags::empty()) {
                Ok((count, _)) => {
                    // Less than was asked for was all, but for a read that ended at urgent data.
                    if take_urgent(&line.socket, task) {
                        line.row.gather(&mut Stats { urgent: 1, ..Stats::default() });
                    } else if count < asked && !is_told_of_urgent_data(&line.socket) {
                        readable.clear_ready();
                    }
                    line.row.received(count);
                    line.received.fetch_add(count as u64, Relaxed);
                    line.moved();
                    if count == 0 {
                        line.ended.store(true, SeqCst);
                    }
                    into.advance(count);
                    return Poll::Ready(Ok(()));
                }
                Err(error) => {
                    line.row.received(0);
                    match error {
                        Errno::WOULDBLOCK => readable.clear_ready(),
                        Errno::INTR => {}
                        error => return Poll::Ready(Err(line.failed(error))),
                    }
                }
            }
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        task: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let line = &*self.line;
        loop {
            line.check()?;
            let mut writable = ready!(line.socket.poll_write_ready(task))?;
            match send(&line.socket, bytes, SendFlags::NOSIGNAL) {
                Ok(count) => {
                    line.row.sent(count);
                    line.sent.fetch_add(count as u64, Relaxed);
                    line.moved();
                    return Poll::Ready(Ok(count));
                }
                Err(error) => {
                    line.row.sent(0);
                    match error {
                        Errno::WOULDBLOCK => writable.clear_ready(),
                        Errno::INTR => {}
                        error => return Poll::Ready(Err(line.failed(error))),
                    }
                }
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// The peer reads our end; it can still be read from.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.line.check()?;
        match shutdown(self.line.socket.get_ref(), Shutdown::Write) {
            // It was shut before, or the peer is gone.
            Ok(()) | Err(Errno::NOTCONN) => Poll::Ready(Ok(())),
            Err(error) => Poll::Ready(Err(self.line.failed(error))),
        }
    }
}
