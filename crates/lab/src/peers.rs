//! Peers with a socket that waits: for what happens once, and for who computes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How long a reply may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long a connection may take of which many are made: one whose first packet found the backlog
/// full is there a second later (RFC 6298), or three.
const LATE: Duration = Duration::from_secs(4);

/// A peer of a service that answers in lines.
#[derive(Debug)]
pub(crate) struct Peer(BufReader<TcpStream>);

impl Peer {
    /// # Errors
    /// A sentence, if nobody listens.
    pub(crate) fn connect(address: SocketAddr) -> Result<Peer, String> {
        let connected = TcpStream::connect_timeout(&address, PATIENCE).and_then(|stream| {
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            stream.set_nodelay(true)?;
            Ok(stream)
        });
        connected
            .map(|stream| Peer(BufReader::new(stream)))
            .map_err(|error| format!("a peer cannot connect: {error}"))
    }

    /// Sends a line.
    ///
    /// # Errors
    /// A sentence, if the connection is lost.
    pub(crate) fn say(&mut self, line: &str) -> Result<(), String> {
        let bytes = format!("{line}\n");
        self.0
            .get_mut()
            .write_all(bytes.as_bytes())
            .map_err(|error| format!("a peer is lost: {error}"))
    }

    /// Sends a line and awaits this one.
    ///
    /// # Errors
    /// A sentence, if another line comes, or none.
    pub(crate) fn ask(&mut self, line: &str, reply: &str) -> Result<(), String> {
        self.say(line)?;
        let mut came = String::new();
        self.0
            .read_line(&mut came)
            .map_err(|error| format!("`{line}` was not answered: {error}"))?;
        match came.trim_end() == reply {
            true => Ok(()),
            false => Err(format!("`{line}` was answered `{}`, not `{reply}`", came.trim_end())),
        }
    }

    /// Whether the server closes the connection, or resets it, and says nothing before.
    pub(crate) fn is_closed(&mut self) -> bool {
        match self.0.read(&mut [0; 64]) {
            Ok(count) => count == 0,
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }
}

/// Peers that say nothing.
#[derive(Debug)]
pub struct Silent(Vec<TcpStream>);

impl Silent {
    /// Nobody yet.
    pub(crate) fn none() -> Silent {
        Silent(Vec::new())
    }

    /// Connects until there are so many, or as many as there are when `stop` is raised.
    ///
    /// # Errors
    /// A sentence, if somebody cannot connect.
    pub(crate) fn grow(
        &mut self,
        address: SocketAddr,
        peers: usize,
        stop: &AtomicBool,
    ) -> Result<(), String> {
        while self.0.len() < peers && !stop.load(Ordering::Acquire) {
            let connected = TcpStream::connect_timeout(&address, LATE).map_err(|error| {
                format!("silent peer {} cannot connect: {error}", self.0.len() + 1)
            })?;
            self.0.push(connected);
        }
        Ok(())
    }

    /// Their connections, in the order in which they came.
    pub(crate) fn streams(&self) -> &[TcpStream] {
        &self.0
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }
}

/// A peer that lets the service `work` compute, again and again.
#[derive(Debug)]
pub(crate) struct Burner {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<u64, String>>,
}

impl Burner {
    /// Begins: the first computation is under way, or will be at once.
    ///
    /// # Errors
    /// A sentence, if nobody listens.
    pub(crate) fn start(address: SocketAddr, each: Duration) -> Result<Burner, String> {
        let mut peer = Peer::connect(address)?;
        let stop = Arc::new(AtomicBool::new(false));
        let (line, reply) =
            (format!("burn {}ms", each.as_millis()), format!("burnt {}ms", each.as_millis()));
        let told = Arc::clone(&stop);
        let burn = move || {
            let mut burnt = 0;
            while !told.load(Ordering::Acquire) {
                peer.ask(&line, &reply)?;
                burnt += 1;
            }
            Ok(burnt)
        };
        let thread = thread::Builder::new()
            .name("burner".into())
            .spawn(burn)
            .map_err(|error| format!("a peer that computes cannot be started: {error}"))?;
        Ok(Burner { stop, thread })
    }

    /// Ends after the computation that is under way.
    ///
    /// # Errors
    /// A sentence, if one was not answered: then others were not disturbed as they were to be.
    pub(crate) fn finish(self) -> Result<(), String> {
        self.stop.store(true, Ordering::Release);
        match self.thread.join().expect("a peer that computes does not panic")? {
            0 => Err("the peer that computes was never answered".into()),
            _ => Ok(()),
        }
    }
}
