//! Admission: the one point between accept(2) and a session where peers are counted and refused.

mod ahead;
mod gate;
mod intake;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{SocketFlags, accept_with, acceptfrom_with, getsockname, sockopt};
use switchboard_core::{Endpoint, PeerInfo};

use crate::counters::RowHandle;
use crate::listening::Listener;
use crate::waiting::until_readable;

use ahead::Ahead;
pub(crate) use ahead::Came;
pub use gate::WhenFull;
pub(crate) use gate::{Gate, Whose};
pub(crate) use intake::Intake;

/// A peer that was let in and has no session yet. Its socket is as accept4(2) made it.
pub(crate) struct Newcomer {
    pub(crate) socket: OwnedFd,
    pub(crate) info: PeerInfo,
    /// Its time-outs, if it is blocking: it has its listener's.
    pub(crate) wait: Option<Duration>,
}

/// What one look at a listener's backlog brought.
pub(crate) enum Accepted {
    /// A peer; the gate counts it until [`Gate::leave`].
    Peer(Newcomer),
    /// A peer that was closed at once.
    Refused,
    /// Nobody waits.
    Nobody,
    /// Whoever waits must go on waiting until a peer leaves.
    Full,
    /// Whoever waits here is left to other processes, until a peer leaves this one. They are to be
    /// [told](Listener::pass_on).
    Left,
    /// Out of descriptors or worse: look again after `pause`, or when a peer has left.
    Exhausted {
        /// One peer was closed at once.
        refused: bool,
        /// 10 ms, doubling to 1 s.
        pause: Duration,
    },
}

/// Accepts for one loop or thread.
pub(crate) struct Acceptor {
    /// A descriptor to give up when there is no other, so that a peer can be accepted only to be
    /// closed: one that stays in the backlog keeps the listener readable for ever (libev(3), "the
    /// special problem of accept()ing when you can't").
    reserve: Option<File>,
    pause: Duration,
    /// When it failed last.
    failed: Option<Instant>,
    failure: Occasionally,
    refusal: Occasionally,
    flags: SocketFlags,
    /// Whom the kernel has accepted already.
    ahead: Ahead,
    row: RowHandle,
    /// A ring of the gate's was asked for, and has not come: for a peer of the server's, and for one
    /// of this process's own.
    asked: bool,
    asked_own: bool,
}

/// Errors of single peers that are skipped before the listener itself is suspected.
const SKIPS_MOST: u32 = 64;

/// How long a stop spends on closing those who still wait.
const REFUSING_MOST: Duration = Duration::from_millis(500);

const PAUSE_LEAST: Duration = Duration::from_millis(10);
const PAUSE_MOST: Duration = Duration::from_secs(1);

impl Acceptor {
    /// `nonblocking`: what the accepted sockets are to be; `row`: where it counts.
    pub(crate) fn new(nonblocking: bool, row: RowHandle) -> Acceptor {
        let flags = if nonblocking { SocketFlags::NONBLOCK } else { SocketFlags::empty() };
        Acceptor {
            reserve: reserve(),
            pause: PAUSE_LEAST,
            failed: None,
            failure: Occasionally::default(),
            refusal: Occasionally::default(),
            flags: flags | SocketFlags::CLOEXEC,
            ahead: Ahead::default(),
            row,
            asked: false,
            asked_own: false,
        }
    }

    /// Takes at most one peer out of the backlog.
    pub(crate) fn accept(&mut self, gate: &Gate, listener: &Listener) -> Accepted {
        // Whoever is to wait must not be taken out of the backlog without a place: another thread
        // or process may take the last one at any moment.
        let placed = gate.when_full == WhenFull::Wait;
        loop {
            let leaves = || listener.shared && gate.leaves_others();
            // A peer that left before this one asked has rung nobody: so it looks again.
            if leaves() {
                self.ask(gate, Whose::Own);
                if leaves() {
                    return Accepted::Left;
                }
            } else if !placed || gate.enter(&self.row) {
                break;
            } else {
                self.ask(gate, Whose::Servers);
                if gate.full() {
                    return Accepted::Full;
                }
            }
        }
        let accepted = self.take(gate, listener, placed);
        if placed && !matches!(accepted, Accepted::Peer(_)) {
            gate.give_back(&self.row, self.asked);
        }
        accepted
    }

