//! Experiments. [`EXPERIMENTS`] is the one list: the command line, the tests and the guide read it.
//! An experiment is one file and its line here.

mod big;
mod burst;
mod compute;
mod crash;
mod few;
mod found;
mod idle;
mod lifecycle;
mod limit;
mod many;
mod memory;
mod overload;
mod pipelined;
mod quiet;
mod short;
mod slow;

use std::fmt;
use std::time::Duration;

use crate::record::{Better, Fact, Metric, Scale};
use crate::stage::Stage;
use crate::statistics::Confidence;

/// How long a computation takes whose neighbours `compute` watches.
pub(crate) use compute::BURN as COMPUTED;
pub use found::Found;

/// Every experiment, in the order in which they are told.
pub static EXPERIMENTS: &[&Design] = &[
    &idle::DESIGN,
    &few::DESIGN,
    &many::DESIGN,
    &short::DESIGN,
    &big::DESIGN,
    &pipelined::DESIGN,
    &compute::DESIGN,
    &memory::DESIGN,
    &quiet::DESIGN,
    &slow::DESIGN,
    &limit::DESIGN,
    &overload::DESIGN,
    &crash::DESIGN,
    &burst::DESIGN,
    &lifecycle::DESIGN,
];

/// How an experiment is made: what is claimed, what is varied, what is measured.
pub struct Design {
    /// Its word on the command line.
    pub name: &'static str,
    /// A heading.
    pub title: &'static str,
    /// What is claimed, in a sentence: a row of the table of claims in the guide.
    pub claim: &'static str,
    /// What is done, in a sentence or two.
    pub method: &'static str,
    /// What is varied, in words and with its unit; how it is drawn.
    pub axis: (&'static str, &'static str, Scale),
    /// What is measured, the one that the claim is about first.
    pub measures: &'static [Measure],
    /// Where on the axis.
    pub points: fn(Pace) -> Vec<Place>,
    /// How long a cell takes, about, besides starting and stopping its server.
    pub lasts: fn(Pace, f64) -> Duration,
    /// The metric, and the last x, of a straight line through each model's points, if the claim is
    /// about a shape.
    pub shape: Option<(&'static str, f64)>,
    /// Measures one model at one point, once. The stage is its own.
    pub measure: fn(&mut Stage<'_>, f64) -> Result<Readings, Unmeasured>,
    /// What speaks for the claim and against it.
    pub judge: fn(&Found<'_>) -> Vec<Fact>,
}

/// How thoroughly it is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Within two minutes in all: few points, short times, small crowds.
    Quick,
    /// As long as the shapes need to show.
    Full,
}

impl Pace {
    /// How sure intervals are.
    pub fn confidence(self) -> Confidence {
        self.pick(Confidence::Usual, Confidence::High)
    }

    /// One or the other.
    pub fn pick<T>(self, quick: T, full: T) -> T {
        match self {
            Pace::Quick => quick,
            Pace::Full => full,
        }
    }
}

/// What is measured.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    /// Its name in the results.
    pub name: &'static str,
    /// In words.
    pub label: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// What is better.
    pub better: Better,
    /// How it is drawn.
    pub scale: Scale,
}

impl Measure {
    /// What the record says of it.
    pub fn metric(&self) -> Metric {
        Metric {
            name: self.name.to_owned(),
            label: self.label.to_owned(),
            unit: self.unit.to_owned(),
            better: self.better,
            scale: self.scale,
        }
    }
}

/// A place on the axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// Where it is; of kinds, their number.
    pub x: f64,
    /// What people read there.
    pub label: String,
}

/// Places that are numbers.
fn numbers(numbers: &[u64]) -> Vec<Place> {
    let place =
        |number: &u64| Place { x: *number as f64, label: switchboard_load::units::count(*number) };
    numbers.iter().map(place).collect()
}

/// What was measured once: a sample for each measure, or why there is none.
pub type Readings = Vec<(&'static str, Result<Sample, String>)>;

/// One sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// In the unit of its measure.
    pub value: f64,
    /// Whether the truth is at least this.
    pub at_least: bool,
}

impl From<f64> for Sample {
    fn from(value: f64) -> Sample {
        Sample { value, at_least: false }
    }
}

/// Why a cell has no readings at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unmeasured {
    /// A sentence without its full stop.
    Because(String),
    /// There was no server to measure: a sentence, too.
    NoServer(String),
    /// Somebody stopped the comparison.
    Interrupted,
}

impl From<String> for Unmeasured {
    fn from(sentence: String) -> Unmeasured {
        Unmeasured::Because(sentence)
    }
}

impl fmt::Debug for Design {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Design").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The experiment of that name.
pub fn find(name: &str) -> Option<&'static Design> {
    EXPERIMENTS.iter().copied().find(|design| design.name == name)
}

/// Processor time of the server for each message.
const CPU: Measure = Measure {
    name: "cpu_ns",
    label: "CPU per message",
    unit: "ns",
    better: Better::Lower,
    scale: Scale::Log,
};
/// System calls of the server for each message.
const CALLS: Measure = Measure {
    name: "calls",
    label: "calls/message",
    unit: "per message",
    better: Better::Lower,
    scale: Scale::Log,
};
/// Half of the replies take no longer.
const P50: Measure = Measure {
    name: "p50_ns",
    label: "median latency",
    unit: "ns",
    better: Better::Lower,
    scale: Scale::Log,
};
/// All but a hundredth of the replies take no longer.
const P99: Measure = Measure {
    name: "p99_ns",
    label: "p99 latency",
    unit: "ns",
    better: Better::Lower,
    scale: Scale::Log,
};
/// Right replies.
const RATE: Measure = Measure {
    name: "rate",
    label: "messages/s",
    unit: "per second",
    better: Better::Higher,
    scale: Scale::Log,
};
