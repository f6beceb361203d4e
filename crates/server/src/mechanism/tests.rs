//! Every case against every mechanism, over Unix and TCP pairs. A case is named by what holds, and
//! says which mutant it kills.

use std::os::fd::AsFd;
use std::os::unix::thread::JoinHandleExt;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::{SendFlags, Shutdown, send, shutdown, sockopt};

use super::epoll::Epoll;
use super::poll::Poll;
use super::portable::Portable;
use super::select::Select;
use super::spin::Spin;
use super::{Interest, Key, Mechanism, Ready};
use looking::{
    FAMILIES, LONG, Pair, Told, await_told, blind, look, look_for, peer, tcp, three, unix,
};
use nap::Nap;

mod looking;
mod nap;
mod own;

const NOW: Duration = Duration::ZERO;
const WRITE: Interest = Interest(2);
const BOTH: Interest = Interest(3);

/// Makes a test of each case under each mechanism.
macro_rules! under_every_mechanism {
    ($($case:ident),* $(,)?) => {$(
        mod $case {
            use super::*;

            #[test]
            fn spin() {
                super::$case(Spin::default);
            }

            #[test]
            fn select() {
                super::$case(|| Select::new(1 << 16));
            }

            #[test]
            fn poll() {
                super::$case(Poll::default);
            }

            #[test]
            fn epoll() {
                super::$case(|| Epoll::<false>::new().unwrap());
            }

            #[test]
            fn epoll_et() {
                super::$case(|| Epoll::<true>::new().unwrap());
            }

            #[test]
            fn portable() {
                super::$case(|| Portable::new().unwrap());
            }

            /// In no list of models: examples/adding_a_model.md shows it.
            #[test]
            fn nap() {
                super::$case(Nap::default);
            }
        }
    )*};
}

under_every_mechanism! {
    what_can_be_read_is_told_with_its_key, silence_lasts_as_long_as_it_may,
    room_is_told_only_to_who_asks, nothing_is_told_to_who_wants_nothing, an_interest_is_changed,
    a_key_is_changed, who_was_removed_is_told_of_no_more, an_end_is_to_be_read,
    a_reset_is_to_be_read, urgent_data_is_told_as_such, of_many_only_the_active_are_told,
    a_reused_descriptor_never_speaks_for_the_old_key, the_servers_own_are_told_until_they_are_read,
    a_peer_is_told_again_as_its_mechanism_says, a_signal_ends_a_wait_without_an_error,
    an_endless_wait_ends_with_the_first_event,
}

/// Kills: keys of another place, an event for each descriptor, urgency or an end made up.
fn what_can_be_read_is_told_with_its_key<M: Mechanism>(make: fn() -> M) {
    for family in FAMILIES {
        let mut mechanism = make();
        let pairs = three(&mut mechanism, family);
        pairs[1].say(b"x");
        let told = await_told(&mut mechanism, |told| told.read(peer(1)));
        let ready = told.ready(peer(1));
        assert!(ready.read_only(), "nothing but to read: {told:?}");
        assert!(!ready.urgent() && !ready.hangup());
        assert!(blind::<M>() || told.keys() == [peer(1)], "{told:?}");
    }
}

/// Kills: a timeout rounded down to a busy zero, one in the wrong unit, an event made of silence,
/// a scan that waits.
fn silence_lasts_as_long_as_it_may<M: Mechanism>(make: fn() -> M) {
    let mut mechanism = make();
    let _pairs = three(&mut mechanism, unix);
    for timeout in [1_000, 300_000, 1_500_000, 20_000_000].map(Duration::from_nanos) {
        let begun = Instant::now();
        let told = look(&mut mechanism, timeout);
        assert!(blind::<M>() || begun.elapsed() >= timeout, "{:?}", begun.elapsed());
        assert!(begun.elapsed() < Duration::from_secs(5), "{timeout:?} became far longer");
        assert!(blind::<M>() || told.keys().is_empty(), "{told:?}");
    }
}

/// Kills: a wait that ends although nothing happened, a timeout where none was asked for.
fn an_endless_wait_ends_with_the_first_event<M: Mechanism>(make: fn() -> M) {
    for timeout in [None, Some(Duration::MAX)] {
        let mut mechanism = make();
        let pairs = three(&mut mechanism, unix);
        thread::scope(|scope| {
            scope.spawn(|| pairs[2].say(b"x"));
            while blind::<M>() && rustix::io::ioctl_fionread(&pairs[2].near) == Ok(0) {}
            let told = look_for(&mut mechanism, timeout).expect("a wait");
            assert!(told.read(peer(2)), "{told:?}");
        });
    }
}

