//! Thousands of peers that say one thing and leave.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::thread;
use std::time::Instant;

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with, sockopt};
use switchboard::testing::Client;

use crate::{expect_counts, probe};

const PEERS: usize = 5_000;
const THREADS: usize = 4;

/// Kills: a child that is waited for before it has counted; a peer that is accepted and forgotten
/// while children end; a number of a dead child's row that is lost.
#[test]
fn every_one_of_5000_short_peers_is_counted() {
    weather("process");
}

/// As above, a hundred times, which takes some minutes:
/// `cargo test -p switchboard-cli --test supervision -- --ignored --nocapture storm`.
#[test]
#[ignore = "takes minutes"]
fn every_one_of_5000_short_peers_is_counted_a_hundred_times() {
    let begun = Instant::now();
    for round in 1..=100 {
        weather("process");
        if round % 10 == 0 {
            eprintln!("{round} rounds of {PEERS} peers in {:.0?}", begun.elapsed());
        }
    }
}

fn weather(model: &str) {
    let server = probe(model).start();
    let address: SocketAddr = server.address().parse().unwrap();
    thread::scope(|scope| {
        for number in 0..THREADS {
            scope
                .spawn(move || (number..PEERS).step_by(THREADS).for_each(|one| come(address, one)));
        }
    });
    expect_counts(&server.stop(), PEERS, 0);
}

/// One peer, from an address that it shares with few: a port is not used again while its last
/// connection is remembered (TIME_WAIT).
fn come(address: SocketAddr, number: usize) {
    let flags = SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None).unwrap();
    let source = Ipv4Addr::new(127, 1, (number % 250) as u8, 1 + (number / 250 % 250) as u8);
    sockopt::set_socket_reuseaddr(&socket, true).unwrap();
    bind(&socket, &SocketAddrV4::new(source, 0)).unwrap();
    connect(&socket, &address).unwrap();
    let mut peer = Client::new(socket).unwrap();
    peer.send("echo a\n").expect("a\n");
    if number.is_multiple_of(2) {
        peer.end().expect_end();
    }
}
