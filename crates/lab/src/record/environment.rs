//! Where a comparison was made: what somebody else must know to make it again, or to doubt it.

use serde::{Deserialize, Serialize};

/// The machine, and what was asked of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    /// When it began, in UTC (RFC 3339).
    pub date: String,
    /// The words of the command line that repeats it, the program first.
    pub command_line: Vec<String>,
    /// Name and release of the kernel.
    pub kernel: String,
    /// The architecture, as the kernel calls it.
    pub architecture: String,
    /// What the processor says it is, if it does.
    pub processor: Option<String>,
    /// Who runs where.
    pub cores: Cores,
    /// Memory of the machine, in bytes.
    pub memory_bytes: u64,
    /// What the system allows.
    pub limits: Limits,
    /// What was measured, and with what.
    pub versions: Versions,
    /// Processes that wanted a core in the last minute, before and after: above the number of cores,
    /// others had work to do, too.
    pub load_average: [f64; 2],
    /// The share of its processors' time that the host of this virtual machine gave to others
    /// meanwhile, as far as the kernel knows, between 0 and 1; `None` where it does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stolen: Option<f64>,
}

/// Who runs on which processors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cores {
    /// Processors that this program may use.
    pub usable: u32,
    /// Those of the server, by number.
    pub server: Vec<u32>,
    /// Those of the load, by number.
    pub client: Vec<u32>,
    /// A sentence: whether server and load have cores of their own, and what follows.
    pub note: String,
}

/// What the system allows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Descriptors of a process (`ulimit -n`, raised to the hard limit); `None`: no limit.
    pub descriptors: Option<u64>,
    /// Peers that wait to be accepted, at most (`net.core.somaxconn`).
    pub backlog: Option<u64>,
    /// Mappings of a process (`vm.max_map_count`), on which stacks and threads depend.
    pub mappings: Option<u64>,
}

/// What was measured, and with what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Versions {
    /// Of this program.
    pub switchboard: String,
    /// Whether it was built without optimisation, in which case its figures are not to be used.
    pub debug_build: bool,
}
