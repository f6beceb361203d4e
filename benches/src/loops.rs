//! `loops`: how much more several loops compute than one, with the client on the same cores.
//!
//! A closed loop of more peers than loops: each loop always has a request that waits.

use std::time::{Duration, Instant};

use clap::Args;

use crate::Result;
use crate::figure::Figure;
use crate::lines::{LinePeer, PATIENCE, burnt, readable};
use crate::programs::Programs;
use crate::server::Server;
use crate::table::{Measure, Role, Table};
use crate::turns::{interleave, ratios};

const RATIO_MIN: f64 = 1.8;
const RATE: Measure = Measure { name: "messages/s", decimals: 0 };
const RATIO: Measure = Measure { name: "messages/s / base", decimals: 3 };

/// How many peers, and how often.
#[derive(Args, Debug)]
pub(crate) struct Loops {
    /// The model with the bound.
    #[arg(long, default_value = "epoll:threads=2")]
    model: String,
    /// The model that it is compared with.
    #[arg(long, default_value = "epoll")]
    base: String,
    /// What each message has the server compute.
    #[arg(long, default_value = "200us", value_name = "TIME")]
    burn: String,
    /// Peers in a closed loop.
    #[arg(long, default_value_t = 16, value_parser = crate::at_least_one)]
    peers: usize,
    /// Milliseconds of a measurement.
    #[arg(long, default_value_t = 1000, value_parser = crate::at_least_one)]
    milliseconds: usize,
    /// Measurements of each server.
    #[arg(long, default_value_t = 20, value_parser = crate::at_least_one)]
    turns: usize,
}

struct Contender {
    server: Server,
    peers: Vec<LinePeer>,
}

impl Loops {
    pub(crate) fn run(&self, programs: &Programs) -> Result<Table> {
        let mut table = Table::new(format!(
            "Messages a second that burn {} each: {} peers in a closed loop, the client on the \
             same cores;\nmedian and spread of {} turns of {} ms",
            self.burn, self.peers, self.turns, self.milliseconds
        ));
        let base = programs.ours("work", &self.base, &["--listen", "127.0.0.1:0"])?;
        let model = programs.ours("work", &self.model, &["--listen", "127.0.0.1:0"])?;
        // The base, the base again, and the model.
        let mut contenders = Vec::new();
        for subject in [&base, &base, &model] {
            let server = Server::start(subject, &[])?;
            let connect = |_| LinePeer::connect(server.address);
            let peers = (0..self.peers).map(connect).collect::<Result<_>>()?;
            contenders.push(Contender { server, peers });
        }
        let measure = |contender: &mut Contender| self.measure(&mut contender.peers);
        let rates = interleave(&mut contenders, self.turns, measure)?;
        let over_base = |place: usize| Figure::of(&ratios(&rates[place], &rates[0]));
        table.add(&base.name, RATE, Figure::of(&rates[0]), Role::Shown);
        table.add(&base.name, RATIO, over_base(1), Role::Noise);
        table.add(&model.name, RATE, Figure::of(&rates[2]), Role::Shown);
        table.add(&model.name, RATIO, over_base(2), Role::AtLeast(RATIO_MIN));
        for contender in contenders {
            drop(contender.peers);
            contender.server.stop(self.peers)?;
        }
        Ok(table)
    }

    /// Messages a second until the time is over; what is still in flight then is waited for.
    fn measure(&self, peers: &mut [LinePeer]) -> Result<f64> {
        let (request, answer) = (format!("burn {}", self.burn), burnt(&self.burn));
        let start = Instant::now();
        let end = start + Duration::from_millis(self.milliseconds as u64);
        for peer in &mut *peers {
            peer.ask(&request, &answer, start)?;
        }
        let mut answered = 0;
        while peers.iter().any(LinePeer::waits) {
            if Instant::now() > end + PATIENCE {
                return Err(format!("not all is answered {PATIENCE:?} after the last message"));
            }
            for place in readable(peers, end + PATIENCE)? {
                for since in peers[place].answers()? {
                    if Instant::now() < end {
                        answered += 1;
                        peers[place].ask(&request, &answer, since)?;
                    }
                }
            }
        }
        Ok(f64::from(answered) / (end - start).as_secs_f64())
    }
}
