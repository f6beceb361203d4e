//! The arguments of `compare`, and the plan that they make.

use std::env;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use clap::Args;
use switchboard_lab::answer::{self, Workload};
use switchboard_lab::experiment::{Design, EXPERIMENTS, Pace, find};
use switchboard_lab::record::Cores;
use switchboard_lab::{Plan, Target};

use super::{models, work};
use crate::table::Format;

/// Rounds of the full comparison, and at most of the quick one.
const ROUNDS: (u32, u32) = (5, 3);

/// The arguments of `compare`.
#[derive(Args, Debug)]
#[command(after_help = "\
Alone, it compares all models under the service echo. Each is started as a server process of its
own, again and again, in turns with the others, on other processors than the load where there are
enough. What it finds goes to the terminal and into a folder: results.json, results.csv,
report.html.

Exit status: 0; 1 when something is worse than in --against or gone, or nothing could be compared with
it, when nothing could be measured at all, or something could not be written; 2 for bad usage; 130 when it was stopped by a signal before its end,
with what it had.")]
pub(crate) struct CompareArgs {
    /// Within two minutes: fewer models, points and rounds, shorter times
    #[arg(long)]
    pub(super) quick: bool,

    /// The models, separated by commas [default: all; with --quick, nine that
    /// differ most]
    #[arg(short, long, value_name = "MODEL,...")]
    models: Option<String>,

    /// The experiments, separated by commas; --list tells what each claims [default: all]
    #[arg(short, long, value_name = "NAME,...")]
    experiments: Option<String>,

    /// The model that the others are compared with [default: epoll, or else the first]
    #[arg(long, value_name = "MODEL")]
    reference: Option<String>,

    /// How often everything is measured [default: 5; with --quick as often as there is time for, at
    /// most 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: Option<u32>,

    /// Which model it should be for this workload, from the figures of this comparison, or of --from:
    /// connections=N,active=SHARE,message=SIZE,compute=DURATION,short=yes|no,isolate=yes|no
    #[arg(long = "for", value_name = "WORKLOAD")]
    pub(super) workload: Option<Workload>,

    /// List the experiments and their claims
    #[arg(long)]
    pub(super) list: bool,

    #[command(flatten)]
    pub(super) work: work::WorkArgs,

    #[command(flatten)]
    pub(super) output: OutputArgs,

    /// Show what was measured before, and measure nothing
    #[arg(long, value_name = "RESULTS.json", help_heading = "Output",
        conflicts_with_all = ["quick", "models", "experiments", "reference", "rounds"])]
    pub(super) from: Option<PathBuf>,

    /// Show no progress, which is shown on terminals only
    #[arg(long, help_heading = "Output")]
    pub(super) no_progress: bool,
}

/// What is written, where, and what counts as a failure.
#[derive(Args, Debug)]
#[command(next_help_heading = "Output")]
pub(super) struct OutputArgs {
    /// The folder for results.json, results.csv and report.html [default: compare-DATE-TIME; with --from, none]
    #[arg(short, long, value_name = "FOLDER")]
    pub(super) out: Option<PathBuf>,

    /// How to print the comparison
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) format: Format,

    /// Short for --format json
    #[arg(long, conflicts_with = "format")]
    pub(super) json: bool,

    /// Say what has changed since an earlier comparison, and end with exit status 1 if something has
    /// become worse
    #[arg(long, value_name = "RESULTS.json")]
    pub(super) against: Option<PathBuf>,

    /// Compare with --against even if something else was served there, or something else was said
    #[arg(long, requires = "against")]
    pub(super) other_work: bool,

    /// What counts as worse: what has changed beyond the noise, and by more than this
    #[arg(long, value_name = "SHARE", default_value = "10%", value_parser = share,
        requires = "against")]
    pub(super) worse_than: f64,
}

impl CompareArgs {
    /// What to measure.
    ///
    /// # Errors
    /// A sentence that says what to change.
    pub(super) fn plan(
        &self,
        cores: &Cores,
        descriptors: u64,
        stop: &AtomicBool,
    ) -> Result<Plan, String> {
        let pace = if self.quick { Pace::Quick } else { Pace::Full };
        let (said, launch) = self.work.work()?;
        let mut targets = models::chosen(self.models.as_deref(), pace, &launch)?;
        targets.extend(self.work.externals()?);
        models::check_names(&targets)?;
        let rounds = self.rounds.unwrap_or(pace.pick(ROUNDS.1, ROUNDS.0));
        Ok(Plan {
            reference: self.reference(&targets)?,
            designs: self.designs()?,
            talk: said.to(&targets, stop)?,
            targets,
            rounds,
            pace,
            cores: cores.clone(),
            descriptors,
            command_line: env::args().collect(),
        })
    }

    fn designs(&self) -> Result<Vec<&'static Design>, String> {
        let Some(words) = &self.experiments else { return Ok(EXPERIMENTS.to_vec()) };
        let mut designs: Vec<&'static Design> = Vec::new();
        for word in words.split(',').map(str::trim) {
            let design = named(word)?;
            if designs.iter().any(|one| one.name == design.name) {
                return Err(format!("`{word}` is named twice in --experiments; name it once"));
            }
            designs.push(design);
        }
        Ok(designs)
    }

    /// Has what the answer needs measured first, if one is asked for; the experiments for which there
    /// is no time then. Whoever names experiments has those.
    pub(super) fn prefer(&self, plan: &mut Plan) -> Vec<&'static Design> {
        match (&self.workload, &self.experiments) {
            (Some(workload), None) => plan.prefer(&answer::needed(workload)),
            _ => Vec::new(),
        }
    }

    /// The place of the reference.
    fn reference(&self, targets: &[Target]) -> Result<usize, String> {
        let place = |name: &str| targets.iter().position(|target| target.name == name);
        match &self.reference {
            Some(name) => place(name).ok_or_else(|| {
                let names: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
                format!("--reference {name} is none of those compared: {}", names.join(", "))
            }),
            None => Ok(place("epoll").unwrap_or(0)),
        }
    }
}

fn named(word: &str) -> Result<&'static Design, String> {
    find(word).ok_or_else(|| {
        let names = EXPERIMENTS.iter().map(|design| design.name);
        let near = switchboard::model::closest(word, names);
        let meant = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
        format!("there is no experiment `{word}`{meant} (`switchboard compare --list` lists them)")
    })
}

/// A share such as 10% or 0.1. Who writes 10 means a tenth rather than ten times, but may not.
fn share(text: &str) -> Result<f64, String> {
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|number| *number >= 0.0);
    let share = match text.strip_suffix('%') {
        Some(percent) => number(percent).map(|percent| percent / 100.0),
        None => number(text),
    };
    match share.filter(|share| share.is_finite()) {
        Some(share) if share >= 1.0 && !text.ends_with('%') => {
            Err(format!("is it {text}%, or {text} times? Write {text}% or {}%", share * 100.0))
        }
        Some(share) => Ok(share),
        None => Err("a share is written 10% or 0.1".into()),
    }
}
