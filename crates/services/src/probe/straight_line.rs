//! The probe in straight lines: what its commands mean is easiest to read here.

use std::io::{self, Write};

use switchboard_core::{Arrival, Peer};

use super::command::{Command, big, job, recurse, spin};

/// Serves one peer.
pub(super) fn probe(peer: &mut Peer<'_>, greeting: &str) -> io::Result<()> {
    peer.write_all(greeting.as_bytes())?;
    while let Some(line) = peer.line()? {
        match Command::of(&line) {
            Command::Echo(text) => writeln!(peer, "{text}")?,
            Command::Close => return peer.write_all(b"bye\n"),
            Command::Panic => panic!("the peer asked for a panic"),
            Command::Fail => return Err(io::Error::other("the peer asked for a failure")),
            Command::Big(count) => peer.write_all(&big(count))?,
            Command::Sleep(time) => {
                peer.sleep(time)?;
                peer.write_all(b"slept\n")?;
            }
            Command::Spin(time) => {
                spin(time);
                peer.write_all(b"spun\n")?;
            }
            Command::Recurse(kib) => {
                recurse(kib);
                peer.write_all(b"recursed\n")?;
            }
            Command::Offload(time) => {
                let thread = peer.offload(move || job(time))?;
                writeln!(peer, "done by {thread}")?;
            }
            Command::Timed(time) => {
                let answer: &[u8] = match peer.read_for(time)? {
                    Arrival::Bytes => b"came\n",
                    Arrival::Elapsed => b"elapsed\n",
                    Arrival::Ended => b"ended\n",
                };
                peer.write_all(answer)?;
            }
            Command::Draining => writeln!(peer, "{}", peer.draining())?,
            Command::Id => writeln!(peer, "{}", peer.id())?,
            Command::Frame => {
                let Some(content) = peer.frame()? else { return Ok(()) };
                peer.write_all(&(content.len() as u32).to_be_bytes())?;
                peer.write_all(&content)?;
            }
            Command::Exact(count) => {
                let Some(bytes) = peer.exact(count)? else { return Ok(()) };
                peer.write_all(&bytes)?;
            }
            Command::Unknown(line) => writeln!(peer, "unknown: {line}")?,
        }
    }
    Ok(())
}
