//! `switchboard load`: applies a load to a server and prints what came of it.

mod args;
mod output;
mod progress;

use std::env;
use std::io::{self, Write};
use std::process::{Command, ExitCode};
use std::sync::Arc;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use switchboard_load::{Control, LoadError, run, serve_part};

pub(crate) use args::LoadArgs;

/// The load that was asked for could not be applied.
const NOT_APPLIED: u8 = 3;

/// The hidden subcommand that is one of several processes of a load.
pub(crate) const PART: &str = "load-part";

/// Applies the load that `args` describe.
pub(crate) fn load(args: &LoadArgs) -> ExitCode {
    let plan = args.plan().and_then(|plan| {
        // Before anything is opened, or written over.
        plan.check().map(|()| plan).map_err(|error| error.to_string())
    });
    let opened = plan.and_then(|plan| Ok((args.output.open(&plan)?, plan)));
    let (mut output, plan) = match opened {
        Ok(opened) => opened,
        Err(sentence) => return refuse(&sentence, 2),
    };
    let control = Control::default().with_parts(part_command);
    if let Err(error) = obey_signals(&control) {
        return refuse(&format!("cannot watch for signals: {error}"), NOT_APPLIED);
    }
    let outcome = run(&plan, &control, &mut output);
    match outcome {
        Ok(outcome) => output.finish(&outcome),
        Err(error) => {
            // What it showed is erased before the error is said.
            drop(output);
            let status = if matches!(error, LoadError::Plan(_)) { 2 } else { NOT_APPLIED };
            refuse(&error.to_string(), status)
        }
    }
}

/// The first SIGINT or SIGTERM stops the run, which then prints what it has; a second one ends the
/// program at once.
fn obey_signals(control: &Control) -> io::Result<()> {
    for signal in [SIGINT, SIGTERM] {
        let stop = control.stop_flag();
        flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&stop))?;
        flag::register(signal, stop)?;
    }
    Ok(())
}

fn part_command() -> io::Result<Command> {
    let mut command = Command::new(env::current_exe()?);
    command.arg(PART);
    Ok(command)
}

/// Is one of several processes of a load.
pub(crate) fn part() -> ExitCode {
    // A Ctrl-C reaches the whole group: whoever started this one says when to stop.
    let ignored = flag::register(SIGINT, Arc::default());
    match ignored
        .map_err(|error| error.to_string())
        .and_then(|_| serve_part().map_err(|error| error.to_string()))
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => refuse(&sentence, NOT_APPLIED),
    }
}

fn refuse(sentence: &str, status: u8) -> ExitCode {
    let _ = writeln!(io::stderr(), "error: {sentence}");
    ExitCode::from(status)
}
