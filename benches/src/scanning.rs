//! `scanning`: why the last silent peers cost `poll` and `select` more than the first.
//!
//! A wait in `poll` looks at every descriptor, puts itself into the queue of each, sleeps, looks at
//! all again and leaves the queues. That is done here to descriptors of as many sockets, and to as
//! many descriptors of one socket: the same calls and the same loops of the kernel, but in the second
//! case what they look at stays in the caches. What the first costs beyond the second is memory.
//!
//! No server is needed: `select` and `poll` walk their descriptors alike (`do_select` and `do_poll`
//! in fs/select.c of the kernel), and whoever calls them pays for it.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use clap::Args;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use nix::time::ClockId as Clock;

use crate::Result;
use crate::crowd::allow_descriptors;
use crate::figure::Figure;
use crate::pinning::pin_to_one_core;
use crate::table::{Measure, Role, Table};
use crate::turns::interleave;

/// Where a stretch of silent peers begins and ends, as in `switchboard compare -e idle`.
const ENDS: [usize; 5] = [0, 100, 300, 600, 900];
const STRETCHES: [Measure; 4] = [
    Measure { name: "ns/peer, 0 to 100", decimals: 0 },
    Measure { name: "ns/peer, 100 to 300", decimals: 0 },
    Measure { name: "ns/peer, 300 to 600", decimals: 0 },
    Measure { name: "ns/peer, 600 to 900", decimals: 0 },
];
const MORE: Measure = Measure { name: "the last over the first 300", decimals: 2 };

/// Turns and waits.
#[derive(Args, Debug)]
pub(crate) struct Scanning {
    /// Turns that are compared.
    #[arg(long, default_value_t = 30, value_parser = crate::at_least_one)]
    turns: usize,
    /// Waits with each number of descriptors in a turn.
    #[arg(long, default_value_t = 200, value_parser = crate::at_least_one)]
    waits: usize,
}

/// Descriptors that are waited for and never ready, and one that is: a timer.
struct Scanned {
    silent: Vec<OwnedFd>,
    timer: TimerFd,
    waits: usize,
    /// What each further descriptor costs, by stretch, a turn after the other.
    stretches: Vec<[f64; 4]>,
}

impl Scanning {
    pub(crate) fn run(&self) -> Result<Table> {
        let most = ENDS[ENDS.len() - 1];
        allow_descriptors(4 * most)?;
        pin_to_one_core()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(sentence)?;
        let (mut clients, mut accepted) = (Vec::new(), Vec::new());
        for _ in 0..most {
            let address = listener.local_addr().map_err(sentence)?;
            clients.push(TcpStream::connect(address).map_err(sentence)?);
            accepted.push(OwnedFd::from(listener.accept().map_err(sentence)?.0));
        }
        let same = |_| accepted[0].try_clone().map_err(sentence);
        let same = (0..most).map(same).collect::<Result<Vec<_>>>()?;
        let mut both = [self.scanned(accepted)?, self.scanned(same)?];
        interleave(&mut both, self.turns, |one| one.turn().map(|()| 0.0))?;
        drop(clients);

        let mut table = Table::new(
            "What each further descriptor costs a wait in poll, in processor time: descriptors of as \
             many\nTCP sockets, and of one"
                .to_owned(),
        );
        for (name, one) in ["poll, as many sockets", "poll, one socket"].iter().zip(&both) {
            // The first turn warms up.
            let turns = &one.stretches[1..];
            for (place, measure) in STRETCHES.into_iter().enumerate() {
                let each: Vec<f64> = turns.iter().map(|turn| turn[place]).collect();
                table.add(name, measure, Figure::of(&each), Role::Shown);
            }
            let early = |turn: &[f64; 4]| (turn[0] * 100.0 + turn[1] * 200.0) / 300.0;
            let more: Vec<f64> = turns.iter().map(|turn| turn[3] / early(turn)).collect();
            table.add(name, MORE, Figure::of(&more), Role::Shown);
        }
        Ok(table)
    }

    fn scanned(&self, silent: Vec<OwnedFd>) -> Result<Scanned> {
        let timer =
            TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::empty()).map_err(sentence)?;
        Ok(Scanned { silent, timer, waits: self.waits, stretches: Vec::new() })
    }
}

impl Scanned {
    fn turn(&mut self) -> Result<()> {
        let mut costs = [0.0; 5];
        for (cost, count) in costs.iter_mut().zip(ENDS) {
            *cost = self.cost(count)?;
        }
        let stretch = |place: usize| {
            let peers = (ENDS[place + 1] - ENDS[place]) as f64;
            (costs[place + 1] - costs[place]) / peers
        };
        self.stretches.push([0, 1, 2, 3].map(stretch));
        Ok(())
    }

    /// What a wait for the first `count` descriptors costs, in nanoseconds of processor time: the
    /// median, as somebody else's interrupt is in some of them.
    fn cost(&self, count: usize) -> Result<f64> {
        let silent = self.silent[..count].iter().map(AsFd::as_fd);
        let mut polled: Vec<PollFd<'_>> = silent
            .chain([self.timer.as_fd()])
            .map(|descriptor| PollFd::new(descriptor, PollFlags::POLLIN))
            .collect();
        // Long enough for the first walk, so that every wait sleeps, and so walks twice.
        let soon = TimeSpec::from_duration(Duration::from_micros(40 + count as u64 / 3));
        let mut costs = Vec::with_capacity(self.waits);
        for _ in 0..self.waits {
            let once = Expiration::OneShot(soon);
            self.timer.set(once, TimerSetTimeFlags::empty()).map_err(sentence)?;
            let before = now()?;
            let ready = poll(&mut polled, PollTimeout::NONE).map_err(sentence)?;
            costs.push((now()? - before).as_nanos() as f64);
            if ready != 1 {
                return Err(format!("{ready} descriptors were ready, and not the timer alone"));
            }
            self.timer.wait().map_err(sentence)?;
        }
        Ok(Figure::of(&costs).median)
    }
}

/// Processor time of this thread, user and system.
fn now() -> Result<Duration> {
    let used = Clock::CLOCK_THREAD_CPUTIME_ID.now().map_err(sentence)?;
    Ok(Duration::from(used))
}

fn sentence(error: impl std::fmt::Display) -> String {
    format!("cannot scan: {error}")
}
