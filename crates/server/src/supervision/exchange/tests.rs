//! The exchange without processes: their ends of the lines are held by the test.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::net::{RecvFlags, SendFlags, recv, send};
use switchboard_core::topics::{Backlog, Entry, Reach, Rules};
use switchboard_core::{Membership, Overrun, OwnMailbox};

use super::*;
use crate::waiting::until_readable;

/// What is asked for in a process, as packets that are not on their way yet.
#[derive(Clone, Default)]
struct Asked(Arc<Mutex<Vec<Vec<u8>>>>);

impl Reach for Asked {
    fn submit(&self, op: Op) {
        self.0.lock().unwrap().push(op.packed());
    }

    fn backlog(&self) -> Backlog {
        Backlog::Small
    }
}

/// A process with one peer.
struct Process {
    number: usize,
    branch: Branch,
    topics: Topics,
    asked: Asked,
    peer: OwnMailbox,
}

impl Process {
    fn of(exchange: &mut Exchange) -> Process {
        let (number, branch) = exchange.line().unwrap();
        let (topics, asked) = (Topics::new(), Asked::default());
        topics.connect(asked.clone());
        let peer = OwnMailbox::new(number as u64 + 1, None, 1 << 20);
        Process { number, branch, topics, asked, peer }
    }

    fn join(&self) -> Membership {
        self.join_in("t")
    }

    fn join_in(&self, topic: &str) -> Membership {
        let lost = (Arc::from("lost "), Arc::from("\n"));
        let rules =
            Rules { members_max: 99, kept_lines: 0, told_max: 9, when_full: Overrun::Close, lost };
        let (label, hello) = (Arc::from("label"), Bytes::from_static(b"hello\n"));
        let entry = Entry { topic: topic.into(), rules: Arc::new(rules), label, hello };
        let membership = self.topics.join(&self.peer.address(), entry).unwrap();
        self.say();
        membership
    }

    /// Sends what was asked for.
    fn say(&self) {
        assert!(self.say_some(), "there is room for all");
    }

    /// Sends what was asked for as far as there is room; whether that was all.
    fn say_some(&self) -> bool {
        let mut asked = self.asked.0.lock().unwrap();
        while let Some(packet) = asked.first() {
            match send(&self.branch, packet, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
                Ok(_) => drop(asked.remove(0)),
                Err(Errno::WOULDBLOCK) => return false,
                Err(error) => panic!("{error}"),
            }
        }
        true
    }

    /// The last words of the packets that have come.
    fn heard(&self) -> Vec<String> {
        let mut packet = vec![0; PACKET_MAX];
        std::iter::from_fn(|| {
            let (count, _) = recv(&self.branch, &mut packet[..], RecvFlags::DONTWAIT).ok()?;
            let text = String::from_utf8_lossy(&packet[..count]).into_owned();
            Some(text.rsplit('\0').next().unwrap()[1..].to_owned())
        })
        .collect()
    }
}

/// Kills: last words that are dropped because whoever said them had not read all news, or because it
/// was to be told something meanwhile; a farewell that is made up in their place.
#[test]
fn the_last_words_of_a_process_with_unread_news_are_heard() {
    type Then = fn(&mut Exchange, usize);
    let cases: [(&str, Then); 3] = [
        ("read", |exchange, _| assert_eq!(exchange.look().unwrap(), [])),
        ("buried at once", |_, _| {}),
        ("told something first", |exchange, number| {
            exchange.give(number, Bytes::from_static(b"unheard"));
            exchange.give(number, Bytes::from_static(b"unheard"));
            assert_eq!(exchange.look().unwrap(), []);
        }),
    ];
    for (name, then) in cases {
        let mut exchange = Exchange::new(Topics::new()).unwrap();
        let (stays, dies) = (Process::of(&mut exchange), Process::of(&mut exchange));
        let _member = stays.join();
        assert_eq!(exchange.look().unwrap(), []);
        let member = dies.join();
        assert_eq!(exchange.look().unwrap(), []);
        drop(stays.heard());
        member.publish("words\n").unwrap();
        member.leave("bye\n");
        dies.say();
        let number = dies.number;
        drop(dies);
        then(&mut exchange, number);
        exchange.hang_up(number);
        assert_eq!(stays.heard(), ["words\n", "bye\n"], "{name}");
    }
}

