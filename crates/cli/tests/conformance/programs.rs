//! The two programs of the README, which are made with `Server::main`.

use switchboard::testing::program;

use crate::examples::examples;
use crate::ground::{Case, Ground, case, expect_counts};

pub(crate) const CASES: &[Case] = &[case!(runs_the_program_of_the_readme)];

/// Kills: a flag, a signal or a line that `switchboard serve` has and a user's program has not.
fn runs_the_program_of_the_readme(ground: &Ground) {
    let name = if ground.is_event() { "shout_sessions" } else { "shout_handler" };
    let server = program(examples().join(name)).arg("-v").model(&ground.model).start();
    let shown = ground.model.to_string();
    assert_eq!((server.service(), server.model()), ("shout", &*shown));
    let mut peer = server.connect();
    if !ground.is_event() {
        let line = peer.line();
        assert!(line.starts_with("hello 127.0.0.1:"), "{line}");
    }
    peer.send("one\r\ntw").send("o\nthree").end().expect("ONE\nTWO\nTHREE\n").expect_end();
    drop(peer);
    server.until_stderr("closed 1 127.0.0.1:");
    if !ground.is_event() {
        let mut peer = server.connect();
        peer.line();
        peer.send("exit\nunread\n").expect_end();
    }
    let accepted = 2 - u64::from(ground.is_event());
    expect_counts(&server.stop(), &[("accepted", accepted)]);
}
