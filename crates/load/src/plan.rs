//! What to apply, as plain data. [`Plan::check`] is the edge: past it nothing is doubtful.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use switchboard::Address;

use crate::error::LoadError;
use crate::message::{Expect, Message, Protocol, Script};
use crate::schedule::{Rate, Schedule};
use crate::written::{seconds, text};

/// The most connections of one run, idle ones included; a slip of the finger is larger.
const CONNECTIONS_MAX: u64 = 100_000_000;
/// The largest message or reply.
pub const MESSAGE_MAX: usize = 16 << 20;
/// The most messages in flight on one connection in a closed loop.
const PIPELINE_MAX: u32 = 65_536;
/// The most threads of one process.
const THREADS_MAX: u32 = 256;

/// A load: who connects where, what they send, when, and what must come back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Where the server listens.
    #[serde(with = "text")]
    pub target: Address,
    /// Connections that send messages, bad peers among them.
    pub connections: u64,
    /// Connections that say nothing, beside those.
    pub idle: u64,
    /// Connections to open each second; without it, as fast as they can be.
    pub connect_rate: Option<f64>,
    /// Addresses to connect from, in turn; empty: the kernel's choice, and more of 127.0.0.0/8
    /// when ports run out on loopback.
    pub sources: Vec<IpAddr>,
    /// A connection for each message, or for each pass through the script.
    pub short: bool,
    /// When messages are due.
    pub schedule: Schedule,
    /// What is sent.
    pub message: Message,
    /// Where a message and a reply end.
    pub protocol: Protocol,
    /// What a reply must be.
    #[serde(with = "text")]
    pub expect: Expect,
    /// A dialogue, in place of messages and replies. In an open loop a pass through it is due at a
    /// time, and with `short` each pass has a connection of its own: then the whole pass counts as one
    /// message. Bad peers send what a pass sends.
    pub script: Option<Script>,
    /// Peers that behave badly, a share of the connections each.
    pub bad: Vec<BadPeers>,
    /// When the load ends.
    pub end: End,
    /// Load that is applied before, and not counted.
    #[serde(rename = "warm_up_s", with = "seconds")]
    pub warm_up: Duration,
    /// How long a connection, or a reply, may take.
    #[serde(rename = "timeout_s", with = "seconds")]
    pub timeout: Duration,
    /// Threads of each process.
    pub threads: u32,
    /// Of everything that is random.
    pub seed: u64,
}

/// When the load ends.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// After this time; what is in flight then is awaited.
    #[serde(rename = "after_s", with = "seconds")]
    After(Duration),
    /// After so many messages of all connections together.
    Messages(u64),
}

/// A share of the connections that behaves badly.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BadPeers {
    /// What they do.
    pub manner: Manner,
    /// Of all connections, above 0 and at most 1.
    pub share: f64,
}

/// What a bad peer does to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Manner {
    /// Sends without pause and takes a byte of the replies now and then.
    SlowRead,
    /// Sends its messages a byte at a time.
    SlowWrite,
    /// Resets the connection after each message, without reading the reply.
    ResetAfter,
    /// Ends its side after a message and reads to the end.
    HalfClose,
    /// Sends half a message and nothing more.
    Stall,
}

impl Manner {
    /// The word on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Manner::SlowRead => "slow-read",
            Manner::SlowWrite => "slow-write",
            Manner::ResetAfter => "reset-after",
            Manner::HalfClose => "half-close",
            Manner::Stall => "stall",
        }
    }
}

impl Default for Plan {
    /// What `switchboard load` alone does: 10 connections in a closed loop, 64 bytes, 10 s.
    fn default() -> Plan {
        Plan {
            target: Address::default(),
            connections: 10,
            idle: 0,
            connect_rate: None,
            sources: Vec::new(),
            short: false,
            schedule: Schedule::Closed { pipeline: 1 },
            message: Message::Size(64),
            protocol: Protocol::Raw,
            expect: Expect::Echo,
            script: None,
            bad: Vec::new(),
            end: End::After(Duration::from_secs(10)),
            warm_up: Duration::ZERO,
            timeout: Duration::from_secs(10),
            threads: 1,
            seed: 0,
        }
    }
}

impl Plan {
    /// Whether this load makes sense.
    ///
    /// # Errors
    /// A sentence that says what to change.
    pub fn check(&self) -> Result<(), LoadError> {
        self.check_crowd().and_then(|()| self.check_traffic()).map_err(LoadError::Plan)
    }

    /// Whether the clock decides when messages are sent, and not the reply before.
    pub fn is_open(&self) -> bool {
        matches!(self.schedule, Schedule::Open { .. })
    }

    /// How the connection of that number behaves badly, if it does: the first ones do.
    pub(crate) fn manner(&self, number: u64) -> Option<Manner> {
        let mut sum = 0.0;
        self.bad.iter().find_map(|bad| {
            sum += bad.share;
            (number < self.part(sum)).then_some(bad.manner)
        })
    }

    /// How many connections behave badly.
    pub(crate) fn bad_connections(&self) -> u64 {
        self.part(self.bad.iter().map(|bad| bad.share).sum())
    }

    /// A share of the connections, at least one of them if it is above 0.
    fn part(&self, share: f64) -> u64 {
        (share * self.connections as f64).round().max(share.ceil()) as u64
    }

