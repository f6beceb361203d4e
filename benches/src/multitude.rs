//! `multitude`: whether a server of several processes holds more peers than one process may have
//! descriptors, and what they take.
//!
//! The peers are in several processes too, this program's own hidden subcommand. Each is served once
//! when it connects; then a random thousand of them all are asked for one more reply.

pub(crate) mod part;

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use clap::Args;
use nix::unistd::Pid;

use crate::Result;
use crate::crowd::{Crowd, allow_descriptors};
use crate::figure::Figure;
use crate::process::{family, pss_bytes_of_all};
use crate::programs::Programs;
use crate::server::Server;
use crate::table::{Measure, Role, Table};

/// Peers that are there before memory is read: every process has then served some.
const FIRST: usize = 400;
const CONNECTED: Measure = Measure { name: "peers connected and served", decimals: 0 };
const REFUSED: Measure = Measure { name: "peers refused or not served", decimals: 0 };
const ANSWERED: Measure = Measure { name: "answered once more, later", decimals: 0 };
const SECONDS: Measure = Measure { name: "s to connect all", decimals: 1 };
const MEMORY: Measure = Measure { name: "bytes/idle peer (PSS, all processes)", decimals: 1 };
const SHARES: Measure = Measure { name: "sockets/process", decimals: 1 };

/// How many peers, from how many processes.
#[derive(Args, Debug)]
pub(crate) struct Multitude {
    /// The model that is to hold them.
    #[arg(long, default_value = "epoll:processes=8")]
    model: String,
    /// Idle peers.
    #[arg(long, default_value_t = 120_000, value_parser = crate::at_least_one)]
    peers: usize,
    /// Client processes that share the peers.
    #[arg(long, default_value_t = 7, value_parser = crate::at_least_one)]
    clients: usize,
    /// Peers that are asked for one more reply.
    #[arg(long, default_value_t = 1000, value_parser = crate::at_least_one)]
    asked: usize,
    /// Of the random choice of those, instead of the clock.
    #[arg(long)]
    seed: Option<u64>,
}

/// A client process and its peers.
struct Client {
    child: Child,
    words: Option<ChildStdin>,
    lines: BufReader<ChildStdout>,
    peers: std::ops::Range<usize>,
}

impl Multitude {
    pub(crate) fn run(&self, programs: &Programs) -> Result<Table> {
        allow_descriptors(self.peers.div_ceil(self.clients).max(FIRST))?;
        let seed = self.seed.unwrap_or_else(clock);
        let mut table = Table::new(format!(
            "{} idle peers from {} processes and over 250 addresses, each served once; then {} of \
             them at random (--seed {seed}) are asked again;\none run; spread of sockets/process is \
             from the least to the most",
            self.peers, self.clients, self.asked
        ));
        let peers_max = (self.peers + self.peers / 4).max(1000).to_string();
        let options = ["--listen", "0.0.0.0:0", "--backlog", "4096", "--idle", "none"];
        let options = [&options[..], &["--peers-max", &peers_max]].concat();
        let subject = programs.ours("echo", &self.model, &options)?;
        let server = Server::start(&subject, &[])?;
        let first = Crowd::connect(server.address, FIRST)?;
        let family = family(server.pid())?;
        let (memory, sockets) = (pss_bytes_of_all(&family)?, sockets_of_all(&family)?);

        let start = Instant::now();
        let mut clients = self.clients(server.address)?;
        let (mut connected, mut refused) = (0, 0);
        for client in &mut clients {
            let line = client.line()?;
            connected += number(&line, "connected=")?;
            refused += number(&line, "refused=")?;
        }
        let seconds = start.elapsed().as_secs_f64();
        let grown = pss_bytes_of_all(&family)? as f64 - memory as f64;
        let held: Vec<f64> = sockets_of_all(&family)?
            .iter()
            .zip(&sockets)
            .map(|(now, before)| *now as f64 - *before as f64)
            .collect();
        let answered = ask(&mut clients, &choose(self.asked, self.peers, seed))?;
        drop((clients, first));
        server.end()?;

        let name = &subject.name;
        let asked = self.asked.min(self.peers) as f64;
        let mut add = |measure, figure, role| table.add(name, measure, Figure::of(&[figure]), role);
        add(CONNECTED, connected as f64, Role::AtLeast(self.peers as f64));
        add(REFUSED, refused as f64, Role::AtMost(0.0));
        add(ANSWERED, answered as f64, Role::AtLeast(asked));
        add(SECONDS, seconds, Role::Shown);
        add(MEMORY, grown / connected.max(1) as f64, Role::Shown);
        table.add(name, SHARES, Figure::with_range_of(serving(&held)), Role::Shown);
        Ok(table)
    }

