//! A process's end of its line to the exchange: what is asked of topics there goes up, what has come of
//! it, there and elsewhere, comes down.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::thread;

use bytes::Bytes;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use switchboard_core::Topics;
use switchboard_core::topics::{News, Op, PACKET_MAX, Reach};

/// How long a thread that asks for something waits for room. The exchange waits for nobody, so that
/// is long: only one that is stopped leaves none, or one that waits for another process, which it
/// gives up before.
const PATIENCE: Timespec = Timespec { tv_sec: 10, tv_nsec: 0 };

/// That end, not in use yet.
pub(crate) struct Branch(OwnedFd);

/// What threads of the process ask for goes this way.
struct Up(Arc<OwnedFd>);

impl Branch {
    pub(super) fn new(socket: OwnedFd) -> Branch {
        Branch(socket)
    }

    /// In the process, before it serves anybody: from now on its topics are those of the whole server.
    /// A thread of its own, `sb-exchange`, carries out what comes down; it ends with the process.
    pub(crate) fn connect(self, topics: &Topics) -> io::Result<()> {
        let socket = Arc::new(self.0);
        topics.connect(Up(Arc::clone(&socket)));
        let topics = topics.clone();
        let listen = move || listen(&socket, &topics);
        thread::Builder::new().name("sb-exchange".to_owned()).spawn(listen)?;
        Ok(())
    }
}

impl AsFd for Branch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn listen(socket: &OwnedFd, topics: &Topics) {
    let mut packet = vec![0; PACKET_MAX];
    loop {
        match recv(socket, &mut packet[..], RecvFlags::empty()) {
            // The exchange is gone, and so will this process be; or it has given this process up.
            Ok((0, _)) => return,
            Ok((count, _)) => match News::unpacked(Bytes::copy_from_slice(&packet[..count])) {
                Some(news) => topics.hear(news),
                None => return tracing::warn!("the exchange says what is no news: not heard"),
            },
            Err(Errno::INTR) => {}
            Err(_) => return,
        }
    }
}

impl Reach for Up {
    fn submit(&self, op: Op) {
        let packet = op.packed();
        loop {
            match send(&self.0, &packet, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
                Err(Errno::INTR) => {}
                Err(Errno::WOULDBLOCK) => {
                    let mut room = [PollFd::new(&*self.0, PollFlags::OUT)];
                    if let Ok(0) = poll(&mut room, Some(&PATIENCE)) {
                        return tracing::warn!("the exchange reads nothing: a message is lost");
                    }
                }
                // Whoever orders is gone, and so will this process be.
                Ok(_) | Err(_) => return,
            }
        }
    }
}
