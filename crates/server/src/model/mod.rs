//! Models: who runs what, and how it learns that a socket can go on.
//!
//! [`MODELS`] is the one list: the command line, `switchboard models`, the tests and the README's
//! table read it. A model is one file and its line here.

mod answering;
mod combination;
#[cfg(target_os = "linux")]
mod coroutine;
mod entrance;
pub(crate) mod floor;
mod handoff;
mod hints;
mod lobby;
pub(crate) mod loops;
mod parse;
mod pool;
pub(crate) mod presence;
mod process;
mod sequential;
pub(crate) mod settings;
mod tasks;
mod thread;

use std::io;
use std::sync::Arc;

use switchboard_core::Style;

use crate::mechanism;
use crate::reactor::Station;
#[cfg(target_os = "linux")]
use crate::ring;
use crate::site::Site;
use crate::supervision::Crew;

pub use combination::{COMBINATIONS, Combination};
pub use hints::{closest, flag_hint};
pub use parse::{Model, ModelError};
pub use settings::{Setting, Values};

/// Every model of this version, in the order of the README's table.
pub static MODELS: &[&Kind] = &[
    &sequential::MODEL,
    &process::MODEL,
    &thread::MODEL,
    &pool::MODEL,
    &mechanism::spin::MODEL,
    &mechanism::select::MODEL,
    &mechanism::poll::MODEL,
    #[cfg(target_os = "linux")]
    &mechanism::epoll::LEVEL,
    #[cfg(target_os = "linux")]
    &mechanism::epoll::EDGE,
    &mechanism::portable::MODEL,
    #[cfg(target_os = "linux")]
    &ring::MODEL,
    &coroutine::MODEL,
    &tasks::MODEL,
];

/// A model as the list has it: what it is, what it can do, how it is run.
pub struct Kind {
    /// Its word on the command line.
    pub name: &'static str,
    /// One line.
    pub summary: &'static str,
    /// What textbooks call it.
    pub source: &'static str,
    /// Which family of waiting it belongs to.
    pub family: Family,
    /// The keys that it takes after its name.
    pub settings: &'static [&'static Setting],
    /// Whether event-style sessions, too, run on stacks of their own; straight-line handlers do
    /// under all models but the blocking ones.
    pub stacks: bool,
    /// The most peers at a time that it can have by itself; `None`: no limit of its own.
    pub peers_max: fn(&Model) -> Option<u64>,
    /// Whether all its peers see one memory.
    pub shares_memory: bool,
    /// Whether it serves peers on more than one core.
    pub parallel: bool,
    /// Whether a peer that crashes its process leaves others alone.
    pub isolates_crashes: bool,
    /// Why it cannot run on this system, if it cannot.
    pub unavailable: fn() -> Option<String>,
    /// Why its settings make no sense together, if they do not.
    pub(crate) check: fn(&Model) -> Result<(), String>,
    /// The descriptors that each of its processes opens for itself: all but its listeners and peers.
    pub(crate) descriptors: fn(&Model) -> usize,
    /// Its threads and what each does, for `-v`.
    pub(crate) threads: fn(&Model) -> Vec<Task>,
    /// The rows of counters that each of its processes needs; at least 1.
    pub(crate) rows: fn(&Model) -> usize,
    /// The most peers that the system allows each of its processes, besides descriptors.
    pub(crate) fits: fn() -> usize,
    /// How it is run.
    pub(crate) run: Run,
}

/// How a model is run.
pub(crate) enum Run {
    /// The function is one loop, on the calling thread: it serves until the site stops and its peers
    /// are gone.
    Loop(fn(&Station, &Model) -> io::Result<()>),
    /// The function starts those who serve, and returns.
    Crew(Start),
}

/// Starts those who serve.
pub(crate) type Start = fn(&Arc<Site>, &Model) -> io::Result<Box<dyn Crew>>;

/// A thread's name, and what it does.
pub(crate) type Task = (String, String);

