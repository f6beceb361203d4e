//! What Switchboard costs, beside bare servers that do the same: one command per figure.
//!
//! `instructions` counts; the others measure processor time, memory, latency or rate, or tell where
//! peers end up. All servers are processes of their own that are reached over loopback. Exit status:
//! 0 it ran and our bounds hold, 1 one does not or the benchmark failed, 2 bad usage.

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::programs::Programs;

mod beside;
mod callgrind;
mod computing;
mod console;
mod cost;
mod crowd;
mod deliveries;
mod figure;
mod fork;
mod idle;
mod instructions;
mod lateness;
mod lines;
mod load;
mod loops;
mod multitude;
mod pinning;
mod process;
mod programs;
mod rings;
mod rivals;
mod room;
mod scanning;
mod server;
mod short;
mod spread;
mod stacks;
mod table;
mod tasks;
mod thread;
mod turns;

/// The error is a sentence for the reader of the terminal: no caller chooses by it.
pub(crate) type Result<T> = std::result::Result<T, String>;

#[derive(Parser, Debug)]
#[command(name = "switchboard-bench", about = "Figures of Switchboard beside bare servers")]
struct Arguments {
    /// The program `switchboard`; without it, it is built in release mode.
    #[arg(long, global = true, value_name = "PATH")]
    program: Option<PathBuf>,
    /// Measure the references alone.
    #[arg(long, global = true, conflicts_with = "program")]
    references_only: bool,
    #[command(subcommand)]
    benchmark: Benchmark,
}

#[derive(Subcommand, Debug)]
enum Benchmark {
    /// User-mode instructions and allocations per message, under callgrind.
    Instructions(instructions::Instructions),
    /// What idle peers cost a loop: memory, and processor time of the busy ones.
    Idle(idle::Idle),
    /// The model `thread` beside a bare thread per connection.
    Thread(thread::Thread),
    /// The model `tokio` beside a bare echo on tokio.
    Tasks(tasks::Tasks),
    /// Straight-line code on stacks beside the event style, may and Go: processor time, memory.
    Stacks(stacks::Stacks),
    /// The model `process` beside a bare fork per peer: time to the first byte, memory.
    Fork(fork::Fork),
    /// Short connections under a fixed set of threads or processes: processor time.
    Short(short::Short),
    /// What others wait for while one peer computes, in a loop and with workers beside it.
    Computing(computing::Computing),
    /// How much more several loops compute than one.
    Loops(loops::Loops),
    /// More idle peers than a process has descriptors.
    Multitude(multitude::Multitude),
    /// The load generator beside a bare C client: processor time, memory.
    Load(load::Load),
    /// How much of what is due the load generator sends late.
    Lateness(lateness::Lateness),
    /// `uring` beside `epoll`, and beside bare servers on both.
    Rings(rings::Rings),
    /// A room of the service `chat` beside a bare loop of write: processor time, memory.
    Room(room::Room),
    /// User-mode instructions and allocations per line that a member of a room is sent, under callgrind.
    Deliveries(deliveries::Deliveries),
    /// Why the last silent peers cost `poll` and `select` more than the first: memory.
    Scanning(scanning::Scanning),
    /// How evenly the peers are shared among loops.
    Spread(spread::Spread),
    /// A client process of `multitude`.
    #[command(hide = true)]
    MultitudePart(multitude::part::Part),
    /// The members of a `room`.
    #[command(hide = true)]
    RoomMembers(room::members::Members),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(sentence) => {
            eprintln!("switchboard-bench: {sentence}");
            ExitCode::FAILURE
        }
    }
}

/// Whether our bounds hold.
fn run(arguments: Arguments) -> Result<bool> {
    let programs = || Programs::new(arguments.program, arguments.references_only);
    let table = match arguments.benchmark {
        Benchmark::Instructions(benchmark) => benchmark.run(&programs()?),
        Benchmark::Idle(benchmark) => benchmark.run(&programs()?),
        Benchmark::Thread(benchmark) => benchmark.run(&programs()?),
        Benchmark::Tasks(benchmark) => benchmark.run(&programs()?),
        Benchmark::Stacks(benchmark) => benchmark.run(&programs()?),
        Benchmark::Fork(benchmark) => benchmark.run(&programs()?),
        Benchmark::Short(benchmark) => benchmark.run(&programs()?),
        Benchmark::Computing(benchmark) => benchmark.run(&programs()?),
        Benchmark::Loops(benchmark) => benchmark.run(&programs()?),
        Benchmark::Multitude(benchmark) => benchmark.run(&programs()?),
        Benchmark::Load(benchmark) => benchmark.run(&programs()?),
        Benchmark::Lateness(benchmark) => benchmark.run(&programs()?),
        Benchmark::Rings(benchmark) => benchmark.run(&programs()?),
        Benchmark::Room(benchmark) => benchmark.run(&programs()?),
        Benchmark::Deliveries(benchmark) => benchmark.run(&programs()?),
        Benchmark::Scanning(benchmark) => benchmark.run(),
        Benchmark::Spread(benchmark) => benchmark.run(&programs()?),
        Benchmark::MultitudePart(part) => return part.run().map(|()| true),
        Benchmark::RoomMembers(members) => return members.run().map(|()| true),
    }?;
    let words: Vec<String> = env::args().skip(1).collect();
    print!("{}", table.text(&words));
    Ok(table.holds())
}

/// A count for clap: none of them means anything at 0.
pub(crate) fn at_least_one(text: &str) -> Result<usize> {
    match text.parse() {
        Ok(0) => Err("at least 1 is needed".to_owned()),
        Ok(count) => Ok(count),
        Err(error) => Err(format!("{error}")),
    }
}
