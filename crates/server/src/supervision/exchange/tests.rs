//! The exchange without processes: their ends of the lines are held by the test.

use std::sync::{Arc, Mutex};

use switchboard_core::topics::{Entry, Reach, Rules};
use switchboard_core::{Membership, Overrun, OwnMailbox};

use super::*;

/// What is asked for in a process, as packets that are not on their way yet.
#[derive(Clone, Default)]
struct Asked(Arc<Mutex<Vec<Vec<u8>>>>);

impl Reach for Asked {
    fn submit(&self, op: Op) {
        self.0.lock().unwrap().push(op.packed());
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
        let lost = (Arc::from("lost "), Arc::from("\n"));
        let rules =
            Rules { members_max: 9, kept_lines: 0, told_max: 9, when_full: Overrun::Close, lost };
        let (label, hello) = (Arc::from("label"), Bytes::from_static(b"hello\n"));
        let entry = Entry { topic: "t".into(), rules: Arc::new(rules), label, hello };
        let membership = self.topics.join(&self.peer.address(), entry).unwrap();
        self.say();
        membership
    }

    /// Sends what was asked for.
    fn say(&self) {
        for packet in self.asked.0.lock().unwrap().drain(..) {
            send(&self.branch, &packet, SendFlags::NOSIGNAL | SendFlags::DONTWAIT).unwrap();
        }
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
        assert_eq!(exchange.look().unwrap(), [fallen.number], "{name}");
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
