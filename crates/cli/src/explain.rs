//! `switchboard explain`: the system calls of one conversation under each model, side by side.

use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::{ArgMatches, Args, Command, FromArgMatches};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use switchboard::model::MODELS;
use switchboard_lab::explain::{Plan, explain, text};
use switchboard_load::message::escape;
use switchboard_services::{Entry, Options, find};

use crate::model_list::ModelList;
use crate::{serve, table};

/// What is served unless a service is named: each message is one reply.
const SERVICE: &str = "echo";

const AFTER_HELP: &str = "\
A real server is started under each model and traced with strace while a client connects, sends the
message twice and closes; each time the client waits until the server rests. What a call is there
for stands below the table, which has one column for each model.

  switchboard explain                                    echo under every model
  switchboard explain hotline --message 0                another service, another message
  switchboard explain --models thread,epoll,epoll:workers=1,uring";

/// The arguments of `explain`, besides the service and its options.
#[derive(Args, Clone, Debug)]
struct ExplainArgs {
    /// The models, separated by commas; repeated, more of them [default: all that can run here]
    #[arg(short, long, value_name = "MODELS", global = true)]
    models: Vec<ModelList>,

    /// What the client sends, twice, with \n \r \t \0 \\ \xNN
    #[arg(long, value_name = "TEXT", default_value = "hello\\n", global = true)]
    message: Message,

    /// Print counts, roles and reasons as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Clone, Debug)]
struct Message(Vec<u8>);

impl FromStr for Message {
    type Err = String;

    fn from_str(text: &str) -> Result<Message, String> {
        match escape::bytes(text)? {
            bytes if bytes.is_empty() => Err("a message has at least one byte".to_owned()),
            bytes => Ok(Message(bytes)),
        }
    }
}

/// The subcommand: as `serve`, a subcommand of its own for each service.
pub(crate) fn command() -> Command {
    let command = ExplainArgs::augment_args(Command::new("explain"))
        .about("Show the system calls of one conversation under each model, and why each is there")
        .after_help(AFTER_HELP);
    serve::with_services(command)
}

/// Traces and prints.
pub(crate) fn run(matches: &ArgMatches) -> ExitCode {
    let planned = plan(matches);
    let (plan, json) = match planned {
        Ok(planned) => planned,
        Err(sentence) => return refuse(&sentence, 2),
    };
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        if let Err(error) = flag::register(signal, Arc::clone(&stop)) {
            return refuse(&format!("cannot watch for signals: {error}"), 1);
        }
    }
    match explain(&plan, &stop) {
        Ok(explanation) if json => table::print(&table::json(&explanation)),
        Ok(explanation) => table::print(&text(&explanation)),
        Err(sentence) => refuse(&sentence, 1),
    }
}

fn plan(matches: &ArgMatches) -> Result<(Plan, bool), String> {
    let (name, own) = matches.subcommand().unwrap_or((SERVICE, matches));
    let entry = find(name).ok_or_else(|| serve::unknown(name))?;
    let options = match matches.subcommand() {
        Some(_) => serve::options(entry, own),
        None => Options::new(),
    };
    // What makes no sense is said once, not by a server under each model.
    (entry.build)(&options)?;
    let args = ExplainArgs::from_arg_matches(own).map_err(|error| error.to_string())?;
    let program = env::current_exe().map_err(|error| format!("cannot find myself: {error}"))?;
    let service = words(entry, &options);
    let mut command: Vec<OsString> = vec![program.into(), "serve".into()];
    command.extend(service.iter().map(OsString::from));
    command.extend(["--listen", "{address}", "--model", "{model}"].map(OsString::from));
    let plan = Plan {
        service: service.join(" "),
        command,
        models: models(&args),
        message: args.message.0,
    };
    Ok((plan, args.json))
}

/// The service and its options, as `serve` has them.
fn words(entry: &Entry, options: &Options) -> Vec<String> {
    let mut words = vec![entry.name.to_owned()];
    for option in entry.options {
        let Some(value) = options.get(option.name) else { continue };
        words.push(format!("--{}", option.name));
        words.extend(option.value.map(|_| value.to_owned()));
    }
    words
}

fn models(args: &ExplainArgs) -> Vec<String> {
    let asked: Vec<String> =
        args.models.iter().flat_map(|list| &list.0).map(ToString::to_string).collect();
    match asked.is_empty() {
        false => asked,
        true => MODELS.iter().map(|kind| kind.name.to_owned()).collect(),
    }
}

fn refuse(sentence: &str, status: u8) -> ExitCode {
    let _ = writeln!(io::stderr(), "error: {sentence}");
    ExitCode::from(status)
}
