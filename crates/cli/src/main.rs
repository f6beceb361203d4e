//! The program `switchboard`: `serve`, `connect`, `load`, `compare`, `explain`, `models`, `services`.

mod compare;
mod connect;
mod explain;
mod load;
mod model_list;
mod models;
mod serve;
mod services;
mod table;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Args, Command, FromArgMatches};

use compare::CompareArgs;
use connect::ConnectArgs;
use load::LoadArgs;
use table::FormatArgs;

const ABOUT: &str = "Run a TCP service under any concurrency model, chosen when it is started";

const FIRST_STEPS: &str = "\
First steps:
  switchboard serve echo            serve on 127.0.0.1:7788; Ctrl-C stops
  switchboard connect               talk to it, from another terminal
  switchboard load                  load it, and see how it fares
  switchboard serve echo -m poll    the same service under another model
  switchboard compare --quick       all models side by side, in two minutes";

fn command() -> Command {
    Command::new("switchboard")
        .version(env!("CARGO_PKG_VERSION"))
        .about(ABOUT)
        .after_help(FIRST_STEPS)
        .subcommand_required(true)
        .arg_required_else_help(true)
        // A word that is no command gets a sentence of ours.
        .allow_external_subcommands(true)
        .subcommand(serve::command())
        .subcommand(subcommand::<ConnectArgs>(
            "connect",
            "Talk to a server: lines go out, what comes is printed",
        ))
        .subcommand(subcommand::<LoadArgs>(
            "load",
            "Apply a load to any TCP server, check every byte of its replies, and measure",
        ))
        .subcommand(subcommand::<CompareArgs>(
            "compare",
            "Put models side by side on this machine: what each costs, and where each breaks",
        ))
        .subcommand(Command::new(load::PART).hide(true))
        .subcommand(explain::command())
        .subcommand(subcommand::<FormatArgs>(
            "models",
            "List every model, what it can do, whether it can run here",
        ))
        .subcommand(subcommand::<FormatArgs>("services", "List every service and its options"))
}

/// A subcommand with the arguments of `A`, whose own documentation does not replace `about`.
fn subcommand<A: Args>(name: &'static str, about: &'static str) -> Command {
    A::augment_args(Command::new(name)).about(about)
}

fn main() -> ExitCode {
    let matches = match switchboard::command::parse(command(), std::env::args_os()) {
        Ok(matches) => matches,
        Err(status) => return status,
    };
    match matches.subcommand() {
        Some(("serve", matches)) => serve::run(matches),
        Some(("connect", matches)) => with(matches, connect::connect),
        Some(("load", matches)) => with(matches, load::load),
        Some(("compare", matches)) => with(matches, compare::compare),
        Some((load::PART, _)) => load::part(),
        Some(("explain", matches)) => explain::run(matches),
        Some(("models", matches)) => with(matches, models::list),
        Some(("services", matches)) => with(matches, services::list),
        Some((word, _)) => unknown(word),
        None => ExitCode::from(2),
    }
}

/// A word that is no command: what was meant by it.
fn unknown(word: &str) -> ExitCode {
    let what = if switchboard_services::find(word).is_some() {
        format!("; `{word}` is a service: switchboard serve {word}")
    } else if switchboard::model::find(word).is_some() {
        format!("; `{word}` is a model: switchboard serve SERVICE --model {word}")
    } else {
        let commands = command();
        let names = commands.get_subcommands().map(Command::get_name);
        switchboard::model::closest(word, names)
            .map_or(String::new(), |near| format!("; did you mean `{near}`?"))
    };
    let _ = writeln!(
        io::stderr(),
        "error: there is no command `{word}`{what} (`switchboard --help` lists them)"
    );
    ExitCode::from(2)
}

/// Runs a subcommand with its arguments.
fn with<A: FromArgMatches>(matches: &clap::ArgMatches, run: fn(&A) -> ExitCode) -> ExitCode {
    match A::from_arg_matches(matches) {
        Ok(args) => run(&args),
        Err(error) => {
            // Every argument was checked when the command line was parsed.
            let _ = error.print();
            ExitCode::from(2)
        }
    }
}