/// Kills: a process that lives on, hears nothing, and that nobody replaces; one that is given up
/// twice, or whose number is inherited by another; one that has just ended and is called useless.
#[test]
fn a_process_whose_line_fails_is_given_up_once() {
    type Fails = fn(&mut Exchange, &Process);
    let cases: [(&str, Fails); 3] = [
        ("no packet of ours", |_, process| {
            send(&process.branch, b"?", SendFlags::DONTWAIT).unwrap();
        }),
        // EMSGSIZE.
        ("larger than a line", |exchange, process| {
            exchange.give(process.number, vec![0; 16 << 20].into());
            assert!(exchange.next_look().is_some_and(|look| look <= Instant::now()));
        }),
        ("it cannot be waited for", |exchange, process| {
            exchange.writes.add_writable(&exchange.lines[process.number].socket, 0).unwrap();
            while exchange.next_look().is_none() {
                exchange.give(process.number, Bytes::from_static(&[0; 1024]));
            }
        }),
    ];
    for (name, fails) in cases {
        let mut exchange = Exchange::new(Topics::new()).unwrap();
        let (stays, fallen) = (Process::of(&mut exchange), Process::of(&mut exchange));
        let (_one, _other) = (stays.join(), fallen.join());
        assert_eq!((exchange.look().unwrap(), exchange.next_look()), (vec![], None), "{name}");
        drop(stays.heard());
        fails(&mut exchange, &fallen);
        assert_eq!(exchange.look().unwrap(), [(fallen.number, Hopeless::Failed)], "{name}");
        assert_eq!((exchange.look().unwrap(), exchange.next_look()), (vec![], None), "{name}");
        exchange.hang_up(fallen.number);
        assert_eq!(stays.heard(), ["lost label\n"], "{name}");

        let again = Process::of(&mut exchange);
        assert_eq!(again.number, fallen.number);
        fails(&mut exchange, &again);
        exchange.hang_up(again.number);
        assert_eq!((exchange.look().unwrap(), exchange.next_look()), (vec![], None), "{name}");
        let ends = Process::of(&mut exchange);
        drop(ends.branch);
        assert_eq!((exchange.look().unwrap(), exchange.next_look()), (vec![], None), "{name}");
    }
}

/// A process, and its part in a topic.
type Talker = (Process, Membership);

/// So many processes in the topic of that name, who have heard of each other.
fn room(exchange: &mut Exchange, topic: &str, count: usize) -> Vec<Talker> {
    let come = |_| {
        let process = Process::of(exchange);
        let member = process.join_in(topic);
        assert_eq!(exchange.look().unwrap(), []);
        (process, member)
    };
    let room: Vec<Talker> = (0..count).map(come).collect();
    room.iter().for_each(|(process, _)| drop(process.heard()));
    room
}

/// Says lines of a kilobyte until no more are read; how many were said. Whoever `hears` reads them all.
fn talk_until_held(exchange: &mut Exchange, talks: &Talker, hears: &Talker) -> usize {
    let (line, now) = ("x".repeat(1000), exchange.now);
    let mut heard = 0;
    for said in 0..10_000 {
        if !talks.0.say_some() {
            return heard;
        }
        talks.1.publish(format!("{line}{said}\n")).unwrap();
        assert_eq!(exchange.look_at(now).unwrap(), []);
        // Others' hellos are short.
        heard += hears.0.heard().iter().filter(|words| words.len() > 1000).count();
    }
    panic!("it is never held")
}

/// Kills: a process that is stopped and holds up those who say nothing to it, newcomers among them;
/// one for which others wait longer than two seconds; lines that are lost with it.
#[test]
fn only_who_talks_to_a_process_that_hears_nothing_is_held() {
    let mut exchange = Exchange::new(Topics::new()).unwrap();
    let first = room(&mut exchange, "t", 3);
    let second = room(&mut exchange, "u", 2);
    let [stopped, talks, hears] = &first[..] else { unreachable!() };
    let [one, other] = &second[..] else { unreachable!() };
    let began = exchange.now;
    let held = talk_until_held(&mut exchange, talks, hears);
    assert!(held > 512, "{held}");

    for number in 0..100 {
        one.1.publish(format!("{number}\n")).unwrap();
        one.0.say();
        assert_eq!(exchange.look_at(began).unwrap(), []);
        assert_eq!(other.0.heard(), [format!("{number}\n")]);
    }
    let newcomer = Process::of(&mut exchange);
    let mut members = Vec::new();
    for topic in ["t", "u"] {
        members.push(newcomer.join_in(topic));
        assert_eq!(exchange.look_at(began).unwrap(), []);
        assert_eq!(newcomer.heard().len(), 1, "it is answered");
    }
    drop(hears.0.heard());

    assert_eq!(exchange.next_look(), Some(began + line::NOTHING));
    let almost = began + line::NOTHING - Duration::from_millis(1);
    assert_eq!(exchange.look_at(almost).unwrap(), []);
    assert_eq!((hears.0.heard().len(), talks.0.say_some()), (0, false));
    let number = stopped.0.number;
    let given_up = exchange.look_at(began + line::NOTHING).unwrap();
    assert_eq!(given_up, [(number, Hopeless::Nothing)]);
    assert_eq!(
        (exchange.look_at(began + line::NOTHING).unwrap(), exchange.next_look()),
        (vec![], None)
    );
    assert!(talks.0.say_some(), "it is read from again");
    assert_eq!(exchange.look_at(began + line::NOTHING).unwrap(), []);
    let heard = hears.0.heard();
    assert!(heard.len() > 10, "what was held is passed on: {}", heard.len());
    assert!(heard[0].ends_with(&format!("x{held}\n")), "{} after {held}", &heard[0][1000..]);
}

