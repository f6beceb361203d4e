//! What members ask for, and what came of it: as plain data, and as packets between processes.
//!
//! A packet is a letter, numbers in network order, and texts with their length in 4 bytes before them.

use std::sync::Arc;

use bytes::{Buf, Bytes};

use super::{NAME_MAX, PUBLICATION_MAX, Rules};
use crate::Overrun;

/// The most bytes of a packet: a hello, all that is kept, names.
pub const PACKET_MAX: usize = 2 * PUBLICATION_MAX + 16 * NAME_MAX;

/// Bytes of the length before a text.
pub(super) const LENGTH: usize = 4;

/// What a peer asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Op {
    pub(super) topic: Arc<str>,
    /// Who asks.
    pub(super) member: u64,
    pub(super) ask: Ask,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// To become a member.
    Join { label: Arc<str>, hello: Bytes, rules: Arc<Rules> },
    /// To have another label.
    Relabel { label: Arc<str>, hello: Bytes },
    /// To be no member any more; without a farewell, as one that is lost.
    Leave(Option<Bytes>),
    /// That all other members be sent this.
    Publish(Bytes),
}

/// What has come of it. All processes that it concerns hear it in the same order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    pub(super) topic: Arc<str>,
    /// Who asked.
    pub(super) member: u64,
    pub(super) event: Event,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A member has come. The others are sent `hello`; it is given what is `recent`.
    Joined { label: Arc<str>, hello: Bytes, rules: Arc<Rules>, recent: Vec<Bytes> },
    /// A member has another label.
    Relabelled { label: Arc<str>, hello: Bytes },
    /// There are as many members as there may be.
    Refused,
    /// A member has gone, and the others are sent this.
    Left(Bytes),
    /// All other members are sent this.
    Published(Bytes),
}

/// Which processes a piece of news concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concerns {
    /// That of the peer that has asked.
    Asker,
    /// All.
    All,
    /// Those of the topic's members.
    Members,
}

impl Op {
    /// As a packet.
    pub fn packed(&self) -> Vec<u8> {
        let packet = |letter| Packet::of(letter, &self.topic, self.member);
        match &self.ask {
            Ask::Join { label, hello, rules } => {
                packet(b'j').text(label.as_bytes()).text(hello).rules(rules).0
            }
            Ask::Relabel { label, hello } => packet(b'l').text(label.as_bytes()).text(hello).0,
            Ask::Leave(Some(farewell)) => packet(b'q').text(farewell).0,
            Ask::Leave(None) => packet(b'x').0,
            Ask::Publish(bytes) => packet(b'p').text(bytes).0,
        }
    }

    /// Out of a packet, whose bytes it shares; `None` if it is none.
    pub fn unpacked(packet: Bytes) -> Option<Op> {
        let mut rest = Rest(packet);
        let (letter, topic, member) = rest.head()?;
        let ask = match letter {
            b'j' => Ask::Join { label: rest.name()?, hello: rest.text()?, rules: rest.rules()? },
            b'l' => Ask::Relabel { label: rest.name()?, hello: rest.text()? },
            b'q' => Ask::Leave(Some(rest.text()?)),
            b'x' => Ask::Leave(None),
            b'p' => Ask::Publish(rest.text()?),
            _ => return None,
        };
        rest.0.is_empty().then_some(Op { topic, member, ask })
    }
}

impl News {
    /// The topic that it is about.
    pub fn topic(&self) -> &Arc<str> {
        &self.topic
    }

    /// Who has asked for it.
    pub fn member(&self) -> u64 {
        self.member
    }

    /// Which processes are to hear it.
    pub fn concerns(&self) -> Concerns {
        match self.event {
            Event::Refused => Concerns::Asker,
            Event::Published(_) => Concerns::Members,
            Event::Joined { .. } | Event::Relabelled { .. } | Event::Left(_) => Concerns::All,
        }
    }

    /// Nobody is told who has come or gone.
    pub(super) fn hush(&mut self) {
        match &mut self.event {
            Event::Joined { hello: words, .. }
            | Event::Relabelled { hello: words, .. }
            | Event::Left(words) => words.clear(),
            Event::Refused | Event::Published(_) => {}
        }
    }