/// Kills: room told to who only reads, room in a full socket, room not told again.
fn room_is_told_only_to_who_asks<M: Mechanism>(make: fn() -> M) {
    for family in FAMILIES {
        let (mut mechanism, pair, key) = (make(), family(), peer(0));
        mechanism.add(pair.near.as_fd(), key, Interest::READ).unwrap();
        assert!(!look(&mut mechanism, NOW).room(key));
        mechanism.change(pair.near.as_fd(), key, BOTH).unwrap();
        assert!(look(&mut mechanism, NOW).room(key));
        while send(&pair.near, &[0; 65536], SendFlags::NOSIGNAL).is_ok() {}
        mechanism.change(pair.near.as_fd(), key, WRITE).unwrap();
        let told = look(&mut mechanism, NOW);
        assert!(blind::<M>() || !told.room(key), "the socket is full: {told:?}");
        rustix::io::ioctl_fionbio(&pair.far, true).unwrap();
        let end = Instant::now() + LONG;
        while !look(&mut mechanism, NOW).room(key) || blind::<M>() {
            let count = rustix::io::read(&pair.far, &mut [0; 65536]);
            assert!(Instant::now() < end, "no room is told of");
            if blind::<M>() && count.is_err() {
                break;
            }
        }
        mechanism.change(pair.near.as_fd(), key, Interest::READ).unwrap();
        assert!(!look(&mut mechanism, NOW).room(key));
    }
}

/// Kills: a stalled peer's input told of all the same (a busy loop).
fn nothing_is_told_to_who_wants_nothing<M: Mechanism>(make: fn() -> M) {
    let (mut mechanism, pair) = (make(), unix());
    pair.say(b"x");
    mechanism.add(pair.near.as_fd(), peer(0), Interest::NONE).unwrap();
    assert_eq!(look(&mut mechanism, NOW).keys(), []);
    mechanism.change(pair.near.as_fd(), peer(0), Interest::READ).unwrap();
    assert!(look(&mut mechanism, NOW).read(peer(0)));
    mechanism.change(pair.near.as_fd(), peer(0), Interest::NONE).unwrap();
    assert_eq!(look(&mut mechanism, NOW).keys(), []);
}

/// Kills: a change that adds to the interest instead of replacing it, or is lost.
fn an_interest_is_changed<M: Mechanism>(make: fn() -> M) {
    let (mut mechanism, pair, key) = (make(), unix(), peer(0));
    pair.say(b"x");
    mechanism.add(pair.near.as_fd(), key, Interest::READ).unwrap();
    for (interest, read, room) in
        [(WRITE, false, true), (BOTH, true, true), (Interest::READ, true, false)]
    {
        mechanism.change(pair.near.as_fd(), key, interest).unwrap();
        let told = look(&mut mechanism, NOW);
        assert_eq!((told.read(key), told.room(key)), (read, room), "{interest}");
    }
}

/// Kills: a key that is kept from the first time.
fn a_key_is_changed<M: Mechanism>(make: fn() -> M) {
    let mut mechanism = make();
    let pairs = three(&mut mechanism, unix);
    mechanism.change(pairs[0].near.as_fd(), peer(9), Interest::READ).unwrap();
    pairs[0].say(b"x");
    let told = look(&mut mechanism, NOW);
    assert!(told.read(peer(9)) && !told.read(peer(0)), "{told:?}");
}

/// Kills: a removal that takes the wrong one along, a `swap_remove` whose moved entry is lost or
/// gets another's key, a descriptor that cannot come back.
fn who_was_removed_is_told_of_no_more<M: Mechanism>(make: fn() -> M) {
    for family in FAMILIES {
        for gone in 0..3 {
            let mut mechanism = make();
            let pairs = three(&mut mechanism, family);
            let fd = pairs[gone].near.as_fd();
            mechanism.remove(fd).unwrap();
            pairs[gone].say(b"x");
            let others: Vec<usize> = (0..3).filter(|other| *other != gone).collect();
            for (other, key) in others.iter().map(|other| (*other, peer(*other as u32))) {
                pairs[other].say(b"x");
                let told = await_told(&mut mechanism, |told| told.read(key));
                assert_eq!(told.keys().len(), if blind::<M>() { 2 } else { 1 }, "{told:?}");
                assert_eq!(pairs[other].read(), 1);
            }
            for other in others {
                mechanism.remove(pairs[other].near.as_fd()).unwrap();
            }
            assert_eq!(look(&mut mechanism, NOW).keys(), [], "nobody is watched");
            mechanism.add(fd, peer(7), Interest::READ).unwrap();
            assert_eq!(await_told(&mut mechanism, |told| told.read(peer(7))).keys(), [peer(7)]);
        }
    }
}

