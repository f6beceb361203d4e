//! Connecting, and the sentences for when it fails: each names the address and what to do next.

use std::io::{self, ErrorKind};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use switchboard::Address;

/// The kernel alone would try for over two minutes where a firewall drops packets.
const PATIENCE_S: u64 = 10;

/// A blocking socket that is connected to `address`.
///
/// # Errors
/// A sentence for the user.
pub(super) fn dial(address: &Address) -> Result<OwnedFd, String> {
    if let Address::Unix(path) = address {
        return match UnixStream::connect(path) {
            Ok(stream) => Ok(stream.into()),
            Err(error) => Err(unix_failure(address, path, &error)),
        };
    }
    let candidates = address.to_connect().map_err(|error| {
        format!(
            "cannot find the host of {address} ({error}); check its spelling or give its number"
        )
    })?;
    let mut failure: Option<io::Error> = None;
    for candidate in candidates {
        match TcpStream::connect_timeout(&candidate, Duration::from_secs(PATIENCE_S)) {
            Ok(stream) => {
                // A line must not wait in the kernel until the one before it was acknowledged.
                let _ = stream.set_nodelay(true);
                return Ok(stream.into());
            }
            // A refusal tells more than, say, the missing IPv6 that a second try met.
            Err(error) if failure.is_none() || error.kind() == ErrorKind::ConnectionRefused => {
                failure = Some(error);
            }
            Err(_) => {}
        }
    }
    match failure {
        Some(error) => Err(tcp_failure(address, &error)),
        None => Err(format!("{address} has no address to connect to; check its spelling")),
    }
}

fn tcp_failure(address: &Address, error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::ConnectionRefused => nobody(address),
        ErrorKind::TimedOut => format!(
            "{address} did not answer within {PATIENCE_S} s; check the address, and whether a \
             firewall is in between"
        ),
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
            format!("no route leads to {address} ({error}); check the address and the network")
        }
        ErrorKind::PermissionDenied => {
            format!("not allowed to connect to {address} ({error}); check the local firewall")
        }
        _ => format!("cannot connect to {address} ({error}); check the address"),
    }
}

fn unix_failure(address: &Address, path: &Path, error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::ConnectionRefused if path.metadata().is_ok_and(|found| !is_socket(&found)) => {
            format!("cannot connect to {address}: the file is no socket; check the path")
        }
        ErrorKind::ConnectionRefused | ErrorKind::NotFound => nobody(address),
        ErrorKind::PermissionDenied => format!(
            "not allowed to connect to {address}; check the permissions of the socket and its \
             directory"
        ),
        _ => format!("cannot connect to {address} ({error}); check the path"),
    }
}

fn is_socket(found: &std::fs::Metadata) -> bool {
    std::os::unix::fs::FileTypeExt::is_socket(&found.file_type())
}

fn nobody(address: &Address) -> String {
    let start = format!("nothing listens at {address}; start one with: switchboard serve echo");
    match *address == Address::default() {
        true => start,
        false => format!("{start} --listen {address}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_needs_no_listen() {
        assert_eq!(
            nobody(&Address::default()),
            "nothing listens at 127.0.0.1:7788; start one with: switchboard serve echo"
        );
        assert_eq!(
            nobody(&"[::1]:7788".parse().unwrap()),
            "nothing listens at [::1]:7788; start one with: switchboard serve echo --listen \
             [::1]:7788"
        );
    }
}
