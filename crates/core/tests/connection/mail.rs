//! Mail: bytes that join the output, notes that wake the session, and who rings when.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use switchboard_core::{
    Call as Due, Ending, Flow, Limits, Mailbox, Next, Overrun, Post, Terms, Undelivered,
};

use crate::carrier::{Call, Carrier, small};

/// Notes whom it was to wake, and where.
#[derive(Clone, Default)]
struct Bell(Arc<Mutex<Vec<(u64, u64)>>>);

impl Post for Bell {
    fn ring(&self, peer: u64, place: u64, _: bool) {
        self.0.lock().expect("a bell").push((peer, place));
    }
}

impl Bell {
    fn rung(&self) -> Vec<(u64, u64)> {
        std::mem::take(&mut self.0.lock().expect("a bell"))
    }
}

/// A peer whose session gives its mailbox away when it is opened, says `woken` and the numbers in its
/// notes, and leaves at `q`.
fn open(limits: Limits) -> (Carrier, Mailbox, Bell) {
    let bell = Bell::default();
    let given: Arc<Mutex<Option<Mailbox>>> = Arc::default();
    let gives = given.clone();
    let terms = Terms { limits, offload: None, post: Some(Arc::new(bell.clone())) };
    let mut carrier = Carrier::open(terms, move |call, peer| {
        match call {
            Call::Opened => *gives.lock().expect("given") = Some(peer.mailbox()),
            Call::Received if peer.input.take_all() == b"q" => return Flow::Close,
            Call::Woken => {
                peer.output.write(b"woken");
                while let Some(note) = peer.take_note() {
                    let number = note.downcast::<u32>().expect("a number");
                    peer.output.write(format!(" {number}").as_bytes());
                }
            }
            _ => {}
        }
        Flow::Continue
    });
    let mailbox = given.lock().expect("given").take().expect("taken at the opening");
    assert!(carrier.connection.took_mailbox());
    assert!(!carrier.connection.mail_comes_to(42));
    carrier.told();
    (carrier, mailbox, bell)
}

fn mail(carrier: &mut Carrier) {
    carrier.perform(Due::Mail);
}

/// Kills: a ring for each mail, none after the mailbox was emptied, one that names another place.
#[test]
fn the_first_mail_rings_and_all_of_it_leaves_together() {
    let (mut carrier, mailbox, bell) = open(small());
    for text in ["one ", "two ", "three"] {
        mailbox.send(text, Overrun::Report).expect("room");
    }
    assert_eq!(bell.rung(), [(7, 42)]);
    mail(&mut carrier);
    assert_eq!(carrier.send_only(usize::MAX), 13);
    assert_eq!((carrier.output.as_slice(), carrier.told()), (&b"one two three"[..], vec![]));
    assert!(carrier.connection.plain(), "a mailbox that is empty is nothing unusual");
    mailbox.send("four", Overrun::Report).expect("room");
    assert_eq!(bell.rung(), [(7, 42)]);
}

/// Kills: mail between taking the mailbox and saying where it comes to, which nobody would take.
#[test]
fn mail_that_came_before_its_place_was_known_is_told_of() {
    let (mut carrier, mailbox, bell) = open(small());
    mailbox.send("x", Overrun::Report).expect("room");
    assert_eq!(bell.rung(), [(7, 42)]);
    assert!(carrier.connection.mail_comes_to(43));
    mail(&mut carrier);
    mailbox.send("y", Overrun::Report).expect("room");
    assert_eq!(bell.rung(), [(7, 43)]);
}

#[test]
fn a_note_wakes_the_session_once_for_all_there_are() {
    let (mut carrier, mailbox, bell) = open(small());
    mailbox.note(1u32, Overrun::Report).expect("room");
    mailbox.note(2u32, Overrun::Report).expect("room");
    mail(&mut carrier);
    carrier.send_all();
    assert_eq!(carrier.told(), [Call::Woken]);
    assert_eq!(carrier.output, b"woken 1 2");
    assert_eq!(bell.rung().len(), 1);
    mailbox.note(3u32, Overrun::Report).expect("room");
    assert_eq!(bell.rung().len(), 1);
}

/// Kills: mail that goes past the high mark, mail that stays behind when output has fallen, a ring
/// for what the carrier knows of.
#[test]
fn mail_waits_while_its_peer_does_not_read() {
    let (mut carrier, mailbox, bell) = open(small());
    for _ in 0..20 {
        mailbox.send("0123456789", Overrun::Report).expect("room");
    }
    mail(&mut carrier);
    assert!((64..64 + 10).contains(&carrier.unsent()), "{}", carrier.unsent());
    assert!(!carrier.connection.wants_input());
    mailbox.send("the last", Overrun::Report).expect("room");
    assert_eq!(bell.rung().len(), 1);
    carrier.send_all();
    carrier.go_on();
    carrier.send_all();
    assert_eq!(carrier.output.len(), 208);
    assert!(carrier.connection.plain());
}