/// Tasks of fixed names.
fn tasks(tasks: &[(&str, &str)]) -> Vec<Task> {
    tasks.iter().map(|(name, task)| ((*name).to_owned(), (*task).to_owned())).collect()
}

/// A family of models: what one flow of control does while a peer is silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// It waits for that one peer.
    Blocking,
    /// It serves others: one loop waits for all.
    Loop,
    /// It serves others: each has a stack, and those that wait are set aside.
    Stacks,
    /// It serves others: a runtime waits for all, and runs the task of each that can go on.
    Tasks,
    /// It serves others: one loop for all, whose bytes the kernel moves.
    Rings,
}

impl Family {
    /// Whether its threads serve many peers each.
    pub(crate) fn has_loops(self) -> bool {
        self != Family::Blocking
    }

    /// Its word in `models --json`.
    pub fn name(self) -> &'static str {
        match self {
            Family::Blocking => "blocking",
            Family::Loop => "loop",
            Family::Stacks => "stacks",
            Family::Tasks => "tasks",
            Family::Rings => "rings",
        }
    }
}

impl Kind {
    /// Whether it can run a service that is written like this.
    pub fn runs(&self, style: &Style) -> bool {
        match style {
            Style::Event(_) | Style::StraightLine(_) => true,
            Style::Future(_) => self.runs_futures(),
        }
    }

    /// Whether it runs services that are written as futures: see [`future`](crate::future).
    pub fn runs_futures(&self) -> bool {
        self.family == Family::Tasks
    }
}

/// Descriptors of every process: the two stages of the stop, the gate's bell, its crew's; the gate's
/// second bell, its end of the channel and the bell for its wish to leave, where it is supervised.
const DESCRIPTORS: usize = 7;

/// What all loop models have in common; a mechanism's file adds its name and its `run`.
pub(crate) const fn loop_model() -> Kind {
    Kind {
        name: "",
        summary: "",
        source: "",
        family: Family::Loop,
        settings: &[
            &settings::ACCEPT,
            &settings::PROCESSES,
            &settings::STACK,
            &settings::LOOPS,
            &settings::WORKERS,
        ],
        stacks: false,
        peers_max: |_| None,
        shares_memory: true,
        parallel: false,
        isolates_crashes: false,
        unavailable: || None,
        check: loops::check,
        descriptors: |model| loops::descriptors(model, 0),
        threads: loops::threads,
        rows: loops::rows,
        fits: || usize::MAX,
        run: Run::Loop(|_, _| Err(io::ErrorKind::Unsupported.into())),
    }
}

/// What all blocking models have in common.
const fn blocking_model() -> Kind {
    Kind {
        family: Family::Blocking,
        settings: &[&settings::PROCESSES],
        check: |_| Ok(()),
        descriptors: |_| floor::descriptors(1),
        rows: |_| 1,
        ..loop_model()
    }
}

/// Starts those who serve under this model, in this process.
pub(crate) fn start(site: &Arc<Site>, model: &Model) -> io::Result<Box<dyn Crew>> {
    match model.kind().run {
        Run::Loop(run) => loops::start(site, model, run),
        Run::Crew(start) => start(site, model),
    }
}

/// The model that a service runs under unless told otherwise.
pub(crate) fn default_for(style: &Style) -> &'static Kind {
    let name = match style {
        Style::Event(_) if cfg!(target_os = "linux") => "epoll",
        Style::Event(_) => "portable",
        Style::StraightLine(_) if cfg!(target_os = "linux") => "coroutine",
        Style::StraightLine(_) => "thread",
        Style::Future(_) => "tokio",
    };
    find(name).expect("the default models are in the list")
}

/// The model of that name.
pub fn find(name: &str) -> Option<&'static Kind> {
    MODELS.iter().copied().find(|kind| kind.name == name)
}

/// The names of all models that `wanted` picks, for a sentence.
pub(crate) fn names(wanted: impl Fn(&Kind) -> bool) -> String {
    let names: Vec<&str> =
        MODELS.iter().filter(|kind| wanted(kind)).map(|kind| kind.name).collect();
    names.join(", ")
}
