//! Processor time per message of several servers that take turns, so that noise meets all alike.
//!
//! The servers run throughout; in each turn one crowd after another makes its rounds, every other
//! turn in the opposite order. What is compared is always within a turn.

use crate::Result;
use crate::crowd::Crowd;
use crate::process::CpuClock;
use crate::programs::Subject;
use crate::server::Server;

/// A server with its busy peers.
pub(crate) struct Contender {
    pub(crate) server: Server,
    busy: Crowd,
    idle: Option<Crowd>,
    clock: CpuClock,
}

impl Contender {
    /// Starts `subject` and connects `peers`, which are served once.
    pub(crate) fn start(subject: &Subject, peers: usize) -> Result<Contender> {
        let server = Server::start(subject, &[])?;
        let busy = Crowd::connect(server.address, peers)
            .map_err(|error| format!("{}: {error}", subject.name))?;
        let clock = CpuClock::of(&[server.pid()])?;
        Ok(Contender { server, busy, idle: None, clock })
    }

    /// The same with messages of `size` bytes: see [`Crowd::of_size`].
    pub(crate) fn of_size(subject: &Subject, peers: usize, size: usize) -> Result<Contender> {
        let mut contender = Contender::start(subject, 1)?;
        contender.busy = Crowd::of_size(contender.server.address, peers, size)
            .map_err(|error| format!("{}: {error}", subject.name))?;
        Ok(contender)
    }

    /// Lets all leave, and stops the server: the stop line of ours.
    pub(crate) fn end(self) -> Result<Option<String>> {
        drop((self.busy, self.idle));
        self.server.end()
    }

    /// Connects peers that are served once and then say nothing.
    pub(crate) fn add_idle(&mut self, count: usize) -> Result<()> {
        match &mut self.idle {
            Some(crowd) => crowd.grow(count),
            None => {
                self.idle = Some(Crowd::connect(self.server.address, count)?);
                Ok(())
            }
        }
    }

    /// Asks the idle peers for one more reply, which proves that they were served all the while,
    /// lets all leave, and stops the server.
    pub(crate) fn finish(mut self) -> Result<()> {
        let mut peers = self.busy.len();
        if let Some(crowd) = &mut self.idle {
            peers += crowd.len();
            crowd.rounds(1)?;
        }
        drop((self.busy, self.idle));
        self.server.stop(peers)
    }

    /// Nanoseconds of processor time per message over `rounds`.
    fn measure(&mut self, rounds: usize) -> Result<f64> {
        let before = self.clock.at_rest()?;
        self.busy.rounds(rounds)?;
        let used = self.clock.at_rest()?.saturating_sub(before);
        Ok(used.as_nanos() as f64 / (rounds * self.busy.len()) as f64)
    }
}

/// Per contender, in each of `turns` its nanoseconds per message; the first turn warms up.
pub(crate) fn take_turns(
    contenders: &mut [Contender],
    turns: usize,
    rounds: usize,
) -> Result<Vec<Vec<f64>>> {
    interleave(contenders, turns, |contender| contender.measure(rounds))
}

/// Per contender, what `measure` found in each of `turns`; the first turn warms up.
pub(crate) fn interleave<C>(
    contenders: &mut [C],
    turns: usize,
    mut measure: impl FnMut(&mut C) -> Result<f64>,
) -> Result<Vec<Vec<f64>>> {
    let mut figures = vec![Vec::with_capacity(turns + 1); contenders.len()];
    let mut order: Vec<usize> = (0..contenders.len()).collect();
    for _ in 0..=turns {
        for &contender in &order {
            figures[contender].push(measure(&mut contenders[contender])?);
        }
        order.reverse();
    }
    for figure in &mut figures {
        figure.remove(0);
    }
    Ok(figures)
}

/// `figures` over `base`, turn by turn.
pub(crate) fn ratios(figures: &[f64], base: &[f64]) -> Vec<f64> {
    figures.iter().zip(base).map(|(figure, base)| figure / base).collect()
}
