//! The operator's console: words from a pipe, from a file, from nothing.

use std::fs::{self, File};
use std::io::Read;
use std::process::Stdio;

use switchboard::testing::{Client, until};

use crate::client::{expect_service, expect_service_to_a_new_peer};
use crate::ground::{Case, Ground, case, expect_counts};
use crate::process::expect_rest;
use crate::sockets::until_read;

pub(crate) const CASES: &[Case] = &[
    case!(answers_the_words_of_its_operator),
    case!(pauses_and_resumes),
    case!(reads_its_words_from_a_file),
    case!(goes_on_without_an_operator),
    case!(leaves_its_input_alone_without_a_console),
];

/// Kills: a word that does nothing; an answer without the peer that asked; `quit` that cuts off.
fn answers_the_words_of_its_operator(ground: &Ground) {
    let server = ground.prepare_probe(&["--console"]).stdin(Stdio::piped()).start();
    server.until_stderr("console: stats peers pause resume quit");
    server.say("stats");
    server.until_stderr("\npeers=0 accepted=0 ");
    let mut peer = server.connect();
    expect_service(&mut peer);
    // A peer may have its answer before its server has counted it.
    until("the peer to be shown", || {
        server.say("peers");
        server.stderr().contains(" received=19 sent=14\n1 peer\n")
    });
    assert!(server.stderr().contains("\n1 127.0.0.1:"), "{}", server.stderr());
    server.say("stats\n");
    server.until_stderr("\npeers=1 accepted=1 ");
    server.say("stast");
    server.until_stderr("no word \"stast\"");
    peer.send("sleep 200\n");
    until_read(&peer);
    server.say("quit");
    peer.expect("slept\n").expect_end();
    expect_counts(&server.wait(), &[("accepted", 1)]);
}

/// Kills: `pause` that closes the listener, or ends those who are there; `resume` that forgets whom
/// it kept waiting.
fn pauses_and_resumes(ground: &Ground) {
    let server = ground.prepare_probe(&["--console"]).stdin(Stdio::piped()).start();
    expect_service_to_a_new_peer(&server);
    let mut present = ground.serves_several().then(|| server.connect());
    present.iter_mut().for_each(expect_service);
    server.say("pause\nstats");
    server.until_stderr("\npeers=");
    // A thread that accepts may be a moment behind the one that reads the words.
    let mut held = Vec::new();
    until("nobody to be let in", || {
        let mut peer = server.connect();
        peer.send("echo held\n");
        server.say("stats");
        present.iter_mut().for_each(expect_service);
        std::thread::sleep(std::time::Duration::from_millis(50));
        let waits = peer.unexpected().is_empty();
        held.push(peer);
        waits
    });
    let mut last: Client = held.pop().expect("it waits");
    drop(held);
    present.iter_mut().for_each(expect_service);
    assert_eq!(last.unexpected(), b"");
    server.say("resume");
    last.expect("held\n").end().expect_end();
    drop((last, present));
    let stopped = server.stop();
    expect_counts(&stopped, &[]);
}

/// Kills: epoll's refusal of files (EPERM) that ends the server; a file's end that is taken for
/// `quit`; an end of input that is read for ever.
fn reads_its_words_from_a_file(ground: &Ground) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("words");
    fs::write(&path, "peers\nstats").expect("a file");
    let words = File::open(&path).expect("the same file");
    let server = ground.prepare_probe(&["--console"]).stdin(words).start();
    server.until_stderr("\n0 peers\n");
    server.until_stderr("\npeers=0 accepted=0 ");
    if !ground.spins() {
        expect_rest(&server);
    }
    expect_service_to_a_new_peer(&server);
    expect_counts(&server.stop(), &[("accepted", 1)]);
}

/// Kills: the end of input that stops the server, or is told again and again.
fn goes_on_without_an_operator(ground: &Ground) {
    for input in [Stdio::null(), Stdio::piped()] {
        let server = ground.prepare_probe(&["--console"]).stdin(input).start();
        server.say_no_more();
        server.until_stderr("console: ");
        if !ground.spins() {
            expect_rest(&server);
        }
        expect_service_to_a_new_peer(&server);
        expect_counts(&server.stop(), &[("accepted", 1)]);
    }
}

/// Kills: reading standard input that belongs to somebody else.
fn leaves_its_input_alone_without_a_console(ground: &Ground) {
    let (mut reader, writer) = std::io::pipe().expect("a pipe");
    let server = ground.prepare_probe(&[]).stdin(reader.try_clone().expect("its end")).start();
    std::io::Write::write_all(&mut &writer, b"quit\n").expect("room in a pipe");
    expect_service_to_a_new_peer(&server);
    expect_counts(&server.stop(), &[("accepted", 1)]);
    drop(writer);
    let mut left = String::new();
    reader.read_to_string(&mut left).expect("what nobody took");
    assert_eq!(left, "quit\n");
}