    /// Asks for one ring of the gate's when a peer [leaves](Gate::left), unless one that was asked for
    /// has not been [answered](Acceptor::answer).
    pub(crate) fn ask(&mut self, gate: &Gate, whose: Whose) {
        if !std::mem::replace(self.asked(whose), true) {
            gate.ask(whose);
        }
    }

    fn asked(&mut self, whose: Whose) -> &mut bool {
        match whose {
            Whose::Servers => &mut self.asked,
            Whose::Own => &mut self.asked_own,
        }
    }

    /// It has rung: one ring is taken. Only by one who has asked.
    ///
    /// One ring wakes all who wait. If others were faster, one of them has taken it although it may
    /// have been meant for this one, and theirs will be this one's: if it asked for another, there
    /// would be one ring more each time, for ever.
    pub(crate) fn answer(&mut self, gate: &Gate, whose: Whose) {
        if gate.bell(whose).answer() {
            *self.asked(whose) = false;
        }
    }

    /// As [`accept`](Acceptor::accept); `placed`: the gate counts the peer already.
    fn take(&mut self, gate: &Gate, listener: &Listener, placed: bool) -> Accepted {
        for _ in 0..SKIPS_MOST {
            self.row.accepted_once();
            let ahead = self.ahead.any(listener);
            return match self.next(listener) {
                Ok((socket, address)) => self.admit((gate, placed), listener, socket, address),
                Err(Errno::WOULDBLOCK) => Accepted::Nobody,
                Err(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) => {
                    match self.refuse_one(listener) {
                        // The kernel, which accepts by itself, would fail at once again.
                        Accepted::Nobody if ahead => self.out_of_descriptors(false, listener),
                        refused => refused,
                    }
                }
                // accept(2): errors of a peer that is gone already, or of its network.
                Err(error) if transient(error) => continue,
                Err(error) => self.exhausted(false, || {
                    format!("accept fails on {}: {error}", listener.address())
                }),
            };
        }
        self.exhausted(false, || format!("accept fails again and again on {}", listener.address()))
    }

    /// One socket, and the address that it has if it is no Unix socket's: of those whom the kernel has
    /// accepted already, if there are any.
    fn next(&mut self, listener: &Listener) -> Result<(OwnedFd, Option<SocketAddr>), Errno> {
        if let Some(came) = self.ahead.take(listener) {
            return came;
        }
        let (socket, address) = acceptfrom_with(listener, self.flags)?;
        Ok((socket, address.and_then(|address| SocketAddr::try_from(address).ok())))
    }

    /// The kernel has accepted somebody who came to this listener, or could not: that is what the next
    /// [`accept`](Acceptor::accept) there finds.
    pub(crate) fn came(&mut self, listener: &Listener, came: Came) {
        self.ahead.push(listener, came);
    }

    /// Whether the next of those whom the kernel has accepted came to this listener.
    pub(crate) fn is_next(&self, listener: &Listener) -> bool {
        self.ahead.is_next(listener)
    }

    /// Whom the kernel has accepted already, at all listeners.
    pub(crate) fn ahead(&self) -> usize {
        self.ahead.len()
    }

    /// Closes those whom the kernel has accepted already; how many there were.
    pub(crate) fn refuse_ahead(&mut self) -> u64 {
        self.ahead.clear()
    }

    /// Closes up to `most` of those who wait, at once; how many there were. Under a flood it gives up
    /// after half a second: the kernel resets the others.
    pub(crate) fn refuse_all(&mut self, listener: &Listener, most: &mut usize) -> u64 {
        let end = Instant::now() + REFUSING_MOST;
        let mut refused = 0;
        while *most > 0
            && Instant::now() < end
            && accept_with(listener, SocketFlags::CLOEXEC).is_ok()
        {
            *most -= 1;
            refused += 1;
        }
        refused
    }

    /// Says why a peer was closed at once, at most once a second.
    pub(crate) fn say_refused(&mut self, why: impl FnOnce() -> String) {
        self.refusal.say(|| format!("refused a peer: {}", why()));
    }

    /// Something failed that cannot be mended at once: says so at most once a second, and how long
    /// to pause.
    pub(crate) fn exhausted(&mut self, refused: bool, why: impl FnOnce() -> String) -> Accepted {
        let pause = self.next_pause();
        self.failure.say(|| format!("{}; accepting pauses for {} ms", why(), pause.as_millis()));
        Accepted::Exhausted { refused, pause }
    }

