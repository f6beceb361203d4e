//! What other threads tell a loop: letters, for which its inbox wakes it.

use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::{io, mem};

use super::{Engine, Reactor};
use crate::admission::Newcomer;
use crate::counters::Row;
use crate::inbox::{Inbox, Wake};
use crate::mechanism::Key;
use crate::stopping::Bell;
use crate::supervision::Seen;
use crate::workers::Back;

/// One letter.
pub(crate) enum Letter {
    /// A peer that another thread accepted for this loop.
    Newcomer(Newcomer),
    /// A newcomer for whichever of all loops reads of it first.
    Offer(Arc<Offer>),
    /// No more of those will come.
    NoMore,
    /// The operator said `pause` (true) or `resume`.
    Hold(bool),
    /// The operator asks.
    Report(Report),
    /// A worker is done with a peer for now.
    Back(Back),
    /// A job that was offloaded for this peer is done.
    JobDone(u64),
    /// There is mail for this peer.
    Mail(Key),
}

/// A question: the loop brings its counters up to date, and lists its peers if asked to.
pub(crate) struct Report {
    pub(crate) peers: bool,
    pub(crate) answer: mpsc::Sender<Vec<Seen>>,
}

/// A newcomer that its loop was late to read of, offered to all: only loops know whether they compute,
/// and the first that does not takes it.
pub(crate) struct Offer {
    newcomer: Mutex<Option<Newcomer>>,
    /// Where it is counted until somebody has it: among those who come to its first loop.
    coming: Arc<AtomicU64>,
}

impl Offer {
    fn newcomer(&self) -> MutexGuard<'_, Option<Newcomer>> {
        self.newcomer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_taken(&self) -> bool {
        self.newcomer().is_none()
    }
}

/// The letters to one loop. It outlives the loop's thread, if that has to be replaced.
pub(crate) struct Letters {
    inbox: Inbox<Letter, Bell>,
    /// Newcomers on their way, whom the loop's counters do not have yet.
    coming: Arc<AtomicU64>,
    /// So many newcomers may be on their way: as many as the loop could send to its workers.
    places: AtomicUsize,
    /// Who hands newcomers over waits for a place.
    awaited: AtomicBool,
    /// What wakes them.
    bell: Arc<Bell>,
    /// How often a loop began with them.
    beginnings: AtomicU32,
}

impl Letters {
    /// `bell`: of who hands newcomers over.
    pub(crate) fn new(bell: &Arc<Bell>) -> io::Result<Arc<Letters>> {
        Ok(Arc::new(Letters {
            inbox: Inbox::new(Bell::new()?),
            coming: Arc::default(),
            places: AtomicUsize::new(usize::MAX),
            awaited: AtomicBool::new(false),
            bell: Arc::clone(bell),
            beginnings: AtomicU32::new(0),
        }))
    }

    /// A loop begins: the first generation of its peers. Letters about peers of the loop before it
    /// find nobody.
    pub(super) fn begin(&self) -> u32 {
        self.beginnings.fetch_add(1, Ordering::Relaxed) << 24
    }

    /// Newcomers for this loop that nobody has read of.
    pub(crate) fn coming(&self) -> u64 {
        self.coming.load(Ordering::SeqCst)
    }

    /// Whether there is a place for another newcomer.
    pub(crate) fn has_place(&self) -> bool {
        let places = self.places.load(Ordering::SeqCst);
        places == usize::MAX || self.coming() < places as u64
    }

    /// The bell is rung when there may be a place: to be called before the last look for one.
    pub(crate) fn await_place(&self) {
        self.awaited.store(true, Ordering::SeqCst);
    }

    /// The loop has so many places from now on.
    pub(super) fn set_places(&self, places: usize) {
        self.places.store(places, Ordering::SeqCst);
        if self.awaited.load(Ordering::SeqCst) && self.has_place() {
            self.awaited.store(false, Ordering::SeqCst);
            self.bell.ring();
        }
    }

    /// From any thread.
    pub(crate) fn put(&self, letter: Letter) {
        if let Letter::Newcomer(_) = letter {
            self.coming.fetch_add(1, Ordering::SeqCst);
        }
        self.inbox.put(letter);
    }

    /// Whether the loop has something to read.
    pub(crate) fn any(&self) -> bool {
        !self.inbox.is_empty()
    }

    /// Takes the newcomers back whom the loop has not read of, to offer them to all loops, of which it
    /// is one. Until somebody has them they are coming here.
    pub(crate) fn take_back(&self) -> Vec<Arc<Offer>> {
        let letters = self.inbox.take_back(|letter| matches!(letter, Letter::Newcomer(_)));
        let offer = |letter| match letter {
            Letter::Newcomer(newcomer) => Some(Arc::new(Offer {
                newcomer: Mutex::new(Some(newcomer)),
                coming: Arc::clone(&self.coming),
            })),
            _ => None,
        };
        letters.into_iter().filter_map(offer).collect()
    }

    /// Offers the loop newcomers. A loop that never reads has no more offers than there are newcomers.
    pub(crate) fn offer(&self, offers: &[Arc<Offer>]) {
        self.inbox.take_back(|letter| match letter {
            Letter::Offer(offer) => offer.is_taken(),
            _ => false,
        });
        offers.iter().for_each(|offer| self.inbox.put(Letter::Offer(Arc::clone(offer))));
    }

    /// How many peers the loop has to serve; `row` is its counters.
    pub(crate) fn load(&self, row: &Row) -> u64 {
        row.present() + self.coming()
    }

    /// Readable when there are letters.
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.inbox.bell().fd()
    }
}

impl Wake for Bell {
    fn ring(&self) {
        Bell::ring(self);
    }

    fn quiet(&self) {
        Bell::quiet(self);
    }
}

impl<E: Engine> Reactor<'_, E> {
    /// Reads what has come. The bell has rung.
    pub(super) fn read_letters(&mut self) {
        let mut letters = mem::take(&mut self.letters);
        self.station.letters.inbox.take(&mut letters);
        for letter in letters.drain(..) {
            self.read_letter(letter);
        }
        self.letters = letters;
        self.tell_places();
    }

    fn read_letter(&mut self, letter: Letter) {
        match letter {
            Letter::Newcomer(newcomer) => {
                // Before its session is called, which may never return: its row counts it then.
                self.station.letters.coming.fetch_sub(1, Ordering::SeqCst);
                self.open(newcomer);
            }
            Letter::Offer(offer) => self.read_offer(&offer),
            Letter::NoMore => self.listening.awaits_handoffs = false,
            Letter::Hold(held) => self.listening.held = held,
            Letter::Back(back) => self.come_back(back),
            Letter::JobDone(id) => self.job_done(id),
            Letter::Mail(key) => self.mail(key),
            Letter::Report(Report { peers, answer }) => {
                self.station.row.gather(&mut self.hand.stats);
                let seen = if peers {
                    self.peers.iter().map(|slot| slot.seen()).collect()
                } else {
                    Vec::new()
                };
                // Whoever asked may have stopped waiting.
                let _ = answer.send(seen);
            }
        }
    }

    /// Takes a newcomer that is offered to all loops, if nobody has. One that can send no more to its
    /// workers leaves it to others, unless it was its own from the beginning.
    fn read_offer(&mut self, offer: &Offer) {
        let own = Arc::ptr_eq(&offer.coming, &self.station.letters.coming);
        if !own && self.workers_are_full() {
            return;
        }
        let newcomer = offer.newcomer().take();
        if let Some(newcomer) = newcomer {
            offer.coming.fetch_sub(1, Ordering::SeqCst);
            self.open(newcomer);
        }
    }
}
