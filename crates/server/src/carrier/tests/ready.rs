//! One peer's turns on a socket that never blocks.

use std::io::Read;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::net::sockopt;
use switchboard_core::{Context, Ending, Flow, Limits, Session};

use super::rig::{BUDGET, BUFFER, Endless, Lines, Rig, book, lines, readable, tcp, writable};
use crate::carrier::turn::{Manner, Turn};
use crate::mechanism::{Key, Ready};

/// Kills: a level-triggered turn that reads on (one peer starves the others), one that counts or
/// loses bytes beyond its buffer.
#[test]
fn once_reads_once() {
    let mut rig = lines();
    rig.say(&[b'x'; 3 * BUFFER]);
    for reads in 1..=3 {
        assert_eq!(rig.turn(readable(), Manner::Once), Turn::Rest);
        assert_eq!(rig.received(), reads * BUFFER);
    }
    assert_eq!(rig.turn(readable(), Manner::Once), Turn::Rest, "nothing there is no end");
    rig.say(b"\n");
    assert_eq!(rig.turn(readable(), Manner::Once), Turn::Rest);
    rig.hears(&[b'X'; 3 * BUFFER]);
}

/// Kills: an edge-triggered turn that stops while bytes are left, of which it is never told again.
#[test]
fn empty_reads_until_nothing_is_left() {
    for extra in [0, 1] {
        let mut rig = lines();
        rig.say(&[b'x'; 3 * BUFFER + 1][..3 * BUFFER + extra]);
        assert_eq!(rig.turn(readable(), Manner::Empty), Turn::Rest);
        assert_eq!(rig.received(), 3 * BUFFER + extra);
    }
}

/// Kills: a budget that is not kept (one peer starves the others) or whose rest is forgotten.
#[test]
fn empty_stops_at_its_budget_and_says_that_there_is_more() {
    let mut rig = lines();
    rig.say(&[b'x'; (BUDGET + 4) * BUFFER]);
    assert_eq!(rig.turn(readable(), Manner::Empty), Turn::Again);
    assert_eq!(rig.received(), BUDGET * BUFFER);
    assert_eq!(rig.turn(Ready::to_all(Key::STOP), Manner::Empty), Turn::Rest);
    assert_eq!(rig.received(), (BUDGET + 4) * BUFFER);
}

/// Kills: an endless reply that keeps the loop for as long as the peer reads.
#[test]
fn an_endless_reply_stops_at_its_budget_too() {
    let (near, far) = UnixStream::pair().unwrap();
    let limits = Limits { high_mark: 32, low_mark: 8, ..Limits::default() };
    let mut rig = Rig::of(near.into(), far, Endless, limits);
    rig.say(b"go");
    for turns in 1..4 {
        assert_eq!(rig.turn(readable(), Manner::Once), Turn::Again);
        let sent = rig.hand.stats.sent;
        assert!(sent > 0 && sent <= turns * 32 * (2 * 16 + 2), "{sent} bytes in {turns} turns");
    }
}

/// Kills: the quick path that leaves a mark, that forgets to count, that ends early under an edge
/// or reads twice under a level.
#[test]
fn the_quick_path_reads_and_answers_once() {
    let mut rig = lines();
    for _ in 0..3 {
        rig.say(b"hello\n");
        assert_eq!(rig.answer(Manner::Once), None);
        rig.hears(b"HELLO\n");
    }
    assert_eq!((rig.hand.stats.received, rig.hand.stats.sent), (18, 18));
    assert_eq!(rig.connection.traffic(), (18, 18));
    assert_eq!(rig.answer(Manner::Once), Some(Turn::Rest), "nothing is there");

    let long = [&[b'x'; 3 * BUFFER - 1][..], b"\n"].concat();
    rig.say(&long);
    assert_eq!(rig.answer(Manner::Once), Some(Turn::Rest));
    assert_eq!(rig.received(), 18 + BUFFER, "one read");
    assert_eq!(rig.turn(readable(), Manner::Empty), Turn::Rest);
    rig.hears(&long.to_ascii_uppercase());

    rig.say(&long);
    assert_eq!(rig.answer(Manner::Empty), Some(Turn::Rest));
    rig.hears(&long.to_ascii_uppercase());
}

