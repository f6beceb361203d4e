//! One person's session: who it is, where, and what becomes of each line.

use std::sync::Arc;
use std::time::Duration;

use switchboard_core::topics::{CaughtUp, Entry, Joined, Unpublished};
use switchboard_core::{Context, Ending, Flow, Membership, Session};

use super::command::{self, Command};
use super::flood::Bucket;
use super::lines::{Line, Lines};
use super::{Chat, names, text, words};

/// Where everybody begins.
const LOBBY: &str = "lobby";

/// How long a drain lets somebody wait for an answer, or for a turn.
const PATIENCE: Duration = Duration::from_secs(1);

/// So many bytes of somebody's lines are published together.
const TOGETHER_MOST: usize = 16 << 10;

/// Somebody at the other end.
pub(super) struct Person {
    chat: Arc<Chat>,
    lines: Lines,
    bucket: Bucket,
    /// It has been told that it is too fast, and has not been silent since.
    hurried: bool,
    /// Empty, until it has one.
    name: Arc<str>,
    /// What it asked for: its input waits until that is answered.
    awaits: Option<Box<Awaited>>,
    /// It is to be told when its process has caught up: its input waits until then.
    awaits_turn: bool,
    /// In the topic of its name.
    named: Option<Membership>,
    /// In that of its room.
    room: Option<Membership>,
    /// What it has said in this call, and nobody has got.
    said: Vec<u8>,
}

/// Answers that a person waits for.
enum Awaited {
    /// Whether it may have that name.
    Name(Arc<str>, Membership),
    /// Whether it is in that room.
    Room(Membership),
}

impl Person {
    pub(super) fn new(chat: &Arc<Chat>) -> Person {
        Person {
            chat: Arc::clone(chat),
            lines: Lines::default(),
            bucket: Bucket::default(),
            hurried: false,
            name: Arc::default(),
            awaits: None,
            awaits_turn: false,
            named: None,
            room: None,
            said: Vec::new(),
        }
    }

    /// The room in which it is, or is about to be.
    fn room_name(&self) -> &str {
        self.room.as_ref().map_or(LOBBY, |room| &room.topic()[1..])
    }

    /// One line; it is not empty.
    fn heed(&mut self, line: &str, peer: &mut Context<'_>) -> Flow {
        if self.named.is_none() {
            return self.heed_stranger(line, peer);
        }
        let command = command::parse(line);
        if !matches!(command, Command::Say(_) | Command::Me(_)) {
            self.publish(peer);
        }
        match command {
            Command::Say(text) => self.say(&words::said(&self.name, text), peer),
            Command::Me(text) => self.say(&words::done(&self.name, text), peer),
            Command::Tell(whom, text) => self.tell(whom, text, peer),
            Command::Join(room) => self.go_to(room, peer),
            Command::Leave if self.room_name() == LOBBY => peer.output.line(words::IN_LOBBY),
            Command::Leave => self.go_to(LOBBY, peer),
            Command::Rooms => self.list_rooms(peer),
            Command::Who(room) => self.list_people(room, peer),
            Command::Nick(name) => self.call_oneself(name, peer),
            Command::Quit(text) => return self.quit(text, peer),
            Command::Help => peer.output.line(words::HELP),
            Command::Incomplete(usage) => peer.output.line(&words::incomplete(usage)),
            Command::Unknown(name) => peer.output.line(&words::unknown(name)),
        }
        Flow::Continue
    }

    /// A line of somebody without a name.
    fn heed_stranger(&mut self, line: &str, peer: &mut Context<'_>) -> Flow {
        match command::parse(line) {
            Command::Quit(_) => return Flow::Close,
            Command::Help => peer.output.line(words::HELP),
            Command::Nick(name) => self.call_oneself(name, peer),
            Command::Say(name) => self.call_oneself(name.trim(), peer),
            _ => peer.output.line("-- First of all: what is your name?"),
        }
        Flow::Continue
    }

    fn say(&mut self, line: &str, peer: &mut Context<'_>) {
        self.said.extend_from_slice(line.as_bytes());
        if self.said.len() >= TOGETHER_MOST {
            self.publish(peer);
        }
    }

    /// Passes on what was said.
    fn publish(&mut self, peer: &mut Context<'_>) {
        if self.said.is_empty() {
            return;
        }
        let said = std::mem::take(&mut self.said);
        let sent = self.room.as_ref().map_or(Ok(()), |room| room.publish(said));
        if sent.is_err() {
            debug_assert_eq!(sent, Err(Unpublished::Full), "lines are shorter than a publication");
            peer.output.line(words::TOO_MUCH);
        }
    }

