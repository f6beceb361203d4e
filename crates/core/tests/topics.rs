//! Topics, inside a process and between several, without a server: mailboxes are taken by hand, and
//! packets are carried by hand.

#![allow(clippy::unwrap_used, reason = "clippy does not see that helpers of tests are tests")]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::thread;

use bytes::Bytes;
use proptest::prelude::*;
use switchboard_core::topics::{
    Backlog, Concerns, Entry, Joined, NAME_MAX, News, Op, PACKET_MAX, PUBLICATION_MAX, Reach,
    Rules, TooLong, Unpublished,
};
use switchboard_core::{Membership, Overrun, OwnMailbox, Topics, Waiting};

fn rules() -> Rules {
    let lost = (Arc::from("lost "), Arc::from("\n"));
    Rules { members_max: 1000, kept_lines: 3, told_max: 5, when_full: Overrun::Close, lost }
}

/// A peer with a mailbox that rings for nobody.
struct Somebody(OwnMailbox);

impl Somebody {
    fn new(id: u64) -> Somebody {
        Somebody(OwnMailbox::new(id, None, 1 << 20))
    }

    fn join(&self, topics: &Topics, topic: &str, rules: Rules) -> Membership {
        let id = self.0.address().peer();
        let label = format!("p{id}").into();
        let hello = format!("hello p{id}\n").into();
        let entry = Entry { topic: topic.into(), rules: Arc::new(rules), label, hello };
        topics.join(&self.0.address(), entry).unwrap()
    }

    /// All bytes that have come, up to a note.
    fn read(&self) -> String {
        let mut bytes = Vec::new();
        let (waiting, _) = self.0.take(&mut bytes, usize::MAX);
        assert_ne!(waiting, Waiting::TooMuch);
        String::from_utf8(bytes).unwrap()
    }

    /// The answer to its joining: the members, and what was said before. `None`: full.
    fn answer(&self) -> Option<(usize, String)> {
        let joined = *self.0.take_note().expect("an answer").downcast::<Joined>().unwrap();
        match joined {
            Joined::Member { members, recent, .. } => {
                Some((members, String::from_utf8(recent.concat()).unwrap()))
            }
            Joined::Full { .. } => None,
        }
    }
}

fn texts(labels: &[Arc<str>]) -> Vec<&str> {
    labels.iter().map(|label| &**label).collect()
}

/// Kills: a publication that comes back to who says it, that overtakes the answer to a joining, that
/// goes to who has left; a farewell or a hello that is lost; a topic that outlives its members.
#[test]
fn what_is_published_comes_to_all_others_in_order() {
    let topics = Topics::new();
    let (one, two, three) = (Somebody::new(1), Somebody::new(2), Somebody::new(3));
    let first = one.join(&topics, "t", rules());
    assert_eq!(one.answer(), Some((1, String::new())));
    let second = two.join(&topics, "t", rules());
    first.publish("a\n").unwrap();
    assert_eq!(two.answer(), Some((2, String::new())));
    assert_eq!(two.read(), "a\n");
    let third = three.join(&topics, "t", rules());
    second.publish("b\n").unwrap();
    second.publish("c\n").unwrap();
    assert_eq!(one.read(), "hello p2\nhello p3\nb\nc\n");
    assert_eq!(two.read(), "hello p3\n");
    assert_eq!(three.answer(), Some((3, "a\n".to_owned())));
    assert_eq!(texts(&topics.members("t")), ["p1", "p2", "p3"]);
    second.leave("bye p2\n");
    drop(third);
    first.publish("d\n").unwrap();
    assert_eq!(one.read(), "bye p2\nlost p3\n");
    assert_eq!(two.read(), "");
    assert_eq!(three.read(), "b\nc\nbye p2\n");
    topics.publish(&"t".into(), 0, Bytes::from_static(b"e\n")).unwrap();
    assert_eq!(one.read(), "e\n");
    drop(first);
    assert_eq!((topics.count("t"), topics.named("")), (0, vec![]));
    assert_eq!(one.read(), "");
}

