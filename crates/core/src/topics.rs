//! Topics: what one member publishes comes to all others, in the order in which it was published.
//!
//! Everything that members ask for (an [`Op`]) is put into one order and then carried out (as
//! [`News`]). Where peers share memory, that is done in place, under the topic's lock. Elsewhere a
//! [`Reach`] takes what is asked for to whoever orders it for all, and each process carries out the
//! same news in the same order; so all of them agree on who is a member, without asking each other.
//!
//! # Layout
//!
//! - [`Topics`], [`Membership`]: what services use.
//! - `topic`: the members of one topic, what is decided about them, what they are sent.
//! - `news`: what is asked for and what came of it, as plain data and as packets.
//! - `backlog`: what waits to be taken to whoever orders, and why something is not published.

mod backlog;
mod news;
mod topic;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;

pub use self::backlog::{Backlog, CaughtUp, TooLong, Unpublished};
use self::news::{Ask, Event};
pub use self::news::{Concerns, News, Op, PACKET_MAX};
use self::topic::Topic;
use crate::{Mailbox, Overrun};

/// The most bytes of one publication, and of what is kept of a topic's.
pub const PUBLICATION_MAX: usize = 48 << 10;

/// The most bytes of a topic's name, of a label, and of both parts of [`Rules::lost`] together.
pub const NAME_MAX: usize = 256;

/// The topics of a service: give it to [`Service::topics`](crate::Service::topics), so that they reach
/// all its processes. Clones are the same topics; any thread may use them.
#[derive(Clone, Default)]
pub struct Topics(Arc<Board>);

#[derive(Default)]
struct Board {
    /// Locked before any topic is.
    topics: Mutex<BTreeMap<Arc<str>, Arc<Mutex<Topic>>>>,
    reach: OnceLock<Box<dyn Reach>>,
    /// The mailboxes of those whose joining is on its way to whoever decides it.
    joining: Mutex<HashMap<(u64, Arc<str>), Mailbox>>,
    /// Those who are to be told that this process has caught up.
    awaiting: Mutex<Vec<Mailbox>>,
    /// Nobody is told any more who comes and goes.
    hushed: AtomicBool,
}

/// How what is asked for in one process gets to whoever orders it for all.
pub trait Reach: Send + Sync {
    /// Hands it over, behind what this thread has handed over before. What comes of it is
    /// [heard](Topics::hear) by every process that it concerns. From any thread; waits for nobody: what
    /// cannot be passed on at once is kept.
    fn submit(&self, op: Op);

    /// How much is kept. Who says that it is much calls [`Topics::caught_up`] when it is not any more.
    fn backlog(&self) -> Backlog;
}

/// What holds for a topic, as the first who joins it has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// So many members at most.
    pub members_max: u32,
    /// So many of the last lines are given to whoever joins; [`PUBLICATION_MAX`] bytes at most, where
    /// each line counts for 4 more.
    pub kept_lines: u32,
    /// Above so many members, nobody is told who comes and goes.
    pub told_max: u32,
    /// What becomes of what a slow member's mailbox does not take.
    pub when_full: Overrun,
    /// What is published of a member that is lost (its process has died, its membership was dropped):
    /// its label, between these two, which have [`NAME_MAX`] bytes at most together. Both empty:
    /// nothing.
    pub lost: (Arc<str>, Arc<str>),
}

/// What a peer brings along that joins a topic.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The topic's name.
    pub topic: Arc<str>,
    /// What holds for it, if nobody has joined it yet.
    pub rules: Arc<Rules>,
    /// What the others see of it among the [members](Topics::members).
    pub label: Arc<str>,
    /// What the others are sent.
    pub hello: Bytes,
}

/// The note that answers whoever asked to join.
#[derive(Debug)]
pub enum Joined {
    /// It is a member: what is published from now on follows in its mailbox.
    Member {
        /// Which topic.
        topic: Arc<str>,
        /// How many members there were in that moment, this one among them.
        members: usize,
        /// The last lines, oldest first.
        recent: Vec<Bytes>,
    },
    /// It is not: the topic has as many members as it may have.
    Full {
        /// Which topic.
        topic: Arc<str>,
    },
}

/// One peer's part in one topic, from when it has asked to join. It is lost to the others when this is
/// dropped: see [`Rules::lost`].
pub struct Membership {
    /// `None`: it has left.
    topics: Option<Topics>,
    topic: Arc<str>,
    member: u64,
}

