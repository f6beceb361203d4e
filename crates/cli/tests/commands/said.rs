//! A command that ends by itself, and what it says.

use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use switchboard::testing::PATIENCE;

use super::SWITCHBOARD;

/// What a command that ends by itself said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

pub(crate) fn run(words: &[&str]) -> Said {
    run_command(Command::new(SWITCHBOARD).args(words))
}

pub(crate) fn run_command(command: &mut Command) -> Said {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let end = Instant::now() + PATIENCE;
    while child.try_wait().unwrap().is_none() && Instant::now() < end {
        thread::sleep(Duration::from_millis(1));
    }
    // Of what should have failed and runs.
    let _ = child.kill();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said { status: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// The command fails with `status`, and standard error holds each of `parts`.
#[track_caller]
pub(crate) fn refuses(words: &[&str], status: i32, parts: &[&str]) {
    let said = run(words);
    assert_eq!((said.status, said.stdout.as_str()), (Some(status), ""), "{words:?}: {said:?}");
    for part in parts {
        assert!(said.stderr.contains(part), "no {part:?} in what {words:?} says: {said:?}");
    }
}

/// `serve echo` with these words is bad usage.
#[track_caller]
pub(crate) fn refuses_to_serve(words: &[&str], parts: &[&str]) {
    refuses(&[&["serve", "echo"], words, &["--listen", "127.0.0.1:0"]].concat(), 2, parts);
}

/// `serve echo --listen ADDRESS` fails.
#[track_caller]
pub(crate) fn refuses_to_listen(address: &str, status: i32, parts: &[&str]) {
    refuses(&["serve", "echo", "--listen", address], status, parts);
}
