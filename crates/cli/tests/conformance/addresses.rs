//! Where a server can be reached: IPv6, both families at once, several addresses, a Unix socket.

use std::process::Stdio;

use switchboard::testing::Client;

use crate::client::expect_service;
use crate::ground::{Case, Ground, case, expect_counts};

pub(crate) const CASES: &[Case] = &[
    case!(serves_on_ipv6),
    case!(serves_on_all_addresses_of_both_families),
    case!(serves_on_several_addresses),
    case!(serves_on_a_unix_socket),
];

/// Kills: an address family that is taken for granted.
fn serves_on_ipv6(ground: &Ground) {
    let server = ground.prepare_probe(&[]).listen("[::1]:0").start();
    assert!(server.address().starts_with("[::1]:"), "{}", server.address());
    let mut peer = server.connect();
    expect_service(&mut peer);
    peer.end().expect_end();
    expect_counts(&server.stop(), &[("accepted", 1)]);
}

/// Kills: `:PORT` that means one family; an IPv4 peer that is shown as IPv6.
fn serves_on_all_addresses_of_both_families(ground: &Ground) {
    let program = ground.prepare_probe(&["--console"]).listen(":0").stdin(Stdio::piped());
    let server = program.start();
    let (_, port) = server.address().rsplit_once(':').expect("a port");
    for (number, host) in [(1, "127.0.0.1"), (2, "[::1]")] {
        let mut peer = server.connect_to(&format!("{host}:{port}"));
        expect_service(&mut peer);
        server.say("peers");
        server.until_stderr(&format!("\n{number} {host}:"));
        peer.end().expect_end();
    }
    expect_counts(&server.stop(), &[("accepted", 2)]);
}

/// Kills: all listeners but the first are forgotten.
fn serves_on_several_addresses(ground: &Ground) {
    let program = ground.prepare_probe(&[]).listen("127.0.0.1:0").listen("[::1]:0");
    let server = program.listen("127.0.0.2:0").start();
    let addresses: Vec<&str> = server.addresses().collect();
    let [first, second, third] = addresses[..] else { panic!("{addresses:?}") };
    assert!(second.starts_with("[::1]:") && third.starts_with("127.0.0.2:"), "{addresses:?}");
    for address in [third, second, first] {
        let mut peer = server.connect_to(address);
        expect_service(&mut peer);
        peer.end().expect_end();
    }
    expect_counts(&server.stop(), &[("accepted", 3)]);
}

/// Kills: a socket that stays in the file system; a Unix peer without a name.
fn serves_on_a_unix_socket(ground: &Ground) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("socket");
    let address = format!("unix:{}", path.display());
    let server = ground.prepare_probe(&["-v"]).listen(&address).start();
    assert_eq!(server.address(), address);
    let mut peer = server.connect();
    expect_service(&mut peer);
    peer.send("echo by half").end().expect("by half\n").expect_end();
    drop(peer);
    server.until_stderr(&format!("opened 1 unix:uid={},", rustix::process::getuid().as_raw()));
    server.until_stderr(&format!(",pid={}\n", std::process::id()));
    assert!(Client::connect(&address).is_ok());
    expect_counts(&server.stop(), &[("accepted", 2)]);
    assert!(!path.exists(), "the socket stays behind");
}
