//! `switchboard compare`: models side by side on this machine.

mod args;
mod models;
mod output;
mod progress;
mod work;

use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use switchboard_lab::experiment::Design;
use switchboard_lab::{Comparison, Machine, Plan, Turn, Watch, answer, cores, run};

pub(crate) use args::CompareArgs;

/// Compares, or shows what was compared before.
pub(crate) fn compare(args: &CompareArgs) -> ExitCode {
    if args.list {
        return output::list();
    }
    // From the start: to find out what a service answers, a server is started, too.
    let stop = match obey_signals() {
        Ok(stop) => stop,
        Err(error) => return Refusal::failed(format!("cannot watch for signals: {error}")).say(),
    };
    match prepared(args, &stop) {
        Ok(Prepared::Recorded(comparison, output)) => {
            output.finish(&answered(*comparison, args), args)
        }
        Ok(Prepared::Planned(plan, output)) => {
            let (plan, left_out) = *plan;
            let line = progress::Line::begin(&plan, &left_out, args.no_progress);
            let mut machine = Machine { plan: &plan, stop: Arc::clone(&stop) };
            let comparison =
                run(&plan, &mut machine, &mut Watching { line, output: &output }, &stop);
            // What servers have said is anybody's text.
            output.finish(&answered(comparison.plain(), args), args)
        }
        Err(_) if stop.load(Ordering::Acquire) => {
            let sentence = "it was stopped before anything was measured".to_owned();
            Refusal { sentence, status: output::INTERRUPTED }.say()
        }
        Err(refusal) => refusal.say(),
    }
}

/// Shows how a comparison goes, and keeps what there is of it.
struct Watching<'a> {
    line: progress::Line,
    output: &'a output::Output,
}

impl Watch for Watching<'_> {
    fn turn(&mut self, turn: &Turn<'_>, done: usize, of: usize, left: Duration) {
        self.line.turn(turn, done, of, left);
    }

    fn round_is_over(&mut self, so_far: &Comparison) {
        self.output.keep(so_far);
    }
}

/// Why nothing is compared, and the exit status that says so.
#[derive(Debug)]
struct Refusal {
    sentence: String,
    status: u8,
}

impl Refusal {
    /// Something that the user has no other words for has failed.
    fn failed(sentence: String) -> Refusal {
        Refusal { sentence, status: 1 }
    }

    fn say(&self) -> ExitCode {
        output::complain(&format!("error: {}", self.sentence));
        ExitCode::from(self.status)
    }
}

impl From<String> for Refusal {
    /// Bad usage.
    fn from(sentence: String) -> Refusal {
        Refusal { sentence, status: 2 }
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
    /// To measure; and what there is no time for.
    Planned(Box<(Plan, Vec<&'static Design>)>, output::Output),
}

/// Reads what is to be read, and sees whether all can be done, before anything is measured.
fn prepared(args: &CompareArgs, stop: &AtomicBool) -> Result<Prepared, Refusal> {
    if let Some(path) = &args.from {
        let comparison = output::read(path)?;
        let output = output::Output::of(args, &comparison.work)?;
        return Ok(Prepared::Recorded(Box::new(comparison), output));
    }
    let descriptors = raise_descriptors();
    let cores = cores::share_out()?;
    let mut plan = args.plan(&cores, descriptors, stop)?;
    let left_out = args.prefer(&mut plan);
    let output = output::Output::of(args, &plan.talk.words)?;
    cores::pin(&cores.client)?;
    Ok(Prepared::Planned(Box::new((plan, left_out)), output))
}

/// The first SIGINT, SIGTERM or SIGHUP (the terminal is gone) ends the comparison soon, which then
/// writes what it has.
fn obey_signals() -> io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
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