/// Kills: a bound that is none; each way to treat what is beyond.
#[test]
fn a_full_mailbox_does_what_its_sender_says() {
    let (mut carrier, mailbox, _) = open(small());
    mailbox.send(vec![b'x'; 250], Overrun::Report).expect("room");
    assert_eq!(mailbox.send("0123456", Overrun::Report), Err(Undelivered::Full));
    assert_eq!(mailbox.send("0123456", Overrun::Drop), Ok(()));
    assert_eq!(mailbox.dropped(), 1);
    assert_eq!(mailbox.send("012345", Overrun::Report), Ok(()));
    assert_eq!(mailbox.note(1, Overrun::Report), Err(Undelivered::Full));
    mail(&mut carrier);
    carrier.send_all();
    carrier.go_on();
    assert_eq!(mailbox.send("0123456", Overrun::Report), Ok(()), "there is room again");
    assert_eq!(mailbox.send(vec![b'x'; 250], Overrun::Close), Ok(()));
    mail(&mut carrier);
    assert_eq!(carrier.next(), Next::Over(Ending::TooSlow));
}

/// Kills: mail larger than the bound that can never be sent.
#[test]
fn a_large_mail_fits_an_empty_mailbox() {
    let (_carrier, mailbox, _) = open(small());
    assert_eq!(mailbox.send(vec![b'x'; 10_000], Overrun::Report), Ok(()));
    assert_eq!(mailbox.send("x", Overrun::Report), Err(Undelivered::Full));
}

/// Kills: mail for a peer that has gone, which would reach its successor or nobody for ever.
#[test]
fn mail_for_one_that_has_gone_is_not_delivered() {
    let (carrier, mailbox, bell) = open(small());
    let other = mailbox.clone();
    assert_eq!(mailbox, other);
    carrier.close(Ending::Left);
    assert_eq!(mailbox.send("x", Overrun::Drop), Err(Undelivered::Gone));
    assert_eq!(other.note(1, Overrun::Close), Err(Undelivered::Gone));
    assert_eq!(bell.rung(), []);
}

#[test]
fn mail_for_one_that_is_closing_is_not_sent() {
    let (mut carrier, mailbox, _) = open(small());
    carrier.receive(b"q");
    mailbox.send("too late", Overrun::Drop).expect("nobody knows yet");
    mail(&mut carrier);
    assert_eq!(carrier.unsent(), 0);
}

/// Kills: notes that keep a silent peer from being idle.
#[test]
fn a_note_is_no_sign_of_life() {
    let (mut carrier, mailbox, _) = open(small());
    let due = carrier.connection.deadline();
    carrier.now += Duration::from_secs(30);
    mailbox.note(1u32, Overrun::Report).expect("room");
    mail(&mut carrier);
    assert_eq!(carrier.connection.deadline(), due);
}

/// Kills: a session that is called here although it is apart.
#[test]
fn mail_comes_to_a_session_that_is_apart_as_well() {
    let (mut carrier, mailbox, _) = open(small());
    carrier.set_apart();
    mailbox.note(5u32, Overrun::Report).expect("room");
    mailbox.send("b", Overrun::Report).expect("room");
    mail(&mut carrier);
    carrier.send_all();
    assert_eq!(carrier.output, b"woken 5b");
}

/// Kills: bytes that overtake a note, a note that overtakes bytes, a session that is told of several
/// notes apart although nothing is between them, mail that stays behind a note.
#[test]
fn bytes_and_notes_come_in_the_order_in_which_they_were_sent() {
    let (mut carrier, mailbox, bell) = open(Limits { mail_max: 1000, ..small() });
    for (number, text) in [(1u32, " one "), (2, " two ")] {
        mailbox.note(number, Overrun::Report).expect("room");
        mailbox.note(10 * number, Overrun::Report).expect("room");
        mailbox.send(text, Overrun::Report).expect("room");
    }
    assert_eq!(bell.rung().len(), 1);
    mail(&mut carrier);
    carrier.send_all();
    assert_eq!(carrier.told(), [Call::Woken, Call::Woken]);
    assert_eq!(carrier.output, b"woken 1 10 one woken 2 20 two ");
    assert!(carrier.connection.plain());
}
