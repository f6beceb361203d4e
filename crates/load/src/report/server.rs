//! What the server's processes took while it was measured, as part of the result.

use serde::Serialize;

use super::Report;
use crate::server_side::Seen;

/// What the server's processes took while it was measured: the process that was named and all its
/// descendants. Memory is what they have in common divided by those who share it (PSS), without
/// what the kernel holds for them, such as the buffers of sockets.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ServerSide {
    /// The process that was named.
    pub pid: u32,
    /// Processes, at most.
    pub processes: u32,
    /// Threads of all of them, at most.
    pub threads: u64,
    /// Descriptors of all of them, at most.
    pub descriptors: u64,
    /// Processor time, of children that ended meanwhile too.
    pub cpu_s: f64,
    /// Of it for each message that was answered.
    pub cpu_per_message_ns: Option<f64>,
    /// Memory (PSS) before the first connection.
    pub pss_before_bytes: u64,
    /// Memory (PSS), at most.
    pub pss_bytes: u64,
    /// How much memory each connection added, pages of files left out: they are programs, which
    /// weigh less the more processes run them. `None` where each message had a connection of its own.
    pub bytes_per_peer: Option<f64>,
    /// Switches because a thread waited, as far as they were seen.
    pub voluntary_switches: u64,
    /// Switches because a thread had had its time, as far as they were seen.
    pub involuntary_switches: u64,
    /// Of the processor time, what was of threads that ended after they were last seen, between 0 and
    /// 1: their switches are missing. `None` where the kernel keeps no account of threads.
    pub unseen_share: Option<f64>,
    /// The processors that the process may run on, by number.
    pub cpus: Vec<u32>,
    /// How often all of it was looked at during the measurement.
    pub looks: u64,
    /// How long that took. It was done in a thread of the generator, beside the load.
    pub looking_s: f64,
    /// Processes of which memory and descriptors could not be read, and are missing here.
    pub unread: u32,
    /// Whether the process that was named ended before the measurement did.
    pub ended: bool,
}

impl ServerSide {
    /// What `seen` comes to for the load of `report`.
    pub(super) fn of(seen: &Seen, report: &Report) -> ServerSide {
        let peers = report.achieved.connections + report.achieved.idle;
        let each = |whole: f64, among: u64| (among > 0).then(|| whole / among as f64);
        let grown = seen.own_bytes as f64 - seen.own_before_bytes as f64;
        ServerSide {
            pid: seen.pid,
            processes: seen.processes,
            threads: seen.threads,
            descriptors: seen.descriptors,
            cpu_s: seen.cpu_ns as f64 / 1e9,
            cpu_per_message_ns: each(seen.cpu_ns as f64, report.achieved.answered),
            pss_before_bytes: seen.pss_before_bytes,
            pss_bytes: seen.pss_bytes,
            bytes_per_peer: if report.asked.short { None } else { each(grown, peers) },
            voluntary_switches: seen.voluntary_switches,
            involuntary_switches: seen.involuntary_switches,
            unseen_share: seen.unseen_ns.map(|ns| ns as f64 / seen.cpu_ns.max(1) as f64),
            cpus: seen.cpus.clone(),
            looks: seen.looks,
            looking_s: seen.looking.as_secs_f64(),
            unread: seen.unread,
            ended: seen.ended,
        }
    }
}
