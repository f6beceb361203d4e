//! Mail: bytes for a peer and notes for its session, from any thread.
//!
//! A mailbox is a queue with a bound and a bell. Whoever puts mail into one that nobody was told of
//! rings; the carrier then takes what there is, on the thread that serves the peer. Mail for a peer
//! that has gone reaches nobody: its mailbox is closed, and the senders' handles keep nothing else.
//! `tests/letterbox.rs` shows with loom that no ring is lost.

use std::any::Any;
use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Release};

use bytes::Bytes;

use crate::sync::{AtomicU64, Mutex, MutexGuard, PoisonError};

/// What a note counts for in a mailbox, in bytes.
const NOTE: usize = 64;

/// A value for a session, of whichever type both sides have agreed on.
pub type Note = Box<dyn Any + Send>;

/// Who carries mail: a server that can wake whichever thread serves a peer.
pub trait Post: Send + Sync {
    /// There is mail for `peer`, where there was none. `place` is what its carrier has said with
    /// [`Connection::mail_comes_to`](crate::Connection::mail_comes_to), or 0. With `overrun` there was
    /// more than the mailbox holds, and the peer is to be closed, even if its thread waits for it to
    /// read. From any thread; must not wait.
    fn ring(&self, peer: u64, place: u64, overrun: bool);
}

/// The address of one peer: delivers to it from any thread, under any model.
///
/// Clones are cheap, and outlive the peer without harm.
#[derive(Clone)]
pub struct Mailbox(Arc<Letterbox>);

/// What becomes of mail for which a mailbox has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overrun {
    /// It is dropped, and counted ([`Mailbox::dropped`]).
    Drop,
    /// The sender is told ([`Undelivered::Full`]).
    Report,
    /// The peer is too slow: it is closed and counted as failed.
    Close,
}

/// Why mail was not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undelivered {
    /// The peer is gone.
    Gone,
    /// The mailbox has no room, and the sender asked to be told.
    Full,
}

/// Both sides of a mailbox.
struct Letterbox {
    peer: u64,
    /// See [`Post::ring`].
    place: AtomicU64,
    post: Arc<dyn Post>,
    /// Bytes that may wait here.
    most: usize,
    mail: Mutex<Mail>,
}

#[derive(Default)]
struct Mail {
    /// What the carrier has not taken, in the order in which it came. The first is here, so that a
    /// mailbox that seldom has more than one mail allocates nothing.
    first: Option<Item>,
    more: Option<Box<More>>,
    /// What all of it counts for.
    size: usize,
    /// The carrier knows that there is some.
    rung: bool,
    /// The peer is gone.
    gone: bool,
    /// It is to be closed: mail came for which there was no room.
    overrun: bool,
    dropped: u64,
}

/// What most mailboxes are without, most of the time.
#[derive(Default)]
struct More {
    /// What is behind the first.
    rest: VecDeque<Item>,
    /// Notes that the carrier has come to, and the session has not taken.
    notes: VecDeque<Note>,
}

/// One mail.
enum Item {
    Bytes(Bytes),
    Note(Note),
}

/// What there is for a peer besides bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// Nothing, or no room for what comes next.
    Nothing,
    /// Its session has notes to take, of which it has not been told.
    Notes,
    /// The peer is to be closed.
    TooMuch,
}

impl Mailbox {
    /// Sends bytes to the peer, behind everything that it was sent before. They are shared, not
    /// copied, until they leave, and what waits for one peer leaves together.
    ///
    /// # Errors
    /// If the peer is gone; if there is no room, under [`Overrun::Report`].
    pub fn send(&self, bytes: impl Into<Bytes>, when_full: Overrun) -> Result<(), Undelivered> {
        let bytes = bytes.into();
        self.put(bytes.len(), when_full, || Item::Bytes(bytes))
    }

    /// Leaves a note for the peer's session or handler, which is woken and takes it
    /// ([`Context::take_note`](crate::Context::take_note)). It counts for 64 bytes.
    ///
    /// # Errors
    /// As [`send`](Mailbox::send).
    pub fn note(&self, note: impl Any + Send, when_full: Overrun) -> Result<(), Undelivered> {
        self.put(NOTE, when_full, || Item::Note(Box::new(note)))
    }

    /// Whose it is.
    pub fn peer(&self) -> u64 {
        self.0.peer
    }

    /// How many mails were dropped.
    pub fn dropped(&self) -> u64 {
        self.0.lock().dropped
    }

    fn put(
        &self,
        size: usize,
        when_full: Overrun,
        item: impl FnOnce() -> Item,
    ) -> Result<(), Undelivered> {
        let (rings, overrun) = {
            let mut mail = self.0.lock();
            if mail.gone {
                return Err(Undelivered::Gone);
            }
            // One that is larger than the bound fits an empty mailbox: it could never be sent else.
            let overruns = mail.size > 0 && mail.size + size > self.0.most;
            if overruns {
                match when_full {
                    Overrun::Report => return Err(Undelivered::Full),
                    Overrun::Drop => {
                        mail.dropped += 1;
                        return Ok(());
                    }
                    Overrun::Close if mail.overrun => return Ok(()),
                    Overrun::Close => mail.overrun = true,
                }
            } else {
                mail.size += size;
                mail.push(item());
            }
            (!std::mem::replace(&mut mail.rung, true) || overruns, overruns)
        };
        if rings {
            self.0.post.ring(self.0.peer, self.0.place.load(Acquire), overrun);
        }
        Ok(())
    }
}

