//! `fork`: the model `process` beside the bare C server that forks for each connection.
//!
//! A connection's time runs from before `connect` to the first byte of the reply, a fork included.
//! Memory is that of the whole family of processes, because what a child shares with its parent
//! moves between their figures.

use std::thread;
use std::time::{Duration, Instant};

use clap::Args;

use crate::Result;
use crate::beside::Beside;
use crate::crowd::{Crowd, allow_descriptors};
use crate::figure::Figure;
use crate::pinning::pin_to_one_core;
use crate::process::{family, pss_bytes_of_all};
use crate::programs::{Programs, Subject};
use crate::server::Server;
use crate::table::{Measure, Role, Table};
use crate::turns::interleave;

const RATIO_MAX: f64 = 1.5;
const KIBIBYTES_MAX: f64 = 100.0;
/// After a connection: its child has ended and is reaped before the next one comes.
const PAUSE: Duration = Duration::from_millis(1);
/// How long the children of peers that have left may take to end.
const PATIENCE: Duration = Duration::from_secs(10);
const TIME: Measure = Measure { name: "us from connect to first byte", decimals: 1 };
const RATIO: Measure = Measure { name: "connect to first byte / bare C", decimals: 3 };
const MEMORY: [Measure; 2] = [
    Measure { name: "KiB/idle child (PSS), --idle", decimals: 1 },
    Measure { name: "KiB/idle child (PSS), --idle-more", decimals: 1 },
];

/// How many connections and idle peers, and how often.
#[derive(Args, Debug)]
pub(crate) struct Fork {
    /// The model with the bounds.
    #[arg(long, default_value = "process")]
    model: String,
    /// Connections in one measurement, one after another; their median counts.
    #[arg(long, default_value_t = 50, value_parser = crate::at_least_one)]
    connections: usize,
    /// Pairs of measurements on each set.
    #[arg(long, default_value_t = 40, value_parser = crate::at_least_one)]
    turns: usize,
    /// Sets of freshly started servers.
    #[arg(long, default_value_t = 5, value_parser = crate::at_least_one)]
    sets: usize,
    /// Idle peers.
    #[arg(long, default_value_t = 200, value_parser = crate::at_least_one)]
    idle: usize,
    /// Idle peers, those of --idle included.
    #[arg(long, default_value_t = 500, value_parser = crate::at_least_one)]
    idle_more: usize,
}

/// A server to which one connection after another is made.
struct Forking {
    server: Server,
    connections: usize,
}

impl Fork {
    pub(crate) fn run(&self, programs: &Programs) -> Result<Table> {
        if self.idle_more < self.idle {
            return Err("--idle-more counts those of --idle too: it must not be less".to_owned());
        }
        allow_descriptors(self.idle_more)?;
        let bare = programs.c_reference("fork")?;
        let ours = programs.switchboard(&self.model);
        let mut table = Table::new(format!(
            "A process per peer: time of a connection's first 64 bytes there and back (one at a \
             time, one core), memory at {} and {} idle peers;\nmedian and spread of {} sets of \
             fresh servers, {} pairs of {} connections on each",
            self.idle, self.idle_more, self.sets, self.turns, self.connections
        ));
        pin_to_one_core()?;
        self.time(&bare, ours.as_ref(), &mut table)?;
        self.memory(&bare, Role::Reference, &mut table)?;
        if let Some(ours) = &ours {
            self.memory(ours, Role::AtMost(KIBIBYTES_MAX), &mut table)?;
        }
        Ok(table)
    }

    fn time(&self, bare: &Subject, ours: Option<&Subject>, table: &mut Table) -> Result<()> {
        // The bare server, the bare server again, and ours.
        let subjects: Vec<&Subject> = [bare, bare].into_iter().chain(ours).collect();
        let mut beside = Beside::new(subjects.len());
        for _ in 0..self.sets {
            let start = |subject: &&Subject| {
                Server::start(subject, &[]).map(|server| Forking { server, connections: 0 })
            };
            let mut contenders = subjects.iter().map(start).collect::<Result<Vec<_>>>()?;
            let measure = |contender: &mut Forking| contender.measure(self.connections);
            let figures = interleave(&mut contenders, self.turns, measure)?;
            beside.add(&figures, 1.0);
            let stop = |forking: Forking| forking.server.stop(forking.connections);
            contenders.into_iter().try_for_each(stop)?;
        }
        beside.tell(table, &subjects, (TIME, RATIO), RATIO_MAX);
        Ok(())
    }

    fn memory(&self, subject: &Subject, role: Role, table: &mut Table) -> Result<()> {
        let mut kibibytes = [Vec::new(), Vec::new()];
        for _ in 0..self.sets {
            let server = Server::start(subject, &[])?;
            let alone = family(server.pid())?.len();
            // What the first peer touches is not counted.
            drop(Crowd::connect(server.address, 1)?);
            wait_for_family(&server, alone)?;
            let before = pss_bytes_of_all(&family(server.pid())?)? as f64;
            let mut idle = Crowd::connect(server.address, 0)?;
            for (samples, peers) in kibibytes.iter_mut().zip([self.idle, self.idle_more]) {
                idle.grow(peers - idle.len())?;
                let family = family(server.pid())?;
                if family.len() != alone + peers {
                    let children = family.len() - alone.min(family.len());
                    return Err(format!("{} has {children} children for {peers}", subject.name));
                }
                let grown = pss_bytes_of_all(&family)? as f64 - before;
                samples.push(grown / 1024.0 / peers as f64);
            }
            idle.rounds(1)?;
            drop(idle);
            server.stop(1 + self.idle_more)?;
        }
        for (measure, samples) in MEMORY.into_iter().zip(&kibibytes) {
            table.add(&subject.name, measure, Figure::of(samples), role);
        }
        Ok(())
    }
}

impl Forking {
    /// The median of `connections` in microseconds.
    fn measure(&mut self, connections: usize) -> Result<f64> {
        let mut times = Vec::with_capacity(connections);
        for _ in 0..connections {
            let start = Instant::now();
            let peer = Crowd::connect(self.server.address, 1)?;
            times.push(start.elapsed().as_nanos() as f64 / 1e3);
            drop(peer);
            thread::sleep(PAUSE);
        }
        self.connections += connections;
        Ok(Figure::of(&times).median)
    }
}

/// Until the server has as few processes as when no peer was there.
fn wait_for_family(server: &Server, members: usize) -> Result<()> {
    let start = Instant::now();
    while family(server.pid())?.len() > members {
        if start.elapsed() > PATIENCE {
            return Err("a child of a peer that has left does not end".to_owned());
        }
        thread::sleep(PAUSE);
    }
    Ok(())
}