/// Kills: the quick path that takes an end, a close or a panic for an answer.
#[test]
fn the_quick_path_gives_way_to_all_that_is_unusual() {
    let mut rig = lines();
    rig.far.shutdown(Shutdown::Write).unwrap();
    assert_eq!(rig.answer(Manner::Once), Some(Turn::Over(Ending::Left)));

    let mut rig = lines();
    rig.say(b"bye\n");
    assert_eq!(rig.answer(Manner::Once), Some(Turn::Rest));
    rig.hears(b"BYE\n");
    rig.hears_the_end();

    let mut rig = lines();
    rig.say(b"panic\n");
    assert_eq!(rig.answer(Manner::Once), Some(Turn::Over(Ending::Panicked)));
}

/// Kills: the rest of a partial write that is lost, doubled or sent out of order, input that is
/// read while output is above its mark, counts of bytes that were not sent.
#[test]
fn a_long_answer_to_a_slow_reader_arrives_in_order() {
    for quick in [true, false] {
        let mut rig = lines();
        sockopt::set_socket_send_buffer_size(&rig.socket, 1).unwrap();
        rig.say(b"book\nafter\n");
        match quick {
            true => assert_eq!(rig.answer(Manner::Once), Some(Turn::Rest)),
            false => assert_eq!(rig.turn(readable(), Manner::Once), Turn::Rest),
        }
        let (unsent, sent) = (rig.connection.unsent(&[]).len(), rig.hand.stats.sent);
        assert!(unsent > 0, "the kernel took all: nothing is tested");
        assert_eq!(unsent as u64 + sent, 40_006);
        let mut heard = Vec::new();
        while heard.len() < 40_006 {
            let mut piece = [0; 1000];
            let count = rig.far.read(&mut piece).unwrap();
            heard.extend_from_slice(&piece[..count]);
            assert_eq!(rig.turn(writable(), Manner::Once), Turn::Rest);
        }
        assert_eq!(heard, [&book(40_000)[..], b"AFTER\n"].concat());
        assert_eq!(rig.hand.stats.sent, 40_006);
        assert_eq!(rig.connection.traffic(), (11, 40_006));
    }
}

/// Kills: a stalled peer that is read all the same, so that its input piles up here.
#[test]
fn a_peer_that_does_not_read_is_not_read() {
    let (near, far) = UnixStream::pair().unwrap();
    let limits = Limits { high_mark: 100, low_mark: 10, ..Limits::default() };
    let mut rig = Rig::of(near.into(), far, Lines, limits);
    sockopt::set_socket_send_buffer_size(&rig.socket, 1).unwrap();
    rig.say(b"book\n");
    rig.turn(readable(), Manner::Once);
    assert!(!rig.connection.wants_input());
    rig.say(b"more\n");
    for manner in [Manner::Once, Manner::Empty, Manner::Drain] {
        assert_eq!(rig.turn(Ready::to_all(Key::STOP), manner), Turn::Rest);
        assert_eq!(rig.received(), 5);
    }
}

/// Kills: a close that resets the peer's reading of the last answer, one that does not wait for
/// the peer's end, last bytes that are answered.
#[test]
fn a_close_is_half_then_lingers_then_over() {
    let mut rig = lines();
    rig.say(b"bye\nunread\n");
    assert_eq!(rig.turn(readable(), Manner::Once), Turn::Rest);
    rig.hears(b"BYE\n");
    rig.hears_the_end();
    rig.say(b"still talking\n");
    assert_eq!(rig.turn(readable(), Manner::Once), Turn::Rest);
    rig.far.shutdown(Shutdown::Write).unwrap();
    assert_eq!(rig.turn(readable(), Manner::Once), Turn::Over(Ending::Closed));
    assert_eq!(rig.hand.stats.sent, 4);
}

/// Kills: a close that forgets what came before it, of which an edge is never told again.
#[test]
fn a_close_reads_what_has_come_already() {
    struct Curt;

    impl Session for Curt {
        fn opened(&mut self, _: &mut Context<'_>) -> Flow {
            Flow::Close
        }

        fn received(&mut self, _: &mut Context<'_>) -> Flow {
            unreachable!("it has closed")
        }
    }

    let (near, far) = UnixStream::pair().unwrap();
    let mut rig = Rig::of(near.into(), far, Curt, Limits::default());
    rig.say(b"hello?\n");
    rig.far.shutdown(Shutdown::Write).unwrap();
    assert_eq!(rig.turn(writable(), Manner::Empty), Turn::Rest, "as far as the last byte");
    assert_eq!(rig.received(), 7);
    assert_eq!(rig.turn(readable(), Manner::Empty), Turn::Over(Ending::Closed));
}