    fn tell(&self, whom: &str, text: &str, peer: &mut Context<'_>) {
        let topic: Arc<str> = format!("@{}", names::look(whom)).into();
        match self.chat.topics.members(&topic).first() {
            Some(name) if *name == self.name => peer.output.line("-- That is you."),
            Some(name) => {
                let told = words::told(&self.name, text);
                // What was said was shorter than a publication, and so is this.
                match self.chat.topics.publish(&topic, peer.id(), told.into()) {
                    Ok(()) => peer.output.line(&words::you_told(name, text)),
                    Err(_) => peer.output.line(words::TOO_MUCH),
                }
            }
            None => peer.output.line(&words::nobody_called(whom)),
        }
    }

    fn list_rooms(&self, peer: &mut Context<'_>) {
        let rooms = self.chat.topics.named("#");
        let rooms = rooms.iter().map(|(name, people)| (&name[1..], *people)).collect();
        peer.output.line(&words::rooms(rooms, self.room_name()));
    }

    fn list_people(&self, room: &str, peer: &mut Context<'_>) {
        let room = if room.is_empty() { self.room_name().to_owned() } else { names::folded(room) };
        let people = self.chat.topics.members(&format!("#{room}"));
        peer.output.line(&words::who(&room, &self.name, people));
    }

    /// Asks for another name.
    fn call_oneself(&mut self, name: &str, peer: &mut Context<'_>) {
        if !names::is_name(name) {
            return peer.output.line(&words::bad_name("A name"));
        }
        let (name, topic): (Arc<str>, String) = (name.into(), format!("@{}", names::look(name)));
        if name == self.name {
            return peer.output.line(&words::you_are_called(&name));
        }
        if let Some(named) = self.named.take_if(|named| **named.topic() == *topic) {
            // It looks the same.
            let _ = named.relabel(Arc::clone(&name), "");
            return self.take_name(name, named, peer);
        }
        if let Some(joining) = self.join(topic, &name, String::new(), peer) {
            self.await_answer(Awaited::Name(name, joining), peer);
        }
    }

    /// Asks to be in another room.
    fn go_to(&mut self, room: &str, peer: &mut Context<'_>) {
        if !names::is_name(room) {
            return peer.output.line(&words::bad_name("The name of a room"));
        }
        let room = names::folded(room);
        if self.room.is_some() && room == self.room_name() {
            return peer.output.line(&words::here_already(&room));
        }
        let name = Arc::clone(&self.name);
        let hello = words::comes(&name);
        if let Some(joining) = self.join(format!("#{room}"), &name, hello, peer) {
            self.await_answer(Awaited::Room(joining), peer);
        }
    }

    fn join(
        &self,
        topic: String,
        name: &Arc<str>,
        hello: String,
        peer: &mut Context<'_>,
    ) -> Option<Membership> {
        let rules = if topic.starts_with('@') { &self.chat.names } else { &self.chat.rooms };
        let (rules, label) = (Arc::clone(rules), Arc::clone(name));
        let entry = Entry { topic: topic.into(), rules, label, hello: hello.into() };
        let joining = self.chat.topics.join(&peer.mailbox(), entry);
        debug_assert!(joining.is_ok(), "names are bounded");
        joining.ok()
    }

    fn await_answer(&mut self, awaited: Awaited, peer: &mut Context<'_>) {
        self.awaits = Some(Box::new(awaited));
        peer.pause_input();
        be_patient(peer);
    }

    fn answered(&mut self, joined: Joined, peer: &mut Context<'_>) {
        peer.resume_input();
        match (self.awaits.take().map(|awaited| *awaited), joined) {
            (Some(Awaited::Name(name, named)), Joined::Member { .. }) => {
                self.take_name(name, named, peer);
            }
            (Some(Awaited::Name(name, _)), Joined::Full { .. }) => {
                peer.output.line(&words::taken(&name));
                if self.named.is_none() {
                    peer.output.line("-- What else can we call you?");
                }
            }
            (Some(Awaited::Room(joined)), Joined::Member { members, recent, .. }) => {
                self.enter(joined, members, &recent, peer);
            }
            (Some(Awaited::Room(_)), Joined::Full { .. }) | (None, _) => {}
        }
    }

    fn take_name(&mut self, name: Arc<str>, named: Membership, peer: &mut Context<'_>) {
        let before = std::mem::replace(&mut self.name, Arc::clone(&name));
        self.give_up_name();
        self.named = Some(named);
        match &self.room {
            Some(room) => {
                let _ = room.relabel(Arc::clone(&name), words::renamed(&before, &name));
                peer.output.line(&words::you_are_called(&name));
            }
            None => {
                peer.output.line(&format!("-- Hello, {name}!"));
                self.go_to(LOBBY, peer);
            }
        }
    }