    /// Starts the client processes, which connect at once.
    fn clients(&self, address: SocketAddr) -> Result<Vec<Client>> {
        let own =
            env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?;
        let end = |client: usize| self.peers * client / self.clients;
        let mut clients = Vec::new();
        for client in 0..self.clients {
            let peers = end(client)..end(client + 1);
            let mut child = Command::new(&own)
                .arg("multitude-part")
                .args(["--address", &address.to_string()])
                .args(["--first", &peers.start.to_string()])
                .args(["--peers", &peers.len().to_string()])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .map_err(|error| format!("cannot start a client process: {error}"))?;
            let words = child.stdin.take();
            let lines = BufReader::new(child.stdout.take().expect("standard output is piped"));
            clients.push(Client { child, words, lines, peers });
        }
        Ok(clients)
    }
}

impl Client {
    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        match self.lines.read_line(&mut line) {
            Ok(length) if length > 0 => Ok(line),
            Ok(_) => Err("a client process ended too early".to_owned()),
            Err(error) => Err(format!("a client process cannot be read: {error}")),
        }
    }
}

impl Drop for Client {
    /// Its peers leave when it ends, and it ends with its standard input.
    fn drop(&mut self) {
        self.words = None;
        // One that failed has said why itself.
        let _ = self.child.wait();
    }
}

/// Lets each of the `chosen` peers send and receive once; how many were answered.
fn ask(clients: &mut [Client], chosen: &[usize]) -> Result<usize> {
    for client in &mut *clients {
        let own = chosen.iter().filter(|peer| client.peers.contains(peer));
        let own: Vec<String> = own.map(|peer| (peer - client.peers.start).to_string()).collect();
        let words = client.words.as_mut().expect("taken when the client is dropped");
        writeln!(words, "{}", own.join(" "))
            .map_err(|error| format!("a client process takes no words: {error}"))?;
    }
    clients.iter_mut().map(|client| number(&client.line()?, "answered=")).sum()
}

/// The number behind `name` in a client's line.
fn number(line: &str, name: &str) -> Result<usize> {
    line.split_whitespace()
        .find_map(|word| word.strip_prefix(name)?.parse().ok())
        .ok_or_else(|| format!("a client process says `{}`, no `{name}N`", line.trim_end()))
}

/// `count` different numbers below `total`, or all: the head of a shuffle.
fn choose(count: usize, total: usize, seed: u64) -> Vec<usize> {
    let mut numbers: Vec<usize> = (0..total).collect();
    let mut state = seed;
    for place in 0..count.min(total) {
        let left = (total - place) as u64;
        numbers.swap(place, place + (splitmix(&mut state) % left) as usize);
    }
    numbers.truncate(count);
    numbers
}

/// SplitMix64: a few lines whose sequence is the same everywhere.
fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn clock() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.as_millis() as u64
}

/// How many descriptors of each process are sockets.
fn sockets_of_all(pids: &[Pid]) -> Result<Vec<usize>> {
    pids.iter().map(|pid| sockets(*pid)).collect()
}

fn sockets(pid: Pid) -> Result<usize> {
    let path = format!("/proc/{pid}/fd");
    let entries = fs::read_dir(&path).map_err(|error| format!("cannot read {path}: {error}"))?;
    let socket = |entry: &fs::DirEntry| {
        fs::read_link(entry.path()).is_ok_and(|link| link.to_string_lossy().starts_with("socket:"))
    };
    Ok(entries.flatten().filter(socket).count())
}

/// Without the first process if it only watches over the others.
fn serving(held: &[f64]) -> &[f64] {
    match held {
        [first, others @ ..] if !others.is_empty() && *first <= 0.0 => others,
        _ => held,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chosen_are_different_and_the_same_for_a_seed() {
        let chosen = choose(1000, 1500, 7);
        assert_eq!(chosen, choose(1000, 1500, 7));
        assert_ne!(chosen, choose(1000, 1500, 8));
        let mut sorted = chosen;
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), 1000);
        assert!(sorted.iter().all(|number| *number < 1500));
    }

    #[test]
    fn a_process_that_only_watches_is_no_share() {
        assert_eq!(serving(&[0.0, 3.0, 4.0]), [3.0, 4.0]);
        assert_eq!(serving(&[7.0]), [7.0]);
    }
}
