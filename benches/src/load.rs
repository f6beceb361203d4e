//! `load`: the load generator beside a bare C client that checks the same bytes and measures nothing.
//!
//! Processor time per message of the client, in turns, as a ratio within each turn; the bare client
//! once more shows by how much two equal ones differ. Memory per idle connection is the generator's
//! own, between two sizes.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use nix::unistd::Pid;

use crate::Result;
use crate::beside::Beside;
use crate::figure::Figure;
use crate::pinning::pin_to_one_core;
use crate::process::pss_bytes;
use crate::programs::{Programs, Subject};
use crate::server::Server;
use crate::table::{Measure, Role, Table};

const RATIO_MAX: f64 = 1.2;
const BYTES_MAX: f64 = 512.0;
/// Idle connections that are there before memory is counted.
const FIRST: usize = 1000;
/// How long idle connections may take to be there.
const PATIENCE: Duration = Duration::from_secs(60);
const TIME: Measure = Measure { name: "client CPU us/message", decimals: 3 };
const RATIO: Measure = Measure { name: "client CPU / bare C", decimals: 3 };
const MEMORY: Measure = Measure { name: "bytes/idle connection (PSS)", decimals: 1 };

/// How much load, and how often.
#[derive(Args, Debug)]
pub(crate) struct Load {
    /// Connections in a closed loop.
    #[arg(long, default_value_t = 100, value_parser = crate::at_least_one)]
    connections: usize,
    /// Messages in one measurement.
    #[arg(long, default_value_t = 200_000, value_parser = crate::at_least_one)]
    messages: usize,
    /// Measurements of each client.
    #[arg(long, default_value_t = 15, value_parser = crate::at_least_one)]
    turns: usize,
    /// Idle connections, beyond the first thousand.
    #[arg(long, default_value_t = 10_000, value_parser = crate::at_least_one)]
    idle: usize,
}

impl Load {
    pub(crate) fn run(&self, programs: &Programs) -> Result<Table> {
        let server = Server::start(&programs.c_reference("epoll")?, &[])?;
        let port = server.address.port().to_string();
        let (connections, messages) = (self.connections.to_string(), self.messages.to_string());
        let mut bare = programs.c_reference("client")?;
        bare.command.extend([&port, &connections, &messages].map(OsString::from));
        let mut ours = programs.load()?;
        let mut table = Table::new(format!(
            "A client in a closed loop: {} connections, 64 bytes, every byte checked, on the core of \
             a bare C server;\nmedian and spread of {} turns of {} messages each",
            self.connections, self.turns, self.messages
        ));
        self.memory(&ours.command[0], &port, &mut table)?;
        let words = [&port, "--connections", &connections, "--messages", &messages];
        ours.command.extend(words.map(OsString::from));
        self.time([&bare, &bare, &ours], &mut table)?;
        server.end()?;
        Ok(table)
    }

    /// The bare client, the bare client again, and ours.
    fn time(&self, clients: [&Subject; 3], table: &mut Table) -> Result<()> {
        pin_to_one_core()?;
        let mut beside = Beside::new(clients.len());
        for turn in 0..self.turns {
            let mut figures = [const { Vec::new() }; 3];
            for place in 0..clients.len() {
                let place = if turn % 2 == 0 { place } else { clients.len() - 1 - place };
                let used = processor_time(clients[place])?;
                figures[place].push(used.as_secs_f64() * 1e6 / self.messages as f64);
            }
            beside.add(&figures, 1.0);
        }
        beside.tell(table, &clients, (TIME, RATIO), RATIO_MAX);
        Ok(())
    }

    fn memory(&self, program: &OsStr, port: &str, table: &mut Table) -> Result<()> {
        let mut sizes = [0.0; 2];
        for (size, idle) in sizes.iter_mut().zip([FIRST, FIRST + self.idle]) {
            let mut child = Command::new(program)
                .args(["load", port, "--rate", "10", "--duration", "1h"])
                .args(["--idle", &idle.to_string()])
                .stdout(Stdio::null())
                .spawn()
                .map_err(|error| format!("cannot start the load generator: {error}"))?;
            let pid = Pid::from_raw(child.id() as i32);
            let found = await_descriptors(pid, idle).and_then(|()| pss_bytes(pid));
            // It would go on for an hour; what it measures is not wanted.
            let _ = child.kill();
            let _ = child.wait();
            *size = found? as f64;
        }
        let each = (sizes[1] - sizes[0]) / self.idle as f64;
        table.add("switchboard load", MEMORY, Figure::of(&[each]), Role::AtMost(BYTES_MAX));
        Ok(())
    }
}

/// Waits until a process has more than `count` descriptors.
fn await_descriptors(pid: Pid, count: usize) -> Result<()> {
    let end = Instant::now() + PATIENCE;
    let path = format!("/proc/{pid}/fd");
    while fs::read_dir(&path).map_err(|error| format!("cannot read {path}: {error}"))?.count()
        <= count
    {
        if Instant::now() > end {
            return Err(format!("{count} idle connections were not there after {PATIENCE:?}"));
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Runs a client to its end; the processor time that it took, user and system.
fn processor_time(client: &Subject) -> Result<Duration> {
    let used = || {
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN)
            .map_err(|error| format!("cannot read the time of children: {error}"))?;
        let time = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
        Ok::<_, String>(Duration::from_micros(time as u64))
    };
    let before = used()?;
    let mut command = Command::new(&client.command[0]);
    command.args(&client.command[1..]);
    match command.stdin(Stdio::null()).stdout(Stdio::null()).status() {
        Ok(status) if status.success() => Ok(used()? - before),
        Ok(status) => Err(format!("a client failed ({status}): {command:?}")),
        Err(error) => Err(format!("a client cannot be started ({error}): {command:?}")),
    }
}
