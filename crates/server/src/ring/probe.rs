//! Whether a ring can be had here, and if not, what is missing.

use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::OnceLock;
use std::time::Duration;

use io_uring::{Probe, opcode};

use super::buffers::{Buffers, GROUP};
use super::queues::{Done, Queues};
use super::{Does, Token};
use crate::mechanism::Key;

/// Why no ring can be had on this system, if none can. Asked once for each process.
pub(super) fn missing() -> Option<String> {
    static MISSING: OnceLock<Option<String>> = OnceLock::new();
    MISSING.get_or_init(|| look().err()).clone()
}

fn look() -> Result<(), String> {
    let queues = Queues::new(8).map_err(|error| no_ring(&error))?;
    let mut probe = Probe::new();
    let known = queues.ring().submitter().register_probe(&mut probe);
    known.map_err(|error| format!("io_uring does not say what it can do: {error}"))?;
    for (code, name) in [
        (opcode::RecvMulti::CODE, "RECV"),
        (opcode::Send::CODE, "SEND"),
        (opcode::PollAdd::CODE, "POLL_ADD"),
        (opcode::AcceptMulti::CODE, "ACCEPT"),
        (opcode::AsyncCancel::CODE, "ASYNC_CANCEL"),
    ] {
        if !probe.is_supported(code) {
            return Err(format!("io_uring lacks the operation {name} here (Linux 6.1 has it)"));
        }
    }
    let buffers = Buffers::new(&queues, 2)
        .map_err(|error| format!("io_uring takes no ring of buffers here: {error}"))?;
    try_out(queues, buffers).map_err(|error| {
        format!("io_uring does not receive and send as it does since Linux 6.1: {error}")
    })
}

/// What an error of io_uring_setup(2) means.
fn no_ring(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(libc::ENOSYS) => "the kernel, or the sandbox that this runs in, has no io_uring: \
             io_uring_setup is not implemented"
            .to_owned(),
        Some(libc::EPERM | libc::EACCES) => "io_uring is forbidden here: by a sandbox, as in many \
             containers, or by the setting kernel.io_uring_disabled"
            .to_owned(),
        Some(libc::EINVAL) => "the kernel's io_uring is too old: it needs Linux 6.1, for \
             IORING_SETUP_DEFER_TASKRUN"
            .to_owned(),
        Some(libc::ENOMEM) => "io_uring gets no memory here; raise the limit on locked memory \
             (ulimit -l)"
            .to_owned(),
        _ => format!("io_uring_setup fails here: {error}"),
    }
}

/// Sends something to itself and receives it, as a loop does.
fn try_out(mut queues: Queues, mut buffers: Buffers) -> io::Result<()> {
    let (near, far) = UnixStream::pair()?;
    let mut done = Done::default();
    let token = Token::of(Key::peer(0, 1), Does::Receive);
    queues.receive(near.as_raw_fd(), GROUP, token)?;
    let hello: [(_, &[u8], _); 1] = [(far.as_raw_fd(), b"hello", 0)];
    let second = Some(Duration::from_secs(1));
    let tried = queues.exchange(hello.into_iter(), Some(1), second, &mut done);
    let heard = done.told.iter().any(|completion| {
        completion.more()
            && buffers.take(*completion).is_some_and(|filled| buffers.bytes(&filled) == b"hello")
    });
    drop(far);
    // The end comes to who receives, after which the kernel uses no buffer any more.
    let last = |done: &Done| done.told.iter().any(|completion| !completion.more());
    while tried.is_ok() && !last(&done) {
        let told = done.told.len();
        queues.exchange(std::iter::empty(), Some(1), second, &mut done)?;
        if done.told.len() == told {
            break;
        }
    }
    if !last(&done) {
        buffers.leak();
    }
    tried?;
    match heard && done.failed.is_empty() {
        true => Ok(()),
        false => Err(io::Error::other(format!("{:?}", done.told.first()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kills: an error whose meaning is not said, or is another's.
    #[test]
    fn what_forbids_a_ring_is_said() {
        let why = |number| no_ring(&io::Error::from_raw_os_error(number));
        assert!(why(libc::ENOSYS).contains("has no io_uring"));
        assert!(why(libc::EPERM).contains("forbidden"));
        assert!(why(libc::EINVAL).contains("Linux 6.1"));
        assert!(why(libc::ENOMEM).contains("ulimit -l"));
        assert!(why(libc::EMFILE).contains("Too many open files"));
    }
}
