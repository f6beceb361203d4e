//! `switchboard compare`: models side by side on this machine.

mod args;
mod models;
mod output;
mod progress;
mod work;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use switchboard_lab::{Comparison, Machine, answer, cores, run};

pub(crate) use args::CompareArgs;

/// Compares, or shows what was compared before.
pub(crate) fn compare(args: &CompareArgs) -> ExitCode {
    if args.list {
        return output::list();
    }
    match prepared(args) {
        Ok(Prepared::Recorded(comparison, output)) => {
            output.finish(&answered(*comparison, args), args)
        }
        Ok(Prepared::Planned(plan, output)) => {
            let stop = match obey_signals() {
                Ok(stop) => stop,
                Err(error) => return refuse(&format!("cannot watch for signals: {error}"), 1),
            };
            let mut progress = progress::Line::begin(&plan, args.no_progress);
            let mut machine = Machine { plan: &plan, stop: Arc::clone(&stop) };
            let comparison = run(&plan, &mut machine, &mut progress, &stop);
            drop(progress);
            output.finish(&answered(comparison, args), args)
        }
        Err(sentence) => refuse(&sentence, 2),
    }
}

/// With the answer for the workload that is asked for, if one is.
fn answered(mut comparison: Comparison, args: &CompareArgs) -> Comparison {
    if let Some(workload) = &args.workload {
        comparison.answer = Some(answer::answer(&comparison, workload));
    }
    comparison
}

/// What there is to do.
enum Prepared {
    /// To show what was measured before.
    Recorded(Box<Comparison>, output::Output),
    /// To measure.
    Planned(Box<switchboard_lab::Plan>, output::Output),
}

/// Reads what is to be read, and sees whether all can be done, before anything is measured.
fn prepared(args: &CompareArgs) -> Result<Prepared, String> {
    if let Some(path) = &args.from {
        let comparison = output::read(path)?;
        return Ok(Prepared::Recorded(Box::new(comparison), output::Output::of(args)?));
    }
    let descriptors = raise_descriptors();
    let cores = cores::share_out()?;
    let plan = args.plan(&cores, descriptors)?;
    let output = output::Output::of(args)?;
    cores::pin(&cores.client)?;
    Ok(Prepared::Planned(Box::new(plan), output))
}

/// The first SIGINT or SIGTERM ends the comparison soon, which then writes what it has.
fn obey_signals() -> io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}

/// The soft limit on descriptors becomes the hard one; the limit in force.
fn raise_descriptors() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    // Where it may not be raised it stays, and experiments that need more say so.
    let _ = setrlimit(Resource::Nofile, raised);
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

fn refuse(sentence: &str, status: u8) -> ExitCode {
    let _ = writeln!(io::stderr(), "error: {sentence}");
    ExitCode::from(status)
}