/// Kills: an end that is nothing to read, and, where bytes are told of once, one without the
/// hangup that makes the loop read on to it.
fn an_end_is_to_be_read<M: Mechanism>(make: fn() -> M) {
    for family in FAMILIES {
        for half in [true, false] {
            let mut mechanism = make();
            let [quiet, leaving, other] = three(&mut mechanism, family);
            leaving.say(b"last words");
            let Pair { near, far } = leaving;
            shutdown(&far, Shutdown::Write).unwrap();
            let _kept = half.then_some(far);
            let ended =
                |told: &Told| told.read(peer(1)) && (!M::EDGE || told.ready(peer(1)).hangup());
            let told = await_told(&mut mechanism, ended);
            assert!(blind::<M>() || !told.read(peer(0)), "{told:?}");
            drop((quiet, near, other));
        }
    }
}

/// Kills: an error that is neither read nor written.
fn a_reset_is_to_be_read<M: Mechanism>(make: fn() -> M) {
    for interest in [Interest::READ, BOTH] {
        let (mut mechanism, pair) = (make(), tcp());
        mechanism.add(pair.near.as_fd(), peer(0), interest).unwrap();
        sockopt::set_socket_linger(&pair.far, Some(Duration::ZERO)).unwrap();
        drop(pair.far);
        await_told(&mut mechanism, |told| told.read(peer(0)));
        let end = Instant::now() + LONG;
        while rustix::io::read(&pair.near, &mut [0; 9]) != Err(rustix::io::Errno::CONNRESET) {
            assert!(Instant::now() < end, "no reset came");
        }
    }
}

/// Kills: urgent data that is taken for ordinary, or is told of to no one.
fn urgent_data_is_told_as_such<M: Mechanism>(make: fn() -> M) {
    let mut mechanism = make();
    let pairs = three(&mut mechanism, tcp);
    assert_eq!(send(&pairs[0].far, b"!", SendFlags::OOB), Ok(1));
    let told = await_told(&mut mechanism, |told| {
        told.read(peer(0)) && (blind::<M>() || told.ready(peer(0)).urgent())
    });
    assert!(!told.ready(peer(1)).urgent());
    while rustix::io::read(&pairs[0].near, &mut [0; 9]) == Err(rustix::io::Errno::AGAIN) {}
    pairs[0].say(b"x");
    await_told(&mut mechanism, |told| told.read(peer(0)) && !told.ready(peer(0)).urgent());
}

/// Kills: a list that is scanned too short, a batch whose end is lost, keys and descriptors that
/// drift apart.
fn of_many_only_the_active_are_told<M: Mechanism>(make: fn() -> M) {
    static DESCRIPTORS: Mutex<()> = Mutex::new(());
    let _alone = DESCRIPTORS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut mechanism = make();
    let pairs: Vec<Pair> = (0..300).map(|_| unix()).collect();
    for (index, pair) in (0..).zip(&pairs) {
        mechanism.add(pair.near.as_fd(), peer(index), Interest::READ).unwrap();
    }
    for step in [100, 7, 1] {
        let active: Vec<Key> = (0..300).step_by(step).map(peer).collect();
        pairs.iter().step_by(step).for_each(|pair| pair.say(b"x"));
        let told = look(&mut mechanism, NOW);
        match blind::<M>() {
            true => assert_eq!(told.keys().len(), 300),
            false => assert_eq!(told.keys(), active),
        }
        pairs.iter().step_by(step).for_each(|pair| assert_eq!(pair.read(), 1));
    }
}

