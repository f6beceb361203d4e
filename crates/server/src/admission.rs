//! Admission: the one point between accept(2) and a session where peers are counted and refused.

mod occasionally;

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicIsize, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{SocketFlags, accept_with, acceptfrom_with, getsockname, sockopt};
use switchboard_core::{Endpoint, PeerInfo};

use occasionally::Occasionally;

use crate::counters::Row;
use crate::counters::RowHandle;
use crate::listening::Listener;
use crate::shared::{Sharable, Shared};
use crate::stopping::Bell;
use crate::waiting::until_readable;

/// What happens to a peer that comes when the server has as many as it may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenFull {
    /// It is accepted and closed at once.
    #[default]
    Refuse,
    /// It waits in the listener's backlog until another peer leaves.
    Wait,
}

/// Counts the peers of the whole server, in all its processes, against their limit; and those of
/// this process against what it has descriptors for.
pub(crate) struct Gate {
    common: Shared<Doors>,
    most: usize,
    when_full: WhenFull,
    /// Peers of this process, and the most that it can have.
    own: AtomicUsize,
    own_most: usize,
    /// Peers that find this process full can be served by another.
    others: bool,
    /// A byte for each of those who asked: wakes loops and threads that wait for a peer to leave.
    pub(crate) left: Bell,
}

/// What all processes of a server have in common.
#[derive(Default)]
struct Doors {
    /// May be less than there are, and even negative, after a process died in between two steps.
    present: AtomicIsize,
    /// Identities that were given to peers.
    ids: AtomicU64,
    /// So many wait for a peer to leave.
    awaiting: AtomicUsize,
}

// SAFETY: nothing but atomic numbers.
unsafe impl Sharable for Doors {}

impl Gate {
    /// `most`: peers of the whole server; `own_most`: of each of its processes, of which `others`
    /// says whether there are several that accept from one listener.
    pub(crate) fn new(
        most: usize,
        own_most: usize,
        others: bool,
        when_full: WhenFull,
    ) -> io::Result<Gate> {
        Ok(Gate {
            common: Shared::new(1)?,
            most,
            when_full,
            own: AtomicUsize::new(0),
            own_most,
            others,
            left: Bell::new()?,
        })
    }

    fn doors(&self) -> &Doors {
        &self.common[0]
    }

    /// The most peers at a time.
    pub(crate) fn most(&self) -> usize {
        self.most
    }

    /// Counts one more, unless there is no room.
    ///
    /// `row` is the caller's: should this process die, its peers are known from there. It is counted
    /// first, and [`withdraw`](Gate::withdraw) counts it last, so that a death in between frees a
    /// place too many rather than losing one for good.
    fn enter(&self, row: &Row) -> bool {
        row.inside.fetch_add(1, Ordering::SeqCst);
        let one_more = |present| self.has_room(present).then_some(present + 1);
        let present = &self.doors().present;
        if present.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_more).is_ok() {
            self.own.fetch_add(1, Ordering::SeqCst);
            return true;
        }
        row.inside.fetch_sub(1, Ordering::SeqCst);
        false
    }

    fn has_room(&self, present: isize) -> bool {
        usize::try_from(present).map_or(true, |present| present < self.most)
    }

    /// An admitted peer has gone.
    pub(crate) fn leave(&self, row: &Row) {
        self.withdraw(row);
        self.tell();
    }

    /// One that was let in could not be served after all. Nobody is told: there is no more room than
    /// before.
    pub(crate) fn withdraw(&self, row: &Row) {
        self.own.fetch_sub(1, Ordering::SeqCst);
        self.doors().present.fetch_sub(1, Ordering::SeqCst);
        row.inside.fetch_sub(1, Ordering::SeqCst);
    }

    /// A process has died with so many peers.
    pub(crate) fn leave_all(&self, peers: u64) {
        let peers = isize::try_from(peers).unwrap_or(0);
        self.doors().present.fetch_sub(peers, Ordering::SeqCst);
        self.tell();
    }

    fn tell(&self) {
        if self.doors().awaiting.load(Ordering::SeqCst) > 0 {
            let count = self.doors().awaiting.swap(0, Ordering::SeqCst);
            self.left.ring_times(count);
        }
    }

    /// Asks for one ring of `left` when the next peer leaves; false: there is room already.
    pub(crate) fn await_leaving(&self) -> bool {
        self.doors().awaiting.fetch_add(1, Ordering::SeqCst);
        // A peer that left in between has rung nobody.
        self.full()
    }

    /// Whether there are as many as may be.
    pub(crate) fn full(&self) -> bool {
        !self.has_room(self.doors().present.load(Ordering::SeqCst)) || self.leaves_others()
    }

    /// This process has all the peers that it can have; the next ones are for the others.
    fn leaves_others(&self) -> bool {
        self.others && self.own.load(Ordering::SeqCst) >= self.own_most
    }

    fn next_id(&self) -> u64 {
        self.doors().ids.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// A peer that was let in and has no session yet. Its socket is as accept4(2) made it.
pub(crate) struct Newcomer {
    pub(crate) socket: OwnedFd,
    pub(crate) info: PeerInfo,
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
    row: RowHandle,
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
            row,
        }
    }

    /// Takes at most one peer out of the backlog.
    pub(crate) fn accept(&mut self, gate: &Gate, listener: &Listener) -> Accepted {
        // Whoever is to wait must not be taken out of the backlog without a place: another thread
        // or process may take the last one at any moment.
        let placed = gate.when_full == WhenFull::Wait;
        while gate.leaves_others() || (placed && !gate.enter(&self.row)) {
            if gate.await_leaving() {
                return Accepted::Full;
            }
        }
        let accepted = self.take(gate, listener, placed);
        if placed && !matches!(accepted, Accepted::Peer(_)) {
            // Another may have found no room because of it.
            gate.leave(&self.row);
        }
        accepted
    }

    /// As [`accept`](Acceptor::accept); `placed`: the gate counts the peer already.
    fn take(&mut self, gate: &Gate, listener: &Listener, placed: bool) -> Accepted {
        for _ in 0..SKIPS_MOST {
            self.row.accepted_once();
            return match acceptfrom_with(listener, self.flags) {
                Ok((socket, address)) => {
                    let address = address.and_then(|address| SocketAddr::try_from(address).ok());
                    self.admit((gate, placed), listener, socket, address)
                }
                Err(Errno::WOULDBLOCK) => Accepted::Nobody,
                Err(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) => {
                    self.refuse_one(listener)
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
        Accepted::Peer(Newcomer { socket, info })
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
            refused => self.exhausted(matches!(refused, Some(Ok(()))), || {
                format!("no descriptor left for a peer on {}", listener.address())
            }),
        }
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

#[cfg(test)]
mod tests;
