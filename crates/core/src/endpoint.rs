//! Who a peer is: plain data, no socket.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

/// One end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// An IP address and a port. An IPv4 address mapped into IPv6 is held as IPv4.
    Inet(SocketAddr),
    /// A process at the other end of a Unix socket, as the kernel vouches for it
    /// (`SO_PEERCRED`, unix(7)).
    Process {
        /// Its user.
        uid: u32,
        /// Its process id; 0 where the kernel does not tell.
        pid: i32,
    },
    /// A Unix socket in the file system.
    Path(Arc<PathBuf>),
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Endpoint {
        let ip = match address.ip() {
            IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(IpAddr::V6(v6), IpAddr::V4),
            v4 => v4,
        };
        match (ip, address) {
            (IpAddr::V6(_), SocketAddr::V6(_)) => Endpoint::Inet(address),
            (ip, _) => Endpoint::Inet(SocketAddr::new(ip, address.port())),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Endpoint::Inet(address) => address.fmt(f),
            Endpoint::Process { uid, pid } => write!(f, "unix:uid={uid},pid={pid}"),
            Endpoint::Path(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// What a service is told about a peer before anything else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerInfo {
    /// Unlike that of any other peer of this server; counts from 1.
    pub id: u64,
    /// Where the peer speaks from.
    pub address: Endpoint,
    /// Where it reached us.
    pub local: Endpoint,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapped_address_is_shown_as_ipv4() {
        let mapped: SocketAddr = "[::ffff:192.0.2.7]:80".parse().unwrap();
        assert_eq!(Endpoint::from(mapped).to_string(), "192.0.2.7:80");
        let plain: SocketAddr = "[2001:db8::1]:80".parse().unwrap();
        assert_eq!(Endpoint::from(plain).to_string(), "[2001:db8::1]:80");
    }
}
