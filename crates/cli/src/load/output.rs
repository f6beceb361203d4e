//! What `load` says and to whom: progress on standard error while it runs, the result on standard
//! output, conditions that failed on standard error.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use switchboard_load::report::{self, HdrLog};
use switchboard_load::{
    Condition, Interval, Onlooker, Outcome, Plan, Progress, Record, Report, Watch, honesty,
};

use super::NOT_APPLIED;
use super::progress::Line;
use crate::table::{self, Format};

/// What is printed and watched, and what counts as a failure.
#[derive(Args, Debug)]
#[command(next_help_heading = "Output")]
pub(super) struct OutputArgs {
    /// How to print the result
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,

    /// Short for --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,

    /// Write all latencies there, a histogram for each second: an HdrHistogram interval log
    #[arg(long, value_name = "FILE")]
    hdr: Option<PathBuf>,

    /// Watch the server: processor time, memory, threads, descriptors and context switches of this
    /// process and its descendants
    #[arg(long, value_name = "PID", value_parser = clap::value_parser!(u32).range(1..))]
    server_pid: Option<u32>,

    /// End with exit status 1 if this holds: 'p99>5ms' (or any percentile), 'errors>0', 'rate<10k',
    /// 'late>0.1%', 'server.cpu>20us'; repeated, if any of them does
    #[arg(long, value_name = "CONDITION")]
    fail_if: Vec<Condition>,

    /// Show no progress, which is shown on terminals only
    #[arg(long)]
    no_progress: bool,
}

/// What is told of a run, from before anybody connects to its end.
pub(super) struct Output<'a> {
    args: &'a OutputArgs,
    onlooker: Option<Onlooker>,
    hdr: Option<HdrLog>,
    line: Option<Line>,
}

impl OutputArgs {
    /// Looks at the server for the first time, and opens what is written to.
    ///
    /// # Errors
    /// A sentence that says what to change.
    pub(super) fn open(&self, plan: &Plan) -> Result<Output<'_>, String> {
        if let Some(condition) = self.fail_if.iter().find(|condition| condition.needs_server())
            && self.server_pid.is_none()
        {
            return Err(format!("--fail-if '{condition}' needs --server-pid PID"));
        }
        let onlooker = self.server_pid.map(Onlooker::of).transpose()?;
        let hdr = self.hdr.as_ref().map(|path| {
            HdrLog::create(path)
                .map_err(|error| format!("cannot create {}: {error}", path.display()))
        });
        let shown = !self.no_progress && io::stderr().is_terminal() && !is_dumb();
        Ok(Output {
            args: self,
            onlooker,
            hdr: hdr.transpose()?,
            line: shown.then(|| Line::new(plan)),
        })
    }

    fn format(&self) -> Format {
        if self.json { Format::Json } else { self.format }
    }

    fn rendered(&self, report: &Report) -> String {
        match self.format() {
            Format::Text => report::text(report, takes_colour()),
            Format::Json => report::json(report),
            Format::Csv => report::csv(report),
        }
    }
}

/// Whether standard output is a terminal whose user has nothing against colour.
fn takes_colour() -> bool {
    let refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    io::stdout().is_terminal() && !refused && !is_dumb()
}

/// Whether the terminal says that it knows no control sequences.
fn is_dumb() -> bool {
    env::var_os("TERM").is_some_and(|term| term == "dumb")
}

impl Output<'_> {
    /// Says what came of it; the exit status of the program.
    pub(super) fn finish(mut self, outcome: &Outcome) -> ExitCode {
        self.line = None;
        let mut report = Report::of(outcome);
        if let Some(seen) = self.onlooker.take().and_then(Onlooker::finish) {
            report = report.beside(&seen);
        }
        let mut status = table::print(&self.args.rendered(&report));
        if let Some(log) = self.hdr.take()
            && let Err(error) = log.finish(outcome).and_then(|file| {
                file.into_inner().map_err(io::IntoInnerError::into_error).map(drop)
            })
        {
            complain(&format!("error: cannot write the HdrHistogram log: {error}"));
            status = ExitCode::FAILURE;
        }
        for condition in &self.args.fail_if {
            if let Some(failure) = condition.check(&report, &outcome.record) {
                complain(&failure.to_string());
                status = ExitCode::FAILURE;
            }
        }
        if let Some(sentence) = honesty::shortfall(&report) {
            complain(&format!("error: this was not the load that was asked for: {sentence}"));
            status = ExitCode::from(NOT_APPLIED);
        }
        status
    }
}

/// A line on standard error; if nobody reads it, the exit status says it.
fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

impl Watch for Output<'_> {
    fn seen(&mut self, record: &Record) {
        if let Some(line) = &mut self.line {
            line.seen(record);
        }
    }

    fn progress(&mut self, progress: &Progress<'_>) {
        if let Some(line) = &mut self.line {
            line.progress(progress);
        }
    }

    fn interval(&mut self, interval: &Interval, record: &Record) {
        if let Some(log) = &mut self.hdr {
            log.interval(interval, record);
        }
    }

    fn begins(&mut self, lead: Duration, lasts: Option<Duration>) {
        if let Some(onlooker) = &self.onlooker {
            onlooker.begins(lead, lasts);
        }
        if let Some(log) = &mut self.hdr {
            log.begins(lead, lasts);
        }
    }

    fn ends(&mut self) {
        if let Some(onlooker) = &self.onlooker {
            onlooker.ends();
        }
    }
}
