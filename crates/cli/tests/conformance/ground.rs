//! What a case is given: a model, a style, and servers under them.

use std::any::Any;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};

use libtest_mimic::Failed;
use switchboard::Model;
use switchboard::model::{Kind, MODELS};
use switchboard::testing::{Program, Running, Stopped, program};

/// The program under test.
pub(crate) const SWITCHBOARD: &str = env!("CARGO_BIN_EXE_switchboard");

/// One promise, and how it is put to the test.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) run: fn(&Ground),
    /// Why it makes no sense somewhere.
    pub(crate) out_of_place: fn(&Ground) -> Option<&'static str>,
}

/// A case: a function, under its own name; and where it makes no sense.
macro_rules! case {
    ($name:ident) => {
        case!($name, |_| None)
    };
    ($name:ident, $out_of_place:expr) => {
        $crate::ground::Case { name: stringify!($name), run: $name, out_of_place: $out_of_place }
    };
}
pub(crate) use case;

/// What is tried besides each model in its plain form: several loops, several processes, each way to
/// share out peers.
const COMBINED: &[&str] = &[
    "epoll:threads=2",
    "epoll:processes=2",
    "select:processes=2",
    "poll:threads=2",
    "epoll:processes=2,threads=2",
    "prefork:processes=2",
    "pool:accept=queue,threads=8",
    "epoll:accept=shared,threads=2",
    "epoll:accept=shared,processes=2",
    "epoll:workers=2",
    "epoll-et:workers=1",
    "epoll:processes=2,threads=2,workers=2",
    "epoll:accept=reuseport,threads=2",
    "thread:processes=2",
    "tokio:threads=2",
    "tokio:processes=2",
    "uring:threads=2",
    "uring:accept=shared,threads=2",
    "uring:processes=2",
    "uring:workers=2",
    "uring:buffers=4,entries=8",
];

/// What is tried besides in straight-line style: stacks on several loops, on workers, small ones.
const COMBINED_ON_STACKS: &[&str] = &[
    "epoll:threads=2",
    "epoll:workers=2",
    "epoll:processes=2,threads=2,workers=2",
    "coroutine:threads=2",
    "coroutine:processes=2",
    "coroutine:stack=64KiB",
    "tokio:threads=2",
    "uring:workers=2",
    "uring:buffers=4,entries=8",
];

/// A model, and the style of the services that it is to run.
#[derive(Clone)]
pub(crate) struct Ground {
    /// As it is written on the command line.
    text: &'static str,
    pub(crate) model: Model,
    pub(crate) style: &'static str,
}

impl Ground {
    /// Every model that can run here, in each style, and what is tried besides.
    pub(crate) fn all() -> Vec<Ground> {
        let plain =
            MODELS.iter().flat_map(|kind| [(kind.name, "event"), (kind.name, "straight-line")]);
        let combined = COMBINED.iter().map(|text| (*text, "event"));
        let stacked = COMBINED_ON_STACKS.iter().map(|text| (*text, "straight-line"));
        plain
            .chain(combined)
            .chain(stacked)
            .filter_map(|(text, style)| Ground::of(text, style))
            .collect()
    }

    fn of(text: &'static str, style: &'static str) -> Option<Ground> {
        let model: Model = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        if let Some(reason) = (model.kind().unavailable)() {
            eprintln!("no trial {text}/{style}: {reason}");
            return None;
        }
        Some(Ground { text, model, style })
    }

    pub(crate) fn run(&self, case: &Case) -> Result<(), Failed> {
        panic::catch_unwind(AssertUnwindSafe(|| (case.run)(self))).map_err(|panic| said(&*panic))
    }

    pub(crate) fn kind(&self) -> &'static Kind {
        self.model.kind()
    }

    /// A running probe.
    #[track_caller]
    pub(crate) fn probe(&self, arguments: &[&str]) -> Running {
        self.prepare_probe(arguments).start()
    }

    /// A probe that is about to run.
    pub(crate) fn prepare_probe(&self, arguments: &[&str]) -> Program {
        self.prepare("probe").args(["--style", self.style]).args(arguments)
    }

    /// A stock service that is about to run.
    pub(crate) fn prepare(&self, service: &str) -> Program {
        program(SWITCHBOARD).args(["serve", service]).model(&self.model)
    }

    /// Whether it serves several peers at a time.
    pub(crate) fn serves_several(&self) -> bool {
        self.at_most(2) > 1
    }

    /// How many of `wanted` peers can be served at a time.
    pub(crate) fn at_most(&self, wanted: usize) -> usize {
        let most = (self.kind().peers_max)(&self.model).unwrap_or(u64::MAX);
        usize::try_from(most).unwrap_or(usize::MAX).min(wanted)
    }

    /// Whether those who accept a peer serve it, and accept nobody meanwhile.
    pub(crate) fn accepts_in_turns(&self) -> bool {
        match self.kind().name {
            "sequential" => true,
            "pool" => !self.text.contains("queue"),
            _ => false,
        }
    }

    /// Whether each of its processes, which are supervised, runs the whole model.
    pub(crate) fn has_processes(&self) -> bool {
        self.model.processes().is_some()
    }

    /// Whether it is a model in its plain form.
    pub(crate) fn is_plain(&self) -> bool {
        self.text == self.kind().name
    }

    pub(crate) fn is_event(&self) -> bool {
        self.style == "event"
    }

    /// Whether it computes without a pause, by its nature.
    pub(crate) fn spins(&self) -> bool {
        self.kind().name == "spin"
    }
}

impl fmt::Display for Ground {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.text, self.style)
    }
}

/// For a case about a service that is written in event style only.
pub(crate) fn unless_event(ground: &Ground) -> Option<&'static str> {
    (!ground.is_event()).then_some("the service is written in event style")
}

/// The server has stopped in order, and its stop line says so: each field of `expected` as it is
/// given, the others of refused, failed, timed_out and cut_off 0.
#[track_caller]
pub(crate) fn expect_counts(stopped: &Stopped, expected: &[(&str, u64)]) {
    assert!(stopped.status.success(), "{stopped:?}");
    for name in ["accepted", "refused", "failed", "timed_out", "cut_off"] {
        let given = expected.iter().find(|(given, _)| *given == name);
        if let Some((_, number)) = given.or((name != "accepted").then_some(&(name, 0))) {
            assert_eq!(stopped.get(name), *number, "{name} of {stopped:?}");
        }
    }
    // It adds up.
    stopped.in_order();
}

fn said(panic: &(dyn Any + Send)) -> Failed {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "a panic without a text".to_owned())
        .into()
}
