//! What a comparison writes: to the terminal, into its folder, about an earlier one.

use std::env;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use rustix::termios::tcgetwinsize;
use switchboard_lab::experiment::EXPERIMENTS;
use switchboard_lab::record::escaped;
use switchboard_lab::report::Changes;
use switchboard_lab::{Comparison, report};

use super::Refusal;
use super::args::CompareArgs;
use crate::table::{self, Format};

/// After a signal, as shells count: 128 and its number.
pub(super) const INTERRUPTED: u8 = 130;

/// Columns of a line, at least and at most.
const WIDTH_MIN: usize = 40;
const WIDTH_MAX: usize = 100;

/// What every output is made from.
const RESULTS: &str = "results.json";

/// Where a comparison goes.
pub(super) struct Output {
    folder: Option<PathBuf>,
    format: Format,
    against: Option<Comparison>,
}

impl Output {
    /// Makes the folder and reads what is compared against, before anything is measured; `work` is
    /// what the peers will say.
    ///
    /// # Errors
    /// A sentence that says what to change.
    pub(super) fn of(args: &CompareArgs, work: &str) -> Result<Output, Refusal> {
        let against = args.output.against.as_deref().map(read).transpose()?;
        if let Some(old) = against.as_ref().filter(|old| old.work != work)
            && !args.output.other_work
        {
            return Err(Refusal::from(format!(
                "--against has figures of other work (`{}`) than this (`{work}`), which say nothing \
                 about it; to compare them all the same, add --other-work",
                old.work
            )));
        }
        let folder = match (&args.output.out, &args.from) {
            (Some(folder), _) => Some(folder.clone()),
            (None, Some(_)) => None,
            (None, None) => Some(PathBuf::from(report::folder_name())),
        };
        if let Some(folder) = &folder {
            fs::create_dir_all(folder).map_err(|error| {
                Refusal::failed(format!("cannot make the folder {}: {error}", folder.display()))
            })?;
        }
        let format = if args.output.json { Format::Json } else { args.output.format };
        Ok(Output { folder, format, against })
    }

    /// Writes what there is while more is measured, so that whatever ends this program loses no more
    /// than a round.
    pub(super) fn keep(&self, so_far: &Comparison) {
        let Some(folder) = &self.folder else { return };
        if let Err(sentence) = write(folder, RESULTS, &so_far.to_json()) {
            complain(&format!("error: {sentence}"));
        }
    }

    /// Writes and prints the comparison; the exit status of the program.
    pub(super) fn finish(self, comparison: &Comparison, args: &CompareArgs) -> ExitCode {
        let mut status = ExitCode::SUCCESS;
        let worse_than = args.output.worse_than;
        let changes = self.against.as_ref().map(|old| report::changes(old, comparison, worse_than));
        if let Some(folder) = &self.folder {
            match write_files(folder, comparison, changes.as_ref()) {
                Ok(files) => complain(&format!("{}: {files}", folder.display())),
                Err(sentence) => {
                    complain(&format!("error: {sentence}"));
                    status = ExitCode::FAILURE;
                }
            }
        }
        let text = match self.format {
            Format::Text => report::text(comparison, takes_colour(), width()),
            Format::Json => comparison.to_json(),
            Format::Csv => report::csv(comparison),
        };
        if table::print(&text) != ExitCode::SUCCESS {
            status = ExitCode::FAILURE;
        }
        if let Some(changes) = changes {
            complain(&changes.text);
            if changes.fails {
                status = ExitCode::FAILURE;
            }
        }
        if comparison.interrupted && args.from.is_none() {
            return ExitCode::from(INTERRUPTED);
        }
        if args.from.is_none() && !comparison.has_figures() {
            complain("error: nothing could be measured: no model has a figure; each n/a says why");
            status = ExitCode::FAILURE;
        }
        status
    }
}

/// What is in the folder.
fn write_files(
    folder: &Path,
    comparison: &Comparison,
    changes: Option<&Changes>,
) -> Result<String, String> {
    let files = [
        (RESULTS, comparison.to_json()),
        ("results.csv", report::csv(comparison)),
        ("report.html", report::html(comparison, changes)),
    ];
    for (name, text) in &files {
        write(folder, name, text)?;
    }
    Ok(files.map(|(name, _)| name).join(", "))
}

/// Writes a file whole or not at all: who reads it meanwhile, or is left with it when this program is
/// killed, has the text from before.
fn write(folder: &Path, name: &str, text: &str) -> Result<(), String> {
    let (path, new) = (folder.join(name), folder.join(format!(".{name}.new")));
    fs::write(&new, text)
        .and_then(|()| fs::rename(&new, &path))
        .map_err(|error| format!("cannot write {}: {error}", path.display()))
}

/// A comparison that was made before.
///
/// # Errors
/// A sentence, if it cannot be read.
pub(super) fn read(path: &Path) -> Result<Comparison, String> {
    let text = fs::read_to_string(path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Comparison::from_json(&text).map_err(|error| format!("{}: {error}", path.display()))
}

/// The experiments and what each claims.
pub(super) fn list() -> ExitCode {
    let row = |design: &&'static switchboard_lab::experiment::Design| {
        [design.name.to_owned(), design.claim.to_owned()]
    };
    let rows: Vec<[String; 2]> = EXPERIMENTS.iter().map(row).collect();
    table::print(&table::text(["EXPERIMENT", "CLAIM"], &rows))
}

/// Whether standard output is a terminal whose user has nothing against colour.
fn takes_colour() -> bool {
    let refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
    io::stdout().is_terminal() && !refused && !dumb
}

/// Columns of a line: as many as the terminal has, where there is one, between what a table needs and
/// what people like to read.
fn width() -> usize {
    let columns = io::stdout().is_terminal().then(|| tcgetwinsize(io::stdout()).ok()).flatten();
    match columns.map_or(0, |size| usize::from(size.ws_col)) {
        0 => WIDTH_MAX,
        columns => columns.clamp(WIDTH_MIN, WIDTH_MAX),
    }
}

/// Lines on standard error; if nobody reads them, the exit status says it. They may quote anybody's
/// text.
pub(super) fn complain(lines: &str) {
    for line in lines.lines() {
        let _ = writeln!(io::stderr(), "{}", escaped(line));
    }
}
