//! Jobs that are offloaded: their values come back, in the order of the requests, and nobody else
//! waits for them.

use std::time::{Duration, Instant};

use switchboard::testing::Client;

use crate::client::{expect_service, expect_service_to_a_new_peer};
use crate::ground::{Case, Ground, case, expect_counts};
use crate::sockets::until_read;
use crate::stopping::until_it_drains;

pub(crate) const CASES: &[Case] = &[
    case!(answers_with_the_value_of_a_job),
    case!(holds_nobody_up_with_a_job, unless_it_serves_several),
    case!(drops_no_job_when_there_are_more_than_threads),
    case!(finishes_a_job_before_it_stops),
    case!(cuts_off_whose_job_goes_on),
    case!(forgets_the_job_of_one_that_left),
];

/// Kills: a job that is done by the thread that asked; a value that nobody is woken for; a request
/// that overtakes the job before it.
fn answers_with_the_value_of_a_job(ground: &Ground) {
    let server = ground.probe(&[]);
    let mut peer = server.connect();
    peer.send("offload 30\necho behind it\noffload 1\noffload 0\n");
    peer.expect("done by sb-offload\nbehind it\ndone by sb-offload\ndone by sb-offload\n");
    peer.send("offload 5\nsleep 10\noffload 5").end();
    peer.expect("done by sb-offload\nslept\ndone by sb-offload\n").expect_end();
    drop(peer);
    expect_counts(&server.stop(), &[("accepted", 1)]);
}

fn unless_it_serves_several(ground: &Ground) -> Option<&'static str> {
    (!ground.serves_several()).then_some("it serves one peer at a time")
}

/// Kills: a loop, or a pool's thread, that waits for somebody's job.
fn holds_nobody_up_with_a_job(ground: &Ground) {
    let server = ground.probe(&[]);
    let (mut busy, mut other) = (server.connect(), server.connect());
    expect_service(&mut busy);
    expect_service(&mut other);
    let begun = Instant::now();
    busy.send("offload 1500\n");
    until_read(&busy);
    (0..10).for_each(|_| expect_service(&mut other));
    assert!(begun.elapsed() < Duration::from_millis(1500), "it took {:?}", begun.elapsed());
    assert_eq!(busy.unexpected(), b"");
    busy.expect("done by sb-offload\n").end().expect_end();
    drop((busy, other));
    expect_counts(&server.stop(), &[("accepted", 2)]);
}

/// Kills: a queue that drops what is too much; a wake-up that is lost among many.
fn drops_no_job_when_there_are_more_than_threads(ground: &Ground) {
    let server = ground.probe(&["--offload-threads", "2"]);
    let count = ground.at_most(30);
    let mut peers: Vec<Client> = (0..count).map(|_| server.connect()).collect();
    for _ in 0..3 {
        for peer in &mut peers {
            peer.send("offload 2\noffload 1\n");
        }
        for peer in &mut peers {
            peer.expect("done by sb-offload\ndone by sb-offload\n");
        }
    }
    drop(peers);
    expect_counts(&server.stop(), &[("accepted", count as u64)]);
}

/// Kills: a drain that takes a peer whose job is under way for one between requests.
fn finishes_a_job_before_it_stops(ground: &Ground) {
    let server = ground.probe(&[]);
    let mut peer = server.connect();
    peer.send("offload 400\necho behind it\n");
    until_read(&peer);
    server.terminate();
    until_it_drains(&server);
    peer.expect("done by sb-offload\nbehind it\n").expect_end();
    expect_counts(&server.wait(), &[("accepted", 1)]);
}

/// Kills: a stop that waits for a job that nobody waits for any more.
fn cuts_off_whose_job_goes_on(ground: &Ground) {
    let server = ground.probe(&["--drain", "100ms"]);
    let mut peer = server.connect();
    peer.send("offload 20000\n");
    until_read(&peer);
    let begun = Instant::now();
    let stopped = server.stop();
    assert!(begun.elapsed() < Duration::from_secs(5), "it took {:?}", begun.elapsed());
    assert_eq!(peer.expect_closed(), b"");
    expect_counts(&stopped, &[("accepted", 1), ("cut_off", 1)]);
}

/// Kills: a job whose peer is gone that wakes somebody else, or nobody, for ever.
fn forgets_the_job_of_one_that_left(ground: &Ground) {
    let server = ground.probe(&[]);
    for _ in 0..3 {
        let mut peer = server.connect();
        peer.send("offload 50\n");
        until_read(&peer);
        peer.reset();
        expect_service_to_a_new_peer(&server);
    }
    let stopped = server.stop();
    assert!(stopped.status.success(), "{stopped:?}");
    assert_eq!(stopped.get("accepted"), 6);
    stopped.in_order();
}
