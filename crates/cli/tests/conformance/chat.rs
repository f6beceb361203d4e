//! The chat: people read the same words whatever runs it, also those who are served by different
//! processes.

use switchboard::testing::{Client, Running};

use crate::client::connect_with_small_buffers;
use crate::ground::{Case, Ground, case, expect_counts, unless_event};

pub(crate) const CASES: &[Case] = &[
    case!(chats_in_the_same_words, unless_several_chat),
    case!(closes_who_reads_a_chat_too_slowly, unless_several_chat),
    case!(keeps_a_chat_whole_when_a_member_is_reset_in_mid_delivery, unless_three_chat),
];

fn unless_several_chat(ground: &Ground) -> Option<&'static str> {
    let alone = (!ground.serves_several()).then_some("nobody can talk to another");
    unless_event(ground).or(alone)
}

fn unless_three_chat(ground: &Ground) -> Option<&'static str> {
    let two =
        (ground.at_most(3) < 3).then_some("there is nobody besides who talks and who is reset");
    unless_several_chat(ground).or(two)
}

const WELCOME: &str = "Welcome to the chat. What is your name?\n";
const HOW_TO: &str = "-- Type to talk; /help shows what else you can do.\n";

/// Somebody who has a name by now.
fn come(server: &Running, name: &str) -> Client {
    let mut peer = server.connect();
    peer.expect(WELCOME).send(format!("{name}\n")).expect(format!("-- Hello, {name}!\n"));
    peer
}

/// Kills: a publication that reaches its own process only, or its publisher; two of one name; lines
/// in another order than they were said in; members that are known in one process only; an answer
/// that what is said after it overtakes.
fn chats_in_the_same_words(ground: &Ground) {
    let server = ground.prepare("chat").args(["--rate", "0"]).start();
    let mut ann = come(&server, "ann");
    ann.expect("-- You are in the lobby, alone so far.\n").expect(HOW_TO);
    ann.send("first\n/me waits\n/who\n").expect("-- In the lobby: ann (you).\n");
    let mut bob = server.connect();
    bob.expect(WELCOME).send("ANN\n").expect("-- ANN is here already.\n");
    bob.expect("-- What else can we call you?\n").send("b\x1bo\x07b\r\n");
    bob.expect("-- Hello, bob!\n-- Said in the lobby lately:\n<ann> first\n* ann waits\n");
    bob.expect("-- You are in the lobby, with ann.\n").expect(HOW_TO);
    ann.expect("--> bob has joined\n");

    bob.send(vec![b'x'; 1 << 20]).send("\n");
    bob.expect("-- That line was longer than 1000 bytes, so nobody has got it.\n");
    bob.send(b"caf\xe9\n").expect("-- That line is not UTF-8, so nobody has got it.\n");
    bob.send("hi\n/me waves\n/msg Ann psst\n\x1b[2Jhi \t\nwho").expect("[you to ann] psst\n");
    bob.send("?\n");
    ann.expect("<bob> hi\n* bob waves\n[bob to you] psst\n<bob> [2Jhi\n<bob> who?\n");

    bob.send("/join kitchen\n").expect("-- You are in kitchen, alone so far.\n");
    ann.expect("<-- bob has gone to kitchen\n").send("/rooms\n/who kitchen\n");
    ann.expect("-- Rooms, and how many people are there:\n--   kitchen  1\n");
    ann.expect("--   lobby    1  you are here\n-- In kitchen: bob.\n");
    bob.send("/nick robert\n").expect("-- You are called robert now.\n");
    bob.send("/leave\n").expect("-- Said in the lobby lately:\n<ann> first\n* ann waits\n");
    bob.expect("<bob> hi\n* bob waves\n<bob> [2Jhi\n<bob> who?\n");
    bob.expect("-- You are in the lobby, with ann.\n");
    ann.expect("--> robert has joined\n").send("/nick anna\n");
    ann.expect("-- You are called anna now.\n");
    bob.expect("-- ann is now called anna\n").send("/nick ann\n/nick robert\n");
    bob.expect("-- You are called ann now.\n-- You are called robert now.\n");
    ann.expect("-- robert is now called ann\n-- ann is now called robert\n");

    ann.reset();
    bob.expect("<-- anna has lost the connection\n");
    bob.send("/msg anna x\n").expect("-- Nobody here is called anna. /who shows who is.\n");
    let mut carl = come(&server, "carl");
    carl.send("/quit so long\n");
    bob.expect("--> carl has joined\n<-- carl has left: so long\n");
    drop(carl);
    let stopped = server.stop();
    bob.expect("-- The server is closing. Goodbye!\n").expect_end();
    expect_counts(&stopped, &[("accepted", 3), ("failed", 1)]);
}

