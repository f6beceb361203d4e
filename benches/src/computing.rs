//! `computing`: how long others wait while one peer has the server compute, in one loop and with
//! workers beside it.
//!
//! The peers that echo are an open loop: each message is due at a fixed time whether or not the one
//! before it has been answered, and its latency counts from then, so that a stalled server does not
//! thin out the messages that would show it.

use std::time::{Duration, Instant};

use clap::Args;

use crate::Result;
use crate::figure::{Figure, quantile};
use crate::lines::{LinePeer, PATIENCE, burnt, readable};
use crate::programs::Programs;
use crate::server::Server;
use crate::table::{Measure, Role, Table};
use crate::turns::{interleave, ratios};

const RATIO_MAX: f64 = 0.2;
/// Requests that the computing peer has in flight: it is never the client that it waits for.
const PIPELINED: usize = 4;
const LATENCY: Measure = Measure { name: "ms, 99th percentile", decimals: 2 };
const RATIO: Measure = Measure { name: "99th percentile / base", decimals: 3 };
const LAG: Measure = Measure { name: "client's own lag, ms, 99th percentile", decimals: 2 };
const BURNS: Measure = Measure { name: "computations/s", decimals: 1 };

/// How many peers, how fast, and how often.
#[derive(Args, Debug)]
pub(crate) struct Computing {
    /// The model with the bound.
    #[arg(long, default_value = "epoll:workers=2")]
    model: String,
    /// The model that it is compared with.
    #[arg(long, default_value = "epoll")]
    base: String,
    /// What the computing peer asks for.
    #[arg(long, default_value = "50ms", value_name = "TIME")]
    burn: String,
    /// Peers that echo.
    #[arg(long, default_value_t = 50, value_parser = crate::at_least_one)]
    peers: usize,
    /// Messages a second of each of them.
    #[arg(long, default_value_t = 20, value_parser = crate::at_least_one)]
    rate: usize,
    /// Seconds of a measurement.
    #[arg(long, default_value_t = 3, value_parser = crate::at_least_one)]
    seconds: usize,
    /// Measurements of each server.
    #[arg(long, default_value_t = 10, value_parser = crate::at_least_one)]
    turns: usize,
}

/// A server with its peers; the last of them is the computing one.
struct Contender {
    server: Server,
    peers: Vec<LinePeer>,
    lags: Vec<f64>,
    burns: Vec<f64>,
}

impl Computing {
    pub(crate) fn run(&self, programs: &Programs) -> Result<Table> {
        let mut table = Table::new(format!(
            "Latency of {} peers that echo {} times a second each (open loop, from when a message \
             was due) while one has the server burn {} without pause;\nmedian and spread of {} \
             turns of {} s",
            self.peers, self.rate, self.burn, self.turns, self.seconds
        ));
        let base = programs.ours("work", &self.base, &["--listen", "127.0.0.1:0"])?;
        let model = programs.ours("work", &self.model, &["--listen", "127.0.0.1:0"])?;
        // The base, the base again, and the model.
        let mut contenders = Vec::new();
        for subject in [&base, &base, &model] {
            let server = Server::start(subject, &[])?;
            let connect = |_| LinePeer::connect(server.address);
            let peers = (0..=self.peers).map(connect).collect::<Result<_>>()?;
            contenders.push(Contender { server, peers, lags: Vec::new(), burns: Vec::new() });
        }
        let figures = interleave(&mut contenders, self.turns, |contender| self.measure(contender))?;
        for (place, subject) in [(0, &base), (2, &model)] {
            let (role, noise) = (Role::Shown, Figure::of(&ratios(&figures[1], &figures[0])));
            table.add(&subject.name, LATENCY, Figure::of(&figures[place]), role);
            table.add(&subject.name, LAG, Figure::of(&contenders[place].lags), role);
            table.add(&subject.name, BURNS, Figure::of(&contenders[place].burns), role);
            match place {
                0 => table.add(&subject.name, RATIO, noise, Role::Noise),
                _ => {
                    let ratio = Figure::of(&ratios(&figures[2], &figures[0]));
                    table.add(&subject.name, RATIO, ratio, Role::AtMost(RATIO_MAX));
                }
            }
        }
        for contender in contenders {
            drop(contender.peers);
            contender.server.stop(self.peers + 1)?;
        }
        Ok(table)
    }

    /// The 99th percentile of a turn in milliseconds, once every message has been answered.
    fn measure(&self, contender: &mut Contender) -> Result<f64> {
        let peers = &mut contender.peers;
        let (request, answer) = (format!("burn {}", self.burn), burnt(&self.burn));
        let start = Instant::now();
        for _ in 0..PIPELINED {
            peers[self.peers].ask(&request, &answer, start)?;
        }
        let end = start + Duration::from_secs(self.seconds as u64);
        let total = self.seconds * self.rate * self.peers;
        // Peers take turns, so that messages are due evenly.
        let due = |message: usize| start + (end - start).mul_f64(message as f64 / total as f64);
        let (mut sent, mut burns) = (0, 0);
        let (mut latencies, mut lags) = (Vec::with_capacity(total), Vec::with_capacity(total));
        while sent < total || peers.iter().any(LinePeer::waits) {
            let now = Instant::now();
            if now > end + PATIENCE {
                return Err(format!("not all is answered {PATIENCE:?} after the last message"));
            }
            while sent < total && due(sent) <= now {
                let text = sent.to_string();
                peers[sent % self.peers].ask(&format!("echo {text}"), &text, due(sent))?;
                lags.push(milliseconds(due(sent).elapsed()));
                sent += 1;
            }
            let until = if sent < total { due(sent) } else { end + PATIENCE };
            for place in readable(peers, until)? {
                for since in peers[place].answers()? {
                    if place < self.peers {
                        latencies.push(milliseconds(since.elapsed()));
                    } else if Instant::now() < end {
                        burns += 1;
                        peers[place].ask(&request, &answer, since)?;
                    }
                }
            }
        }
        contender.lags.push(percentile(lags));
        contender.burns.push(burns as f64 / self.seconds as f64);
        Ok(percentile(latencies))
    }
}

fn percentile(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    quantile(&samples, 0.99)
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
