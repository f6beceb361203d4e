//! A ring with the kernel, without a loop: what is asked of it and what it tells.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::net::sockopt;

use super::*;

const LONG: Duration = Duration::from_secs(20);

/// What each peer has said so far, and whether it has ended.
#[derive(Default)]
struct Heard(HashMap<u64, (Vec<u8>, bool)>);

impl Heard {
    fn bytes(&self, key: Key) -> &[u8] {
        self.0.get(&key.0).map_or(&[], |(bytes, _)| bytes)
    }

    fn ended(&self, key: Key) -> bool {
        self.0.get(&key.0).is_some_and(|(_, ended)| *ended)
    }
}

fn peer(ring: &mut Ring, index: u32, generation: u32) -> (UnixStream, UnixStream, Key) {
    let (near, far) = UnixStream::pair().unwrap();
    near.set_nonblocking(true).unwrap();
    let key = Key::peer(index, generation);
    ring.open(near.as_raw_fd(), key).unwrap();
    (near, far, key)
}

/// Whether this machine lets the test run; if not, says so aloud.
pub(super) fn here() -> bool {
    let missing = probe::missing();
    if let Some(why) = &missing {
        eprintln!("not tested: {why}");
    }
    missing.is_none()
}

/// One wait, and all that it told of, as a loop whose peers want everything does it.
fn listen(ring: &mut Ring, heard: &mut Heard) -> usize {
    ring.exchange(std::iter::empty(), Some(1), Some(LONG)).unwrap();
    take(ring, heard)
}

fn take(ring: &mut Ring, heard: &mut Heard) -> usize {
    let mut told = Vec::new();
    ring.take_told(&mut told);
    for completion in &told {
        let key = completion.token.key();
        if completion.token.does() != Does::Receive || !ring.received(*completion).unwrap() {
            continue;
        }
        let said = heard.0.entry(key.0).or_default();
        while ring
            .input(key, usize::MAX, |input| match input {
                Input::Bytes(bytes) => said.0.extend_from_slice(bytes),
                Input::End(_) => said.1 = true,
            })
            .is_some()
        {}
        ring.receive_on(key).unwrap();
    }
    told.len()
}

fn text(number: usize, length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 7 + number) as u8).collect()
}

/// Kills: a peer that is lost, or whose bytes are, when all buffers are in use; buffers that do not
/// come back; bytes that overtake others.
#[test]
fn more_comes_than_there_are_buffers_for() {
    if !here() {
        return;
    }
    let mut ring = Ring::new(256, 2).unwrap();
    let mut peers: Vec<_> = (0..12).map(|index| peer(&mut ring, index, 1)).collect();
    let mut heard = Heard::default();
    ring.exchange(std::iter::empty(), Some(0), None).unwrap();
    for (number, (_, far, _)) in peers.iter_mut().enumerate() {
        far.write_all(&text(number, 3 * buffers::SIZE + 5)).unwrap();
        far.shutdown(Shutdown::Write).unwrap();
    }
    while !peers.iter().all(|(_, _, key)| heard.ended(*key)) {
        assert!(listen(&mut ring, &mut heard) > 0, "nothing more comes");
    }
    for (number, (_, _, key)) in peers.iter().enumerate() {
        assert!(heard.bytes(*key) == text(number, 3 * buffers::SIZE + 5), "peer {number}");
    }
}

/// Kills: peers that are asked for again before there are buffers, and so always are those that go
/// without, while others are heard again and again.
#[test]
fn whoever_went_without_a_buffer_is_not_passed_over_for_ever() {
    if !here() {
        return;
    }
    const ROUNDS: usize = 60;
    let mut ring = Ring::new(4, 2).unwrap();
    let mut peers: Vec<_> = (0..24).map(|index| peer(&mut ring, index, 1)).collect();
    let mut heard = Heard::default();
    peers.iter_mut().for_each(|(_, far, _)| far.write_all(b"x").unwrap());
    let mut said = vec![1; peers.len()];
    while !peers.iter().any(|(_, _, key)| heard.bytes(*key).len() >= ROUNDS) {
        assert!(listen(&mut ring, &mut heard) > 0, "nothing more comes");
        for ((_, far, key), said) in peers.iter_mut().zip(&mut said) {
            if heard.bytes(*key).len() == *said {
                far.write_all(b"x").unwrap();
                *said += 1;
            }
        }
    }
    let counts: Vec<_> = peers.iter().map(|(_, _, key)| heard.bytes(*key).len()).collect();
    assert!(counts.iter().all(|count| *count >= ROUNDS / 4), "{counts:?}");
}

