//! Peers that send lines and read lines without ever blocking, all in one thread with poll(2).
//!
//! `ppoll`, for its timeout in nanoseconds: with milliseconds an open loop would lag by as much.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};

use crate::Result;
use crate::crowd::connect;

/// For an answer that is due: a server that takes longer is taken for dead.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// One peer and what it has not been answered yet.
pub(crate) struct LinePeer {
    stream: TcpStream,
    unread: Vec<u8>,
    unanswered: VecDeque<Asked>,
}

struct Asked {
    /// What the answer must be.
    answer: String,
    since: Instant,
}

impl LinePeer {
    pub(crate) fn connect(address: SocketAddr) -> Result<LinePeer> {
        let open = || {
            let stream = connect(address)?;
            stream.set_nonblocking(true)?;
            Ok(LinePeer { stream, unread: Vec::new(), unanswered: VecDeque::new() })
        };
        open().map_err(|error: std::io::Error| format!("a peer cannot connect: {error}"))
    }

    /// Sends a request; `since` is when it was meant to be sent.
    pub(crate) fn ask(&mut self, request: &str, answer: &str, since: Instant) -> Result<()> {
        self.stream
            .write_all(format!("{request}\n").as_bytes())
            .map_err(|error| format!("a peer cannot send `{request}`: {error}"))?;
        self.unanswered.push_back(Asked { answer: answer.to_owned(), since });
        Ok(())
    }

    /// Reads what is there: for each answer, since when it was waited for.
    pub(crate) fn answers(&mut self) -> Result<Vec<Instant>> {
        let mut bytes = [0; 4096];
        match self.stream.read(&mut bytes) {
            Ok(0) => return Err("the server closes a peer".to_owned()),
            Ok(length) => self.unread.extend_from_slice(&bytes[..length]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(format!("a peer cannot read: {error}")),
        }
        let mut answered = Vec::new();
        while let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.unread.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line[..end]);
            match self.unanswered.pop_front() {
                Some(asked) if asked.answer == line => answered.push(asked.since),
                Some(asked) => return Err(format!("`{line}` is no answer: `{}` is", asked.answer)),
                None => return Err(format!("`{line}` answers nothing")),
            }
        }
        Ok(answered)
    }

    pub(crate) fn waits(&self) -> bool {
        !self.unanswered.is_empty()
    }
}

/// Waits `until` then at most; which of `peers` have something to read.
pub(crate) fn readable(peers: &[LinePeer], until: Instant) -> Result<Vec<usize>> {
    let watch = |peer| PollFd::new(AsFd::as_fd(peer), PollFlags::POLLIN);
    let mut watched: Vec<PollFd> = peers.iter().map(|peer| watch(&peer.stream)).collect();
    let timeout = until.saturating_duration_since(Instant::now());
    match ppoll(&mut watched, Some(timeout.into()), None) {
        Ok(_) | Err(Errno::EINTR) => {}
        Err(error) => return Err(format!("cannot wait for answers: {error}")),
    }
    let ready = |(place, fd): (usize, &PollFd)| fd.any().unwrap_or(true).then_some(place);
    Ok(watched.iter().enumerate().filter_map(ready).collect())
}

/// What a `burn TIME` is answered by.
pub(crate) fn burnt(time: &str) -> String {
    format!("burnt {time}")
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn pair() -> (LinePeer, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let peer = LinePeer::connect(listener.local_addr().unwrap()).unwrap();
        (peer, listener.accept().unwrap().0)
    }

    fn wait(peer: &LinePeer) {
        assert_eq!(
            readable(std::slice::from_ref(peer), Instant::now() + PATIENCE),
            Ok(vec![0]),
            "nothing comes"
        );
    }

    #[test]
    fn answers_are_matched_in_order_with_when_they_were_due() {
        let (mut peer, mut server) = pair();
        let first = Instant::now();
        let second = first + Duration::from_millis(5);
        peer.ask("echo a", "a", first).unwrap();
        peer.ask("echo b", "b", second).unwrap();
        server.write_all(b"a\nb").unwrap();
        wait(&peer);
        assert_eq!(peer.answers(), Ok(vec![first]));
        server.write_all(b"\n").unwrap();
        wait(&peer);
        assert_eq!(peer.answers(), Ok(vec![second]));
        assert!(!peer.waits());
    }

    #[test]
    fn a_crossed_answer_is_a_sentence() {
        let (mut peer, mut server) = pair();
        peer.ask("echo a", "a", Instant::now()).unwrap();
        server.write_all(b"b\n").unwrap();
        wait(&peer);
        assert!(peer.answers().is_err());
    }
}