impl Topics {
    /// None yet.
    pub fn new() -> Topics {
        Topics::default()
    }

    /// Asks that the peer of this mailbox become a member. It is answered by a note ([`Joined`]),
    /// which every session or handler that joins has to take. A peer is one member of a topic,
    /// however often it joins.
    ///
    /// # Errors
    /// If the topic's name, the label or what the rules say of the lost is longer than [`NAME_MAX`], or
    /// the hello longer than [`PUBLICATION_MAX`].
    pub fn join(&self, mailbox: &Mailbox, entry: Entry) -> Result<Membership, TooLong> {
        let Entry { topic, rules, label, hello } = entry;
        let member = mailbox.peer();
        // With these bounds a packet has room for all of them.
        let lost = rules.lost.0.len().saturating_add(rules.lost.1.len());
        let longest = topic.len().max(label.len()).max(lost);
        if longest > NAME_MAX || hello.len() > PUBLICATION_MAX {
            return Err(TooLong);
        }
        let ask = Ask::Join { label, hello, rules };
        let op = Op { topic: Arc::clone(&topic), member, ask };
        let topics = Some(self.clone());
        let membership = Membership { topics, topic: Arc::clone(&topic), member };
        match self.0.reach.get() {
            Some(reach) => {
                lock(&self.0.joining).insert((member, topic), mailbox.clone());
                reach.submit(op);
            }
            None => drop(self.order_for(op, 0, Some(mailbox))),
        }
        Ok(membership)
    }

    /// Publishes to all members of a topic, as somebody who need not be one; `from`, if that is the
    /// identity of a member, is passed over.
    ///
    /// # Errors
    /// If there are more than [`PUBLICATION_MAX`] bytes, or if no more is kept of what others have said.
    pub fn publish(&self, topic: &Arc<str>, from: u64, bytes: Bytes) -> Result<(), Unpublished> {
        if bytes.len() > PUBLICATION_MAX {
            return Err(Unpublished::TooLong);
        }
        if self.backlog() == Backlog::Full {
            return Err(Unpublished::Full);
        }
        self.submit(Op { topic: Arc::clone(topic), member: from, ask: Ask::Publish(bytes) });
        Ok(())
    }

    /// The labels of a topic's members, in the order of their arrival at the server. In a process that
    /// is one of several, as of what it has heard by now.
    pub fn members(&self, topic: &str) -> Vec<Arc<str>> {
        self.find(topic).map_or_else(Vec::new, |topic| lock(&topic).labels())
    }

    /// How many members a topic has.
    pub fn count(&self, topic: &str) -> usize {
        self.find(topic).map_or(0, |topic| lock(&topic).count())
    }

    /// The topics whose names begin with this, in the order of their names, each with the number of
    /// its members.
    pub fn named(&self, beginning: &str) -> Vec<(Arc<str>, usize)> {
        let topics = lock(&self.0.topics);
        let from = topics
            .range::<str, _>((std::ops::Bound::Included(beginning), std::ops::Bound::Unbounded));
        let named = from.take_while(|(name, _)| name.starts_with(beginning));
        let counted = named.map(|(name, topic)| (Arc::clone(name), lock(topic).count()));
        counted.filter(|(_, count)| *count > 0).collect()
    }

    /// Whether others than this process have a part in them.
    pub fn spans(&self) -> bool {
        self.0.reach.get().is_some()
    }

    fn find(&self, topic: &str) -> Option<Arc<Mutex<Topic>>> {
        lock(&self.0.topics).get(topic).cloned()
    }

    fn submit(&self, op: Op) {
        match self.0.reach.get() {
            Some(reach) => reach.submit(op),
            None => drop(self.order_for(op, 0, None)),
        }
    }
}

/// For servers whose peers share no memory.
impl Topics {
    /// From now on whatever is asked for in this process goes there. Before any peer is served; only
    /// once in a process.
    pub fn connect(&self, reach: impl Reach + 'static) {
        let connected = self.0.reach.set(Box::new(reach));
        debug_assert!(connected.is_ok(), "a process is connected once");
    }

    /// From now on nobody is told who comes and goes: the whole server stops.
    pub fn hush(&self) {
        self.0.hushed.store(true, Relaxed);
    }

    /// Puts what was asked for by process `origin` behind everything else, for all processes: what
    /// comes of it, which is carried out here already.
    pub fn order(&self, op: Op, origin: u32) -> Option<News> {
        self.order_for(op, origin, None)
    }