/// Kills: a reserve that is never touched, or touched when few would do.
#[test]
fn buffers_come_into_use_as_they_are_needed() {
    if !here() {
        return;
    }
    let mut ring = Ring::new(256, 128).unwrap();
    let mut peers: Vec<_> = (0..300).map(|index| peer(&mut ring, index, 1)).collect();
    let mut heard = Heard::default();
    for length in 1..=50 {
        peers[0].1.write_all(b"x").unwrap();
        while heard.bytes(peers[0].2).len() < length {
            assert!(listen(&mut ring, &mut heard) > 0, "nothing more comes");
        }
    }
    let few = ring.buffers.used;
    for _ in 0..4 {
        peers[1..].iter_mut().for_each(|(_, far, _)| far.write_all(&[0; 40_000]).unwrap());
        let length = heard.bytes(peers[1].2).len() + 40_000;
        while peers[1..].iter().any(|(_, _, key)| heard.bytes(*key).len() < length) {
            assert!(listen(&mut ring, &mut heard) > 0, "nothing more comes");
        }
    }
    assert_eq!((few, ring.buffers.used), (32, 128));
}

/// Kills: requests that are dropped when their queue is full; completions that are lost when theirs
/// is, or not asked for again.
#[test]
fn more_is_asked_and_done_than_the_queues_hold() {
    if !here() {
        return;
    }
    let mut ring = Ring::new(1, 64).unwrap();
    let mut heard = Heard::default();
    let mut peers: Vec<_> = (0..40).map(|index| peer(&mut ring, index, 1)).collect();
    for round in 0..3 {
        for (number, (_, far, _)) in peers.iter_mut().enumerate() {
            far.write_all(&[number as u8, round]).unwrap();
        }
        let length = 2 * (usize::from(round) + 1);
        while !peers.iter().all(|(_, _, key)| heard.bytes(*key).len() == length) {
            assert!(listen(&mut ring, &mut heard) > 0, "nothing more comes");
        }
    }
    let outputs: Vec<Vec<u8>> = (0..40).map(|number| text(number, 100)).collect();
    let sends = peers.iter().zip(&outputs).enumerate();
    let sends = sends.map(|(number, ((near, ..), bytes))| (near.as_raw_fd(), &bytes[..], number));
    ring.exchange(sends, Some(0), None).unwrap();
    assert_eq!(ring.take_failed(), []);
    for ((_, far, _), output) in peers.iter_mut().zip(&outputs) {
        let mut came = vec![0; 100];
        far.read_exact(&mut came).unwrap();
        assert_eq!(came, *output);
    }
}

/// Kills: a send that takes less than all and is taken for done; one that is left with the kernel,
/// which reads memory that is used again; one to a peer that is gone that fails the others.
#[test]
fn a_send_is_over_when_the_call_returns() {
    if !here() {
        return;
    }
    let mut ring = Ring::new(8, 4).unwrap();
    let (small, mut far, _) = peer(&mut ring, 0, 1);
    let (gone, away, _) = peer(&mut ring, 1, 1);
    let (other, mut others, _) = peer(&mut ring, 2, 1);
    drop(away);
    sockopt::set_socket_send_buffer_size(&small, 4096).unwrap();
    let large = text(0, 1 << 20);
    let sends = [
        (small.as_raw_fd(), &large[..], 0),
        (gone.as_raw_fd(), &b"hello"[..], 1),
        (other.as_raw_fd(), &b"hello"[..], 2),
    ];
    ring.exchange(sends.into_iter(), Some(0), None).unwrap();
    let failed: HashMap<usize, i32> = ring.take_failed().into_iter().collect();
    let sent = usize::try_from(failed[&0]).unwrap();
    assert!(sent > 0 && sent < large.len(), "{sent}");
    assert_eq!(failed.get(&1), Some(&-libc::EPIPE));
    assert_eq!(failed.get(&2), None, "all was sent");
    let again = [(small.as_raw_fd(), &large[sent..], 7)];
    ring.exchange(again.into_iter(), Some(0), None).unwrap();
    assert_eq!(ring.take_failed(), [(7, -libc::EAGAIN)]);
    let mut came = vec![0; sent];
    far.read_exact(&mut came).unwrap();
    assert!(came == large[..sent]);
    far.set_nonblocking(true).unwrap();
    assert!(far.read(&mut [0]).is_err(), "more was sent than was said");
    others.read_exact(&mut [0; 5]).unwrap();
}

