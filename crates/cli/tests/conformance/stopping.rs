//! SIGTERM: who is between requests is let go at once, what was begun is finished, whoever waits in
//! the backlog is still served.

use std::time::{Duration, Instant};

use switchboard::testing::{Client, Running, until};

use crate::client::{big, connect_with_small_buffers, expect_service};
use crate::ground::{Case, Ground, case, expect_counts};
use crate::sockets::{listens, until_read};

pub(crate) const CASES: &[Case] = &[
    case!(stops_at_once_when_all_are_idle),
    case!(stops_at_once_when_nobody_ever_came),
    case!(finishes_a_request_under_way),
    case!(awaits_the_rest_of_a_request),
    case!(sends_a_reply_to_its_end_before_it_stops),
    case!(tells_services_that_it_drains),
    case!(serves_whoever_waits_in_the_backlog),
    case!(closes_its_port_however_busy_it_is),
];

/// What an idle drain may take. The promise is 100 ms; a busy machine gets more.
const AT_ONCE: Duration = Duration::from_secs(1);

/// Waits until the server has taken notice of its SIGTERM: it closes its listener, after taking the
/// backlog in.
#[track_caller]
pub(crate) fn until_it_drains(server: &Running) {
    let address = server.address().parse().expect("an IPv4 address");
    until("the drain to begin", || !listens(address));
}

/// Kills: a drain that waits for its deadline although nobody is left to wait for; idle peers that
/// are cut off, or counted as such.
fn stops_at_once_when_all_are_idle(ground: &Ground) {
    let server = ground.probe(&[]);
    let count = ground.at_most(5);
    let mut peers: Vec<Client> = (0..count).map(|_| server.connect()).collect();
    peers.iter_mut().for_each(expect_service);
    let begun = Instant::now();
    let stopped = server.stop();
    assert!(begun.elapsed() < AT_ONCE, "it took {:?}", begun.elapsed());
    peers.iter_mut().for_each(Client::expect_end);
    expect_counts(&stopped, &[("accepted", count as u64)]);
    assert_eq!(stopped.in_order(), count as u64);
    assert_eq!(stopped.stderr, "");
}

/// Kills: a stop that is noticed only when a peer comes.
fn stops_at_once_when_nobody_ever_came(ground: &Ground) {
    let server = ground.probe(&[]);
    let begun = Instant::now();
    let stopped = server.stop();
    assert!(begun.elapsed() < AT_ONCE, "it took {:?}", begun.elapsed());
    expect_counts(&stopped, &[("accepted", 0)]);
    assert_eq!((stopped.get("received"), stopped.get("sent")), (0, 0));
}

/// Kills: a drain that closes everybody; a drain that forgets a session's deadline; requests behind
/// the one under way that are lost.
fn finishes_a_request_under_way(ground: &Ground) {
    let server = ground.probe(&[]);
    let mut peer = server.connect();
    peer.send("sleep 300\necho behind it\n");
    until_read(&peer);
    server.terminate();
    until_it_drains(&server);
    assert_eq!(peer.unexpected(), b"");
    peer.expect("slept\nbehind it\n").expect_end();
    expect_counts(&server.wait(), &[("accepted", 1)]);
}

/// Kills: half a request that is taken for none.
fn awaits_the_rest_of_a_request(ground: &Ground) {
    let server = ground.probe(&[]);
    let mut peer = server.connect();
    expect_service(&mut peer);
    peer.send("echo first ha");
    until_read(&peer);
    server.terminate();
    until_it_drains(&server);
    peer.send("lf\n").expect("first half\n").expect_end();
    expect_counts(&server.wait(), &[("accepted", 1)]);
}

/// Kills: a peer with unsent output that is taken for idle.
fn sends_a_reply_to_its_end_before_it_stops(ground: &Ground) {
    let server = ground.probe(&["--send-buffer", "4096"]);
    let mut peer = connect_with_small_buffers(&server);
    peer.send("big 1000000\n").expect("0123456789");
    server.terminate();
    until_it_drains(&server);
    peer.expect(&big(1_000_000)[10..]).expect_end();
    expect_counts(&server.wait(), &[("accepted", 1)]);
}

/// Kills: `draining` that is told to nobody, or only to those who were idle.
fn tells_services_that_it_drains(ground: &Ground) {
    let server = ground.probe(&[]);
    let mut peer = server.connect();
    peer.send("draining\n").expect("false\n");
    peer.send("sleep 300\ndraining\n");
    until_read(&peer);
    server.terminate();
    peer.expect("slept\ntrue\n").expect_end();
    expect_counts(&server.wait(), &[("accepted", 1)]);
}

/// Kills: closing the listener first, which resets everybody in its backlog.
fn serves_whoever_waits_in_the_backlog(ground: &Ground) {
    let server = ground.probe(&[]);
    let mut busy = server.connect();
    // It computes: one loop, or one thread, has no time for others.
    busy.send("spin 300\n");
    until_read(&busy);
    // More than a loop accepts at a time, before it looks at the stop.
    let mut waiting: Vec<Client> = (0..150).map(|_| server.connect()).collect();
    for (number, peer) in waiting.iter_mut().enumerate() {
        peer.send(format!("echo {number}\n"));
    }
    server.terminate();
    busy.expect("spun\n").expect_end();
    for (number, peer) in waiting.iter_mut().enumerate() {
        peer.expect(format!("{number}\n")).expect_end();
    }
    expect_counts(&server.wait(), &[("accepted", 151)]);
}

/// Kills: a port that stays open until one of the threads that accept is done with its peer: whoever
/// comes meanwhile waits in a backlog out of which nobody is taken in time.
fn closes_its_port_however_busy_it_is(ground: &Ground) {
    let server = ground.probe(&[]);
    // As many as there can be threads that accept, and one who finds them all busy.
    let mut busy: Vec<Client> = (0..ground.at_most(40)).map(|_| server.connect()).collect();
    for peer in &mut busy {
        peer.send("echo begun\necho the ").expect("begun\n");
        until_read(peer);
    }
    let mut waiting = server.connect();
    waiting.send("echo waited\n");
    server.terminate();
    until_it_drains(&server);
    assert!(Client::connect(server.address()).is_err(), "somebody listens");
    busy.iter_mut().for_each(|peer| peer.send("rest\n").expect("the rest\n").expect_end());
    waiting.expect("waited\n").expect_end();
    expect_counts(&server.wait(), &[("accepted", busy.len() as u64 + 1)]);
}
