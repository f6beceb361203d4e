//! `room`: a room of the service `chat` in which one member talks, beside a bare loop of write(2).
//!
//! Processor time of the server for each line that a member is sent, when lines come one at a time
//! and when a hundred come at once; memory for each member that listens. The servers are on one core
//! and the members on another.

pub(crate) mod members;

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use clap::Args;

use crate::Result;
use crate::beside::Beside;
use crate::figure::Figure;
use crate::pinning::{cores, pin_to};
use crate::process::{CpuClock, pss_bytes};
use crate::programs::{Programs, Subject};
use crate::server::Server;
use crate::table::{Measure, Role, Table};
use crate::turns::interleave;

/// Of the bare loop, for a line at a time.
const EPOLL_MAX: f64 = 1.3;
const URING_MAX: f64 = 1.0;
/// Lines at a time, and how many of them a second of one core delivers.
const PIPELINE: usize = 100;
const DELIVERIES_LEAST: f64 = 1e6;
const BYTES_MAX: f64 = 1024.0;
/// Members that are there before memory is read.
const FIRST: usize = 100;
/// In a microsecond.
const NANOSECONDS: f64 = 1e3;

const TIME: Measure = Measure { name: "CPU us/delivery", decimals: 3 };
const RATIO: Measure = Measure { name: "CPU / bare loop of write", decimals: 3 };
const RATE: Measure = Measure { name: "deliveries/CPU second, 100 lines at once", decimals: 0 };
const MEMORY: Measure = Measure { name: "bytes/idle member (PSS)", decimals: 0 };

/// How many, and how often.
#[derive(Args, Debug)]
pub(crate) struct Room {
    /// A model; repeatable. `epoll` and `uring` have bounds.
    #[arg(long = "model", value_name = "MODEL", default_values = ["epoll", "uring"])]
    models: Vec<String>,
    /// Who is in the room.
    #[arg(long, default_value_t = 10_000, value_parser = crate::at_least_one)]
    members: usize,
    /// Sets of freshly started servers.
    #[arg(long, default_value_t = 3, value_parser = crate::at_least_one)]
    sets: usize,
    /// Measurements of each server in a set.
    #[arg(long, default_value_t = 12, value_parser = crate::at_least_one)]
    turns: usize,
    /// Lines, one at a time, in a measurement.
    #[arg(long, default_value_t = 3, value_parser = crate::at_least_one)]
    lines: usize,
}

impl Room {
    pub(crate) fn run(&self, programs: &Programs) -> Result<Table> {
        if self.members <= FIRST {
            return Err(format!("a room of more than {FIRST} members is needed"));
        }
        let bare = programs.c_reference("room")?;
        let ours = self.models.iter().filter_map(|model| {
            programs.serving(
                "chat",
                model,
                &["-l", "127.0.0.1:0", "--rate", "0", "--announce-max", "1"],
            )
        });
        let subjects: Vec<Subject> = [bare.clone(), bare].into_iter().chain(ours).collect();
        let subjects: Vec<&Subject> = subjects.iter().collect();
        let mut table = Table::new(format!(
            "A room of {} members, one of whom talks, {} bytes a line; servers on one core, members on \
             another;\nmedian and spread of {} sets of fresh servers, {} turns of each",
            self.members,
            members::LINE.len(),
            self.sets,
            self.turns
        ));
        let (mut single, mut pipelined) =
            (Beside::new(subjects.len()), Beside::new(subjects.len()));
        let mut memory = vec![Vec::new(); subjects.len()];
        let cores = cores()?;
        let (server, client) =
            cores.first().zip(cores.last()).ok_or("this process may use no core")?;
        for _ in 0..self.sets {
            let mut rooms = Vec::new();
            for (subject, bytes) in subjects.iter().zip(&mut memory) {
                pin_to(*server)?;
                let server = Server::start(subject, &[])?;
                pin_to(*client)?;
                let room = Contender::fill(server, subject.ours, self.members)?;
                bytes.push(room.bytes);
                rooms.push(room);
            }
            let lines = |room: &mut Contender| room.measure(self.lines, 1);
            single.add(&interleave(&mut rooms, self.turns, lines)?, NANOSECONDS);
            let lines = |room: &mut Contender| room.measure(1, PIPELINE);
            pipelined.add(&interleave(&mut rooms, self.turns / 3 + 1, lines)?, NANOSECONDS);
            rooms.into_iter().try_for_each(Contender::finish)?;
        }
        self.tell(&mut table, &subjects, (&single, &pipelined), &memory);
        Ok(table)
    }