/// Kills: a process that reads a packet now and then, just often enough, and holds up others for ever;
/// one that is given up although it reads as fast as it can.
#[test]
fn a_process_that_reads_too_slowly_is_given_up() {
    let mut exchange = Exchange::new(Topics::new()).unwrap();
    let room = room(&mut exchange, "t", 3);
    let [slow, talks, hears] = &room[..] else { unreachable!() };
    let began = exchange.now;
    let mut packet = vec![0; PACKET_MAX];
    for _ in 0..20 {
        talk_until_held(&mut exchange, talks, hears);
        // One that is merely busy: by then it has caught up.
        while exchange.lines[slow.0.number].is_full() {
            assert!(!slow.0.heard().is_empty());
            assert_eq!(exchange.look_at(exchange.now + Duration::from_millis(900)).unwrap(), []);
            drop(hears.0.heard());
        }
    }
    assert!(exchange.now > began + line::SLOW, "longer than one may stay full");

    talk_until_held(&mut exchange, talks, hears);
    let full = exchange.now;
    for step in 1..=5 {
        recv(&slow.0.branch, &mut packet[..], RecvFlags::DONTWAIT).unwrap();
        let given_up = exchange.look_at(full + step * Duration::from_millis(1900)).unwrap();
        assert_eq!(given_up, [], "it has read something, {step}");
        // The kernel tells that there is room when much of it is free.
        exchange.pay(slow.0.number);
    }
    assert!(!talks.0.say_some());
    let given_up = exchange.look_at(full + line::SLOW).unwrap();
    assert_eq!(given_up, [(slow.0.number, Hopeless::TooLittle)]);
    assert_eq!(exchange.look_at(full + line::SLOW).unwrap(), []);
    assert!(talks.0.say_some());
}

/// Kills: a look that lasts until nothing comes any more, while signals and the dead wait; one that
/// begins with the same process each time, while another waits.
#[test]
fn a_look_is_bounded_and_all_have_their_turns() {
    let mut exchange = Exchange::new(Topics::new()).unwrap();
    let room = room(&mut exchange, "t", 80);
    let talkers = &room[..4];
    for (process, member) in talkers {
        for number in 0..100 {
            member.publish(format!("{number}\n")).unwrap();
        }
        process.say();
    }
    let listener = &room[79].0;
    let heard = || {
        let (mut from, mut packet) = ([0; 4], vec![0; PACKET_MAX]);
        while let Ok((count, _)) = recv(&listener.branch, &mut packet[..], RecvFlags::DONTWAIT) {
            assert!(count > 9);
            // A letter, and then who says it.
            let member = u64::from_be_bytes(packet[1..9].try_into().unwrap());
            from[member as usize - 1] += 1;
        }
        from
    };
    let mut total = [0; 4];
    let mut looks = 0;
    while total != [100; 4] {
        assert_eq!(exchange.look().unwrap(), []);
        let now = heard();
        let told: usize = now.iter().sum();
        assert!(told * 79 <= WORK + 79, "{told} lines to 79 each in one look");
        total.iter_mut().zip(now).for_each(|(total, now)| *total += now);
        looks += 1;
        let least = total.iter().min().unwrap();
        let most = total.iter().max().unwrap();
        assert!(most - least <= BUDGET, "{total:?}");
        if total != [100; 4] {
            let due = exchange.next_look().is_some_and(|look| look <= Instant::now());
            assert!(due || !until_readable(&[exchange.as_fd()], Some(Duration::ZERO)).is_empty());
        }
        room[..79].iter().for_each(|(process, _)| drop(process.heard()));
    }
    assert!(looks >= 400 * 79 / (WORK + 79), "{looks}");
    assert_eq!(exchange.look().unwrap(), []);
    assert_eq!(exchange.next_look(), None);
}
