//! `short`: what a connection costs that is opened for one message, under models with a fixed set of
//! threads or processes, beside a bare C server with as many threads.
//!
//! Processor time of all of a server's processes per connection, as a ratio within each turn. The
//! client closes first, in order, so its side keeps the port for a minute: a server has no more
//! connections in its life than there are ephemeral ports for its own.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::thread;

use clap::Args;
use nix::unistd::Pid;

use crate::Result;
use crate::beside::Beside;
use crate::crowd::{MESSAGE, connect, message};
use crate::pinning::pin_to_one_core;
use crate::process::{CpuClock, family};
use crate::programs::{Programs, Subject};
use crate::server::Server;
use crate::table::{Measure, Table};
use crate::turns::interleave;

const RATIO_MAX: f64 = 1.10;
const TIME: Measure = Measure { name: "CPU us/connection", decimals: 2 };
const RATIO: Measure = Measure { name: "CPU / bare C", decimals: 3 };

/// How many connections, and how often.
#[derive(Args, Debug)]
pub(crate) struct Short {
    /// Threads or processes of each server.
    #[arg(long, default_value_t = 4, value_parser = crate::at_least_one)]
    threads: usize,
    /// Models with the bound, instead of prefork and the two kinds of pool; repeatable.
    #[arg(long = "model", value_name = "MODEL")]
    models: Vec<String>,
    /// Client threads, each with one connection at a time.
    #[arg(long, default_value_t = 2, value_parser = crate::at_least_one)]
    clients: usize,
    /// Connections of each client thread in one measurement.
    #[arg(long, default_value_t = 200, value_parser = crate::at_least_one)]
    connections: usize,
    /// Sets of freshly started servers.
    #[arg(long, default_value_t = 5, value_parser = crate::at_least_one)]
    sets: usize,
    /// Measurements on each set.
    #[arg(long, default_value_t = 30, value_parser = crate::at_least_one)]
    turns: usize,
}

/// A server whose processes live as long as it does.
struct Contender {
    server: Server,
    family: Vec<Pid>,
    clock: CpuClock,
    connections: usize,
}

impl Short {
    pub(crate) fn run(&self, programs: &Programs) -> Result<Table> {
        let mut table = Table::new(format!(
            "Processor time of short connections (connect, 64 bytes there and back, close): {} \
             clients in a closed loop, one core, {} threads or processes per server;\nmedian and \
             spread of {} sets of fresh servers, {} turns of {} connections on each",
            self.clients,
            self.threads,
            self.sets,
            self.turns,
            self.clients * self.connections
        ));
        let subjects = self.subjects(programs)?;
        pin_to_one_core()?;
        let mut beside = Beside::new(subjects.len());
        for _ in 0..self.sets {
            let mut contenders =
                subjects.iter().map(Contender::start).collect::<Result<Vec<_>>>()?;
            let measure =
                |contender: &mut Contender| contender.measure(self.clients, self.connections);
            let figures = interleave(&mut contenders, self.turns, measure)?;
            beside.add(&figures, 1.0);
            contenders.into_iter().try_for_each(Contender::finish)?;
        }
        let subjects: Vec<&Subject> = subjects.iter().collect();
        beside.tell(&mut table, &subjects, (TIME, RATIO), RATIO_MAX);
        Ok(table)
    }

    /// The bare server, the bare server again, and ours.
    fn subjects(&self, programs: &Programs) -> Result<Vec<Subject>> {
        let threads = self.threads;
        let mut bare = programs.c_reference("prethreaded")?;
        bare.command.push(threads.to_string().into());
        let usual = [
            format!("prefork:processes={threads}"),
            format!("pool:threads={threads},accept=queue"),
            format!("pool:threads={threads},accept=all"),
        ];
        let models = if self.models.is_empty() { &usual[..] } else { &self.models };
        let ours = models.iter().filter_map(|model| programs.switchboard(model));
        Ok([bare.clone(), bare].into_iter().chain(ours).collect())
    }
}

impl Contender {
    fn start(subject: &Subject) -> Result<Contender> {
        let server = Server::start(subject, &[])?;
        visit(server.address, 0)?;
        let family = family(server.pid())?;
        let clock = CpuClock::of(&family)?;
        Ok(Contender { server, family, clock, connections: 1 })
    }

    /// Microseconds of processor time per connection.
    fn measure(&mut self, clients: usize, connections: usize) -> Result<f64> {
        let (address, first) = (self.server.address, self.connections);
        let before = self.clock.at_rest()?;
        thread::scope(|scope| {
            let visits = |client: usize| {
                move || {
                    (0..connections)
                        .try_for_each(|visited| visit(address, first + visited * clients + client))
                }
            };
            let clients: Vec<_> = (0..clients).map(|client| scope.spawn(visits(client))).collect();
            clients
                .into_iter()
                .try_for_each(|client| client.join().expect("a client does not panic"))
        })?;
        let used = self.clock.at_rest()?.saturating_sub(before);
        self.connections += clients * connections;
        Ok(used.as_nanos() as f64 / 1e3 / (clients * connections) as f64)
    }

    /// A process that was started meanwhile would be missing in what was measured.
    fn finish(self) -> Result<()> {
        if family(self.server.pid())? != self.family {
            return Err("a server's processes are not those that it started with".to_owned());
        }
        self.server.stop(self.connections)
    }
}

/// One connection for one message: the reply is checked, and the client closes.
fn visit(address: SocketAddr, number: usize) -> Result<()> {
    let told = |doing: &str| {
        let doing = doing.to_owned();
        move |error| format!("connection {number} {doing}: {error}")
    };
    let mut peer = connect(address).map_err(told("cannot be made"))?;
    let sent = message(number, 0);
    peer.write_all(&sent).map_err(told("cannot send"))?;
    let mut reply = [0; MESSAGE];
    peer.read_exact(&mut reply).map_err(told("gets no reply"))?;
    if reply != sent {
        return Err(format!("connection {number} got another reply than its own message"));
    }
    Ok(())
}