    /// As it is for processes that do not serve the peer that has asked.
    #[must_use]
    pub fn for_others(&self) -> News {
        let mut news = self.clone();
        if let Event::Joined { recent, .. } = &mut news.event {
            recent.clear();
        }
        news
    }

    /// As a packet.
    pub fn packed(&self) -> Vec<u8> {
        let packet = |letter| Packet::of(letter, &self.topic, self.member);
        match &self.event {
            Event::Joined { label, hello, rules, recent } => {
                let packet = packet(b'J').text(label.as_bytes()).text(hello).rules(rules);
                recent.iter().fold(packet, |packet, line| packet.text(line)).0
            }
            Event::Relabelled { label, hello } => packet(b'L').text(label.as_bytes()).text(hello).0,
            Event::Refused => packet(b'R').0,
            Event::Left(farewell) => packet(b'Q').text(farewell).0,
            Event::Published(bytes) => packet(b'P').text(bytes).0,
        }
    }

    /// Out of a packet, whose bytes it shares; `None` if it is none.
    pub fn unpacked(packet: Bytes) -> Option<News> {
        let mut rest = Rest(packet);
        let (letter, topic, member) = rest.head()?;
        let event = match letter {
            b'J' => {
                let (label, hello, rules) = (rest.name()?, rest.text()?, rest.rules()?);
                let mut recent = Vec::new();
                while !rest.0.is_empty() {
                    recent.push(rest.text()?);
                }
                Event::Joined { label, hello, rules, recent }
            }
            b'L' => Event::Relabelled { label: rest.name()?, hello: rest.text()? },
            b'R' => Event::Refused,
            b'Q' => Event::Left(rest.text()?),
            b'P' => Event::Published(rest.text()?),
            _ => return None,
        };
        rest.0.is_empty().then_some(News { topic, member, event })
    }
}

/// A packet as it is written.
struct Packet(Vec<u8>);

impl Packet {
    fn of(letter: u8, topic: &str, member: u64) -> Packet {
        let mut packet = vec![letter];
        packet.extend(member.to_be_bytes());
        Packet(packet).text(topic.as_bytes())
    }

    fn number(mut self, number: u32) -> Packet {
        self.0.extend(number.to_be_bytes());
        self
    }

    fn text(self, text: &[u8]) -> Packet {
        let length = u32::try_from(text.len()).expect("names and publications are bounded");
        let mut packet = self.number(length);
        packet.0.extend_from_slice(text);
        packet
    }

    fn rules(self, rules: &Rules) -> Packet {
        let when_full = match rules.when_full {
            Overrun::Drop => 0,
            Overrun::Report => 1,
            Overrun::Close => 2,
        };
        let numbers = [rules.members_max, rules.kept_lines, rules.told_max, when_full];
        let packet = numbers.into_iter().fold(self, Packet::number);
        packet.text(rules.lost.0.as_bytes()).text(rules.lost.1.as_bytes())
    }
}

/// What is left of a packet as it is read.
struct Rest(Bytes);

impl Rest {
    fn head(&mut self) -> Option<(u8, Arc<str>, u64)> {
        let letter = self.0.try_get_u8().ok()?;
        let member = self.0.try_get_u64().ok()?;
        Some((letter, self.name()?, member))
    }

    fn number(&mut self) -> Option<u32> {
        self.0.try_get_u32().ok()
    }

    fn text(&mut self) -> Option<Bytes> {
        let length = self.number()? as usize;
        (length <= self.0.len()).then(|| self.0.split_to(length))
    }

    fn name(&mut self) -> Option<Arc<str>> {
        let text = self.text()?;
        std::str::from_utf8(&text).ok().map(Arc::from)
    }

    fn rules(&mut self) -> Option<Arc<Rules>> {
        let (members_max, kept_lines) = (self.number()?, self.number()?);
        let told_max = self.number()?;
        let when_full = match self.number()? {
            0 => Overrun::Drop,
            1 => Overrun::Report,
            2 => Overrun::Close,
            _ => return None,
        };
        let lost = (self.name()?, self.name()?);
        Some(Arc::new(Rules { members_max, kept_lines, told_max, when_full, lost }))
    }
}
