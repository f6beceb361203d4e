//! Reads and writes that finish. A standard stream is shared with other programs, and any of them
//! may have made it non-blocking: then these wait with poll(2).

use std::io;
use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, retry_on_intr};

/// Waits for bytes and takes what there is; 0 is the end.
///
/// # Errors
/// What read(2) returns, except that an interrupted or refused wait is begun again.
pub(super) fn read(from: impl AsFd, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match retry_on_intr(|| rustix::io::read(&from, &mut *buffer)) {
            Err(Errno::AGAIN) => wait(&from, PollFlags::IN)?,
            other => return Ok(other?),
        }
    }
}

/// Waits until everything has been taken.
///
/// # Errors
/// As [`read`]; some of the bytes may have been taken before.
pub(super) fn write_all(to: impl AsFd, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match retry_on_intr(|| rustix::io::write(&to, bytes)) {
            Err(Errno::AGAIN) => wait(&to, PollFlags::OUT)?,
            other => bytes = &bytes[other?..],
        }
    }
    Ok(())
}

fn wait(descriptor: &impl AsFd, until: PollFlags) -> io::Result<()> {
    let mut waited = [PollFd::new(descriptor, until)];
    retry_on_intr(|| poll(&mut waited, None))?;
    Ok(())
}