    fn tell(
        &self,
        table: &mut Table,
        subjects: &[&Subject],
        (single, pipelined): (&Beside, &Beside),
        memory: &[Vec<f64>],
    ) {
        for (place, subject) in subjects.iter().enumerate() {
            let is = |model: &str| subject.ours && subject.name.ends_with(&format!(" {model}"));
            let judged = |bounded: bool, role: Role| match (bounded, subject.ours) {
                (true, _) => role,
                (false, true) => Role::Shown,
                (false, false) => Role::Reference,
            };
            if place == 1 {
                table.add(&subject.name, RATIO, single.ratio(1, 0), Role::Noise);
                continue;
            }
            table.add(&subject.name, TIME, single.figure(place), judged(false, Role::Shown));
            if subject.ours {
                let most = if is("uring") { URING_MAX } else { EPOLL_MAX };
                let role = judged(is("uring") || is("epoll"), Role::AtMost(most));
                table.add(&subject.name, RATIO, single.ratio(place, 0), role);
            }
            let Figure { median, low, high } = pipelined.figure(place);
            let rate = |microseconds: f64| 1e6 / microseconds;
            let figure = Figure { median: rate(median), low: rate(high), high: rate(low) };
            let role = judged(is("epoll") || is("uring"), Role::AtLeast(DELIVERIES_LEAST));
            table.add(&subject.name, RATE, figure, role);
            let role = judged(is("epoll"), Role::AtMost(BYTES_MAX));
            table.add(&subject.name, MEMORY, Figure::of(&memory[place]), role);
        }
    }
}

/// A server and the members of its room.
struct Contender {
    server: Server,
    members: Child,
    orders: ChildStdin,
    words: BufReader<ChildStdout>,
    clock: CpuClock,
    count: usize,
    bytes: f64,
}

impl Contender {
    fn fill(server: Server, named: bool, count: usize) -> Result<Contender> {
        let own =
            env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?;
        let mut command = Command::new(own);
        command.arg("room-members").args(["--address", &server.address.to_string()]);
        command.args(["--members", &count.to_string(), "--first", &FIRST.to_string()]);
        if named {
            command.arg("--named");
        }
        let mut members = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start the members: {error}"))?;
        let (orders, words) =
            members.stdin.take().zip(members.stdout.take()).expect("both are piped");
        let clock = CpuClock::of(&[server.pid()])?;
        let words = BufReader::new(words);
        let mut room = Contender { server, members, orders, words, clock, count, bytes: 0.0 };
        room.await_word("here")?;
        let before = pss_bytes(room.server.pid())? as f64;
        room.order("go on")?;
        room.await_word("here")?;
        let grown = pss_bytes(room.server.pid())? as f64 - before;
        room.bytes = grown / (count - FIRST) as f64;
        Ok(room)
    }

    /// Nanoseconds of processor time for each line that a member is sent.
    fn measure(&mut self, times: usize, lines: usize) -> Result<f64> {
        let before = self.clock.at_rest()?;
        self.order(&format!("{times} {lines}"))?;
        self.await_word("heard")?;
        let used = self.clock.at_rest()?.saturating_sub(before);
        Ok(used.as_nanos() as f64 / (times * lines * (self.count - 1)) as f64)
    }

    fn order(&mut self, order: &str) -> Result<()> {
        writeln!(self.orders, "{order}").map_err(|error| format!("the members are gone: {error}"))
    }

    fn await_word(&mut self, expected: &str) -> Result<()> {
        let mut word = String::new();
        let read = self.words.read_line(&mut word);
        read.map_err(|error| format!("the members are gone: {error}"))?;
        match word.trim_end() == expected {
            true => Ok(()),
            false => Err(format!("the members say `{}`, not `{expected}`", word.trim_end())),
        }
    }

    fn finish(mut self) -> Result<()> {
        drop((self.orders, self.words));
        let status = self.members.wait().map_err(|error| format!("no members: {error}"))?;
        if !status.success() {
            return Err(format!("the members ended with {status}"));
        }
        self.server.stop(self.count)
    }
}
