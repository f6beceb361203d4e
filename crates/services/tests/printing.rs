//! What is printed, on a real standard output: this program runs itself with a socket or a pipe in
//! its place, where one datagram is one write.

#![allow(clippy::unwrap_used)]

use std::env;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use switchboard_services::printing;

const ROLE: &str = "SWITCHBOARD_PRINTING_ROLE";

fn main() -> ExitCode {
    match env::var(ROLE).as_deref() {
        Ok("few") => print(50, 100),
        Ok("many") => print(5_000, 4_000),
        _ => {
            each_line_is_one_write_and_none_is_lost_at_exit();
            a_closed_standard_output_is_borne();
            a_reader_that_reads_nothing_holds_nobody_up();
            println!("3 cases of printing passed");
            ExitCode::SUCCESS
        }
    }
}

/// Prints so many lines of this length and ends as a server does. Says 3 if not all was written,
/// 4 if printing made us wait.
fn print(lines: usize, length: usize) -> ExitCode {
    let begun = Instant::now();
    for n in 0..lines {
        printing::print(format!("{n:0width$}\n", width = length - 1));
    }
    if begun.elapsed() > Duration::from_millis(900) {
        return ExitCode::from(4);
    }
    ExitCode::from(if printing::flush() { 0 } else { 3 })
}

fn child(role: &str, stdout: impl Into<Stdio>) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.env(ROLE, role).stdout(stdout);
    command
}

fn each_line_is_one_write_and_none_is_lost_at_exit() {
    let (ours, theirs) = UnixDatagram::pair().unwrap();
    let mut child = child("few", OwnedFd::from(theirs)).spawn().unwrap();
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
