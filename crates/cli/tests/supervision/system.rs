//! What the system says of processes: children, descriptors, names, and whose peer is whose.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::os::fd::AsFd;

use rustix::net::{getpeername, getsockname};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use switchboard::testing::{Client, Running, until};

/// The children of a process, in the order of their ids, those that nobody waited for among them.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let listed = read(pid, &format!("task/{pid}/children"));
    let all: BTreeSet<u32> = listed.split_whitespace().map(|pid| pid.parse().unwrap()).collect();
    all.into_iter().collect()
}

/// Waits until a server has as many processes as `count`, none of them a zombie, each with all that
/// it starts with: it waits.
#[track_caller]
pub(crate) fn processes(server: &Running, count: usize) -> Vec<u32> {
    let mut found = Vec::new();
    until("all processes to serve", || {
        found = children(server.pid());
        found.len() == count && found.iter().all(|pid| state(*pid) == Some('S'))
    });
    found
}

/// What a process does, as ps(1) shows it: `S` waits, `T` is stopped, `Z` is a zombie; `None`: there
/// is none.
pub(crate) fn state(pid: u32) -> Option<char> {
    read(pid, "stat").rsplit_once(") ")?.1.chars().next()
}

/// Whether a process has ended, be it that nobody has waited for it.
pub(crate) fn has_ended(pid: u32) -> bool {
    matches!(state(pid), None | Some('Z'))
}

/// What each descriptor of a process is that it has made since its start: neither standard input,
/// output or error, nor inherited from whoever runs these tests.
pub(crate) fn descriptors(pid: u32) -> Vec<String> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return Vec::new() };
    let numbers = entries.flatten().map(|entry| entry.file_name().into_string().unwrap());
    let link = |pid: &str, number: &str| {
        let link = fs::read_link(format!("/proc/{pid}/fd/{number}")).ok()?;
        Some(link.to_string_lossy().into_owned())
    };
    let made =
        numbers.filter(|number| !["0", "1", "2"].contains(&&**number)).filter_map(|number| {
            let made = link(&pid.to_string(), &number)?;
            (link("self", &number).as_ref() != Some(&made)).then_some(made)
        });
    made.collect()
}

/// The names of a process's threads, sorted.
pub(crate) fn names(pid: u32) -> Vec<String> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let name = |task: fs::DirEntry| fs::read_to_string(task.path().join("comm")).ok();
    let mut names: Vec<String> =
        tasks.flatten().filter_map(name).map(|name| name.trim_end().to_owned()).collect();
    names.sort();
    names
}

pub(crate) fn signal(pid: u32, signal: Signal) {
    kill_process(id(pid), signal).unwrap();
}

/// Signals a whole process group, as a terminal does.
pub(crate) fn signal_group(leader: u32, signal: Signal) {
    kill_process_group(id(leader), signal).unwrap();
}

/// Whether a signal to a process has not been delivered yet.
pub(crate) fn has_signal_pending(pid: u32) -> bool {
    let status = read(pid, "status");
    let mut masks = status.lines().filter_map(|line| line.strip_prefix("ShdPnd:"));
    masks.any(|mask| mask.trim().bytes().any(|digit| digit != b'0'))
}

/// Stops a process, as SIGSTOP does, and waits until it has.
#[track_caller]
pub(crate) fn stop(pid: u32) {
    signal(pid, Signal::STOP);
    until("the process to be stopped", || {
        let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
        tasks.flatten().all(|task| {
            let stat = fs::read_to_string(task.path().join("stat")).unwrap_or_default();
            stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
        })
    });
}

fn id(pid: u32) -> Pid {
    i32::try_from(pid).ok().and_then(Pid::from_raw).unwrap()
}

/// Which of the server's processes serves each of these peers, who have been answered.
#[track_caller]
pub(crate) fn owners<'c>(
    server: &Running,
    peers: impl IntoIterator<Item = &'c Client>,
) -> Vec<u32> {
    let mut holders = BTreeMap::new();
    for pid in children(server.pid()) {
        holders.extend(descriptors(pid).into_iter().map(|descriptor| (descriptor, pid)));
    }
    let sockets = sockets();
    let owner = |peer: &Client| {
        let socket = sockets.get(&(
            port(getpeername(peer.as_fd()).unwrap().unwrap().try_into()),
            port(getsockname(peer.as_fd()).unwrap().try_into()),
        ));
        let holder = socket.and_then(|inode| holders.get(&format!("socket:[{inode}]")));
        *holder.unwrap_or_else(|| panic!("nobody serves a peer; descriptors {holders:?}"))
    };
    peers.into_iter().map(owner).collect()
}

fn port<E: std::fmt::Debug>(address: Result<SocketAddr, E>) -> u16 {
    address.unwrap().port()
}

/// Whether somebody listens at that address, without a connection to it.
pub(crate) fn listens(address: &str) -> bool {
    const LISTENING: &str = "0A";
    let port = address.rsplit_once(':').unwrap().1.parse().unwrap();
    sockets_that_are(LISTENING).contains_key(&(port, 0))
}

/// The inode of each TCP socket that is connected, by its own port and the other's.
fn sockets() -> BTreeMap<(u16, u16), String> {
    const ESTABLISHED: &str = "01";
    sockets_that_are(ESTABLISHED)
}

fn sockets_that_are(state: &str) -> BTreeMap<(u16, u16), String> {
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let mut sockets = BTreeMap::new();
    for line in table.lines().skip(1) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let port =
            |field: &str| u16::from_str_radix(field.rsplit_once(':').unwrap().1, 16).unwrap();
        if fields[3] == state {
            sockets.insert((port(fields[1]), port(fields[2])), fields[9].to_owned());
        }
    }
    sockets
}

/// Empty if that process is gone.
fn read(pid: u32, what: &str) -> String {
    fs::read_to_string(format!("/proc/{pid}/{what}")).unwrap_or_default()
}

/// The eventfds that a process has, by the numbers that the kernel gives them (proc(5), fdinfo).
pub(crate) fn eventfds(pid: u32) -> BTreeSet<u64> {
    let infos = fs::read_dir(format!("/proc/{pid}/fdinfo")).unwrap().flatten();
    let texts = infos.filter_map(|info| fs::read_to_string(info.path()).ok());
    let id = |text: String| {
        let line = text.lines().find_map(|line| line.strip_prefix("eventfd-id:"))?.trim();
        Some(line.parse().unwrap())
    };
    texts.filter_map(id).collect()
}
