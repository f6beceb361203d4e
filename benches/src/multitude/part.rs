//! A part of the multitude: a process below its own limit on descriptors.
//!
//! Connects at once and says `connected=N refused=N`; then takes a line of peers' numbers, says
//! `answered=N`, and stays, with all its peers, until its standard input ends.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use clap::Args;

use crate::Result;
use crate::crowd::{MESSAGE, TOGETHER, allow_descriptors, by_turns, connect, message};

/// For each other peer once one has waited in vain for a reply: the server is stuck, and nobody
/// waits a minute for each. No more are connected then.
const SOON: Duration = Duration::from_millis(10);

/// What this process's part is.
#[derive(Args, Debug)]
pub(crate) struct Part {
    #[arg(long)]
    address: SocketAddr,
    /// How many peers are in the parts before.
    #[arg(long)]
    first: usize,
    #[arg(long)]
    peers: usize,
}

impl Part {
    pub(crate) fn run(&self) -> Result<()> {
        allow_descriptors(self.peers)?;
        let mut peers = Vec::with_capacity(self.peers);
        let mut late = false;
        while peers.len() < self.peers && !late {
            let start = self.first + peers.len();
            let end = (start + TOGETHER).min(self.first + self.peers);
            let mut together: Vec<Option<TcpStream>> = (start..end)
                .map(|number| served(connect(by_turns(self.address, number)), &mut late))
                .collect::<Result<_>>()?;
            exchange(start, &mut together, 0, &mut late)?;
            peers.append(&mut together);
        }
        let connected = peers.iter().flatten().count();
        println!("connected={connected} refused={}", self.peers - connected);

        let mut line = String::new();
        let sentence = |error| format!("cannot read standard input: {error}");
        io::stdin().read_line(&mut line).map_err(sentence)?;
        let mut answered = 0;
        for word in line.split_whitespace() {
            let place: usize = word.parse().map_err(|_| format!("`{word}` is no peer"))?;
            // Those after a late one have never connected.
            let Some(peer) = peers.get_mut(place..=place) else { continue };
            exchange(self.first + place, peer, 1, &mut late)?;
            answered += peer.iter().flatten().count();
        }
        println!("answered={answered}");
        io::copy(&mut io::stdin(), &mut io::sink()).map_err(sentence)?;
        Ok(())
    }
}

/// A message there and back with each of `peers`, all in flight at once; whom the server does not
/// serve is `None` afterwards.
fn exchange(
    first: usize,
    peers: &mut [Option<TcpStream>],
    round: u64,
    late: &mut bool,
) -> Result<()> {
    for (number, place) in (first..).zip(&mut *peers) {
        let Some(mut peer) = place.take() else { continue };
        *place = served(peer.write_all(&message(number, round)).map(|()| peer), late)?;
    }
    for (number, place) in (first..).zip(peers) {
        let Some(mut peer) = place.take() else { continue };
        if *late {
            let soon = peer.set_read_timeout(Some(SOON));
            soon.map_err(|error| format!("cannot set a limit on waiting: {error}"))?;
        }
        let mut reply = [0; MESSAGE];
        *place = served(peer.read_exact(&mut reply).map(|()| peer), late)?;
        if place.is_some() && reply != message(number, round) {
            return Err(format!("peer {number} got another reply than its own message"));
        }
    }
    Ok(())
}

/// `None` if the server did not want it, or was `late`; an error if the client's own limits are in
/// the way.
fn served<T>(done: io::Result<T>, late: &mut bool) -> Result<Option<T>> {
    let error = match done {
        Ok(value) => return Ok(Some(value)),
        Err(error) => error,
    };
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => {
            *late = true;
            Ok(None)
        }
        ErrorKind::ConnectionRefused
        | ErrorKind::ConnectionReset
        | ErrorKind::BrokenPipe
        | ErrorKind::UnexpectedEof => Ok(None),
        _ => Err(format!("a peer of the multitude fails: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whom_the_server_keeps_waiting_is_not_served_and_said_to_be_late() {
        let mut late = false;
        let refused = served::<()>(Err(ErrorKind::ConnectionReset.into()), &mut late);
        assert_eq!((refused, late), (Ok(None), false));
        let waiting = served::<()>(Err(ErrorKind::WouldBlock.into()), &mut late);
        assert_eq!((waiting, late), (Ok(None), true));
    }

    #[test]
    fn the_clients_own_limit_is_an_error() {
        let full = served::<()>(Err(ErrorKind::AddrNotAvailable.into()), &mut false);
        assert!(full.is_err());
    }
}
