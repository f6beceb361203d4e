//! ADDRESS as people write it: `HOST:PORT`, `[V6]:PORT`, `PORT`, `:PORT`, `unix:PATH`.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::str::FromStr;

/// The port where `serve` listens and `connect` looks unless told otherwise.
pub const DEFAULT_PORT: u16 = 7788;

/// Where to listen or to connect, as it was written. Names are looked up when it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A name or a literal address, and a port. Port 0 takes a free one.
    Host {
        /// Without the brackets of an IPv6 literal.
        host: String,
        /// 0 to 65535.
        port: u16,
    },
    /// `:PORT`: every IPv4 and IPv6 address when listening, the loopback address when connecting.
    Any {
        /// 0 to 65535.
        port: u16,
    },
    /// A Unix socket in the file system.
    Unix(PathBuf),
}

/// Why a text is no ADDRESS; says what one looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressError {
    text: String,
    reason: &'static str,
}

impl Address {
    /// The socket addresses to listen on: all that the name has, IPv4 before IPv6.
    ///
    /// # Errors
    /// If the name cannot be looked up or has no address. A Unix address has none of these.
    pub fn to_listen(&self) -> io::Result<Vec<SocketAddr>> {
        match self {
            Address::Any { port } => Ok(vec![(Ipv6Addr::UNSPECIFIED, *port).into()]),
            other => other.resolve(),
        }
    }

    /// The socket addresses to try when connecting, in order.
    ///
    /// # Errors
    /// As [`to_listen`](Address::to_listen).
    pub fn to_connect(&self) -> io::Result<Vec<SocketAddr>> {
        match self {
            Address::Any { port } => {
                Ok(vec![(Ipv4Addr::LOCALHOST, *port).into(), (Ipv6Addr::LOCALHOST, *port).into()])
            }
            other => other.resolve(),
        }
    }

    fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        let Address::Host { host, port } = self else { return Ok(Vec::new()) };
        let mut found: Vec<SocketAddr> = (host.as_str(), *port).to_socket_addrs()?.collect();
        found.sort_by_key(SocketAddr::is_ipv6);
        found.dedup();
        match found.is_empty() {
            true => Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address")),
            false => Ok(found),
        }
    }
}

impl Default for Address {
    fn default() -> Address {
        SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_PORT)).into()
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Address {
        Address::Host { host: address.ip().to_string(), port: address.port() }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Address, AddressError> {
        let error = |reason| AddressError { text: text.to_owned(), reason };
        if let Some(path) = text.strip_prefix("unix:") {
            return match path.is_empty() {
                true => Err(error("the path after unix: is missing")),
                false => Ok(Address::Unix(path.into())),
            };
        }
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            let port = text.parse().map_err(|_| error("a port is at most 65535"))?;
            return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into());
        }
        if text.contains("//") {
            return Err(error("an address has no scheme and no slashes"));
        }
        let Some((host, port)) = text.rsplit_once(':') else {
            return Err(error(match text.starts_with(|c: char| c.is_ascii_digit()) {
                true if !text.contains('.') => "a port has digits only",
                _ => "the port is missing",
            }));
        };
        let port = match port.parse() {
            Ok(port) if port_is_plain(text) => port,
            _ if host.contains(':') && !host.starts_with('[') => {
                return Err(error("an IPv6 address needs brackets"));
            }
            _ => return Err(error("the port is no number from 0 to 65535")),
        };
        match host.strip_prefix('[') {
            _ if host.is_empty() => Ok(Address::Any { port }),
            Some(rest) => {
                let inner = rest.strip_suffix(']').ok_or_else(|| error("a bracket is missing"))?;
                let literal = inner.split('%').next().unwrap_or(inner);
                match literal.parse::<Ipv6Addr>() {
                    Ok(_) => Ok(Address::Host { host: inner.to_owned(), port }),
                    Err(_) => Err(error("what is in brackets is no IPv6 address")),
                }
            }
            None if host.contains(':') => Err(error("an IPv6 address needs brackets")),
            None if host.contains(|c: char| c.is_whitespace() || c == '/') => {
                Err(error("the host is no name and no address"))
            }
            None => Ok(Address::Host { host: host.to_owned(), port }),
        }
    }
}

/// `str::parse` takes `+80` for a number; an address does not.
fn port_is_plain(text: &str) -> bool {
    text.rsplit(':').next().is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Host { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Address::Host { host, port } => write!(f, "{host}:{port}"),
            Address::Any { port } => write!(f, ":{port}"),
            Address::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is no address: {}; write HOST:PORT, [V6]:PORT, PORT, :PORT or unix:PATH",
            self.text, self.reason
        )
    }
}

impl std::error::Error for AddressError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        text.parse::<Address>().map_or_else(|error| error.reason.to_owned(), |a| a.to_string())
    }

    #[test]
    fn every_form_is_read_and_shown() {
        assert_eq!(shown("localhost:80"), "localhost:80");
        assert_eq!(shown("[::1]:80"), "[::1]:80");
        assert_eq!(shown("80"), "127.0.0.1:80");
        assert_eq!(shown(":80"), ":80");
        assert_eq!(shown("unix:/tmp/a b"), "unix:/tmp/a b");
        assert_eq!(Address::default().to_string(), "127.0.0.1:7788");
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(shown("localhost"), "the port is missing");
        assert_eq!(shown(""), "the port is missing");
        assert_eq!(shown("127.0.0.1"), "the port is missing");
        assert_eq!(shown("7788x"), "a port has digits only");
        assert_eq!(shown("70000"), "a port is at most 65535");
        assert_eq!(shown("localhost:x"), "the port is no number from 0 to 65535");
        assert_eq!(shown("localhost:+80"), "the port is no number from 0 to 65535");
        assert_eq!(shown("::1:80"), "an IPv6 address needs brackets");
        assert_eq!(shown("[::1:80"), "a bracket is missing");
        assert_eq!(shown("[host]:80"), "what is in brackets is no IPv6 address");
        assert_eq!(shown("http://host:80"), "an address has no scheme and no slashes");
        assert_eq!(shown("unix:"), "the path after unix: is missing");
    }
}
