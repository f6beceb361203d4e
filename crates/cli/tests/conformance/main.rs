//! What every model promises: each case under each model in each style that it runs, against the
//! real program in a process of its own.
//!
//! The models are those of [`switchboard::model::MODELS`], so that a new one is tested from its line
//! in that list on, and combinations with several loops and processes (`ground`). A trial is named
//! `MODEL/STYLE/CASE`, so that `cargo test --test conformance -- epoll/event` runs a part. A trial that makes no sense is not
//! made, and the reason is printed on standard error.
//!
//! # Layout
//!
//! - `ground`: what a case is given: the model, the style, a server under them.
//! - `client`: peers that misbehave. `process`, `sockets`: what the system says of a server's
//!   processes and of one connection.
//! - The cases, by what they are about: `requests`, `replies`, `failures`, `silence`, `urgent`,
//!   `limits`, `exhaustion`, `offload`, `stopping`, `cutting`, `leftovers`, `console`, `addresses`, `stock`,
//!   `chat`, `programs`.

mod addresses;
mod chat;
mod client;
mod console;
mod cutting;
#[path = "../examples/mod.rs"]
mod examples;
mod exhaustion;
mod failures;
mod ground;
mod leftovers;
mod limits;
mod offload;
mod process;
mod programs;
mod replies;
mod requests;
mod silence;
mod sockets;
mod stock;
mod stopping;
mod urgent;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

use ground::{Case, Ground};

const CASES: &[&[Case]] = &[
    requests::CASES,
    replies::CASES,
    failures::CASES,
    silence::CASES,
    urgent::CASES,
    limits::CASES,
    exhaustion::CASES,
    offload::CASES,
    stopping::CASES,
    cutting::CASES,
    leftovers::CASES,
    console::CASES,
    addresses::CASES,
    stock::CASES,
    chat::CASES,
    programs::CASES,
];

/// Most of a trial is waiting for a server: more of them than cores keep the cores busy.
const TRIALS_AT_A_TIME: usize = 12;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = arguments.test_threads.or(Some(TRIALS_AT_A_TIME));
    let (grounds, mut trials) = (Ground::all(), Vec::new());
    // By case first, so that the models that are hard on the machine do not meet each other.
    for case in CASES.iter().copied().flatten() {
        for ground in &grounds {
            let ground = ground.clone();
            let name = format!("{ground}/{}", case.name);
            match (case.out_of_place)(&ground) {
                None => trials.push(Trial::test(name, move || ground.run(case))),
                Some(reason) if !arguments.list => eprintln!("no trial {name}: {reason}"),
                Some(_) => {}
            }
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}
