//! Models that fork, where a process has other threads: each test runs on a thread of its own beside
//! the main one, so that this process never is one that may fork.

#![allow(clippy::unwrap_used, reason = "clippy does not see that helpers of tests are tests")]

use clap::{Args, Command, FromArgMatches};
use switchboard::command::{ServeArgs, serve};
use switchboard::{Context, Flow, Model, ServeError, Server, Session};

struct Echo;

impl Session for Echo {
    fn received(&mut self, peer: &mut Context<'_>) -> Flow {
        peer.output.write(peer.input.take_all());
        Flow::Continue
    }
}

fn echo(model: &str) -> Server {
    let model: Model = model.parse().unwrap();
    Server::sessions("echo", |_| Echo)
        .listen("127.0.0.1:0".parse::<switchboard::Address>().unwrap())
        .model(model)
}

const FORKING: &[&str] = &["process", "prefork", "epoll:processes=1", "thread:processes=2"];

/// Kills: a fork in a program that goes on beside its server, with whatever locks it holds.
#[test]
fn a_model_that_forks_is_refused_beside_a_program() {
    for model in FORKING {
        let refused = echo(model).spawn().err().unwrap();
        assert!(matches!(refused, ServeError::Refused(_)), "{refused:?}");
        let sentence = refused.to_string();
        assert!(sentence.contains("forks, which a program that goes on beside"), "{sentence}");
        assert!(sentence.contains("sequential, thread, pool"), "{sentence}");
    }
}

/// Kills: a fork of a process that has other threads.
#[test]
fn a_model_that_forks_is_refused_where_there_are_threads() {
    for model in FORKING {
        let refused = echo(model).run().err().unwrap();
        assert!(matches!(refused, ServeError::Refused(_)), "{refused:?}");
        let sentence = refused.to_string();
        assert!(sentence.contains("before it starts its first thread"), "{sentence}");
    }
}

/// Kills: a program whose `main` starts a thread before it serves, and is forked all the same.
#[test]
fn a_program_that_has_threads_is_refused_a_model_that_forks() {
    let flags = ServeArgs::augment_args(Command::new("program"));
    for model in FORKING {
        let words = ["program", "--listen", "127.0.0.1:0", "--model", model];
        let matches = flags.clone().try_get_matches_from(words).unwrap();
        let status = serve(echo(model), &ServeArgs::from_arg_matches(&matches).unwrap());
        assert_eq!(format!("{status:?}"), format!("{:?}", std::process::ExitCode::from(2)));
    }
}
