//! The keys that models take: what each may be, and what it does.

use std::thread;

use super::Model;
use crate::{size, stacks};

/// A key that a model takes: `NAME:key=value`.
#[derive(Debug)]
pub struct Setting {
    /// The key.
    pub name: &'static str,
    /// What it may be.
    pub values: Values,
    /// What it is when it is not given.
    pub default: Default,
    /// What it does, in one line.
    pub about: &'static str,
}

/// What a setting may be.
#[derive(Debug)]
pub enum Values {
    /// A number, from the least to the most; what it counts.
    Number(&'static str, u64, u64),
    /// An amount of memory, from the least to the most, in bytes.
    Size(u64, u64),
    /// One of these words.
    Words(&'static [&'static str]),
}

/// What a setting is when it is not given.
#[derive(Clone, Copy, Debug)]
pub enum Default {
    /// As if there were no such key.
    Absent,
    /// This number, or the word at this place.
    Fixed(u64),
    /// So many for each core of the machine, which the printed form of the model shows.
    PerCore(u64),
    /// It follows from the other settings; `None`: as if there were no such key.
    Derived(fn(&Model) -> Option<u64>),
}

impl Setting {
    /// The value that a text stands for.
    pub(super) fn read(&self, text: &str) -> Option<u64> {
        match self.values {
            Values::Number(_, least, most) => {
                text.parse().ok().filter(|number| (least..=most).contains(number))
            }
            Values::Size(least, most) => {
                size::read(text).filter(|size| (least..=most).contains(size))
            }
            Values::Words(words) => {
                words.iter().position(|word| *word == text).map(|place| place as u64)
            }
        }
    }

    /// A value as it is written.
    pub fn written(&self, value: u64) -> String {
        match self.values {
            Values::Number(..) => value.to_string(),
            Values::Size(..) => size::written(value),
            Values::Words(words) => {
                let place = usize::try_from(value).unwrap_or(usize::MAX);
                words.get(place).copied().unwrap_or_default().to_owned()
            }
        }
    }

    /// What it may be, in words.
    pub fn values_in_words(&self) -> String {
        match self.values {
            Values::Number(what, least, most) => format!("a number of {what}, {least} to {most}"),
            Values::Size(least, most) => {
                format!("a size such as 1MiB, {} to {}", size::written(least), size::written(most))
            }
            Values::Words(words) => words.join(" or "),
        }
    }

    /// What stands for its value in a synopsis: `N`, `SIZE`, or the words.
    pub fn placeholder(&self) -> String {
        match self.values {
            Values::Number(..) => "N".to_owned(),
            Values::Size(..) => "SIZE".to_owned(),
            Values::Words(words) => words.join("|"),
        }
    }

    /// The default on this machine, if it depends on nothing else.
    pub fn default_here(&self) -> Option<u64> {
        match self.default {
            Default::Absent | Default::Derived(_) => None,
            Default::Fixed(value) => Some(value),
            Default::PerCore(each) => Some(each * cores()),
        }
    }
}

/// The cores that this process may use.
pub(crate) fn cores() -> u64 {
    thread::available_parallelism().map_or(1, |cores| cores.get() as u64)
}

pub(crate) const PROCESSES: Setting = Setting {
    name: "processes",
    values: Values::Number("processes", 1, 256),
    default: Default::Absent,
    about: "the whole model in each of so many supervised processes",
};

pub(crate) const LOOPS: Setting = Setting {
    name: "threads",
    values: Values::Number("loops", 1, 256),
    default: Default::Fixed(1),
    about: "so many loops, each on a thread of its own",
};

pub(crate) const WORKERS: Setting = Setting {
    name: "workers",
    values: Values::Number("threads", 1, 1024),
    default: Default::Absent,
    about: "sessions run on so many threads of their own, loops only move bytes",
};

pub(crate) const STACK: Setting = Setting {
    name: stacks::SETTING,
    values: Values::Size(stacks::LEAST, stacks::MOST),
    default: Default::Fixed(stacks::DEFAULT),
    about: "each stack, for straight-line services and under coroutine",
};

/// How several loops or processes come by their peers.
pub(crate) const ACCEPT: Setting = Setting {
    name: "accept",
    values: Values::Words(&["shared", "reuseport", "handoff"]),
    default: Default::Derived(fairest),
    about: "one listener for all loops; one for each; a thread accepts for the least busy loop \
            (default handoff for several loops, reuseport for processes with one)",
};

/// The way to accept that spreads peers most evenly: see docs/decisions/0016.
fn fairest(model: &Model) -> Option<u64> {
    match (model.given("threads"), model.processes()) {
        (Some(2..), _) => Some(HANDOFF),
        (_, Some(_)) => Some(REUSEPORT),
        _ => None,
    }
}

const REUSEPORT: u64 = 1;
const HANDOFF: u64 = 2;

/// How several processes with a thread for each peer come by them.
pub(crate) const PROCESS_ACCEPT: Setting = Setting {
    name: "accept",
    values: Values::Words(&["shared", "reuseport"]),
    default: Default::Derived(|model| model.processes().map(|_| REUSEPORT)),
    about: "one listener for all processes; one for each (the default)",
};

/// Why `accept=` makes no sense here, if it does not: it is said of several processes.
pub(super) fn check_process_accept(model: &Model) -> Result<(), String> {
    match model.is_given("accept") && model.processes().is_none() {
        true => Err(format!(
            "`accept=` says how several processes come by their peers, and there is one; say how \
             many: {}:accept={},processes=N",
            model.kind().name,
            model.word("accept")
        )),
        false => Ok(()),
    }
}

pub(crate) const RUNTIME_THREADS: Setting = Setting {
    name: "threads",
    values: Values::Number("threads", 1, 256),
    default: Default::Fixed(1),
    about: "so many threads run the tasks; whichever is free takes the next one that can go on",
};

pub(crate) const FD_SET_SIZE: Setting = Setting {
    name: "fd-set-size",
    values: Values::Number("descriptors", 64, 1 << 20),
    default: Default::Fixed(1024),
    about: "descriptors below this number can be watched; the C library has 1,024",
};

pub(crate) const BUFFERS: Setting = Setting {
    name: "buffers",
    values: Values::Number("buffers, a power of two", 1, 1 << 15),
    default: Default::Fixed(1024),
    about: "the kernel receives into at most so many buffers of 16 KiB for each loop",
};

pub(crate) const ENTRIES: Setting = Setting {
    name: "entries",
    values: Values::Number("requests, a power of two", 1, 1 << 13),
    default: Default::Fixed(256),
    about: "so many requests go to the kernel at a time",
};

pub(crate) const POOL_THREADS: Setting = Setting {
    name: "threads",
    values: Values::Number("threads", 1, 4096),
    default: Default::PerCore(4),
    about: "so many peers are served at a time, a thread each",
};

pub(crate) const POOL_ACCEPT: Setting = Setting {
    name: "accept",
    values: Values::Words(&["all", "queue"]),
    default: Default::Derived(|model| Some(u64::from(model.is_given("queue")))),
    about: "each thread accepts for itself; or one accepts and fills a queue (default all; queue, if \
            queue= is given)",
};

pub(crate) const POOL_QUEUE: Setting = Setting {
    name: "queue",
    values: Values::Number("peers", 1, 65536),
    default: Default::Fixed(64),
    about: "so many accepted peers wait for a thread; the others wait in the backlog",
};

pub(crate) const CHILDREN: Setting = Setting {
    name: "children",
    values: Values::Number("processes", 1, 32768),
    default: Default::Fixed(1000),
    about: "so many peers at a time; further ones wait in the backlog",
};