/// Kills: a wait for room that never ends, or that ends at once again and again, because the peer
/// has sent its last byte.
#[test]
fn room_is_told_of_when_there_is_some() {
    if !here() {
        return;
    }
    let mut ring = Ring::new(8, 4).unwrap();
    let (near, mut far, key) = peer(&mut ring, 0, 1);
    far.shutdown(Shutdown::Write).unwrap();
    let large = text(0, 1 << 20);
    // Whether it tells of room within that time, and then: how much there was.
    let mut told = Vec::new();
    let mut room = |ring: &mut Ring, timeout| {
        ring.exchange(std::iter::empty(), Some(1), Some(timeout)).unwrap();
        ring.take_told(&mut told);
        let mut rooms = 0;
        for one in told.drain(..) {
            rooms += usize::from(match one.token.does() {
                Does::AwaitRoom => ring.has_room(one).unwrap(),
                _ => !ring.received(one).unwrap(),
            });
        }
        assert!(rooms < 2);
        (rooms == 1).then(|| {
            ring.exchange([(near.as_raw_fd(), &large[..], 0)].into_iter(), Some(0), None).unwrap();
            let result = ring.take_failed().first().map_or(large.len() as i32, |failed| failed.1);
            ring.await_room(key).unwrap();
            result
        })
    };
    ring.await_room(key).unwrap();
    let first: Vec<_> = (0..50).map_while(|_| room(&mut ring, LONG / 100)).collect();
    assert!(first.len() < 50, "it is told of again and again: {first:?}");
    assert!(first.iter().any(|result| *result > 0), "{first:?}");
    let mut sink = vec![0; 1 << 20];
    let more = (0..1000).any(|_| {
        assert!(far.read(&mut sink).unwrap() > 0);
        room(&mut ring, Duration::from_millis(1)).is_some_and(|result| result > 0)
    });
    assert!(more, "nobody tells of room");
    ring.needs_no_room(key).unwrap();
    ring.end();
    assert_eq!(ring.live, 0);
}

/// Kills: bytes of a peer that is gone, for whoever has its slot now; a socket that stays open
/// because the kernel still receives from it; a slot whose new peer is cancelled with the old.
#[test]
fn a_slot_is_used_again_at_once() {
    if !here() {
        return;
    }
    let mut ring = Ring::new(8, 4).unwrap();
    let mut heard = Heard::default();
    let (near, mut far, old) = peer(&mut ring, 0, 1);
    ring.exchange(std::iter::empty(), Some(0), None).unwrap();
    far.write_all(b"for the old").unwrap();
    ring.close(old).unwrap();
    drop(near);
    let (_near, mut other, new) = peer(&mut ring, 0, 2);
    other.write_all(b"for the new").unwrap();
    while heard.bytes(new).is_empty() {
        assert!(listen(&mut ring, &mut heard) > 0, "nothing comes");
    }
    assert_eq!(heard.bytes(new), b"for the new");
    assert_eq!(heard.bytes(old), b"");
    // What nobody read resets the peer: in any case its socket is closed.
    far.set_read_timeout(Some(LONG)).unwrap();
    assert!(matches!(far.read(&mut [0; 9]), Ok(0) | Err(_)));
    other.write_all(b", more").unwrap();
    while heard.bytes(new).len() < b"for the new, more".len() {
        assert!(listen(&mut ring, &mut heard) > 0, "nothing comes");
    }
}

