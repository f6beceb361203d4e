//! What only one mechanism has.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use rustix::net::{Shutdown, shutdown};

use super::looking::{look, peer, unix};
use super::nap;
use super::{Epoll, Interest, Key, Mechanism, NOW, Poll, Select};
use crate::testing::Client;
use crate::{Context, Flow, Model, Server, Session};

/// Kills: `FD_SET` beyond the set (memory corruption in C, a panic here), a refusal of the last
/// number that fits, a refusal that breaks those who are watched.
#[test]
fn select_refuses_what_is_beyond_its_sets_and_works_on() {
    let pair = unix();
    let above = pair.near.as_raw_fd() + 1;
    let beyond = rustix::io::fcntl_dupfd_cloexec(&pair.near, above).unwrap();
    let size = u64::try_from(beyond.as_raw_fd()).unwrap();
    assert!(Select::new(size + 1).add(beyond.as_fd(), peer(1), Interest::READ).is_ok());
    let mut mechanism = Select::new(size);
    mechanism.add(pair.near.as_fd(), peer(0), Interest::READ).unwrap();
    let error = mechanism.add(beyond.as_fd(), peer(1), Interest::READ).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::QuotaExceeded);
    assert!(error.to_string().contains(&format!("below {size} only")), "{error}");
    pair.say(b"x");
    assert_eq!(look(&mut mechanism, NOW).keys(), [peer(0)]);
}

/// Kills: a refusal by epoll that the loop could not tell from a failure (`operating`).
#[test]
fn epoll_says_that_a_file_cannot_be_watched() {
    let file = tempfile::tempfile().unwrap();
    let refused = |result: io::Result<()>| result.unwrap_err().kind();
    let denied = io::ErrorKind::PermissionDenied;
    let mut level = Epoll::<false>::new().unwrap();
    assert_eq!(refused(level.add(file.as_fd(), Key::LETTERS, Interest::READ)), denied);
    let mut edge = Epoll::<true>::new().unwrap();
    assert_eq!(refused(edge.add(file.as_fd(), Key::LETTERS, Interest::READ)), denied);
    let pair = unix();
    level.add(pair.near.as_fd(), peer(0), Interest::READ).unwrap();
    pair.say(b"x");
    assert_eq!(look(&mut level, NOW).keys(), [peer(0)]);
}

/// Kills: an interest in the end (`EPOLLRDHUP`) that a level-triggered loop would be told of for
/// ever while it does not read.
#[test]
fn a_level_triggered_stall_is_not_woken_by_a_half_close() {
    let (mut mechanism, pair) = (Epoll::<false>::new().unwrap(), unix());
    mechanism.add(pair.near.as_fd(), peer(0), Interest::NONE).unwrap();
    shutdown(&pair.far, Shutdown::Write).unwrap();
    assert_eq!(look(&mut mechanism, NOW).keys(), []);
}

/// Kills: a listing that gives poll(2) a moved descriptor under another's key.
#[test]
fn what_is_not_watched_can_neither_be_changed_nor_removed() {
    let (mut mechanism, pair) = (Poll::default(), unix());
    let not_found = |result: io::Result<()>| result.unwrap_err().kind() == io::ErrorKind::NotFound;
    assert!(not_found(mechanism.change(pair.near.as_fd(), peer(0), Interest::READ)));
    assert!(not_found(mechanism.remove(pair.near.as_fd())));
}

/// What examples/adding_a_model.md promises of a mechanism that keeps the contract: with its `Kind`
/// it is a whole model, of which the crate need not know the name. Kills: a loop that asks the list
/// of models what it is.
#[test]
fn a_mechanism_with_its_kind_is_a_model() {
    struct Echo;
    impl Session for Echo {
        fn received(&mut self, peer: &mut Context<'_>) -> Flow {
            peer.output.write(peer.input.take_all());
            Flow::Continue
        }
    }
    let model = Model::from(&nap::MODEL);
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let server = Server::sessions("echo", |_| Echo).model(model).listen(address);
    let server = server.spawn().unwrap();
    let connect = || Client::connect(&server.address().to_string()).unwrap();
    let mut peers = [connect(), connect(), connect()];
    for peer in &mut peers {
        peer.send("hello").expect("hello");
    }
    peers[0].end().expect_end();
    server.stop();
    peers[1].expect_end();
    let stats = server.join().unwrap();
    assert_eq!((stats.accepted, stats.failed, stats.received), (3, 0, 15));
}