    /// Carries out what has come of something that was asked for, here or in another process.
    pub fn hear(&self, news: News) {
        let mailbox = match news.event {
            Event::Joined { .. } | Event::Refused => {
                lock(&self.0.joining).remove(&(news.member, Arc::clone(&news.topic)))
            }
            Event::Relabelled { .. } | Event::Left(_) | Event::Published(_) => None,
        };
        self.with_topic(&news.topic, |topic| topic.carry_out(news.clone(), 0, mailbox.as_ref()));
    }

    /// The processes of a topic's members; `from` is none of them if it is alone in its own.
    pub fn audience(&self, topic: &str, from: u64) -> Vec<u32> {
        self.find(topic).map_or_else(Vec::new, |topic| lock(&topic).audience(from))
    }

    /// That process is gone, and with it all its members.
    pub fn lose(&self, origin: u32) -> Vec<News> {
        let names: Vec<Arc<str>> = lock(&self.0.topics).keys().cloned().collect();
        let mut news = Vec::new();
        for topic in names {
            let members = self.find(&topic).map(|topic| lock(&topic).members_of(origin));
            for member in members.into_iter().flatten() {
                let op = Op { topic: Arc::clone(&topic), member, ask: Ask::Leave(None) };
                news.extend(self.order(op, origin));
            }
        }
        news
    }

    fn order_for(&self, op: Op, origin: u32, mailbox: Option<&Mailbox>) -> Option<News> {
        self.with_topic(&Arc::clone(&op.topic), |topic| {
            let mut news = topic.decide(op);
            if self.0.hushed.load(Relaxed) {
                news.iter_mut().for_each(News::hush);
            }
            news.inspect(|news| topic.carry_out(news.clone(), origin, mailbox))
        })
    }

    /// Does something with a topic, which is made if there is none, and is gone when it is empty.
    fn with_topic<T>(&self, name: &Arc<str>, act: impl FnOnce(&mut Topic) -> T) -> T {
        let (result, empty) = loop {
            let topic = {
                let mut topics = lock(&self.0.topics);
                Arc::clone(topics.entry(Arc::clone(name)).or_default())
            };
            let mut topic = lock(&topic);
            // If it is gone, somebody has found it empty meanwhile.
            if !topic.gone {
                break (act(&mut topic), topic.count() == 0);
            }
        };
        if empty {
            let mut topics = lock(&self.0.topics);
            if let Some(topic) = topics.get(name).cloned() {
                let mut topic = lock(&topic);
                if topic.count() == 0 {
                    topic.gone = true;
                    topics.remove(name);
                }
            }
        }
        result
    }
}

impl Membership {
    /// Publishes to all other members.
    ///
    /// # Errors
    /// As [`Topics::publish`].
    pub fn publish(&self, bytes: impl Into<Bytes>) -> Result<(), Unpublished> {
        match &self.topics {
            Some(topics) => topics.publish(&self.topic, self.member, bytes.into()),
            None => Ok(()),
        }
    }

    /// Takes another label; the others are sent `hello`.
    ///
    /// # Errors
    /// If the label is longer than [`NAME_MAX`].
    pub fn relabel(&self, label: Arc<str>, hello: impl Into<Bytes>) -> Result<(), TooLong> {
        let hello = hello.into();
        if label.len() > NAME_MAX || hello.len() > PUBLICATION_MAX {
            return Err(TooLong);
        }
        let (topic, member) = (Arc::clone(&self.topic), self.member);
        let ask = Ask::Relabel { label, hello };
        if let Some(topics) = &self.topics {
            topics.submit(Op { topic, member, ask });
        }
        Ok(())
    }

    /// Leaves; the others are sent `farewell`, as far as it is no longer than [`PUBLICATION_MAX`].
    pub fn leave(mut self, farewell: impl Into<Bytes>) {
        let mut farewell = farewell.into();
        farewell.truncate(PUBLICATION_MAX);
        self.go(Some(farewell));
    }

    /// Its name.
    pub fn topic(&self) -> &Arc<str> {
        &self.topic
    }

    fn go(&mut self, farewell: Option<Bytes>) {
        if let Some(topics) = self.topics.take() {
            let topic = Arc::clone(&self.topic);
            topics.submit(Op { topic, member: self.member, ask: Ask::Leave(farewell) });
        }
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.go(None);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Topics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Topics").finish_non_exhaustive()
    }
}
