//! One topic: its members, what is decided about them, what they are sent.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::news::{Ask, Event, LENGTH};
use super::{Joined, News, Op, PUBLICATION_MAX, Rules};
use crate::{Mailbox, Overrun};

/// The members of a topic. One that has none is about to be gone.
#[derive(Default)]
pub(super) struct Topic {
    /// `None`: nobody has joined yet.
    rules: Option<Arc<Rules>>,
    /// In ascending order of their identities: the order in which they came to the server. A vector,
    /// because a publication goes through all of them, and who comes last is added at its end.
    members: Vec<Member>,
    /// `None`: nothing of it yet.
    memory: Option<Box<Memory>>,
    /// It was found empty, and another will have its name.
    pub(super) gone: bool,
}

/// What topics of one member seldom have.
#[derive(Default)]
struct Memory {
    /// How many members each process has, where this is known.
    origins: BTreeMap<u32, usize>,
    recent: VecDeque<Bytes>,
    /// As they are in a packet.
    recent_bytes: usize,
}

struct Member {
    id: u64,
    /// `None`: it is served by another process.
    mailbox: Option<Mailbox>,
    label: Arc<str>,
    /// The process that serves it; 0: this one, or unknown.
    origin: u32,
}

impl Topic {
    pub(super) fn count(&self) -> usize {
        self.members.len()
    }

    pub(super) fn labels(&self) -> Vec<Arc<str>> {
        self.members.iter().map(|member| Arc::clone(&member.label)).collect()
    }

    pub(super) fn members_of(&self, origin: u32) -> Vec<u64> {
        self.members
            .iter()
            .filter(|member| member.origin == origin)
            .map(|member| member.id)
            .collect()
    }

    pub(super) fn audience(&self, from: u64) -> Vec<u32> {
        let own = self.find(from).ok().map(|place| self.members[place].origin);
        let origins = self.memory.iter().flat_map(|memory| &memory.origins);
        let others = origins.filter(|(origin, count)| **count > 1 || own != Some(**origin));
        others.map(|(origin, _)| *origin).collect()
    }

    /// What becomes of what somebody has asked for; `None`: nothing.
    pub(super) fn decide(&mut self, op: Op) -> Option<News> {
        let Op { topic, member, ask } = op;
        let place = self.find(member);
        let event = match ask {
            Ask::Join { label, hello, rules } => {
                let rules = Arc::clone(self.rules.get_or_insert(rules));
                let count = self.count() + usize::from(place.is_err());
                if place.is_err() && count > rules.members_max as usize {
                    Event::Refused
                } else {
                    let recent =
                        self.memory.iter().flat_map(|memory| &memory.recent).cloned().collect();
                    Event::Joined { label, hello: rules.told(hello, count), rules, recent }
                }
            }
            Ask::Relabel { label, hello } => {
                place.ok()?;
                let hello = self.rules.as_ref()?.told(hello, self.count());
                Event::Relabelled { label, hello }
            }
            Ask::Leave(farewell) => {
                let (place, rules) = (place.ok()?, self.rules.as_ref()?);
                let lost = || rules.lost_words(&self.members[place].label);
                Event::Left(rules.told(farewell.unwrap_or_else(lost), self.count()))
            }
            Ask::Publish(_) if self.members.is_empty() => return None,
            Ask::Publish(bytes) => Event::Published(bytes),
        };
        Some(News { topic, member, event })
    }

    /// Does what was decided. `mailbox`: of who joins, if it is served here.
    pub(super) fn carry_out(&mut self, news: News, origin: u32, mailbox: Option<&Mailbox>) {
        let News { topic, member, event } = news;
        let place = self.find(member);
        match event {
            Event::Joined { label, hello, rules, recent } => {
                self.rules.get_or_insert(rules);
                match place {
                    Ok(place) => self.members[place].label = label,
                    Err(place) => {
                        let mailbox = mailbox.cloned();
                        self.add(place, Member { id: member, mailbox, label, origin });
                    }
                }
                self.deliver(&hello, member);
                answer(mailbox, Joined::Member { topic, members: self.count(), recent });
            }
            Event::Refused => answer(mailbox, Joined::Full { topic }),
            Event::Relabelled { label, hello } => {
                let Ok(place) = place else { return };
                self.members[place].label = label;
                self.deliver(&hello, member);
            }
            Event::Left(farewell) => {
                let Ok(place) = place else { return };
                let origin = self.members.remove(place).origin;
                self.count_origin(origin, false);
                self.deliver(&farewell, member);
            }
            Event::Published(bytes) => {
                self.deliver(&bytes, member);
                self.keep(&bytes);
            }
        }
    }

    fn add(&mut self, place: usize, member: Member) {
        if self.members.capacity() == 0 {
            // Most topics of one member never have another.
            self.members.reserve_exact(1);
        }
        self.count_origin(member.origin, true);
        self.members.insert(place, member);
    }

    /// One publication for all who are served here, but for `from`: they share its bytes.
    fn deliver(&self, bytes: &Bytes, from: u64) {
        let Some(rules) = self.rules.as_ref().filter(|_| !bytes.is_empty()) else { return };
        for member in &self.members {
            if member.id != from
                && let Some(mailbox) = &member.mailbox
            {
                // One that is gone says so itself.
                let _ = mailbox.send(bytes.clone(), rules.when_full);
            }
        }
    }

    /// Keeps its lines for whoever joins.
    fn keep(&mut self, bytes: &Bytes) {
        let most = self.rules.as_ref().map_or(0, |rules| rules.kept_lines as usize);
        if most == 0 {
            return;
        }
        let Memory { recent, recent_bytes, .. } = &mut **self.memory.get_or_insert_default();
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            *recent_bytes += LENGTH + line.len();
            recent.push_back(bytes.slice_ref(line));
        }
        while recent.len() > most || *recent_bytes > PUBLICATION_MAX {
            let Some(line) = recent.pop_front() else { return };
            *recent_bytes -= LENGTH + line.len();
        }
    }

    fn count_origin(&mut self, origin: u32, comes: bool) {
        if origin == 0 {
            return;
        }
        let origins = &mut self.memory.get_or_insert_default().origins;
        let count = origins.entry(origin).or_default();
        *count = if comes { *count + 1 } else { *count - 1 };
        if *count == 0 {
            origins.remove(&origin);
        }
    }

    fn find(&self, id: u64) -> Result<usize, usize> {
        self.members.binary_search_by_key(&id, |member| member.id)
    }
}

fn answer(mailbox: Option<&Mailbox>, joined: Joined) {
    // One that is gone, or has no room for a note, is on its way out.
    let _ = mailbox.map(|mailbox| mailbox.note(joined, Overrun::Close));
}

impl Rules {
    /// What is told of one who comes or goes, in a topic of so many.
    fn told(&self, words: Bytes, members: usize) -> Bytes {
        if members > self.told_max as usize { Bytes::new() } else { words }
    }

    fn lost_words(&self, label: &str) -> Bytes {
        let (before, after) = &self.lost;
        if before.is_empty() && after.is_empty() {
            return Bytes::new();
        }
        let parts = [before.as_bytes(), label.as_bytes(), after.as_bytes()];
        parts
            .iter()
            .fold(BytesMut::new(), |mut words, part| {
                words.extend_from_slice(part);
                words
            })
            .freeze()
    }
}
