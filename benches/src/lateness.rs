//! `lateness`: how much of what is due the load generator sends late, in an open loop on one core.
//!
//! The server has another core. Whatever else runs on the machine counts against the generator: a
//! core that is taken away for 2 ms makes 200 of 100,000 messages a second late, and those that
//! follow while it catches up.

use std::process::{Command, Stdio};

use clap::Args;
use serde_json::Value;

use crate::Result;
use crate::figure::Figure;
use crate::pinning::{cores, pin_to};
use crate::programs::Programs;
use crate::server::Server;
use crate::table::{Measure, Role, Table};

const LATE_MAX: f64 = 0.1;
const LATE: Measure = Measure { name: "% of messages sent over 1 ms late", decimals: 3 };
const LATEST: Measure = Measure { name: "ms, the latest of each run", decimals: 2 };
const RATE: Measure = Measure { name: "messages sent/s", decimals: 0 };

/// What is asked of the generator, and how often.
#[derive(Args, Debug)]
pub(crate) struct Lateness {
    /// Messages a second.
    #[arg(long, default_value_t = 100_000, value_parser = crate::at_least_one)]
    rate: usize,
    /// Connections.
    #[arg(long, default_value_t = 100, value_parser = crate::at_least_one)]
    connections: usize,
    /// Seconds of one run.
    #[arg(long, default_value_t = 5, value_parser = crate::at_least_one)]
    seconds: usize,
    /// Runs.
    #[arg(long, default_value_t = 10, value_parser = crate::at_least_one)]
    turns: usize,
}

impl Lateness {
    pub(crate) fn run(&self, programs: &Programs) -> Result<Table> {
        let cores = cores()?;
        let ([first, ..], Some(last)) = (&cores[..], cores.last()) else {
            return Err("this process may use no core".to_owned());
        };
        if first == last {
            return Err(
                "the server and the generator need a core each, and there is one".to_owned()
            );
        }
        pin_to(*first)?;
        let server = Server::start(&programs.c_reference("epoll")?, &[])?;
        pin_to(*last)?;
        let load = programs.load()?;
        let mut figures = [const { Vec::new() }; 3];
        for _ in 0..self.turns {
            let mut command = Command::new(&load.command[0]);
            command.args(&load.command[1..]);
            command.args([&server.address.port().to_string(), "--json"]);
            command.args(["--connections", &self.connections.to_string()]);
            command.args(["--rate", &self.rate.to_string()]);
            command.args(["--duration", &format!("{}s", self.seconds)]);
            let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output();
            let output = output.map_err(|error| format!("cannot start the generator: {error}"))?;
            let report: Value = serde_json::from_slice(&output.stdout)
                .map_err(|error| format!("the generator has no result: {error}"))?;
            let number = |path: &str| {
                report.pointer(path).and_then(Value::as_f64).ok_or(format!("no {path} in it"))
            };
            figures[0].push(number("/generator/late_share")? * 100.0);
            figures[1].push(number("/generator/latest_ns")? / 1e6);
            figures[2].push(number("/achieved/sent_rate")?);
        }
        server.end()?;
        let mut table = Table::new(format!(
            "An open loop of {} messages a second, {} connections, the generator and a bare C \
             server on a core each;\nmedian and spread of {} runs of {} s",
            self.rate, self.connections, self.turns, self.seconds
        ));
        let roles = [Role::AtMost(LATE_MAX), Role::Shown, Role::Shown];
        for ((measure, figures), role) in [LATE, LATEST, RATE].into_iter().zip(&figures).zip(roles)
        {
            table.add(&load.name, measure, Figure::of(figures), role);
        }
        Ok(table)
    }
}