/// Kills: an end behind bytes that a turn does not reach although it was told of both.
#[test]
fn a_hangup_is_read_behind_its_bytes() {
    let hangup = readable().with_hangup();
    let mut rig = lines();
    rig.say(b"last");
    rig.far.shutdown(Shutdown::Write).unwrap();
    assert_eq!(rig.turn(hangup, Manner::Empty), Turn::Over(Ending::Left));
    rig.hears(b"LAST\n");
}

/// Kills: urgent data that stops a read early and hides what is behind its mark.
#[test]
fn what_is_behind_urgent_data_is_read_in_the_same_turn() {
    let mut rig = tcp();
    sockopt::set_socket_oobinline(&rig.socket, true).unwrap();
    rig.say(b"be");
    assert_eq!(rustix::net::send(&rig.far, b"!", rustix::net::SendFlags::OOB), Ok(1));
    rig.say(b"hind\n");
    while rustix::io::ioctl_fionread(&rig.socket).unwrap() < 2 + 1 + 5 {}
    assert_eq!(rig.turn(readable().with_urgent(), Manner::Empty), Turn::Rest);
    rig.hears(b"BE!HIND\n");
}

/// Kills: a drain that ends who is in the midst of a request, that keeps who is not, or that lets
/// go who has said something that is still in the kernel.
#[test]
fn a_drain_lets_go_who_is_between_requests() {
    let mut rig = lines();
    rig.connection.drain();
    assert_eq!(rig.turn(writable(), Manner::Drain), Turn::Over(Ending::Drained));

    let mut rig = lines();
    rig.connection.drain();
    rig.say(b"whole\nhal");
    assert_eq!(rig.turn(writable(), Manner::Drain), Turn::Rest);
    rig.hears(b"WHOLE\n");
    rig.say(b"f\n");
    assert_eq!(rig.turn(readable(), Manner::Drain), Turn::Over(Ending::Drained));
    rig.hears(b"HALF\n");
}

/// Kills: a panic that takes the loop along, or whose output goes to the next peer.
#[test]
fn a_panic_ends_the_turn_and_the_peer() {
    let mut rig = lines();
    rig.say(b"panic\n");
    assert_eq!(rig.turn(readable(), Manner::Once), Turn::Over(Ending::Panicked));
}

/// Kills: a reset that is taken for an end or ends the loop, `SIGPIPE`.
#[test]
fn a_reset_is_an_ending() {
    for ready in [readable(), readable().with_hangup()] {
        let mut rig = tcp();
        let far = std::mem::replace(&mut rig.far, tcp().far);
        sockopt::set_socket_linger(&far, Some(Duration::ZERO)).unwrap();
        drop(far);
        let end = Instant::now() + Duration::from_secs(10);
        let mut turn = Turn::Rest;
        while turn == Turn::Rest && Instant::now() < end {
            turn = rig.turn(ready, Manner::Once);
        }
        assert_eq!(turn, Turn::Over(Ending::Reset));
    }

    let mut rig = lines();
    rig.say(b"hello\n");
    drop(std::mem::replace(&mut rig.far, UnixStream::pair().unwrap().0));
    assert_eq!(
        rig.turn(readable(), Manner::Once),
        Turn::Over(Ending::Reset),
        "no one hears the answer"
    );
}

/// Kills: a failure that is told of for ever because nothing that the peer wants runs into it.
#[test]
fn a_failure_reaches_who_neither_reads_nor_writes() {
    struct Patient;

    impl Session for Patient {
        fn received(&mut self, _: &mut Context<'_>) -> Flow {
            Flow::Continue
        }

        fn ended(&mut self, _: &mut Context<'_>) -> Flow {
            Flow::Continue
        }
    }

    let (near, far) = UnixStream::pair().unwrap();
    let mut rig = Rig::of(near.into(), far, Patient, Limits::default());
    rig.far.shutdown(Shutdown::Write).unwrap();
    assert_eq!(rig.turn(readable(), Manner::Once), Turn::Rest);
    assert_eq!(rig.turn(readable(), Manner::Once), Turn::Rest, "it only sends no more");
    let failed = readable().with_hangup();
    assert_eq!(rig.turn(failed, Manner::Once), Turn::Over(Ending::Reset));
}