#[test]
fn a_topic_has_as_many_members_as_it_may_have() {
    let topics = Topics::new();
    let alone = || Rules { members_max: 1, ..rules() };
    let (one, two) = (Somebody::new(1), Somebody::new(2));
    let first = one.join(&topics, "@name", alone());
    let again = one.join(&topics, "@name", alone());
    let refused = two.join(&topics, "@name", alone());
    assert_eq!((one.answer(), one.answer()), (Some((1, "".into())), Some((1, "".into()))));
    assert_eq!(two.answer(), None);
    refused.publish("not a member, but heard\n").unwrap();
    assert_eq!(one.read(), "not a member, but heard\n");
    refused.leave("nobody is told\n");
    assert_eq!((one.read().as_str(), topics.count("@name")), ("", 1));
    first.leave("");
    let second = two.join(&topics, "@name", alone());
    assert!(two.answer().is_some());
    drop(again);
    assert_eq!(topics.count("@name"), 1, "who was a member twice has left once");
    drop(second);
}

#[test]
fn a_member_takes_another_label() {
    let topics = Topics::new();
    let (one, two) = (Somebody::new(1), Somebody::new(2));
    let (first, _second) = (one.join(&topics, "t", rules()), two.join(&topics, "t", rules()));
    first.relabel("x".into(), "p1 is x\n").unwrap();
    assert_eq!(texts(&topics.members("t")), ["x", "p2"]);
    two.answer();
    assert_eq!(two.read(), "p1 is x\n");
    drop(first);
    assert_eq!(two.read(), "lost x\n");
}

/// Kills: the square of a crowd's size in messages.
#[test]
fn a_crowd_is_not_told_who_comes_and_goes() {
    let topics = Topics::new();
    let crowd: Vec<_> = (1..=7).map(Somebody::new).collect();
    let mut members: Vec<_> = crowd.iter().map(|one| one.join(&topics, "t", rules())).collect();
    let heard = |one: &Somebody| (one.answer().unwrap().0, one.read());
    assert_eq!(heard(&crowd[0]), (1, "hello p2\nhello p3\nhello p4\nhello p5\n".to_owned()));
    members.pop().unwrap().leave("bye p7\n");
    drop(members.pop());
    members.pop().unwrap().leave("bye p5\n");
    assert_eq!(crowd[0].read(), "bye p5\n");
    assert_eq!(topics.named("t"), [(Arc::from("t"), 4)]);
}

#[test]
fn who_joins_is_given_the_last_lines_of_several_publications() {
    let topics = Topics::new();
    let (one, two) = (Somebody::new(1), Somebody::new(2));
    let first = one.join(&topics, "t", rules());
    first.publish("1\n2\n").unwrap();
    first.publish("3\n4").unwrap();
    let _second = two.join(&topics, "t", rules());
    assert_eq!(two.answer(), Some((2, "2\n3\n4".to_owned())));
    let long = |byte: u8| [vec![byte; PUBLICATION_MAX - 5], vec![b'\n']].concat();
    first.publish(long(b'x')).unwrap();
    first.publish(long(b'y')).unwrap();
    let three = Somebody::new(3);
    let _third = three.join(&topics, "t", rules());
    assert_eq!(three.answer().unwrap().1.into_bytes(), long(b'y'));
}

#[test]
fn what_is_too_long_is_refused() {
    let topics = Topics::new();
    let one = Somebody::new(1);
    let member = one.join(&topics, "t", rules());
    assert_eq!(member.publish(vec![0; PUBLICATION_MAX + 1]), Err(Unpublished::TooLong));
    assert_eq!(member.relabel("x".repeat(NAME_MAX + 1).into(), ""), Err(TooLong));
    let topic = "t".repeat(NAME_MAX + 1).into();
    let entry = Entry { topic, rules: Arc::new(rules()), label: "".into(), hello: "".into() };
    assert!(topics.join(&one.0.address(), entry).is_err());
    for (before, after) in [(NAME_MAX + 1, 0), (0, NAME_MAX + 1), (NAME_MAX / 2, NAME_MAX / 2 + 1)]
    {
        let lost = ("x".repeat(before).into(), "x".repeat(after).into());
        let rules = Arc::new(Rules { lost, ..rules() });
        let entry = Entry { topic: "t".into(), rules, label: "".into(), hello: "".into() };
        assert!(topics.join(&one.0.address(), entry).is_err(), "{before} and {after}");
    }
    assert_eq!(topics.named("").len(), 1);
}

