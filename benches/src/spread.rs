//! `spread`: how evenly a model's loops share the peers, as its console tells it.
//!
//! Peers that come one after another find every loop waiting; a burst finds whichever loop is
//! awake, so the same model may share them otherwise.

use clap::Args;

use crate::Result;
use crate::crowd::{Crowd, allow_descriptors};
use crate::figure::Figure;
use crate::programs::{Programs, Subject};
use crate::server::Server;
use crate::table::{Measure, Role, Table};

const SLOW: Measure = Measure { name: "peers/loop, one after another", decimals: 1 };
const BURST: Measure = Measure { name: "peers/loop, in a burst", decimals: 1 };
const MODELS: [&str; 5] = [
    "epoll:threads=4,accept=shared",
    "epoll:threads=4,accept=reuseport",
    "epoll:threads=4,accept=handoff",
    "epoll:processes=4,accept=shared",
    "epoll:processes=4,accept=reuseport",
];

/// Which models, and how many peers.
#[derive(Args, Debug)]
pub(crate) struct Spread {
    /// A model, instead of five kinds of epoll with four loops; repeatable.
    #[arg(long = "model", value_name = "MODEL", default_values = MODELS)]
    models: Vec<String>,
    /// Peers; a burst must fit into the backlog.
    #[arg(long, default_value_t = 400, value_parser = crate::at_least_one)]
    peers: usize,
}

impl Spread {
    pub(crate) fn run(&self, programs: &Programs) -> Result<Table> {
        allow_descriptors(self.peers)?;
        let mut table = Table::new(format!(
            "How {} peers are shared among loops: the median loop's, and from the least to the \
             most;\none after another (each served before the next connects) and in a burst",
            self.peers
        ));
        let backlog = self.peers.max(1024).to_string();
        let options = ["--listen", "127.0.0.1:0", "--backlog", &backlog, "--console"];
        for model in &self.models {
            let subject = programs.ours("echo", model, &options)?;
            let slow = self.share(&subject, |server| {
                let mut crowd = Crowd::connect(server.address, 0)?;
                (0..self.peers).try_for_each(|_| crowd.grow(1))?;
                Ok(crowd)
            })?;
            table.add(&subject.name, SLOW, slow, Role::Shown);
            let burst = self.share(&subject, |server| Crowd::burst(server.address, self.peers))?;
            table.add(&subject.name, BURST, burst, Role::Shown);
        }
        Ok(table)
    }

    /// What each loop of a fresh server has of the peers that `come`.
    fn share(&self, subject: &Subject, come: impl Fn(&Server) -> Result<Crowd>) -> Result<Figure> {
        let told = |error| format!("{}: {error}", subject.name);
        let (server, mut console) = Server::start_with_console(subject)?;
        let crowd = come(&server).map_err(told)?;
        let loops = console.peers_of_loops().map_err(told)?;
        let sum: usize = loops.iter().sum();
        if sum != self.peers {
            return Err(told(format!("its loops say {loops:?}, {sum} peers of {}", self.peers)));
        }
        drop(crowd);
        // The console stays open until then: its end may mean a stop.
        server.stop(self.peers)?;
        let loops: Vec<f64> = loops.into_iter().map(|peers| peers as f64).collect();
        Ok(Figure::with_range_of(&loops))
    }
}
