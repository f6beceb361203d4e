//! The arguments of `load`, and the plan that they make.

use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use switchboard::Address;
use switchboard::command::duration;
use switchboard_load::message::{Expect, Message, Protocol, Records, Script, Template};
use switchboard_load::{Arrivals, BadPeers, End, Manner, Plan, Rate, Schedule};

use super::output::OutputArgs;

/// The arguments of `load`.
#[derive(Args, Debug)]
#[command(after_help = "\
Alone, it drives 127.0.0.1:7788 with 10 connections in a closed loop for 10 s: each sends 64 bytes
and expects them back. With --rate or its kin the loop is open: messages are due at instants that a
slow server cannot put off, and latencies count from those instants.

Exit status: 0 when the load was applied, 1 when a --fail-if holds, 2 for bad usage, 3 when the load
that was asked for could not be applied: nobody could connect, or not all, or messages went out too
slowly.")]
pub(crate) struct LoadArgs {
    /// Where the server listens: HOST:PORT, [V6]:PORT, PORT, :PORT or unix:PATH
    #[arg(value_name = "ADDRESS", default_value_t = Address::default())]
    address: Address,

    #[command(flatten)]
    crowd: CrowdArgs,
    #[command(flatten)]
    schedule: ScheduleArgs,
    #[command(flatten)]
    message: MessageArgs,
    #[command(flatten)]
    bad: BadArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

/// Who connects.
#[derive(Args, Debug)]
#[command(next_help_heading = "Crowd")]
struct CrowdArgs {
    /// Connections that send messages
    #[arg(short, long, value_name = "N", default_value_t = 10)]
    connections: u64,

    /// Further connections that say nothing
    #[arg(long, value_name = "N", default_value_t = 0)]
    idle: u64,

    /// Connections to open each second [default: as fast as they can be]
    #[arg(long, value_name = "RATE", value_parser = rate)]
    connect_rate: Option<f64>,

    /// Connect from this address; repeated, from these in turn [default: the system's choice, on
    /// loopback from more of 127.0.0.0/8 when ports run out]
    #[arg(long = "source", value_name = "IP")]
    sources: Vec<IpAddr>,

    /// A connection for each message; latencies hold the connecting, too
    #[arg(long)]
    short: bool,

    /// How long a connection, or a reply, may take
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = duration)]
    timeout: Duration,

    /// Threads that apply the load, in each process that is needed
    #[arg(long, value_name = "N", default_value_t = 1)]
    threads: u32,
}

/// When messages are sent.
#[derive(Args, Debug)]
#[command(next_help_heading = "Schedule")]
struct ScheduleArgs {
    /// Closed loop: messages that each connection has in flight
    #[arg(long, value_name = "DEPTH", default_value_t = 1)]
    pipeline: u32,

    /// Open loop: messages a second, of all connections together (10000, 10k)
    #[arg(short, long, value_name = "RATE", value_parser = rate,
        conflicts_with_all = ["pipeline", "rate_per_connection", "every"])]
    rate: Option<f64>,

    /// Open loop: messages a second of each connection
    #[arg(long, value_name = "RATE", value_parser = rate, conflicts_with_all = ["pipeline", "every"])]
    rate_per_connection: Option<f64>,

    /// Open loop: each connection sends a message so often, each at an instant of its own
    #[arg(long, value_name = "DURATION", value_parser = duration, conflicts_with = "pipeline")]
    every: Option<Duration>,

    /// Open loop: how messages follow each other
    #[arg(long, value_enum, value_name = "HOW", default_value = "even")]
    arrivals: ArrivalsArg,

    /// How long to measure
    #[arg(short, long, value_name = "DURATION", default_value = "10s", value_parser = duration)]
    duration: Duration,

    /// Measure until so many messages have been sent, however long it takes
    #[arg(short = 'n', long, value_name = "N", conflicts_with = "duration")]
    messages: Option<u64>,

    /// Apply the load for so long before it counts
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration)]
    warm_up: Duration,

    /// Of everything that is random: the same seed gives the same load
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
}