    /// 10 ms, doubling to 1 s with each failure that comes soon after the last.
    fn next_pause(&mut self) -> Duration {
        let now = Instant::now();
        let calm = self.failed.is_none_or(|last| now - last > 2 * PAUSE_MOST);
        self.pause = if calm { PAUSE_LEAST } else { (self.pause * 2).min(PAUSE_MOST) };
        self.failed = Some(now);
        self.pause
    }

    fn admit(
        &mut self,
        (gate, placed): (&Gate, bool),
        listener: &Listener,
        socket: OwnedFd,
        address: Option<SocketAddr>,
    ) -> Accepted {
        if !placed && !gate.enter(&self.row) {
            self.say_refused(|| format!("there are {} already, and no more may come", gate.most()));
            return Accepted::Refused;
        }
        let address = match address {
            Some(address) => Endpoint::from(address),
            None => {
                // Not inherited from the listener, as it is with TCP (unix(7)).
                if let Err(error) = sockopt::set_socket_oobinline(&socket, true) {
                    tracing::debug!("urgent data will not come in line: {error}");
                }
                process_of(&socket)
            }
        };
        let local = match listener.wildcard {
            true => getsockname(&socket)
                .ok()
                .and_then(|address| SocketAddr::try_from(address).ok())
                .map_or_else(|| listener.address().clone(), Endpoint::from),
            false => listener.address().clone(),
        };
        let info = PeerInfo { id: gate.next_id(), address, local };
        Accepted::Peer(Newcomer { socket, info, wait: listener.wait() })
    }

    /// Out of descriptors: the reserve makes room for one peer, which is closed at once. The kernel
    /// says that it is out before it looks whether anybody waits.
    fn refuse_one(&mut self, listener: &Listener) -> Accepted {
        // Accepted only to be dropped, and thereby closed.
        let refused = self.reserve.take().map(|file| {
            drop(file);
            accept_with(listener, SocketFlags::CLOEXEC).map(drop)
        });
        self.reserve = reserve();
        match refused {
            Some(Err(Errno::WOULDBLOCK)) => Accepted::Nobody,
            None if until_readable(&[listener.as_fd()], Some(Duration::ZERO)).is_empty() => {
                Accepted::Nobody
            }
            refused => self.out_of_descriptors(matches!(refused, Some(Ok(()))), listener),
        }
    }

    fn out_of_descriptors(&mut self, refused: bool, listener: &Listener) -> Accepted {
        self.exhausted(refused, || {
            format!("no descriptor left for a peer on {}", listener.address())
        })
    }
}

fn reserve() -> Option<File> {
    File::open("/dev/null").ok()
}

fn transient(error: Errno) -> bool {
    matches!(
        error,
        Errno::INTR
            | Errno::CONNABORTED
            | Errno::NETDOWN
            | Errno::PROTO
            | Errno::NOPROTOOPT
            | Errno::HOSTDOWN
            | Errno::NONET
            | Errno::HOSTUNREACH
            | Errno::OPNOTSUPP
            | Errno::NETUNREACH
            | Errno::PERM
            | Errno::TIMEDOUT
    )
}

fn process_of(socket: &OwnedFd) -> Endpoint {
    match sockopt::socket_peercred(socket.as_fd()) {
        Ok(cred) => {
            Endpoint::Process { uid: cred.uid.as_raw(), pid: cred.pid.as_raw_nonzero().get() }
        }
        Err(_) => Endpoint::Process { uid: u32::MAX, pid: 0 },
    }
}

/// A warning that is given at most once a second.
#[derive(Default)]
struct Occasionally {
    last: Option<Instant>,
    silent: u64,
}

impl Occasionally {
    /// Warns, and says how often it did not since the last time; or does not warn.
    fn say(&mut self, what: impl FnOnce() -> String) {
        let now = Instant::now();
        if self.last.is_some_and(|last| now - last < Duration::from_secs(1)) {
            self.silent += 1;
            return;
        }
        self.last = Some(now);
        match std::mem::take(&mut self.silent) {
            0 => tracing::warn!("{}", what()),
            silent => tracing::warn!("{} ({silent} more since the last line)", what()),
        }
    }
}
