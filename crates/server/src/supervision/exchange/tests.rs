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