    /// It is in another room, and leaves the one in which it was.
    fn enter(
        &mut self,
        joined: Membership,
        members: usize,
        recent: &[impl AsRef<[u8]>],
        peer: &mut Context<'_>,
    ) {
        let room = joined.topic()[1..].to_owned();
        if !recent.is_empty() {
            peer.output.write(words::said_before(&room).as_bytes());
            recent.iter().for_each(|line| peer.output.write(line.as_ref()));
        }
        let names = match members {
            0..=10 => self.chat.topics.members(joined.topic()),
            _ => Vec::new(),
        };
        peer.output.line(&words::entered(&room, &self.name, &names, members));
        match self.room.replace(joined) {
            Some(before) => before.leave(words::moves(&self.name, &room)),
            None => peer.output.line(words::HOW_TO),
        }
    }

    fn quit(&mut self, text: &str, peer: &mut Context<'_>) -> Flow {
        peer.output.line(&words::goodbye(&self.name));
        self.give_up_name();
        if let Some(room) = self.room.take() {
            room.leave(words::quits(&self.name, text));
        }
        Flow::Close
    }

    /// Before the room hears of it: whoever has heard finds nobody of that name, in any process.
    fn give_up_name(&mut self) {
        self.named.take().into_iter().for_each(|named| named.leave(""));
    }

    /// Whether this process has passed on what its people have said; if not, one more line is read
    /// when it has.
    fn has_turn(&mut self, peer: &mut Context<'_>) -> bool {
        if !self.chat.topics.behind() {
            return true;
        }
        if !std::mem::replace(&mut self.awaits_turn, true) {
            self.chat.topics.await_turn(&peer.mailbox());
        }
        peer.pause_input();
        be_patient(peer);
        false
    }

    /// Whether one more line may come; if not, it is read later.
    fn may_speak(&mut self, peer: &mut Context<'_>) -> bool {
        let (pace, now) = (self.chat.pace, peer.now());
        if self.hurried && self.bucket.is_full(now) {
            self.hurried = false;
        }
        let Err(wait) = self.bucket.take(pace, now) else { return true };
        self.publish(peer);
        if !std::mem::replace(&mut self.hurried, true) {
            peer.output.line(&words::slower(pace.rate));
        }
        peer.pause_input();
        peer.set_deadline(Some(now + wait));
        false
    }
}

/// Looks again, after a while, whether the server drains.
fn be_patient(peer: &mut Context<'_>) {
    peer.set_deadline(Some(peer.now() + PATIENCE));
}

impl Session for Person {
    fn opened(&mut self, peer: &mut Context<'_>) -> Flow {
        peer.output.line(words::WELCOME);
        Flow::Continue
    }

    fn received(&mut self, peer: &mut Context<'_>) -> Flow {
        let mut flow = Flow::Continue;
        while flow == Flow::Continue
            && self.awaits.is_none()
            && (!self.lines.has_next(&peer.input) || (self.has_turn(peer) && self.may_speak(peer)))
        {
            let Some(line) = self.lines.next(&mut peer.input, self.chat.line_max) else { break };
            flow = match line {
                Line::TooLong => {
                    peer.output.line(&words::too_long(self.chat.line_max));
                    Flow::Continue
                }
                Line::Whole(line) => match text::cleaned(line) {
                    None => {
                        peer.output.line(words::NOT_UTF8);
                        Flow::Continue
                    }
                    Some(line) if line.is_empty() => Flow::Continue,
                    Some(line) => self.heed(&line, peer),
                },
            };
        }
        self.publish(peer);
        peer.engage(self.lines.amid());
        flow
    }

    fn ended(&mut self, peer: &mut Context<'_>) -> Flow {
        if peer.draining() {
            peer.output.line(words::CLOSING);
        }
        Flow::Close
    }

    fn woken(&mut self, peer: &mut Context<'_>) -> Flow {
        if !peer.has_note() && peer.draining() {
            // A flood is under way, of which there would be more for as long as the drain lasts; or
            // so many come at once that answers take long.
            peer.output.line(words::CLOSING);
            return peer.close_as(Ending::Drained);
        }
        while let Some(note) = peer.take_note() {
            match note.downcast::<Joined>() {
                Ok(joined) => self.answered(*joined, peer),
                Err(note) => self.awaits_turn &= !note.is::<CaughtUp>(),
            }
        }
        if self.awaits.is_some() || self.awaits_turn {
            be_patient(peer);
        } else {
            peer.set_deadline(None);
            peer.resume_input();
        }
        Flow::Continue
    }

    fn closed(&mut self, ending: Ending) {
        // Nobody is told of each who leaves when all do.
        let stops = matches!(ending, Ending::Drained | Ending::CutOff);
        let told = !stops || self.chat.topics.spans();
        let joining = match self.awaits.take().map(|awaited| *awaited) {
            Some(Awaited::Room(joining)) => Some(joining),
            Some(Awaited::Name(..)) | None => None,
        };
        self.give_up_name();
        for room in [self.room.take(), joining].into_iter().flatten() {
            room.leave(if told { words::goes(&self.name, ending) } else { String::new() });
        }
    }
}