/// Wakes nobody.
struct NoPost;

impl Post for NoPost {
    fn ring(&self, _: u64, _: u64, _: bool) {}
}

/// The peer's own side of its mailbox, which nobody reaches any more when this is dropped.
pub struct OwnMailbox(Arc<Letterbox>);

impl OwnMailbox {
    /// That of `peer`, in which `most` bytes may wait. `post` wakes it; `None`: nobody does.
    pub fn new(peer: u64, post: Option<Arc<dyn Post>>, most: usize) -> OwnMailbox {
        let post = post.unwrap_or_else(|| Arc::new(NoPost));
        let (place, mail) = (AtomicU64::new(0), Mutex::new(Mail::default()));
        OwnMailbox(Arc::new(Letterbox { peer, place, post, most, mail }))
    }

    /// What others get.
    pub fn address(&self) -> Mailbox {
        Mailbox(Arc::clone(&self.0))
    }

    /// From now on its rings are for `place`. Whether one went elsewhere before.
    pub(crate) fn set_place(&self, place: u64) -> bool {
        // In the lock: a sender has either rung by now, or will find the new place.
        let mail = self.0.lock();
        self.0.place.store(place, Release);
        mail.rung
    }

    /// Moves bytes to the end of `output`: until `room` of them have been moved, the last mail whole,
    /// or up to a note. What there is besides, and whether anything is left, for which to come back;
    /// if not, the next mail rings again.
    ///
    /// What was sent in one order comes in that order: bytes that are behind a note are left for the
    /// next call, so that the session can be told of the note before.
    pub fn take(&self, output: &mut Vec<u8>, room: usize) -> (Waiting, bool) {
        let mut mail = self.0.lock();
        let mut moved = 0;
        while moved < room
            && let Some(Item::Bytes(bytes)) = mail.pop_if(|item| matches!(item, Item::Bytes(_)))
        {
            output.extend_from_slice(&bytes);
            moved += bytes.len();
        }
        mail.size -= moved;
        let mut waiting = if mail.overrun { Waiting::TooMuch } else { Waiting::Nothing };
        while waiting != Waiting::TooMuch
            && let Some(Item::Note(note)) = mail.pop_if(|item| matches!(item, Item::Note(_)))
        {
            mail.more.get_or_insert_default().notes.push_back(note);
            waiting = Waiting::Notes;
        }
        mail.rung = mail.first.is_some();
        (waiting, mail.rung)
    }

    /// Whether more has come than it holds, and the peer is to be closed.
    pub fn is_overrun(&self) -> bool {
        self.0.lock().overrun
    }

    /// Whether there is a note that no bytes are to be sent before.
    pub fn has_note(&self) -> bool {
        let mail = self.0.lock();
        let told = mail.more.as_ref().is_some_and(|more| !more.notes.is_empty());
        told || matches!(mail.first, Some(Item::Note(_)))
    }

    /// The oldest note, if no bytes are to be sent before it.
    pub fn take_note(&self) -> Option<Note> {
        let mut mail = self.0.lock();
        let told = mail.more.as_mut().and_then(|more| more.notes.pop_front());
        mail.tidy();
        let note = match told {
            Some(note) => note,
            None => match mail.pop_if(|item| matches!(item, Item::Note(_)))? {
                Item::Note(note) => note,
                Item::Bytes(_) => unreachable!("a note was asked for"),
            },
        };
        mail.size -= NOTE;
        Some(note)
    }
}

impl Mail {
    fn push(&mut self, item: Item) {
        match self.first {
            None => self.first = Some(item),
            Some(_) => self.more.get_or_insert_default().rest.push_back(item),
        }
    }

    /// Takes the oldest mail, if it is as wanted.
    fn pop_if(&mut self, wanted: impl FnOnce(&Item) -> bool) -> Option<Item> {
        let item = self.first.take_if(|item| wanted(item))?;
        self.first = self.more.as_mut().and_then(|more| more.rest.pop_front());
        self.tidy();
        Some(item)
    }

    fn tidy(&mut self) {
        self.more.take_if(|more| more.rest.is_empty() && more.notes.is_empty());
    }
}

/// What was for the peer is dropped outside of the lock: a note's destructor may send mail.
impl Drop for OwnMailbox {
    fn drop(&mut self) {
        let left = {
            let mut mail = self.0.lock();
            mail.gone = true;
            mail.size = 0;
            (mail.first.take(), mail.more.take())
        };
        drop(left);
    }
}

impl Letterbox {
    fn lock(&self) -> MutexGuard<'_, Mail> {
        self.mail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox").field("peer", &self.0.peer).finish_non_exhaustive()
    }
}

impl PartialEq for Mailbox {
    fn eq(&self, other: &Mailbox) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Mailbox {}

impl fmt::Display for Undelivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Undelivered::Gone => "the peer is gone",
            Undelivered::Full => "the peer's mailbox is full",
        })
    }
}

impl Error for Undelivered {}