/// Kills: a member that is kept or lost where topics are emptied and made at the same moment.
#[test]
fn thousands_join_and_leave_at_once() {
    let topics = Topics::new();
    let stays = Somebody::new(1_000_000);
    thread::scope(|scope| {
        for number in 0..4 {
            let topics = topics.clone();
            scope.spawn(move || {
                for round in 0..1000 {
                    let one = Somebody::new(number * 1000 + round);
                    let member = one.join(&topics, "t", rules());
                    assert!(one.answer().is_some());
                    member.publish("x\n").unwrap();
                    member.leave("");
                }
            });
        }
    });
    assert_eq!(topics.named(""), []);
    let _member = stays.join(&topics, "t", rules());
    assert_eq!(stays.answer(), Some((1, String::new())), "nothing is left of the old topic");
}

/// What is on its way from a process to whoever orders.
#[derive(Clone, Default)]
struct Upwards(Arc<Mutex<VecDeque<Vec<u8>>>>);

impl Reach for Upwards {
    fn submit(&self, op: Op) {
        self.0.lock().unwrap().push_back(op.packed());
    }

    fn backlog(&self) -> Backlog {
        Backlog::Small
    }
}

/// A process with its replica.
struct Process {
    topics: Topics,
    upwards: Upwards,
}

/// Several of them, and whoever orders.
struct Several {
    hub: Topics,
    processes: Vec<Process>,
}

impl Several {
    fn new(count: usize) -> Several {
        let process = || {
            let (topics, upwards) = (Topics::new(), Upwards::default());
            topics.connect(upwards.clone());
            Process { topics, upwards }
        };
        Several { hub: Topics::new(), processes: (0..count).map(|_| process()).collect() }
    }

    /// Carries one packet of this process, and what comes of it; to how many processes.
    fn carry(&self, place: usize) -> usize {
        let packet = self.processes[place].upwards.0.lock().unwrap().pop_front();
        let op = Op::unpacked(packet.expect("a packet").into()).unwrap();
        let Some(news) = self.hub.order(op, place as u32 + 1) else { return 0 };
        self.tell(&news, Some(place))
    }

    fn tell(&self, news: &News, asker: Option<usize>) -> usize {
        let audience = self.hub.audience(news.topic(), news.member());
        let mut told = 0;
        for (place, process) in self.processes.iter().enumerate() {
            let (asks, member) = (asker == Some(place), audience.contains(&(place as u32 + 1)));
            let hears = match news.concerns() {
                Concerns::Asker => asks,
                Concerns::All => true,
                Concerns::Members => member,
            };
            if hears {
                let packet = if asks { news.packed() } else { news.for_others().packed() };
                assert!(packet.len() <= PACKET_MAX);
                process.topics.hear(News::unpacked(packet.into()).unwrap());
                told += 1;
            }
        }
        told
    }
}

/// Kills: a packet that there is no room for, although nothing in it is too long.
#[test]
fn the_largest_packet_has_room() {
    let several = Several::new(2);
    let name = |letter: &str| -> Arc<str> { letter.repeat(NAME_MAX).into() };
    let lost = ("x".repeat(NAME_MAX / 2).into(), "y".repeat(NAME_MAX / 2).into());
    let rules = Arc::new(Rules { kept_lines: u32::MAX, lost, ..rules() });
    let peers = [Somebody::new(1), Somebody::new(2)];
    let mut members = Vec::new();
    for (place, peer) in peers.iter().enumerate() {
        let (rules, hello) = (Arc::clone(&rules), vec![b'h'; PUBLICATION_MAX].into());
        let entry = Entry { topic: name("t"), rules, label: name("l"), hello };
        members.push(several.processes[place].topics.join(&peer.0.address(), entry).unwrap());
        assert_eq!(several.carry(place), 2);
        if place == 0 {
            members[0].publish(vec![b'\n'; PUBLICATION_MAX / 5]).unwrap();
            several.carry(place);
        }
    }
    peers[0].answer().unwrap();
    let (_, recent) = peers[1].answer().unwrap();
    assert_eq!(recent.len(), PUBLICATION_MAX / 5);
}

