//! A server under callgrind: every user-mode instruction and every call is counted, none is timed.
//!
//! The counts come from the file that callgrind writes when the server ends, start and end of the
//! program included: only the difference between two runs says what a message costs.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use crate::Result;
use crate::crowd::Crowd;
use crate::programs::Subject;
use crate::server::Server;

/// The C library's ways to allocate; Rust's default allocator has no others.
const ALLOCATORS: [&str; 6] =
    ["malloc", "calloc", "realloc", "posix_memalign", "aligned_alloc", "memalign"];

/// What a whole run took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Counts {
    pub(crate) instructions: u64,
    pub(crate) allocations: u64,
}

impl Counts {
    /// Runs `subject` afresh, lets `peers` send and receive `rounds` messages each, and stops it.
    pub(crate) fn take(
        subject: &Subject,
        peers: usize,
        rounds: usize,
        scratch: &Path,
    ) -> Result<Counts> {
        Counts::take_while(subject, peers, scratch, |address| {
            Crowd::connect(address, peers)?.rounds(rounds)
        })
    }

    /// Runs `subject` afresh, lets `act` do what it does with `peers` connections, which have ended
    /// then, and stops it.
    pub(crate) fn take_while(
        subject: &Subject,
        peers: usize,
        scratch: &Path,
        act: impl FnOnce(SocketAddr) -> Result<()>,
    ) -> Result<Counts> {
        let profile = scratch.join("callgrind.out");
        let mut file = OsString::from("--callgrind-out-file=");
        file.push(&profile);
        let log = scratch.join("valgrind.log");
        let mut log_file = OsString::from("--log-file=");
        log_file.push(&log);
        let wrapper = ["valgrind".into(), "--tool=callgrind".into(), file, log_file];
        let run = || {
            let server = Server::start(subject, &wrapper)?;
            act(server.address)?;
            server.stop(peers)?;
            let sentence =
                |error| format!("callgrind left no profile of {}: {error}", subject.name);
            Counts::parse(&fs::read_to_string(&profile).map_err(sentence)?)
        };
        let counts = run().map_err(|error| format!("{error}{}", tail(&log)));
        // Left from a run that failed, it would be taken for the next one's.
        let _ = fs::remove_file(&profile);
        counts
    }

    /// Reads callgrind's format, in which a function is named once and then only numbered:
    /// `cfn=(7) malloc`, later `cfn=(7)`, each followed by `calls=COUNT POSITION`.
    fn parse(profile: &str) -> Result<Counts> {
        let mut names: HashMap<&str, &str> = HashMap::new();
        let mut called = "";
        let mut instructions = None;
        let mut allocations = 0;
        for line in profile.lines() {
            if let Some(function) = line.strip_prefix("fn=").or(line.strip_prefix("cfn=")) {
                let (number, name) = function.split_once(' ').unwrap_or((function, ""));
                if !name.is_empty() {
                    names.insert(number, name);
                }
                if line.starts_with('c') {
                    called = names.get(number).copied().unwrap_or(number);
                }
            } else if let Some(calls) = line.strip_prefix("calls=") {
                // Recursion is written as malloc'2.
                let function = called.split('\'').next().unwrap_or(called);
                if ALLOCATORS.contains(&function) {
                    allocations += number(calls)?;
                }
            } else if let Some(sum) = line.strip_prefix("totals: ") {
                // A file has one for each time that the profile was written out.
                *instructions.get_or_insert(0) += number(sum)?;
            }
        }
        let instructions = instructions.ok_or("callgrind's profile has no line `totals:`")?;
        Ok(Counts { instructions, allocations })
    }

    /// How much each of `messages` added from the `shorter` run to this one.
    pub(crate) fn per_message(self, shorter: Counts, messages: usize) -> (f64, f64) {
        let each = |long: u64, short: u64| (long as f64 - short as f64) / messages as f64;
        (each(self.instructions, shorter.instructions), each(self.allocations, shorter.allocations))
    }
}

fn number(text: &str) -> Result<u64> {
    let word = text.split(' ').next().unwrap_or(text);
    word.parse().map_err(|_| format!("callgrind's profile has `{text}` where a number belongs"))
}

/// What valgrind said last, to follow a sentence about a failure.
fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let last = &lines[lines.len().saturating_sub(6)..];
    if last.is_empty() { String::new() } else { format!("; valgrind says:\n{}", last.join("\n")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_allocators_are_summed_over_callers() {
        let profile = "fn=(1) main\n5 10\ncfn=(2) malloc\ncalls=3 0\n5 90\ncfn=(3) free\ncalls=9 0\n\
                       fn=(4) serve\ncfn=(2)\ncalls=4 0\n7 1\ncfn=(5) realloc'2\ncalls=1 0\n\
                       totals: 1234\n";
        let counts = Counts::parse(profile);
        assert_eq!(counts, Ok(Counts { instructions: 1234, allocations: 8 }));
    }

    #[test]
    fn a_profile_that_was_cut_off_is_a_sentence() {
        assert!(Counts::parse("fn=(1) main\n5 10\n").is_err());
    }
}
