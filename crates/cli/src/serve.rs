//! `switchboard serve`: a stock service, its own options after its name.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use switchboard::Server;
use switchboard::command::ServeArgs;
use switchboard_services::{Entry, Options, SERVICES, ServiceOption, find, printing};

/// The subcommand: one subcommand of its own for each service, with the service's options.
pub(crate) fn command() -> Command {
    let command = ServeArgs::augment_args(Command::new("serve"))
        .about("Serve one of the stock services (without a name: list them)");
    with_services(command)
}

/// `command` with a subcommand for each service, which has the service's options.
pub(crate) fn with_services(command: Command) -> Command {
    let command = command
        .subcommand_value_name("SERVICE")
        .subcommand_help_heading("Services")
        // A word that is no service gets a sentence of ours.
        .allow_external_subcommands(true)
        .disable_help_subcommand(true);
    SERVICES.iter().fold(command, |command, entry| command.subcommand(service_command(entry)))
}

fn service_command(entry: &'static Entry) -> Command {
    let command = Command::new(entry.name).about(entry.summary).hide(entry.hidden);
    entry.options.iter().fold(command, |command, option| command.arg(argument(option)))
}

fn argument(option: &'static ServiceOption) -> Arg {
    let argument = Arg::new(option.name)
        .long(option.name)
        .help(option.help)
        .help_heading("Options of this service");
    let Some(value) = option.value else {
        return argument.action(ArgAction::SetTrue);
    };
    let mut argument = argument.value_name(value);
    if !option.values.is_empty() {
        argument = argument.value_parser(PossibleValuesParser::new(option.values));
    }
    match option.default {
        Some(default) => argument.default_value(default),
        None => argument,
    }
}

/// Serves until it is stopped.
pub(crate) fn run(matches: &ArgMatches) -> ExitCode {
    let Some((name, own)) = matches.subcommand() else {
        return crate::services::list_for_serve();
    };
    let Some(entry) = find(name) else {
        return refuse(&unknown(name));
    };
    let args = match ServeArgs::from_arg_matches(own) {
        Ok(args) => args,
        Err(error) => return refuse(&error.to_string()),
    };
    let service = match (entry.build)(&options(entry, own)) {
        Ok(service) => service,
        Err(sentence) => return refuse(&sentence),
    };
    let status = switchboard::command::serve(Server::new(service), &args);
    printing::flush();
    status
}

/// The sentence for a word that is no service.
pub(crate) fn unknown(name: &str) -> String {
    let names = SERVICES.iter().filter(|entry| !entry.hidden).map(|entry| entry.name);
    let near = switchboard::model::closest(name, names);
    let meant = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
    format!("there is no service `{name}`{meant} (`switchboard services` lists them)")
}

/// Bad usage: a sentence, and status 2.
fn refuse(sentence: &str) -> ExitCode {
    let _ = writeln!(io::stderr(), "error: {sentence}");
    ExitCode::from(2)
}

/// What the command line says of a service's own options.
pub(crate) fn options(entry: &Entry, matches: &ArgMatches) -> Options {
    let mut options = Options::default();
    for option in entry.options {
        match option.value {
            None if matches.get_flag(option.name) => options.set(option.name, "true"),
            None => {}
            // What is only a default was not given: the service knows its own.
            Some(_) if matches.value_source(option.name) != Some(ValueSource::CommandLine) => {}
            Some(_) => {
                if let Some(value) = matches.get_one::<String>(option.name) {
                    options.set(option.name, value);
                }
            }
        }
    }
    options
}
