//! By what models are compared for a workload, and in which order.

use switchboard_load::units;

use super::Workload;
use super::estimate::{Estimated, Estimates};
use super::workload::time_in_words;
use crate::experiment::COMPUTED;

/// How many times the model's own cost a computation is that makes all models cost the same.
const COMPUTES: f64 = 2.0;
/// What models are compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Criterion {
    /// Processor time for each message.
    Cpu,
    /// What others wait while one computes: all but a hundredth of them.
    Stall,
    /// What half of them wait, which others disturb less.
    Wait,
    /// Processor time for each peer that comes for one message.
    Short,
    /// Memory for each peer.
    Memory,
}

/// By what models are compared, in this order, and the rule that says so.
pub(super) fn rule(estimates: &Estimates<'_>, models: &[&str]) -> (Vec<Criterion>, String) {
    let workload = estimates.workload;
    if workload.short {
        let rule = "Peers come for one message each, so what counts is the processor time that one \
                    costs, from its connect to its close";
        return (vec![Criterion::Short, Criterion::Memory], rule.to_owned());
    }
    let own = models.iter().filter_map(|model| Some(estimates.cpu(model).ok()?.median()));
    let least = own.fold(f64::INFINITY, f64::min);
    let computes = workload.compute.as_nanos() as f64;
    if computes > 0.0
        && workload.active_peers() > 1.0
        && (computes >= least * COMPUTES || least.is_infinite())
    {
        let rule = format!(
            "The service computes for {} a message, beside which the cost of any model is small; so \
             what counts is how long others wait meanwhile",
            time_in_words(workload.compute)
        );
        return (vec![Criterion::Stall, Criterion::Wait, Criterion::Cpu, Criterion::Memory], rule);
    }
    let rule = "What counts is the processor time for each message, with so many busy and so many \
                silent peers";
    (vec![Criterion::Cpu, Criterion::Memory], rule.to_owned())
}

impl Criterion {
    /// What a model has of it.
    pub(super) fn estimate(self, estimates: &Estimates<'_>, model: &str) -> Estimated {
        match self {
            Criterion::Cpu => estimates.cpu(model),
            Criterion::Stall => estimates.stall(model, "p99_ns"),
            Criterion::Wait => estimates.stall(model, "p50_ns"),
            Criterion::Short => estimates.short(model),
            Criterion::Memory => estimates.memory(model),
        }
    }

    pub(super) fn unit(self) -> &'static str {
        if self == Criterion::Memory { "bytes" } else { "ns" }
    }

    /// In a word or two.
    pub(super) fn words(self) -> &'static str {
        match self {
            Criterion::Cpu => "processor time for each message",
            Criterion::Stall => "what others wait while one computes",
            Criterion::Wait => "what half of the others wait",
            Criterion::Short => "processor time for each short connection",
            Criterion::Memory => "memory for each peer",
        }
    }

    /// With the workload's numbers.
    pub(super) fn told(self, workload: &Workload) -> String {
        let count = |peers: f64| units::count(peers.round() as u64);
        let active = workload.active_peers();
        match self {
            Criterion::Cpu => format!(
                "processor time for each message, {} busy and {} silent peers",
                count(active),
                count(workload.silent_peers())
            ),
            Criterion::Stall | Criterion::Wait => format!(
                "{} latency of the others while one peer lets the service compute for {} (in \
                 proportion, from {})",
                if self == Criterion::Stall { "p99" } else { "median" },
                time_in_words(workload.compute),
                time_in_words(COMPUTED)
            ),
            Criterion::Short => {
                let clients = units::several(active.round() as u64, "client", "clients");
                format!("processor time for each connection, {clients} at a time")
            }
            Criterion::Memory => match workload.connections {
                1 => "memory for a single peer".to_owned(),
                several => format!("memory for each of {} peers", units::count(several)),
            },
        }
    }
}