/// Kills: a room that waits for its slowest member, one that is kept for ever, one that goes without
/// a word.
fn closes_who_reads_a_chat_too_slowly(ground: &Ground) {
    let arguments = ["--rate", "0", "--line-max", "8192", "--send-buffer", "4096"];
    let server = ground.prepare("chat").args(arguments).start();
    let mut slow = connect_with_small_buffers(&server);
    slow.expect(WELCOME).send("slow\n").expect("-- Hello, slow!\n");
    slow.expect("-- You are in the lobby, alone so far.\n");
    let mut ann = come(&server, "ann");
    ann.expect("-- You are in the lobby, with slow.\n").expect(HOW_TO);
    let line = "x".repeat(8000);
    for _ in 0..80 {
        ann.send(format!("{line}\n"));
    }
    ann.expect("<-- slow read too slowly and was closed\n");
    ann.send("/who\n").expect("-- In the lobby: ann (you).\n");
    slow.expect_closed();
    drop((ann, slow));
    expect_counts(&server.stop(), &[("accepted", 2), ("failed", 1)]);
}

/// Kills: a delivery that ends for all with the first member that cannot be written to; what is left of
/// a line that goes to somebody else; a member that has gone and is written to for ever.
fn keeps_a_chat_whole_when_a_member_is_reset_in_mid_delivery(ground: &Ground) {
    let arguments = ["--rate", "0", "--line-max", "8192", "--send-buffer", "4096"];
    let server = ground.prepare("chat").args(arguments).start();
    let mut ann = come(&server, "ann");
    ann.expect("-- You are in the lobby, alone so far.\n").expect(HOW_TO);
    let mut resets = connect_with_small_buffers(&server);
    resets.expect(WELCOME).send("resets\n").expect("-- Hello, resets!\n");
    resets.expect("-- You are in the lobby, with ann.\n").expect(HOW_TO);
    let mut carl = come(&server, "carl");
    carl.expect("-- You are in the lobby, with ann and resets.\n").expect(HOW_TO);
    resets.expect("--> carl has joined\n");
    ann.expect("--> resets has joined\n--> carl has joined\n");
    let line = "x".repeat(8000);
    // More than goes into the sockets, and less than is kept: the rest of it waits to be sent.
    for _ in 0..10 {
        ann.send(format!("{line}\n"));
    }
    for _ in 0..10 {
        carl.expect(format!("<ann> {line}\n"));
    }
    resets.expect("<ann> xx");
    resets.reset();
    ann.expect("<-- resets has lost the connection\n");
    carl.expect("<-- resets has lost the connection\n");
    for number in 0..10 {
        ann.send(format!("{number} {line}\n"));
    }
    for number in 0..10 {
        carl.expect(format!("<ann> {number} {line}\n"));
    }
    carl.send("/who\n").expect("-- In the lobby: ann, carl (you).\n");
    drop(ann);
    carl.expect("<-- ann has left\n");
    drop(carl);
    expect_counts(&server.stop(), &[("accepted", 3), ("failed", 1)]);
}
