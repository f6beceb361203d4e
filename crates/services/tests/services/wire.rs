//! A carrier for one straight-line peer: what the peer does is a script, and time is a number.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use switchboard_core::{Ending, Limits, Peer, Reading, Service, Style, Wait, Wire};

/// What a peer does next.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Sends(Vec<u8>),
    /// Does nothing for this long.
    Waits(Duration),
}

pub(crate) fn sends(bytes: impl AsRef<[u8]>) -> Act {
    Act::Sends(bytes.as_ref().to_vec())
}

pub(crate) fn waits(ms: u64) -> Act {
    Act::Waits(Duration::from_millis(ms))
}

/// A peer that acts its script and then has sent its last byte.
pub(crate) struct Script {
    acts: VecDeque<Act>,
    begun: Instant,
    now: Instant,
    sent: Vec<u8>,
    most_unread: usize,
}

/// How a conversation went.
#[derive(Debug)]
pub(crate) struct Heard {
    /// All that the peer read.
    pub(crate) bytes: Vec<u8>,
    pub(crate) ending: Ending,
    /// When it was over.
    pub(crate) after: Duration,
    /// Acts that were never come to.
    pub(crate) left_over: usize,
    /// The most bytes that were unread when more were asked for.
    pub(crate) most_unread: usize,
}

impl Heard {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap()
    }
}

/// The whole conversation of a straight-line service with a peer that acts this script.
pub(crate) fn conversation(
    service: &Service,
    limits: Limits,
    acts: impl IntoIterator<Item = Act>,
) -> Heard {
    let Style::StraightLine(handler) = service.style() else { panic!("{service:?} has none") };
    let now = Instant::now();
    let acts = acts.into_iter().collect();
    let mut wire = Script { acts, begun: now, now, sent: Vec::new(), most_unread: 0 };
    let peer = Peer::new(&mut wire, crate::peer(), Arc::new(limits.into()));
    let (ending, _) = peer.serve(handler);
    Heard {
        bytes: wire.sent,
        ending,
        after: wire.now - wire.begun,
        left_over: wire.acts.len(),
        most_unread: wire.most_unread,
    }
}

impl Wire for Script {
    fn receive(&mut self, into: &mut Vec<u8>, reading: Reading) -> io::Result<usize> {
        into.reserve(reading.room);
        self.most_unread = self.most_unread.max(into.len());
        let mut left = reading.wait.limit;
        loop {
            match self.acts.pop_front() {
                None => return Ok(0),
                Some(Act::Sends(mut bytes)) => {
                    let count = bytes.len().min(into.capacity() - into.len());
                    let later = bytes.split_off(count);
                    into.extend_from_slice(&bytes);
                    if !later.is_empty() {
                        self.acts.push_front(Act::Sends(later));
                    }
                    return Ok(count);
                }
                Some(Act::Waits(time)) => match left {
                    Some(shorter) if shorter < time => {
                        self.acts.push_front(Act::Waits(time - shorter));
                        self.now += shorter;
                        return Err(io::ErrorKind::TimedOut.into());
                    }
                    _ => {
                        self.now += time;
                        left = left.map(|left| left - time);
                    }
                },
            }
        }
    }

    fn send(&mut self, bytes: &[u8], _wait: Wait) -> io::Result<usize> {
        self.sent.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn sleep(&mut self, wait: Duration) -> io::Result<()> {
        self.now += wait;
        Ok(())
    }

    fn now(&self) -> Instant {
        self.now
    }

    fn draining(&self) -> bool {
        false
    }
}