    /// How long the measurement is to be, in nanoseconds; `u64::MAX` if messages end it.
    pub(crate) fn end_ns(&self) -> u64 {
        match self.end {
            End::After(time) => u64::try_from(time.as_nanos()).unwrap_or(u64::MAX),
            End::Messages(_) => u64::MAX,
        }
    }

    fn check_crowd(&self) -> Result<(), String> {
        let total = self.connections.saturating_add(self.idle);
        if total == 0 {
            return Err("a load needs a connection: --connections 1 or --idle 1".into());
        }
        if total > CONNECTIONS_MAX {
            return Err(format!("at most {CONNECTIONS_MAX} connections, idle ones included"));
        }
        if self.connect_rate.is_some_and(|rate| !is_rate(rate)) {
            return Err("--connect-rate is a number of connections a second, above 0".into());
        }
        if !self.sources.is_empty() && matches!(self.target, Address::Unix(_)) {
            return Err("a Unix socket has no source address; leave --source out".into());
        }
        if !(1..=THREADS_MAX).contains(&self.threads) {
            return Err(format!("--threads is 1 to {THREADS_MAX}"));
        }
        if u64::from(self.threads) > total {
            return Err(format!(
                "{total} connections cannot be shared by {} threads",
                self.threads
            ));
        }
        let mut share = 0.0;
        for bad in &self.bad {
            if !(bad.share > 0.0 && bad.share <= 1.0) {
                return Err(format!("--{} is a share of the connections: 10%", bad.manner.name()));
            }
            share += bad.share;
        }
        match share > 1.0 + 1e-9 {
            true => Err("bad peers are more than 100% of the connections; lower the shares".into()),
            false => Ok(()),
        }
    }

    fn check_traffic(&self) -> Result<(), String> {
        match self.schedule {
            Schedule::Closed { pipeline } if !(1..=PIPELINE_MAX).contains(&pipeline) => {
                return Err(format!("--pipeline is 1 to {PIPELINE_MAX} messages in flight"));
            }
            Schedule::Closed { pipeline } if self.short && pipeline > 1 => {
                return Err(
                    "with --short a connection has one message; leave --pipeline out".into()
                );
            }
            Schedule::Closed { .. } => {}
            Schedule::Open { rate: Rate::Total(rate) | Rate::PerConnection(rate), .. } => {
                if !is_rate(rate) {
                    return Err("a rate is a number of messages a second, above 0".into());
                }
            }
        }
        if self.short && !self.bad.is_empty() {
            return Err("bad peers have connections of their own kind; leave --short out".into());
        }
        if self.timeout.is_zero() {
            return Err("--timeout must be above 0".into());
        }
        match self.end {
            End::After(time) if time.is_zero() => Err("--duration must be above 0".into()),
            End::Messages(0) => Err("--messages must be above 0".into()),
            End::Messages(_) if self.connections == self.bad_connections() => {
                Err("idle and bad peers send no messages that count; use --duration".into())
            }
            _ => Ok(()),
        }
    }
}

/// Whether a number of things a second can be kept to: nanoseconds must be able to tell them apart.
fn is_rate(rate: f64) -> bool {
    rate > 1e-9 && rate <= 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(plan: Plan) -> String {
        match plan.check() {
            Err(LoadError::Plan(sentence)) => sentence,
            other => unreachable!("{other:?}"),
        }
    }

    /// Kills: a part of a plan that another process does not get.
    #[test]
    fn a_plan_survives_the_way_through_text() {
        let plan = Plan {
            bad: vec![BadPeers { manner: Manner::Stall, share: 0.1 }],
            sources: vec!["127.0.0.9".parse().unwrap()],
            connect_rate: Some(2.5),
            end: End::Messages(7),
            warm_up: Duration::from_millis(1500),
            expect: "/a/".parse().unwrap(),
            message: Message::Text("{seq}".parse().unwrap()),
            ..Plan::default()
        };
        let text = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_what_to_do() {
        assert_eq!(Plan::default().check(), Ok(()));
        let none = Plan { connections: 0, ..Plan::default() };
        assert!(refused(none).contains("--idle 1"));
        let threads = Plan { threads: 11, ..Plan::default() };
        assert!(refused(threads).contains("10 connections cannot be shared by 11 threads"));
        let bad = |share| Plan {
            bad: vec![BadPeers { manner: Manner::Stall, share }; 2],
            ..Plan::default()
        };
        assert!(refused(bad(0.6)).contains("more than 100%"));
        assert!(refused(bad(0.0)).contains("--stall"));
        assert!(refused(Plan { end: End::Messages(1), ..bad(0.5) }).contains("--duration"));
        let depth = Plan { schedule: Schedule::Closed { pipeline: 0 }, ..Plan::default() };
        assert!(refused(depth).contains("--pipeline"));
    }

    /// Kills: shares that lose a connection to rounding, or a small one that has none.
    #[test]
    fn shares_of_bad_peers_follow_each_other() {
        let bad = |manner, share| BadPeers { manner, share };
        let bad = vec![bad(Manner::Stall, 0.01), bad(Manner::SlowRead, 0.3)];
        let plan = Plan { bad, ..Plan::default() };
        let found: Vec<_> = (0..10).map(|number| plan.manner(number)).collect();
        assert_eq!(
            found[..3],
            [Some(Manner::Stall), Some(Manner::SlowRead), Some(Manner::SlowRead)]
        );
        assert!(found[3..].iter().all(Option::is_none));
        assert_eq!(plan.bad_connections(), 3);
    }
}
