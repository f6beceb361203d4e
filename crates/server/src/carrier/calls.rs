//! recv(2) and send(2) as every message needs them: without flags that would have to be passed on,
//! and with one comparison for whether it worked.
//!
//! recv takes a shorter way through the kernel than read(2). Both calls are made here and not by
//! rustix where that saves something: twenty instructions a message. See docs/decisions/0045.

use std::os::fd::OwnedFd;

use rustix::io::Errno;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod kernel {
    use std::arch::asm;
    use std::os::fd::{AsRawFd, OwnedFd};

    use libc::{MSG_NOSIGNAL, SYS_recvfrom, SYS_sendto};
    use rustix::io::Errno;

    #[inline(always)]
    pub(super) fn receive(socket: &OwnedFd, into: &mut [u8]) -> Result<usize, Errno> {
        // SAFETY: the kernel writes at most as many bytes as the slice has, and no address of a
        // sender, for which no room is offered.
        unsafe { call(SYS_recvfrom, socket, into.as_mut_ptr(), into.len(), 0) }
    }

    #[inline(always)]
    pub(super) fn send(socket: &OwnedFd, bytes: &[u8]) -> Result<usize, Errno> {
        // SAFETY: the kernel reads at most as many bytes as the slice has, and changes none; without
        // an address they go to the socket's peer.
        unsafe { call(SYS_sendto, socket, bytes.as_ptr().cast_mut(), bytes.len(), MSG_NOSIGNAL) }
    }

    /// recvfrom(2) or sendto(2) without an address.
    ///
    /// # Safety
    /// There are `len` bytes at `bytes`, which may be written if the call writes.
    #[inline(always)]
    unsafe fn call(
        number: libc::c_long,
        socket: &OwnedFd,
        bytes: *mut u8,
        len: usize,
        flags: libc::c_int,
    ) -> Result<usize, Errno> {
        let result: isize;
        // SAFETY: the kernel's calling convention (syscall(2)): arguments in these registers, the
        // result in rax; rcx and r11 are lost. The caller vouches for the memory.
        unsafe {
            asm!(
                "syscall",
                inlateout("rax") number as isize => result,
                in("rdi") socket.as_raw_fd(),
                in("rsi") bytes,
                in("rdx") len,
                in("r10") flags,
                in("r8") 0,
                in("r9") 0,
                lateout("rcx") _,
                lateout("r11") _,
                options(nostack),
            );
        }
        match usize::try_from(result) {
            Ok(count) => Ok(count),
            // A failure is the negative number of the error, of at most 4095.
            Err(_) => Err(Errno::from_raw_os_error(-(result as i32))),
        }
    }
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
mod kernel {
    use std::os::fd::OwnedFd;

    use rustix::io::Errno;
    use rustix::net::{self, RecvFlags, SendFlags};

    pub(super) fn receive(socket: &OwnedFd, into: &mut [u8]) -> Result<usize, Errno> {
        net::recv(socket, into, RecvFlags::empty()).map(|(_, count)| count)
    }

    pub(super) fn send(socket: &OwnedFd, bytes: &[u8]) -> Result<usize, Errno> {
        net::send(socket, bytes, SendFlags::NOSIGNAL)
    }
}

/// Receives what has come, as much as there is room for; 0 is the peer's end.
///
/// # Errors
/// Those of recv(2); [`Errno::WOULDBLOCK`] if nothing has come.
#[inline(always)]
pub(super) fn receive(socket: &OwnedFd, into: &mut [u8]) -> Result<usize, Errno> {
    kernel::receive(socket, into)
}

/// Sends what the socket takes now, without `SIGPIPE` for a peer that is gone.
///
/// # Errors
/// Those of send(2); [`Errno::WOULDBLOCK`] if the socket takes nothing.
#[inline(always)]
pub(super) fn send(socket: &OwnedFd, bytes: &[u8]) -> Result<usize, Errno> {
    kernel::send(socket, bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    use super::*;

    fn pair() -> (OwnedFd, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        (ours.into(), theirs)
    }

    #[test]
    fn bytes_go_both_ways_and_no_more_than_there_is_room_for() {
        let (socket, mut peer) = pair();
        peer.write_all(b"abcdef").unwrap();
        let mut into = [b'-'; 6];
        assert_eq!(receive(&socket, &mut into[..4]), Ok(4));
        assert_eq!(&into, b"abcd--");
        assert_eq!(receive(&socket, &mut into[4..5]), Ok(1));
        assert_eq!(&into, b"abcde-");
        assert_eq!(send(&socket, b"xyz"), Ok(3));
        let mut heard = [0; 3];
        std::io::Read::read_exact(&mut peer, &mut heard).unwrap();
        assert_eq!(&heard, b"xyz");
    }

    #[test]
    fn an_error_is_told_by_its_number() {
        let (socket, peer) = pair();
        assert_eq!(receive(&socket, &mut [0; 8]), Err(Errno::WOULDBLOCK));
        while send(&socket, &[0; 4096]).is_ok() {}
        assert_eq!(send(&socket, b"x"), Err(Errno::WOULDBLOCK));
        drop(peer);
        // And no signal, which would end this test.
        assert_eq!(send(&socket, b"x"), Err(Errno::PIPE));
        let (socket, peer) = pair();
        drop(peer);
        assert_eq!(receive(&socket, &mut [0; 8]), Ok(0));
    }
}
