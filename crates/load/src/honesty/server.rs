//! Whether the server could show what it can do, and whether all of it was seen.

use std::net::IpAddr;

use switchboard::Address;

use crate::report::Report;
use crate::units::several;

pub(super) fn shared_cores(report: &Report) -> Option<String> {
    let own = &report.generator.cpus;
    let shared = match &report.server {
        Some(server) => own.iter().filter(|cpu| server.cpus.contains(cpu)).count(),
        // A server on this machine runs somewhere; where this generator may run everywhere, there.
        None if is_here(&report.asked.target)
            && own.len() as u32 >= report.generator.cpus_online =>
        {
            own.len()
        }
        None => 0,
    };
    (shared > 0).then(|| {
        let remedy = match report.generator.cpus_online {
            0 | 1 => "run one of them on another machine".to_owned(),
            online => format!(
                "pin them apart (taskset -c {} for one, taskset -c {} for the other) or use two \
                 machines",
                span(0, online / 2 - 1),
                span(online / 2, online - 1)
            ),
        };
        let shared = several(shared as u64, "processor", "processors");
        format!("client and server share {shared} and take time from each other; {remedy}")
    })
}

/// Processors as taskset(1) takes them.
fn span(first: u32, last: u32) -> String {
    if first == last { first.to_string() } else { format!("{first}-{last}") }
}

pub(super) fn ended(report: &Report) -> Option<String> {
    let server = report.server.as_ref().filter(|server| server.ended)?;
    Some(format!(
        "process {} ended during the run; its figures are those of when it was last seen",
        server.pid
    ))
}

pub(super) fn unread(report: &Report) -> Option<String> {
    let server = report.server.as_ref().filter(|server| server.unread > 0)?;
    Some(format!(
        "memory and descriptors of {} of the server could not be read and are missing; run this \
         as root",
        several(server.unread.into(), "process", "processes")
    ))
}

/// Whether an address is one of this machine alone.
fn is_here(address: &Address) -> bool {
    match address {
        Address::Unix(_) | Address::Any { .. } => true,
        Address::Host { host, .. } => {
            host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::ServerSide;
    use crate::report::made_up;

    fn local(cpus: Vec<u32>, online: u32) -> Report {
        let mut report = made_up::sound();
        report.asked.target = Address::default();
        (report.generator.cpus, report.generator.cpus_online) = (cpus, online);
        report
    }

    /// Kills: two machines that are told to share; a pinned server that is not asked.
    #[test]
    fn processors_are_shared_if_both_may_run_on_them() {
        let mut report = local(vec![0, 1], 2);
        let text = shared_cores(&report).unwrap();
        assert!(text.contains("share 2 processors"), "{text}");
        assert!(text.contains("taskset -c 0 for one, taskset -c 1 for the other"), "{text}");
        report.server = Some(ServerSide { cpus: vec![1, 2], ..ServerSide::default() });
        assert!(shared_cores(&report).unwrap().contains("share 1 processor "));
        report.server = Some(ServerSide { cpus: vec![2, 3], ..ServerSide::default() });
        assert_eq!(shared_cores(&report), None);
    }

    /// Kills: a pinned generator accused of sharing with a server that nobody named.
    #[test]
    fn without_a_pid_only_what_is_certain_is_said() {
        assert_eq!(shared_cores(&local(vec![0], 2)), None);
        let eight = shared_cores(&local((0..8).collect(), 8)).unwrap();
        assert!(eight.contains("-c 0-3 for one, taskset -c 4-7"), "{eight}");
        let mut remote = local(vec![0, 1], 2);
        remote.asked.target = "192.0.2.1:80".parse().unwrap();
        assert_eq!(shared_cores(&remote), None);
    }

    #[test]
    fn a_server_that_ended_or_cannot_be_read_is_told() {
        let mut report = made_up::sound();
        let server = ServerSide { pid: 12, unread: 1, ended: true, ..ServerSide::default() };
        report.server = Some(server);
        assert!(ended(&report).unwrap().contains("process 12 ended"));
        assert!(unread(&report).unwrap().contains("of 1 process of"));
    }
}
