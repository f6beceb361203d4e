//! Servers of several processes: whatever happens to one of them, the others lose nothing, what was
//! counted adds up, and nothing is left behind.
//!
//! # Layout
//!
//! - `system`: what the system says of processes: children, descriptors, names, whose peer is whose.
//! - The tests, by what they are about: `killing`, `replacing`, `renewing`, `signals`,
//!   `chat`, `leftovers`, `storm`, `exhaustion`, `operator`, `limits`, `spreading`, `programs`.

#![allow(clippy::unwrap_used, reason = "clippy does not see that helpers of tests are tests")]

#[path = "supervision/chat.rs"]
mod chat;
#[path = "examples/mod.rs"]
mod examples;
#[path = "supervision/exhaustion.rs"]
mod exhaustion;
#[path = "supervision/killing.rs"]
mod killing;
#[path = "supervision/leftovers.rs"]
mod leftovers;
#[path = "supervision/limits.rs"]
mod limits;
#[path = "supervision/operator.rs"]
mod operator;
#[path = "supervision/programs.rs"]
mod programs;
#[path = "supervision/renewing.rs"]
mod renewing;
#[path = "supervision/replacing.rs"]
mod replacing;
#[path = "supervision/signals.rs"]
mod signals;
#[path = "supervision/spreading.rs"]
mod spreading;
#[path = "supervision/storm.rs"]
mod storm;
#[path = "supervision/system.rs"]
mod system;

use switchboard::testing::{Client, Program, Stopped, program};

/// The program under test.
const SWITCHBOARD: &str = env!("CARGO_BIN_EXE_switchboard");

/// A probe that is about to run under this model.
fn probe(model: &str) -> Program {
    program(SWITCHBOARD).args(["serve", "probe"]).model(model)
}

/// The peer is there and is answered.
#[track_caller]
fn expect_service(peer: &mut Client) {
    peer.send("echo are you there\n").expect("are you there\n");
}

/// The server has stopped in order: every one of `accepted` peers is accounted for, `failed` of them
/// as failed and none as anything else but in order.
#[track_caller]
fn expect_counts(stopped: &Stopped, accepted: usize, failed: usize) {
    assert!(stopped.status.success(), "{stopped:?}");
    let fields = ["accepted", "refused", "failed", "timed_out", "cut_off"];
    let counted = fields.map(|field| stopped.get(field));
    assert_eq!(counted, [accepted as u64, 0, failed as u64, 0, 0], "{fields:?} of {stopped:?}");
    assert_eq!(stopped.in_order(), (accepted - failed) as u64);
}
