//! The operator's words, to a server of several processes.

use std::process::Stdio;

use rustix::process::Signal;
use switchboard::testing::{Client, Running, until};

use crate::system::{owners, processes, signal, stop};
use crate::{expect_counts, expect_service, probe};

pub(crate) fn attended(model: &str) -> Running {
    probe(model).arg("--console").stdin(Stdio::piped()).start()
}

/// What the server answers to a word: the lines that came after those that were there.
#[track_caller]
pub(crate) fn ask(server: &Running, word: &str, last: &str) -> Vec<String> {
    let before = server.stderr().len();
    server.say(word);
    let mut answer = String::new();
    until(last, || {
        answer = server.stderr()[before..].to_owned();
        answer.lines().any(|line| line.contains(last))
    });
    answer.lines().map(str::to_owned).collect()
}

/// The value of a field in the answer to `stats`.
#[track_caller]
pub(crate) fn field(server: &Running, name: &str) -> String {
    let lines = ask(server, "stats", "accepted=");
    let words = lines[0].split(' ').find_map(|word| word.strip_prefix(&format!("{name}=")));
    words.unwrap_or_else(|| panic!("no {name} in {lines:?}")).to_owned()
}

/// Peers until both of the server's processes have some.
fn peers_of_both(server: &Running) -> Vec<Client> {
    let mut peers: Vec<Client> = Vec::new();
    until("both processes to have peers", || {
        let mut peer = server.connect();
        expect_service(&mut peer);
        peers.push(peer);
        let owners = owners(server, &peers);
        owners.iter().any(|owner| *owner != owners[0])
    });
    peers
}

/// Kills: a list of the supervisor's own peers, who are none; an answer of one process only; two
/// peers with one identity; numbers of a moment ago.
#[test]
fn peers_and_stats_are_those_of_all_processes() {
    let server = attended("epoll:processes=2,threads=2");
    let peers = peers_of_both(&server);
    let count = peers.len();
    let lines = ask(&server, "peers", if count == 1 { " peer" } else { " peers" });
    let (last, listed) = lines.split_last().unwrap();
    assert_eq!((last, listed.len()), (&format!("{count} peers"), count), "{lines:?}");
    let mut ids: Vec<usize> =
        listed.iter().map(|line| line.split(' ').next().unwrap().parse().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids, (1..=count).collect::<Vec<_>>(), "{lines:?}");
    assert!(listed.iter().all(|line| line.ends_with(" received=19 sent=14")), "{lines:?}");

    assert_eq!(field(&server, "peers"), count.to_string());
    assert_eq!(field(&server, "accepted"), count.to_string());
    assert_eq!(field(&server, "received"), (19 * count).to_string());
    assert_eq!(field(&server, "sent"), (14 * count).to_string());
    let spread = field(&server, "spread");
    let shares: Vec<usize> = spread.split('/').map(|share| share.parse().unwrap()).collect();
    assert_eq!((shares.len(), shares.iter().sum()), (4, count), "{spread}");
    drop(peers);
    until("all to have left", || field(&server, "peers") == "0");
    assert_eq!(field(&server, "spread"), "0/0/0/0");
    expect_counts(&server.stop(), count, 0);
}

/// Kills: `pause` that holds one process of several, or none of those that are started later.
#[test]
fn pause_holds_all_processes_and_their_replacements() {
    for model in ["epoll:processes=2", "thread:processes=2", "prefork:processes=2"] {
        let server = attended(model);
        let victim = processes(&server, 2)[0];
        expect_service(&mut server.connect());
        ask(&server, "pause", "paused");
        // All have read the word, when they have answered the one after it.
        assert_eq!(field(&server, "accepted"), "1", "under {model}");
        let mut waiting = server.connect();
        waiting.send("echo held\n");
        signal(victim, Signal::KILL);
        until("it to be replaced", || {
            let all = crate::system::children(server.pid());
            all.len() == 2 && !all.contains(&victim)
        });
        processes(&server, 2);
        for _ in 0..10 {
            assert_eq!(field(&server, "accepted"), "1", "under {model}");
        }
        assert_eq!(waiting.unexpected(), b"");
        ask(&server, "resume", "resumed");
        waiting.expect("held\n").end().expect_end();
        drop(waiting);
        expect_counts(&server.stop(), 2, 0);
    }
}

/// Kills: an operator who waits for a process that does not answer; an answer that is taken for
/// that to a later question.
#[test]
fn a_process_that_does_not_answer_is_left_out() {
    let server = attended("epoll:processes=2");
    let mut peers = peers_of_both(&server);
    let owners = owners(&server, &peers);
    let silent = owners[0];
    let answering = owners.iter().filter(|owner| **owner != silent).count();
    stop(silent);
    let last = format!("{answering} peer");
    let lines = ask(&server, "peers", &last);
    assert!(lines.iter().any(|line| line.contains("does not answer: it is left out")), "{lines:?}");
    signal(silent, Signal::CONT);
    let all = format!("{} peers", peers.len());
    until("all to be shown", || ask(&server, "peers", " peer").contains(&all));
    let lines = ask(&server, "peers", &all);
    assert_eq!(lines.len(), peers.len() + 1, "{lines:?}");
    peers.iter_mut().for_each(expect_service);
    let count = peers.len();
    drop(peers);
    expect_counts(&server.stop(), count, 0);
}

/// Kills: an answer without the counts, or the peers, of a loop that computes, which does not say so;
/// one that says so for ever.
#[test]
fn a_loop_that_computes_is_said_to_be_left_out() {
    let models = [
        ("epoll:threads=2", "1 of 2 loops computes and does not answer"),
        ("poll", "the loop computes and does not answer"),
        ("epoll:processes=1,threads=2", "1 of 2 loops computes and does not answer"),
    ];
    for (model, sentence) in models {
        let server = attended(model);
        let mut busy = server.connect();
        expect_service(&mut busy);
        assert!(!ask(&server, "stats", "accepted=").join("\n").contains("answer"), "{model}");
        busy.send("spin 2000\n");
        // It may not have begun.
        until("the loop to compute", || {
            let lines = ask(&server, "stats", "accepted=");
            lines[0].contains(&format!("{sentence}: its counters may lag"))
        });
        let lines = ask(&server, "peers", " peer");
        assert!(lines[0].contains(&format!("{sentence}: its peers are left out")), "{lines:?}");
        busy.expect("spun\n");
        assert!(!ask(&server, "stats", "accepted=").join("\n").contains("answer"), "{model}");
        drop(busy);
        expect_counts(&server.stop(), 1, 0);
    }
}