/// Kills: whatever a mechanism remembers of a descriptor after its removal: its key, its interest,
/// that it fired.
fn a_reused_descriptor_never_speaks_for_the_old_key<M: Mechanism>(make: fn() -> M) {
    for fired in [true, false] {
        let (mut mechanism, mut old, new) = (make(), unix(), unix());
        mechanism.add(old.near.as_fd(), peer(0), BOTH).unwrap();
        old.say(b"x");
        assert!(!fired || look(&mut mechanism, NOW).read(peer(0)));
        mechanism.remove(old.near.as_fd()).unwrap();
        // Closes the old socket and gives its number to the new one.
        rustix::io::dup2(&new.near, &mut old.near).unwrap();
        mechanism.add(old.near.as_fd(), Key::peer(0, 4), Interest::READ).unwrap();
        let told = look(&mut mechanism, NOW);
        assert!(blind::<M>() || told.keys().is_empty(), "{told:?}");
        new.say(b"x");
        assert_eq!(look(&mut mechanism, NOW).keys(), [Key::peer(0, 4)]);
    }
}

/// Kills: an edge-triggered stop or listener, which is not drained each time; a stop that is told
/// of before it is raised.
fn the_servers_own_are_told_until_they_are_read<M: Mechanism>(make: fn() -> M) {
    let own = [Key::STOP, Key::CUT, Key::LETTERS, Key::LEFT, Key::OWN_LEFT, Key::listener(0)];
    // Only who is told of newcomers alone is told of those that were left to others.
    for key in own.into_iter().chain(M::EXCLUSIVE.then_some(Key::passed_on(0))) {
        let (mut mechanism, pair) = (make(), unix());
        mechanism.add(pair.near.as_fd(), key, Interest::READ).unwrap();
        let silent = look(&mut mechanism, NOW);
        let tried = blind::<M>() && key == Key::listener(0);
        assert!(tried || silent.keys().is_empty(), "{silent:?}");
        pair.say(b"x");
        for _ in 0..3 {
            assert!(look(&mut mechanism, NOW).read(key), "{key:?}");
        }
        mechanism.remove(pair.near.as_fd()).unwrap();
        assert_eq!(look(&mut mechanism, NOW).keys(), []);
    }
}

/// Kills: a mechanism that forgets who was told of once, an edge that is told of twice or not
/// after a change.
fn a_peer_is_told_again_as_its_mechanism_says<M: Mechanism>(make: fn() -> M) {
    let (mut mechanism, pair, key) = (make(), unix(), peer(0));
    mechanism.add(pair.near.as_fd(), key, Interest::READ).unwrap();
    pair.say(b"x");
    assert!(look(&mut mechanism, NOW).read(key));
    for _ in 0..3 {
        assert_eq!(look(&mut mechanism, NOW).read(key), !M::EDGE);
    }
    pair.say(b"y");
    assert!(look(&mut mechanism, NOW).read(key), "new data is a change");
    mechanism.change(pair.near.as_fd(), key, Interest::READ).unwrap();
    assert!(look(&mut mechanism, NOW).read(key), "so is a change of interest");
    assert_eq!(pair.read(), 2);
    let told = look(&mut mechanism, NOW);
    assert!(blind::<M>() || told.keys().is_empty(), "all was read: {told:?}");
}

unsafe extern "C" {
    fn pthread_kill(thread: std::os::unix::thread::RawPthread, signal: i32) -> i32;
}

/// Kills: `EINTR` that ends the loop, and a wait that goes on as if nothing had come. (The crate
/// `polling` goes on by itself; the stop is a descriptor, so that nobody needs the early return.)
fn a_signal_ends_a_wait_without_an_error<M: Mechanism + 'static>(make: fn() -> M) {
    let signal = signal_hook::consts::SIGUSR1;
    signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false))).unwrap();
    let timeout = if M::CALL == "poller" { LONG / 50 } else { LONG };
    let begun = Instant::now();
    let waiter = thread::spawn(move || {
        let mut mechanism = make();
        let _pairs = three(&mut mechanism, unix);
        look_for(&mut mechanism, Some(timeout)).map(|told| blind::<M>() || told.keys().is_empty())
    });
    while !waiter.is_finished() {
        // SAFETY: the thread has not been joined, so that its handle is valid.
        assert_eq!(unsafe { pthread_kill(waiter.as_pthread_t(), signal) }, 0);
        thread::sleep(Duration::from_millis(1));
    }
    assert!(waiter.join().unwrap().expect("no error"), "nothing was told");
    assert!(begun.elapsed() < LONG, "the signal did not end the wait");
}