/// Kills: two processes that give one name to two peers, a process that hears what concerns it not,
/// members that only their own process knows, a publication that comes back.
#[test]
fn processes_agree_on_members() {
    let several = Several::new(3);
    let topics = |place: usize| &several.processes[place].topics;
    let people: Vec<_> = (1..=3).map(Somebody::new).collect();
    let alone = || Rules { members_max: 1, ..rules() };
    // Both ask before any of them is answered.
    let _name = people[0].join(topics(0), "@n", alone());
    let _other = people[1].join(topics(1), "@n", alone());
    assert_eq!(several.carry(1), 3);
    assert_eq!(several.carry(0), 1, "a refusal concerns the asker only");
    assert_eq!((people[0].answer(), people[1].answer()), (None, Some((1, String::new()))));

    let first = people[0].join(topics(0), "t", rules());
    several.carry(0);
    first.publish("before\n").unwrap();
    assert_eq!(several.carry(0), 0, "nobody else is a member");
    let second = people[1].join(topics(1), "t", rules());
    several.carry(1);
    assert_eq!(people[1].answer(), Some((2, "before\n".to_owned())));
    assert!(people[0].answer().is_some());
    for place in 0..3 {
        assert_eq!(texts(&topics(place).members("t")), ["p1", "p2"], "{place}");
        assert_eq!(topics(place).named("t"), [(Arc::from("t"), 2)]);
    }
    second.publish("hi\n").unwrap();
    second.relabel("new".into(), "p2 is new\n").unwrap();
    assert_eq!((several.carry(1), several.carry(1)), (1, 3));
    assert_eq!(people[0].read(), "hello p2\nhi\np2 is new\n");
    assert_eq!(people[1].read(), "");
    topics(2).publish(&"t".into(), 0, "from outside\n".into()).unwrap();
    assert_eq!(several.carry(2), 2);
    assert_eq!(
        (people[0].read(), people[1].read()),
        ("from outside\n".into(), "from outside\n".into())
    );
    assert_eq!(texts(&topics(2).members("t")), ["p1", "new"]);
}

/// Kills: members that outlive their process, the death of one process that ends others' members.
#[test]
fn the_members_of_a_process_that_dies_are_lost() {
    let several = Several::new(2);
    let people: Vec<_> = (1..=4).map(Somebody::new).collect();
    let members: Vec<_> = people
        .iter()
        .enumerate()
        .map(|(place, one)| {
            let member = one.join(&several.processes[place % 2].topics, "t", rules());
            several.carry(place % 2);
            assert!(one.answer().is_some());
            one.read();
            member
        })
        .collect();
    people.iter().for_each(|one| drop(one.read()));
    let news = several.hub.lose(2);
    assert_eq!(news.len(), 2);
    assert!(news.iter().all(|news| several.tell(news, None) == 2));
    assert_eq!(people[0].read(), "lost p2\nlost p4\n");
    assert_eq!(texts(&several.processes[0].topics.members("t")), ["p1", "p3"]);
    assert_eq!(several.hub.count("t"), 2);
    assert_eq!(several.hub.lose(2), []);
    drop(members);
}

proptest! {
    #[test]
    fn what_is_no_packet_is_refused(packet in prop::collection::vec(any::<u8>(), 0..100), letter in "[jlqxpJLRQP]") {
        let packet = [letter.as_bytes(), &packet].concat();
        if let Some(op) = Op::unpacked(packet.clone().into()) {
            prop_assert_eq!(op.packed(), packet.clone());
        }
        if let Some(news) = News::unpacked(packet.clone().into()) {
            prop_assert_eq!(news.packed(), packet);
        }
    }

    #[test]
    fn a_packet_that_is_cut_short_is_refused(
        topic in ".{0,20}", label in ".{0,20}", hello in prop::collection::vec(any::<u8>(), 0..50), cut in 0.0..1.0,
    ) {
        let (topics, upwards) = (Topics::new(), Upwards::default());
        topics.connect(upwards.clone());
        let rules = Arc::new(rules());
        let entry = Entry { topic: topic.into(), rules, label: label.into(), hello: hello.into() };
        let _member = topics.join(&Somebody::new(u64::MAX).0.address(), entry).unwrap();
        let packet = upwards.0.lock().unwrap().pop_front().unwrap();
        let op = Op::unpacked(packet.clone().into()).unwrap();
        prop_assert_eq!(op.packed(), packet.clone());
        let news = Topics::new().order(op, 1).unwrap();
        prop_assert_eq!(News::unpacked(news.packed().into()), Some(news));
        let cut = (packet.len() as f64 * cut) as usize;
        prop_assert_eq!(Op::unpacked(packet[..cut].to_vec().into()), None);
    }
}