/// Kills: input that is lost, or overtaken, because its peer did not want it when it came; a peer
/// that is not pushed back however little is read from it.
#[test]
fn what_is_not_wanted_waits_in_its_order() {
    if !here() {
        return;
    }
    let mut ring = Ring::new(8, 4).unwrap();
    let mut heard = Heard::default();
    let (_near, mut far, key) = peer(&mut ring, 0, 1);
    far.write_all(b"one ").unwrap();
    ring.exchange(std::iter::empty(), Some(1), Some(LONG)).unwrap();
    let mut told = Vec::new();
    ring.take_told(&mut told);
    assert!(ring.received(told[0]).unwrap());
    ring.stash().unwrap();
    // From here on, it is received from no more.
    ring.exchange(std::iter::empty(), Some(1), Some(LONG)).unwrap();
    take(&mut ring, &mut heard);
    far.set_nonblocking(true).unwrap();
    let (page, mut pushed) = (text(0, 4096), 0);
    while let Ok(count) = far.write(&page) {
        pushed += count;
        assert!(pushed < 16 << 20, "the peer is not pushed back");
        ring.exchange(std::iter::empty(), Some(0), None).unwrap();
    }
    assert_eq!(heard.bytes(key), b"");
    let first = ring.input(key, 2, |input| matches!(input, Input::Bytes(b"on")));
    assert_eq!(first, Some(true), "no more than is asked for");
    let rest = ring.input(key, 99, |input| matches!(input, Input::Bytes(b"e ")));
    assert_eq!(rest, Some(true));
    assert!(!ring.has_input(key));
    ring.receive_on(key).unwrap();
    while heard.bytes(key).len() < pushed {
        assert!(listen(&mut ring, &mut heard) > 0, "nothing more comes");
    }
    assert!(heard.bytes(key).chunks(4096).all(|chunk| chunk == &page[..chunk.len()]));
}

/// Kills: a source that is told of only once, or after it was unwatched; one that is watched again
/// before its cancellation has come, and is never told of.
#[test]
fn the_loops_own_descriptors_are_told_of_while_they_are_ready() {
    if !here() {
        return;
    }
    let mut ring = Ring::new(8, 4).unwrap();
    let (near, mut far) = UnixStream::pair().unwrap();
    let key = Key::listener(0);
    let mut told = Vec::new();
    let mut looks = |ring: &mut Ring| {
        ring.exchange(std::iter::empty(), Some(1), Some(Duration::from_millis(50))).unwrap();
        ring.take_told(&mut told);
        let told: Vec<_> = told.drain(..).filter(|one| one.token.does() == Does::Watch).collect();
        let ready = told.into_iter().filter(|one| ring.watched(*one)).count();
        ring.watch_on(key).unwrap();
        ready
    };
    ring.watch(std::os::fd::AsFd::as_fd(&near), key).unwrap();
    assert_eq!(looks(&mut ring), 0);
    far.write_all(b"x").unwrap();
    for _ in 0..3 {
        assert_eq!(looks(&mut ring), 1);
    }
    ring.unwatch(key).unwrap();
    assert_eq!(looks(&mut ring), 0);
    ring.watch(std::os::fd::AsFd::as_fd(&near), key).unwrap();
    ring.unwatch(key).unwrap();
    ring.watch(std::os::fd::AsFd::as_fd(&near), key).unwrap();
    assert!((0..3).any(|_| looks(&mut ring) == 1));
}

#[test]
fn a_token_says_whose_it_is_and_what_it_does() {
    let key = Key::peer(12_345, u32::MAX);
    for does in [Does::Receive, Does::AwaitRoom, Does::Watch] {
        let token = Token::of(key, does);
        assert_eq!((token.key(), token.does(), token.sent()), (key, does, None));
    }
    assert_eq!(Token::send(77).sent(), Some(77));
    assert_eq!(Token::CANCEL.sent(), None);
    assert_eq!(Token::of(Key::STOP, Does::Receive).sent(), None);
}
