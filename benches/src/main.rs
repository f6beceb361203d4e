//! What Switchboard costs, beside bare servers that do the same: one command per figure.
//!
//! `instructions` counts, `idle` and `thread` measure processor time and memory. All servers are
//! processes of their own, echo, and listen on loopback. Exit status: 0 it ran and our bounds hold,
//! 1 one does not or the benchmark failed, 2 bad usage.

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::programs::Programs;
use crate::table::Table;

mod callgrind;
mod crowd;
mod figure;
mod idle;
mod instructions;
mod pinning;
mod process;
mod programs;
mod server;
mod table;
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
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(table) => {
            let words: Vec<String> = env::args().skip(1).collect();
            print!("{}", table.text(&words));
            if table.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(sentence) => {
            eprintln!("switchboard-bench: {sentence}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<Table> {
    let programs = Programs::new(arguments.program, arguments.references_only)?;
    match arguments.benchmark {
        Benchmark::Instructions(benchmark) => benchmark.run(&programs),
        Benchmark::Idle(benchmark) => benchmark.run(&programs),
        Benchmark::Thread(benchmark) => benchmark.run(&programs),
    }
}

/// A count for clap: none of them means anything at 0.
pub(crate) fn at_least_one(text: &str) -> Result<usize> {
    match text.parse() {
        Ok(0) => Err("at least 1 is needed".to_owned()),
        Ok(count) => Ok(count),
        Err(error) => Err(format!("{error}")),
    }
}
