//! A wire that brings what its script says and records what it was asked.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use switchboard_core::{Ending, Endpoint, Job, Limits, Peer, PeerInfo, Reading, Wait, Wire};

/// What one wait brings. After the last step, the peer's end.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Bytes(Vec<u8>),
    /// Nothing until the time is over.
    Silence,
    Fail(io::ErrorKind),
}

/// What the wire was asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Receive { wait: Option<Duration>, between_requests: bool },
    Send(Vec<u8>),
    Sleep(Duration),
    Offload,
}

pub(crate) struct Script {
    steps: VecDeque<Step>,
    pub(crate) asked: Vec<Asked>,
    /// The bounds of the sends, in their order.
    pub(crate) send_waits: Vec<Option<Duration>>,
    /// The most that one send takes; 0: sending times out.
    pub(crate) takes: usize,
    pub(crate) draining: bool,
    /// The peer is cut off: offloading fails.
    pub(crate) cut: bool,
    pub(crate) now: Instant,
    begun: Instant,
}

/// Bytes, one step each.
pub(crate) fn bytes<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Script {
    script(parts.into_iter().map(|part| Step::Bytes(part.to_vec())))
}

pub(crate) fn script(steps: impl IntoIterator<Item = Step>) -> Script {
    let now = Instant::now();
    Script {
        steps: steps.into_iter().collect(),
        asked: Vec::new(),
        send_waits: Vec::new(),
        takes: usize::MAX,
        draining: false,
        cut: false,
        now,
        begun: now,
    }
}

pub(crate) fn small() -> Limits {
    Limits {
        idle: Some(Duration::from_secs(60)),
        request_max: 100,
        high_mark: 64,
        ..Limits::default()
    }
}

impl Script {
    /// Serves this peer with `handler`: how it ended, and the handler's own error.
    pub(crate) fn serve(
        &mut self,
        handler: impl Fn(&mut Peer<'_>) -> io::Result<()>,
    ) -> (Ending, Option<io::Error>) {
        self.serve_within(small(), handler)
    }

    pub(crate) fn serve_within(
        &mut self,
        limits: Limits,
        handler: impl Fn(&mut Peer<'_>) -> io::Result<()>,
    ) -> (Ending, Option<io::Error>) {
        let local = Endpoint::Process { uid: 0, pid: 0 };
        let info = PeerInfo { id: 7, address: local.clone(), local };
        Peer::new(self, info, Arc::new(limits.into())).serve(&handler)
    }

    /// Everything that was sent.
    pub(crate) fn output(&self) -> Vec<u8> {
        self.sends().concat()
    }

    pub(crate) fn sends(&self) -> Vec<Vec<u8>> {
        let sent = |asked: &Asked| match asked {
            Asked::Send(bytes) => Some(bytes.clone()),
            _ => None,
        };
        self.asked.iter().filter_map(sent).collect()
    }

    /// Bound and flag of each receive.
    pub(crate) fn receives(&self) -> Vec<(Option<Duration>, bool)> {
        let received = |asked: &Asked| match asked {
            Asked::Receive { wait, between_requests } => Some((*wait, *between_requests)),
            _ => None,
        };
        self.asked.iter().filter_map(received).collect()
    }

    /// How long all waits took.
    pub(crate) fn waited(&self) -> Duration {
        self.now - self.begun
    }
}

impl Wire for Script {
    fn receive(&mut self, into: &mut Vec<u8>, reading: Reading) -> io::Result<usize> {
        let Reading { wait: Wait { limit: wait, .. }, between_requests, room, .. } = reading;
        into.reserve(room);
        self.asked.push(Asked::Receive { wait, between_requests });
        match self.steps.pop_front() {
            Some(Step::Bytes(mut bytes)) => {
                let spare = into.capacity() - into.len();
                assert!(spare > 0, "there is room for a byte");
                if bytes.len() > spare {
                    self.steps.push_front(Step::Bytes(bytes.split_off(spare)));
                }
                into.extend_from_slice(&bytes);
                Ok(bytes.len())
            }
            Some(Step::Silence) => {
                self.now += wait.expect("silence without a bound would last for ever");
                Err(io::ErrorKind::TimedOut.into())
            }
            Some(Step::Fail(kind)) => Err(kind.into()),
            None => Ok(0),
        }
    }

    fn send(&mut self, bytes: &[u8], wait: Wait) -> io::Result<usize> {
        self.send_waits.push(wait.limit);
        if self.takes == 0 {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let count = bytes.len().min(self.takes);
        self.asked.push(Asked::Send(bytes[..count].to_vec()));
        Ok(count)
    }

    fn sleep(&mut self, wait: Duration) -> io::Result<()> {
        self.asked.push(Asked::Sleep(wait));
        self.now += wait;
        Ok(())
    }

    fn offload(&mut self, job: Job) -> io::Result<()> {
        self.asked.push(Asked::Offload);
        job();
        match self.cut {
            true => Err(io::ErrorKind::ConnectionAborted.into()),
            false => Ok(()),
        }
    }

    fn now(&self) -> Instant {
        self.now
    }

    fn draining(&self) -> bool {
        self.draining
    }
}
