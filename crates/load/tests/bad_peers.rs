//! Peers that behave badly: what the server sees of them, and that they spoil no figure.

#![allow(clippy::unwrap_used, reason = "clippy does not see that helpers of tests are tests")]
#![allow(missing_docs, reason = "this is a test")]

mod fake;

use std::io::{ErrorKind, Read, Write};
use std::sync::mpsc::channel;
use std::time::Duration;

use fake::{plan, report, server, text};
use switchboard_load::{BadPeers, End, Manner, Plan, Report};

/// What a server saw of one connection: its bytes, and how it ended.
type Seen = (Vec<u8>, Option<ErrorKind>);

/// Half of four connections behave badly, for a moment; what the server saw.
fn with(manner: Manner) -> (Report, Vec<Seen>) {
    let (tell, seen) = channel();
    let target = server(move |mut peer| {
        let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
        let end = loop {
            match peer.read(&mut buffer) {
                Ok(0) => break None,
                Ok(count) => {
                    all.extend_from_slice(&buffer[..count]);
                    if let Err(error) = peer.write_all(&buffer[..count]) {
                        break Some(error.kind());
                    }
                }
                Err(error) => break Some(error.kind()),
            }
        };
        drop(peer);
        let _ = tell.send((all, end));
    });
    let bad = vec![BadPeers { manner, share: 0.5 }];
    let end = End::After(Duration::from_millis(450));
    let found = report(&Plan {
        connections: 4,
        threads: 2,
        message: text("{connection}: a message\n"),
        end,
        bad,
        ..plan(target)
    });
    assert!(found.errors.is_empty(), "{found:#?}");
    assert!(found.achieved.answered > 0);
    assert_eq!(found.latency.samples, found.achieved.answered);
    let mut of_bad = Vec::new();
    while let Ok((bytes, end)) = seen.recv_timeout(Duration::from_secs(2)) {
        if matches!(bytes.first(), Some(b'0' | b'1')) {
            of_bad.push((bytes, end));
        }
        if manner_is_over(manner, of_bad.len()) {
            break;
        }
    }
    (found, of_bad)
}

fn manner_is_over(manner: Manner, seen: usize) -> bool {
    seen >= if matches!(manner, Manner::ResetAfter | Manner::HalfClose) { 4 } else { 2 }
}

#[test]
fn who_stalls_sends_half_a_message() {
    let (found, seen) = with(Manner::Stall);
    assert_eq!(found.achieved.bad_sent, 0);
    for (bytes, _) in &seen {
        assert_eq!(bytes.len(), b"0: a message\n".len() / 2, "{seen:?}");
    }
    assert_eq!(seen.len(), 2);
}

#[test]
fn who_writes_slowly_sends_a_byte_at_a_time() {
    let (_, seen) = with(Manner::SlowWrite);
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|(bytes, _)| (2..=6).contains(&bytes.len())), "{seen:?}");
}

#[test]
fn who_resets_comes_again() {
    let (found, seen) = with(Manner::ResetAfter);
    assert!(found.achieved.bad_sent >= 4, "{found:#?}");
    assert!(seen.iter().any(|(_, end)| *end == Some(ErrorKind::ConnectionReset)), "{seen:?}");
}

/// Kills: a side that is not ended, or a connection that is closed before the reply.
#[test]
fn who_half_closes_reads_to_the_end() {
    let (found, seen) = with(Manner::HalfClose);
    assert!(found.achieved.bad_sent >= 4, "{found:#?}");
    assert_eq!(found.achieved.bad_closed, 0);
    for (bytes, end) in &seen {
        assert_eq!((bytes.len(), *end), (b"0: a message\n".len(), None));
    }
}

/// Kills: a slow reader that reads on; the server's writing must come to a halt, which ends only
/// when the load ends.
#[test]
fn who_reads_slowly_lets_replies_pile_up() {
    let (found, seen) = with(Manner::SlowRead);
    assert!(found.achieved.bad_sent > 1000, "{found:#?}");
    assert!(
        seen.iter().all(|(_, end)| end.is_some()),
        "{:?}",
        seen.iter().map(|s| s.1).collect::<Vec<_>>()
    );
}
