//! A process's end of its line, the other end of which is held by the test.

use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType, send, socketpair};
use switchboard_core::OwnMailbox;
use switchboard_core::topics::{CaughtUp, Unpublished};

use super::*;

/// A process's topics, and the exchange's end of its line.
fn line() -> (Arc<Up>, Topics, OwnedFd) {
    let (kind, flags) = (SocketType::SEQPACKET, SocketFlags::CLOEXEC);
    let (here, there) = socketpair(AddressFamily::UNIX, kind, flags, None).unwrap();
    let (up, topics) = (Arc::new(Up::new(here).unwrap()), Topics::new());
    topics.connect(Reached(Arc::clone(&up)));
    (up, topics, there)
}

/// Publishes numbered lines until one is refused, and says how many were taken; at which of them the
/// process was behind for the first time.
fn publish_until_full(topics: &Topics) -> (usize, usize) {
    let (topic, mut behind) = ("t".into(), None);
    for number in 0.. {
        let mut line = format!("{number} ").into_bytes();
        line.resize(1000, b'x');
        match topics.publish(&topic, 1, line.into()) {
            Ok(()) => {}
            Err(refused) => {
                assert_eq!(refused, Unpublished::Full);
                return (number, behind.expect("it is behind before it is full"));
            }
        }
        if behind.is_none() && topics.behind() {
            behind = Some(number);
        }
    }
    unreachable!()
}

/// The number in the next packet.
fn next_number(exchange: &OwnedFd) -> usize {
    let mut packet = vec![0; PACKET_MAX];
    let (count, _) = recv(exchange, &mut packet[..], RecvFlags::empty()).unwrap();
    let text = String::from_utf8_lossy(&packet[..count]);
    let number = text.split(' ').next().unwrap().rsplit('\0').next().unwrap();
    // The length of the text, and then the text.
    number[number.find(|c: char| c.is_ascii_digit()).unwrap()..].parse().unwrap()
}

/// Kills: a thread that waits until the exchange reads; a message that is lost or overtaken meanwhile;
/// a bound that is none; one who waits and is never told, or too early.
#[test]
fn who_asks_waits_for_nobody_and_all_comes_in_order() {
    let (up, topics, exchange) = line();
    let peer = OwnMailbox::new(1, None, 1 << 20);
    topics.await_turn(&peer.address());
    assert!(
        peer.take_note().is_some_and(|note| note.is::<CaughtUp>()),
        "at once, if it is not behind"
    );
    let (count, behind) = publish_until_full(&topics);
    // What the socket takes comes on top.
    let kept = |bytes: usize| bytes / 1000..(bytes + (1 << 20)) / 1000;
    assert!(kept(up::FULL).contains(&count), "{count}");
    assert!(kept(up::LARGE).contains(&behind), "{behind}");
    topics.await_turn(&peer.address());
    assert!(!peer.has_note());

    let (own, reached) = (Arc::clone(&up), topics.clone());
    let carries = thread::spawn(move || carry(&own, &reached, PATIENCE));
    let mut told = None;
    for number in 0..count {
        assert_eq!(next_number(&exchange), number);
        if told.is_none() && peer.has_note() {
            told = Some(number);
        }
    }
    let told = told.expect("it is told while the last are on their way");
    assert!(told > count / 2, "{told} of {count}");
    assert!(!topics.behind());
    drop(exchange);
    carries.join().unwrap().unwrap();
}

/// Kills: a process that lives on although nobody hears it any more; one that is silent about it.
#[test]
fn a_process_of_which_nothing_is_taken_is_lost() {
    let (up, topics, _exchange) = line();
    let (count, _) = publish_until_full(&topics);
    let lost = carry(&up, &topics, Duration::from_millis(50)).unwrap_err();
    let Lost::NotTaken(time, waiting) = lost else { panic!("{lost}") };
    assert_eq!(time, Duration::from_millis(50));
    assert!(waiting < count && waiting * 1100 > up::FULL, "{waiting} of {count}");
    let lost = lost.to_string();
    assert!(lost.starts_with("the exchange has taken nothing for 50ms, and "), "{lost}");
}

/// Kills: farewells without which a process lives on.
#[test]
fn a_process_that_can_keep_no_more_is_lost() {
    let (up, topics, _exchange) = line();
    const PACKET: usize = 64 << 10;
    // The line takes the first of them, and the last ones are too many.
    for _ in 0..up::MOST / PACKET + 100 {
        up.send(vec![0; PACKET]);
    }
    let lost = carry(&up, &topics, PATIENCE).unwrap_err();
    let Lost::TooMuch(bytes) = lost else { panic!("{lost}") };
    assert!((up::MOST - PACKET..=up::MOST).contains(&bytes), "{bytes}");
}

/// Kills: a process that goes on without a part of the news; one that is lost when the server ends.
#[test]
fn what_is_no_news_ends_a_process_and_the_end_of_the_server_does_not() {
    let (up, topics, exchange) = line();
    send(&exchange, b"?", SendFlags::empty()).unwrap();
    assert!(matches!(carry(&up, &topics, PATIENCE), Err(Lost::NoNews)));
    let (up, topics, exchange) = line();
    up.send(b"unread".to_vec());
    drop(exchange);
    assert!(carry(&up, &topics, PATIENCE).is_ok());
}

/// Kills: last words that a process ends without having said.
#[test]
fn what_waits_at_the_end_of_a_process_is_passed_on() {
    let (up, topics, exchange) = line();
    let (count, _) = publish_until_full(&topics);
    let heard =
        thread::spawn(move || (0..count).map(|_| next_number(&exchange)).collect::<Vec<_>>());
    Outgoing(up).finish();
    assert_eq!(heard.join().unwrap(), (0..count).collect::<Vec<_>>());
}
