//! One peer of a server, with a socket: sends, expects, ends; everything with a deadline.

use std::io;
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{RecvFlags, SendFlags, Shutdown, recv, send, shutdown};

use super::PATIENCE;
use super::text::{around, beside};
use crate::Address;

/// Bytes read at a time.
const PIECE: usize = 64 << 10;

/// A peer of a server under test. What came and was not expected yet is kept.
///
/// The socket can be borrowed ([`AsFd`]), for options, resets and urgent data.
pub struct Client {
    socket: OwnedFd,
    came: Vec<u8>,
    /// The server sent its last byte, or the connection broke.
    over: Option<Over>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    End,
    Broke(Errno),
}

impl Client {
    /// Connects to an address as a ready line has it: `127.0.0.1:7788`, `[::1]:7788`, `unix:PATH`.
    ///
    /// # Errors
    /// If nobody listens there.
    pub fn connect(address: &str) -> io::Result<Client> {
        let address: Address = address.parse().map_err(io::Error::other)?;
        let socket = match &address {
            Address::Unix(path) => OwnedFd::from(UnixStream::connect(path)?),
            address => {
                let socket = TcpStream::connect(&*address.to_connect()?)?;
                socket.set_nodelay(true)?;
                OwnedFd::from(socket)
            }
        };
        Client::new(socket)
    }

    /// A peer on a socket that is connected already.
    ///
    /// # Errors
    /// If it is no socket.
    pub fn new(socket: impl Into<OwnedFd>) -> io::Result<Client> {
        let socket = socket.into();
        rustix::io::ioctl_fionbio(&socket, false)?;
        set_socket_timeout(&socket, Timeout::Send, Some(PATIENCE))?;
        Ok(Client { socket, came: Vec::new(), over: None })
    }

    /// Sends all of `bytes`.
    ///
    /// # Panics
    /// If the server does not take them in time, or has closed.
    #[track_caller]
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Client {
        let bytes = bytes.as_ref();
        if let Err(error) = self.try_send(bytes) {
            panic!("could not send {}: {error}", around(bytes, 0));
        }
        self
    }

    /// Sends all of `bytes`.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if the server does not take them in time; others if it has
    /// closed.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        let mut left = bytes.as_ref();
        while !left.is_empty() {
            match send(&self.socket, left, SendFlags::NOSIGNAL) {
                Ok(count) => left = &left[count..],
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Sends the last byte: the server sees the end, and can still answer.
    ///
    /// # Panics
    /// If the connection is gone.
    #[track_caller]
    pub fn end(&mut self) -> &mut Client {
        if let Err(error) = shutdown(&self.socket, Shutdown::Write) {
            panic!("could not end: {error}");
        }
        self
    }

    /// Waits for exactly these bytes.
    ///
    /// # Panics
    /// If others come, or they do not come in time, or the server closes first.
    #[track_caller]
    pub fn expect(&mut self, bytes: impl AsRef<[u8]>) -> &mut Client {
        let expected = bytes.as_ref();
        let end = Instant::now() + PATIENCE;
        let mut compared = 0;
        loop {
            let known = self.came.len().min(expected.len());
            if self.came[compared..known] != expected[compared..known] {
                panic!("the server sent other bytes\n{}", beside(expected, &self.came));
            }
            compared = known;
            if known == expected.len() {
                self.came.drain(..known);
                return self;
            }
            if !self.more(end) {
                panic!("{}\n{}", self.why_no_more(), beside(expected, &self.came));
            }
        }
    }

    /// Waits for a line, and gives it without its line feed.
    ///
    /// # Panics
    /// If none comes in time.
    #[track_caller]
    pub fn line(&mut self) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(feed) = self.came.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.came.drain(..=feed).collect();
                return String::from_utf8_lossy(&line[..feed]).into_owned();
            }
            if !self.more(end) {
                panic!("{}: no line in {}", self.why_no_more(), around(&self.came, 0));
            }
        }
    }

    /// Waits until at least `count` bytes that nobody has expected yet have come, and takes them.
    ///
    /// # Panics
    /// If they do not come in time.
    #[track_caller]
    pub fn take(&mut self, count: usize) -> Vec<u8> {
        let end = Instant::now() + PATIENCE;
        while self.came.len() < count {
            if !self.more(end) {
                panic!("{}: {} of {count} bytes came", self.why_no_more(), self.came.len());
            }
        }
        self.came.drain(..count).collect()
    }

    /// Waits for the server's last byte; nothing may come before it.
    ///
    /// # Panics
    /// If something else comes, or a reset does, or nothing in time.
    #[track_caller]
    pub fn expect_end(&mut self) {
        let end = Instant::now() + PATIENCE;
        while self.came.is_empty() && self.more(end) {}
        if !self.came.is_empty() {
            panic!("the server sent more instead of its end: {}", around(&self.came, 0));
        }
        if self.over != Some(Over::End) {
            panic!("{}: the server's end was expected", self.why_no_more());
        }
    }

    /// Waits until the server has closed, in whichever way: its end or a reset; gives what came
    /// before.
    ///
    /// # Panics
    /// If it does not close in time.
    #[track_caller]
    pub fn expect_closed(&mut self) -> Vec<u8> {
        let end = Instant::now() + PATIENCE;
        while self.more(end) {}
        if self.over.is_none() {
            panic!("{}: the server was expected to close", self.why_no_more());
        }
        std::mem::take(&mut self.came)
    }

    /// Whether the server has closed by now, without waiting. Bytes that came are kept.
    pub fn closed(&mut self) -> bool {
        while self.more(Instant::now()) {}
        self.over.is_some()
    }

    /// What has come by now and was not expected, without waiting. It stays.
    pub fn unexpected(&mut self) -> &[u8] {
        while self.more(Instant::now()) {}
        &self.came
    }

    /// Reads once, waiting until `end`; whether bytes came.
    fn more(&mut self, end: Instant) -> bool {
        if self.over.is_some() {
            return false;
        }
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if crate::waiting::until_readable(&[self.socket.as_fd()], Some(left)).is_empty() {
                return false;
            }
            let before = self.came.len();
            self.came.resize(before + PIECE, 0);
            let result = recv(&self.socket, &mut self.came[before..], RecvFlags::DONTWAIT);
            let count = result.map_or(0, |(count, _)| count);
            self.came.truncate(before + count);
            match result {
                Ok((0, _)) => self.over = Some(Over::End),
                Ok(_) => return true,
                Err(Errno::INTR | Errno::WOULDBLOCK) => continue,
                Err(error) => self.over = Some(Over::Broke(error)),
            }
            return false;
        }
    }

    fn why_no_more(&self) -> String {
        match self.over {
            None => format!("waited {PATIENCE:?}"),
            Some(Over::End) => "the server closed".to_owned(),
            Some(Over::Broke(error)) => format!("the connection broke ({error})"),
        }
    }

    /// Closes with a reset (`SO_LINGER` of 0) instead of an end: what was not sent yet is lost.
    ///
    /// # Panics
    /// If the socket has no such option.
    #[track_caller]
    pub fn reset(self) {
        rustix::net::sockopt::set_socket_linger(&self.socket, Some(Duration::ZERO))
            .expect("a TCP socket can be told not to linger");
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
