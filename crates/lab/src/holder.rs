//! Which process serves a connection, as the kernel says (proc(5)): its socket has a number there, and
//! whoever has that among its descriptors has the connection.

use std::fs;
use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How long a process may take to end, and its connections to be closed with it.
const PATIENCE: Duration = Duration::from_secs(1);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(2);
/// What a peer of a process that is gone hears of it at once on loopback, and a little more.
const NEWS: Duration = Duration::from_millis(30);

/// The process of the group `leader` that serves the connection of `peer` to `server`; of several that
/// have it, the one that was started last: the others only made it.
///
/// # Errors
/// A sentence, if nobody is seen to have it.
pub(crate) fn of(peer: &TcpStream, server: SocketAddr, leader: u32) -> Result<u32, String> {
    let own = peer.local_addr().map_err(|error| format!("a peer has no address: {error}"))?;
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(fs::read_to_string);
    let ports = (server.port(), own.port());
    let socket = tables.iter().flatten().find_map(|table| socket(table, ports));
    let socket = socket.ok_or("the kernel does not say which socket its peer has")?;
    let name = format!("socket:[{socket}]");
    let has = |pid: &u32| {
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        let mut names = descriptors.filter_map(|entry| fs::read_link(entry.path()).ok());
        names.any(|link| link == Path::new(&name))
    };
    let holders = group(leader).into_iter().filter(has);
    holders.max().ok_or_else(|| "no process of the server is seen to have its peer".to_owned())
}

/// The number of the socket with these ports, its own and its peer's, in a table of proc(5).
fn socket(table: &str, (own, peer): (u16, u16)) -> Option<u64> {
    let port = |address: &str| u16::from_str_radix(address.rsplit_once(':')?.1, 16).ok();
    let line = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let ports = (port(fields.get(1)?)?, port(fields.get(2)?)?);
        (ports == (own, peer)).then(|| fields.get(9)?.parse().ok()).flatten()
    };
    table.lines().skip(1).find_map(line).filter(|inode| *inode != 0)
}

/// The processes of a group.
fn group(leader: u32) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    numbers.filter(|pid| stat(*pid).is_some_and(|(_, of)| of == leader)).collect()
}

/// The state of a process, and its group.
fn stat(pid: u32) -> Option<(char, u32)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold anything, also brackets.
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.nth(1)?.parse().ok()?))
}

/// Ends a process as abort(3) does, and waits until it is gone.
///
/// # Errors
/// A sentence, if it does not end.
pub(crate) fn abort(pid: u32) -> Result<(), String> {
    kill(Pid::from_raw(pid.cast_signed()), Signal::SIGABRT)
        .map_err(|error| format!("the process of a peer cannot be ended: {error}"))?;
    let until = Instant::now() + PATIENCE;
    // A zombie has closed its descriptors already.
    while stat(pid).is_some_and(|(state, _)| !matches!(state, 'Z' | 'X')) {
        if Instant::now() > until {
            return Err("the process of a peer outlives SIGABRT".to_owned());
        }
        thread::sleep(LOOK);
    }
    thread::sleep(NEWS);
    Ok(())
}

/// Whether the connection of a peer is gone.
pub(crate) fn has_lost(mut peer: &TcpStream) -> bool {
    if peer.set_nonblocking(true).is_err() {
        return true;
    }
    let mut buffer = [0; 4096];
    loop {
        match peer.read(&mut buffer) {
            Ok(0) => return true,
            // What it was greeted with.
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return error.kind() != ErrorKind::WouldBlock,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::process;

    use super::*;

    /// Kills: a connection that is taken for its other end, which this process has, too.
    #[test]
    fn the_process_that_has_a_connection_is_found() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let peer = TcpStream::connect(address).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        let (_, leader) = stat(process::id()).unwrap();
        assert_eq!(of(&peer, address, leader), Ok(process::id()));
        assert!(!has_lost(&peer));
        drop(accepted);
        thread::sleep(NEWS);
        assert!(has_lost(&peer));
        assert!(of(&peer, address, 1).is_err(), "of another group");
    }

    #[test]
    fn a_table_is_read() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   0: 0100007F:1F90 0100007F:D431 01 00000000:00000000 00:00000000 00000000  1000        0 4242 1 0\n";
        assert_eq!(socket(table, (8080, 54321)), Some(4242));
        assert_eq!(socket(table, (54321, 8080)), None);
    }
}