/// What is sent, and what must come back.
#[derive(Args, Debug)]
#[command(next_help_heading = "Messages")]
struct MessageArgs {
    /// Bytes of a message, always the same
    #[arg(long, value_name = "BYTES", default_value_t = 64)]
    size: usize,

    /// A message: text with \n \r \t \0 \\ \xNN and places that differ, {seq} {connection}
    /// {random A..B} {hex N}; a brace is written twice
    #[arg(long, value_name = "TEXT", conflicts_with = "size")]
    message: Option<Template>,

    /// The messages in this file, in turn
    #[arg(long, value_name = "PATH", conflicts_with_all = ["size", "message"])]
    file: Option<PathBuf>,

    /// What a message is in that file: a line, or what follows a length of four bytes
    #[arg(long, value_enum, value_name = "WHAT", default_value = "lines", requires = "file")]
    records: RecordsArg,

    /// Where a message and its reply end: raw (a reply is as long as what is expected, or else as
    /// its message), line, or length4 (a length of four bytes precedes both)
    #[arg(long, value_name = "PROTOCOL", default_value_t = Protocol::Raw)]
    protocol: Protocol,

    /// What a reply must be: echo, upper (the message in upper case), nothing, /REGEX/, or else
    /// exactly these bytes (=TEXT if they could be taken for one of the others)
    #[arg(long, value_name = "WHAT", default_value_t = Expect::Echo)]
    expect: Expect,

    /// A dialogue in place of messages: [[step]] with send, expect, until, wait or close; --messages
    /// counts passes, latencies are those of the steps that expect; with a rate, or with --short, a
    /// whole pass counts as one message
    #[arg(long, value_name = "FILE.toml",
        conflicts_with_all = ["size", "message", "file", "protocol", "expect", "pipeline"])]
    script: Option<PathBuf>,
}

/// Peers that behave badly and are not measured, to see what a server does to the others.
#[derive(Args, Debug)]
#[command(next_help_heading = "Bad peers, each kind a share of the connections, such as 10%")]
struct BadArgs {
    /// Send without pause, and take a byte of the replies ten times a second
    #[arg(long, value_name = "SHARE", value_parser = share)]
    slow_read: Option<f64>,

    /// Send a byte ten times a second
    #[arg(long, value_name = "SHARE", value_parser = share)]
    slow_write: Option<f64>,

    /// Reset the connection after a message, and come again
    #[arg(long, value_name = "SHARE", value_parser = share)]
    reset_after: Option<f64>,

    /// End the own side after a message, read to the end, and come again
    #[arg(long, value_name = "SHARE", value_parser = share)]
    half_close: Option<f64>,

