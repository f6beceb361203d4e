use std::sync::Arc;
use std::sync::Barrier;
use std::sync::atomic::Ordering;
use std::thread;

use super::*;
use crate::counters::Counters;
use crate::listening::{ListenOptions, Listeners};
use crate::testing::Client;

fn listener() -> Arc<Listener> {
    let options = ListenOptions::default();
    let listeners = Listeners::open(&["127.0.0.1:0".parse().unwrap()], options, 1).unwrap();
    listeners.lend(0).remove(0)
}

/// Kills: a peer taken out of the backlog before there is a place for it, so that two threads
/// take two peers for one place, and refuse one that was to wait.
#[test]
fn one_that_is_to_wait_is_never_refused() {
    let (listener, counters) = (listener(), Counters::new(4).unwrap());
    let gate = Gate::new(1, 1000, false, WhenFull::Wait).unwrap();
    for _ in 0..200 {
        let address = listener.address().to_string();
        let peers: Vec<Client> = (0..4).map(|_| Client::connect(&address).unwrap()).collect();
        let together = Barrier::new(4);
        let accept = |row: RowHandle| {
            let mut acceptor = Acceptor::new(true, row.clone());
            together.wait();
            loop {
                match acceptor.accept(&gate, &listener) {
                    Accepted::Peer(_) => gate.leave(&row),
                    Accepted::Full => thread::yield_now(),
                    Accepted::Refused => return 1,
                    _ => return 0,
                }
            }
        };
        let refused: usize = thread::scope(|scope| {
            let accept = &accept;
            let start = |number| {
                let row = counters.row(number);
                scope.spawn(move || accept(row))
            };
            let threads: Vec<_> = (0..4).map(start).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(refused, 0);
        drop(peers);
    }
    assert!(!gate.full());
    assert_eq!(counters.take_inside(0..4), 0);
}

/// Kills: a number of peers that wraps around, after which nobody is ever let in.
#[test]
fn a_process_that_died_at_the_gate_closes_it_for_nobody() {
    let counters = Counters::new(2).unwrap();
    let gate = Gate::new(1, 1000, false, WhenFull::Refuse).unwrap();
    // It had counted its peer in its row, and nowhere else.
    counters.row(1).inside.fetch_add(1, Ordering::SeqCst);
    gate.leave_all(counters.take_inside(1..2));
    for _ in 0..3 {
        assert!(gate.enter(&counters.row(0)));
        gate.leave(&counters.row(0));
    }
}
