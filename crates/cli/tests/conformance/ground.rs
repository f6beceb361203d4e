//! What a case is given: a model, a style, and servers under them.

use std::any::Any;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};

use libtest_mimic::Failed;
use switchboard::Model;
use switchboard::model::Kind;
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

/// A model, and the style of the services that it is to run.
#[derive(Clone, Copy)]
pub(crate) struct Ground {
    pub(crate) kind: &'static Kind,
    pub(crate) style: &'static str,
}

impl Ground {
    pub(crate) fn run(self, case: &Case) -> Result<(), Failed> {
        panic::catch_unwind(AssertUnwindSafe(|| (case.run)(&self))).map_err(|panic| said(&*panic))
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
        program(SWITCHBOARD).args(["serve", service]).model(self.kind.name)
    }

    /// Whether it serves several peers at a time.
    pub(crate) fn serves_several(&self) -> bool {
        (self.kind.peers_max)(&Model::from(self.kind)) != Some(1)
    }

    /// How many of `wanted` peers can be served at a time.
    pub(crate) fn at_most(&self, wanted: usize) -> usize {
        if self.serves_several() { wanted } else { 1 }
    }

    pub(crate) fn is_event(&self) -> bool {
        self.style == "event"
    }

    /// Whether it computes without a pause, by its nature.
    pub(crate) fn spins(&self) -> bool {
        self.kind.name == "spin"
    }
}

impl fmt::Display for Ground {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.name, self.style)
    }
}

/// For a case about peers that are served beside each other.
pub(crate) fn unless_it_serves_several(ground: &Ground) -> Option<&'static str> {
    (!ground.serves_several()).then_some("it serves one peer at a time")
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