    /// Send half a message and nothing more
    #[arg(long, value_name = "SHARE", value_parser = share)]
    stall: Option<f64>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ArrivalsArg {
    /// At equal distances
    Even,
    /// Independently of each other, as people do
    Poisson,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum RecordsArg {
    Lines,
    Length4,
}

impl LoadArgs {
    /// The plan, which may still make no sense as a whole.
    pub(super) fn plan(&self) -> Result<Plan, String> {
        Ok(Plan {
            target: self.address.clone(),
            connections: self.crowd.connections,
            idle: self.crowd.idle,
            connect_rate: self.crowd.connect_rate,
            sources: self.crowd.sources.clone(),
            short: self.crowd.short,
            schedule: self.schedule.schedule()?,
            message: self.message.message(),
            protocol: self.message.protocol,
            expect: self.message.expect.clone(),
            script: self.message.script()?,
            bad: self.bad.peers(),
            end: match self.schedule.messages {
                Some(count) => End::Messages(count),
                None => End::After(self.schedule.duration),
            },
            warm_up: self.schedule.warm_up,
            timeout: self.crowd.timeout,
            threads: self.crowd.threads,
            seed: self.schedule.seed,
        })
    }
}

impl ScheduleArgs {
    fn schedule(&self) -> Result<Schedule, String> {
        let arrivals = match self.arrivals {
            ArrivalsArg::Even => Arrivals::Even,
            ArrivalsArg::Poisson => Arrivals::Poisson,
        };
        let rate = match (self.rate, self.rate_per_connection, self.every) {
            (Some(rate), _, _) => Rate::Total(rate),
            (_, Some(rate), _) => Rate::PerConnection(rate),
            (_, _, Some(time)) if time.is_zero() => return Err("--every must be above 0".into()),
            (_, _, Some(time)) => Rate::PerConnection(1.0 / time.as_secs_f64()),
            (None, None, None) if arrivals != Arrivals::Even => {
                return Err("--arrivals needs an open loop: --rate, --rate-per-connection or \
                            --every"
                    .into());
            }
            (None, None, None) => return Ok(Schedule::Closed { pipeline: self.pipeline }),
        };
        Ok(Schedule::Open { rate, arrivals })
    }
}

impl MessageArgs {
    fn script(&self) -> Result<Option<Script>, String> {
        let Some(path) = &self.script else { return Ok(None) };
        let shown = path.display();
        let text = fs::read_to_string(path)
            .map_err(|error| format!("cannot read the script {shown}: {error}"))?;
        text.parse().map(Some).map_err(|error| format!("the script {shown}: {error}"))
    }

    fn message(&self) -> Message {
        if let Some(template) = &self.message {
            return Message::Text(template.clone());
        }
        let records = match self.records {
            RecordsArg::Lines => Records::Lines,
            RecordsArg::Length4 => Records::Length4,
        };
        match &self.file {
            Some(path) => Message::File { path: path.clone(), records },
            None => Message::Size(self.size),
        }
    }
}

impl BadArgs {
    fn peers(&self) -> Vec<BadPeers> {
        let shares = [
            (Manner::SlowRead, self.slow_read),
            (Manner::SlowWrite, self.slow_write),
            (Manner::ResetAfter, self.reset_after),
            (Manner::HalfClose, self.half_close),
            (Manner::Stall, self.stall),
        ];
        let peers = shares.into_iter().filter_map(|(manner, share)| Some((manner, share?)));
        peers.map(|(manner, share)| BadPeers { manner, share }).collect()
    }
}

/// A share, as a percentage.
fn share(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').and_then(|digits| digits.parse::<f64>().ok());
    match number {
        Some(number) if number > 0.0 && number <= 100.0 => Ok(number / 100.0),
        _ => Err("a share is a percentage above 0, such as 10%".into()),
    }
}

/// A number of things a second.
fn rate(text: &str) -> Result<f64, String> {
    let (digits, unit) = match text.strip_suffix('k') {
        Some(digits) => (digits, 1e3),
        None => text.strip_suffix('M').map_or((text, 1.0), |digits| (digits, 1e6)),
    };
    match digits.parse::<f64>() {
        Ok(number) if number > 0.0 && number.is_finite() => Ok(number * unit),
        _ => Err("a rate is a number above 0, such as 500, 2.5, 10k or 1M".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_percentage() {
        assert_eq!(share("10%"), Ok(0.1));
        for text in ["10", "0%", "101%", "%"] {
            assert!(share(text).is_err_and(|error| error.contains("10%")), "{text}");
        }
    }

    #[test]
    fn a_rate_may_be_in_thousands_or_millions() {
        assert_eq!(rate("2.5"), Ok(2.5));
        assert_eq!(rate("10k"), Ok(10_000.0));
        assert_eq!(rate("1M"), Ok(1_000_000.0));
        for text in ["", "k", "0", "-1", "inf", "NaN"] {
            assert!(rate(text).is_err_and(|error| error.contains("10k")), "{text}");
        }
    }
}
