//! The gate: how many peers there are, and may be.

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicIsize, AtomicU64, AtomicUsize, Ordering};

use crate::counters::Row;
use crate::shared::{Sharable, Shared};
use crate::stopping::Bell;

/// What happens to a peer that comes when the server has as many as it may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenFull {
    /// It is accepted and closed at once.
    #[default]
    Refuse,
    /// It waits in the listener's backlog until another peer leaves.
    Wait,
}

/// Of whom one must leave, so that there is room for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// A peer of any process.
    Servers,
    /// A peer of this process, which has all that it can have, and leaves newcomers to the others.
    Own,
}

/// Counts the peers of the whole server, in all its processes, against their limit; and those of
/// this process against what it has descriptors for.
pub(crate) struct Gate {
    common: Shared<Doors>,
    most: usize,
    pub(super) when_full: WhenFull,
    /// Peers of this process, and the most that it can have.
    own: AtomicUsize,
    own_most: usize,
    /// A ring for each of those who asked: wakes loops and threads that wait for a peer to leave.
    left: Bell,
    /// The same for a peer of this process. One bell would not do for both: a full process that is
    /// woken by another's peer would take the ring of the one that has room now. `None`: there are no
    /// other processes, who can serve peers that find this one full, if they have the listener, too.
    own_left: Option<Bell>,
    own_awaiting: AtomicUsize,
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
    /// says whether there are several.
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
            left: Bell::for_several()?,
            own_left: others.then(Bell::for_several).transpose()?,
            own_awaiting: AtomicUsize::new(0),
        })
    }

    /// In a process that has just been forked: the bell for its own peers is its own.
    pub(crate) fn renew(&self) -> io::Result<()> {
        self.own_left.as_ref().map_or(Ok(()), Bell::renew_for_several)
    }

    /// Rung for those who asked, when a peer has left.
    pub(super) fn bell(&self, whose: Whose) -> &Bell {
        match (whose, &self.own_left) {
            (Whose::Own, Some(bell)) => bell,
            // Without others the server's peers are this process's own.
            _ => &self.left,
        }
    }

    /// Readable when a peer has left, for those who [asked](super::Acceptor::ask).
    pub(crate) fn left(&self, whose: Whose) -> BorrowedFd<'_> {
        self.bell(whose).fd()
    }

    fn awaiting(&self, whose: Whose) -> &AtomicUsize {
        match whose {
            Whose::Servers => &self.doors().awaiting,
            Whose::Own => &self.own_awaiting,
        }
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
    pub(super) fn enter(&self, row: &Row) -> bool {
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
        self.tell(Whose::Servers);
        self.tell(Whose::Own);
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
        self.tell(Whose::Servers);
    }

    fn tell(&self, whose: Whose) {
        let awaiting = self.awaiting(whose);
        if awaiting.load(Ordering::SeqCst) > 0 {
            let count = awaiting.swap(0, Ordering::SeqCst);
            self.bell(whose).ring_times(count);
        }
    }

    /// Asks for one ring when the next peer leaves: see [`Acceptor::ask`](super::Acceptor).
    pub(super) fn ask(&self, whose: Whose) {
        self.awaiting(whose).fetch_add(1, Ordering::SeqCst);
    }

    /// A place that was taken for a while is given back, by one who has `asked` or not: others are
    /// told, who may have found no room because of it.
    pub(super) fn give_back(&self, row: &Row, asked: bool) {
        self.withdraw(row);
        if self.doors().awaiting.load(Ordering::SeqCst) > usize::from(asked) {
            self.tell(Whose::Servers);
        }
    }

    /// Whether there are as many as may be.
    pub(crate) fn full(&self) -> bool {
        !self.has_room(self.doors().present.load(Ordering::SeqCst))
    }

    /// Whether a peer that comes when the server is full is refused, and need not wait in the backlog.
    pub(crate) fn refuses(&self) -> bool {
        self.when_full == WhenFull::Refuse
    }

    /// Whether there are several processes.
    pub(crate) fn has_others(&self) -> bool {
        self.own_left.is_some()
    }

    /// This process has all the peers that it can have; the next ones at a listener that all share are
    /// for the others, who have room.
    pub(super) fn leaves_others(&self) -> bool {
        self.has_others()
            && self.own.load(Ordering::SeqCst) >= self.own_most
            && self.has_room(self.doors().present.load(Ordering::SeqCst))
    }

    pub(super) fn next_id(&self) -> u64 {
        self.doors().ids.fetch_add(1, Ordering::Relaxed) + 1
    }
}
