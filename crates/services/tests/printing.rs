//! What is printed, on a real standard output: this program runs itself with a socket or a pipe in
//! its place, where one datagram is one write.

#![allow(clippy::unwrap_used)]

use std::env;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use switchboard_services::{Options, find, printing};

const ROLE: &str = "SWITCHBOARD_PRINTING_ROLE";

fn main() -> ExitCode {
    match env::var(ROLE).as_deref() {
        Ok("few") => print(50, 100, printing::flush),
        Ok("few, then discard's exit") => print(50, 100, exit_discard),
        Ok("many") => print(5_000, 4_000, printing::flush),
        _ => {
            each_line_is_one_write_and_none_is_lost_at_exit();
            a_closed_standard_output_is_borne();
            a_reader_that_reads_nothing_holds_nobody_up();
            discards_exit_flushes();
            println!("4 cases of printing passed");
            ExitCode::SUCCESS
        }
    }
}

/// Prints so many lines of this length and ends with `flush`. Says 3 if not all was written, 4 if
/// printing made us wait.
fn print(lines: usize, length: usize, flush: fn() -> bool) -> ExitCode {
    let begun = Instant::now();
    for n in 0..lines {
        printing::print(format!("{n:0width$}\n", width = length - 1));
    }
    if begun.elapsed() > Duration::from_millis(900) {
        return ExitCode::from(4);
    }
    ExitCode::from(if flush() { 0 } else { 3 })
}

/// What a server does at the end of each process that served peers.
fn exit_discard() -> bool {
    let entry = find("discard").unwrap();
    (entry.build)(&Options::parse(entry, "print").unwrap()).unwrap().exit();
    true
}

fn child(role: &str, stdout: impl Into<Stdio>) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.env(ROLE, role).stdout(stdout);
    command
}

fn each_line_is_one_write_and_none_is_lost_at_exit() {
    expect_fifty_lines("few");
}

/// Kills: a `discard --print` without its exit hook, or with one that does not wait.
fn discards_exit_flushes() {
    expect_fifty_lines("few, then discard's exit");
}

fn expect_fifty_lines(role: &str) {
    let (ours, theirs) = UnixDatagram::pair().unwrap();
    // Else a line that is missing would be awaited for ever.
    ours.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut child = child(role, OwnedFd::from(theirs)).spawn().unwrap();
    let mut bytes = [0; 200];
    for n in 0..50 {
        let count = ours.recv(&mut bytes).unwrap();
        assert_eq!(bytes[..count], format!("{n:099}\n").into_bytes());
    }
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

fn a_closed_standard_output_is_borne() {
    let mut child = child("few", Stdio::piped());
    let mut child = child.stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn a_reader_that_reads_nothing_holds_nobody_up() {
    let mut child = child("many", Stdio::piped()).spawn().unwrap();
    let unread = child.stdout.take();
    let begun = Instant::now();
    assert_eq!(child.wait().unwrap().code(), Some(3), "3: it gave up flushing");
    assert!(begun.elapsed() < Duration::from_secs(10));
    drop(unread);
}
