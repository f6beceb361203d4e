//! What a handler on a stack may do to others of its loop, and what not.

#![allow(clippy::unwrap_used, reason = "clippy does not see that helpers of tests are tests")]

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use switchboard::testing::Client;
use switchboard::{Drain, Handle, Server};

fn spawn(server: Server, model: &str) -> Handle {
    server
        .listen("127.0.0.1:0".parse::<switchboard::Address>().unwrap())
        .model(model.parse().unwrap())
        .drain(Drain::Within(Duration::from_millis(100)))
        .spawn()
        .unwrap()
}

fn connect(handle: &Handle) -> Client {
    Client::connect(&handle.address().to_string()).unwrap()
}

/// A handler that holds a lock while it reads: whoever wants the lock waits, and on a loop the whole
/// loop waits with it, for a peer that it cannot hear. Under a thread for each peer that is harmless.
/// (The guide says so, and what to do instead.) Such a loop can be stopped all the same.
#[test]
fn a_lock_that_is_held_over_a_read_holds_up_its_loop_and_no_stop() {
    let locks = || {
        let lock = Arc::new(Mutex::new(0));
        Server::handler("locks", move |peer| {
            let mut count = lock.lock().unwrap();
            *count += 1;
            writeln!(peer, "locked by {count}")?;
            peer.line()?;
            Ok(())
        })
    };
    let handle = spawn(locks(), "thread");
    let mut one = connect(&handle);
    one.expect("locked by 1\n");
    let mut two = connect(&handle);
    one.send("unlock\n").expect_end();
    two.expect("locked by 2\n").send("unlock\n").expect_end();
    drop((one, two));
    handle.stop();
    assert_eq!(handle.join().unwrap().accepted, 2);

    let handle = spawn(locks(), "coroutine");
    let mut one = connect(&handle);
    one.expect("locked by 1\n");
    let _two = connect(&handle);
    while handle.stats().accepted < 2 {
        std::thread::sleep(Duration::from_millis(1));
    }
    one.send("unlock\n");
    handle.stop();
    let stats = handle.join().unwrap();
    assert_eq!((stats.accepted, stats.cut_off), (2, 2), "{stats}");
}
