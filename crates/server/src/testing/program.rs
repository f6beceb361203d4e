//! A server in a process of its own: started, talked to, stopped, and never left behind.

mod running;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

pub use running::Running;

/// A program that is made with [`Server::main`](crate::Server::main), or `switchboard serve`, about
/// to be started. Made by [`program()`].
#[derive(Debug)]
pub struct Program {
    command: Command,
    listen: Vec<OsString>,
    model: Option<String>,
}

/// A server that has stopped.
#[derive(Debug)]
pub struct Stopped {
    /// Its exit status.
    pub status: ExitStatus,
    /// How long it took from the signal, or from the waiting, to the end of the process.
    pub took: Duration,
    /// All that it wrote on standard error.
    pub stderr: String,
    /// The fields of its stop line; empty if there was none.
    fields: BTreeMap<String, u64>,
}

/// A program under test: a server made with [`Server::main`](crate::Server::main).
///
/// It listens on a free port of `127.0.0.1` unless told otherwise. Of the crate that is tested,
/// cargo says where its programs are: `program(env!("CARGO_BIN_EXE_shout"))`.
///
/// ```no_run
/// use switchboard::testing::program;
///
/// let server = program("target/debug/shout").args(["--idle", "1s"]).model("poll").start();
/// server.connect().send("hello\n").expect("HELLO\n").end().expect_end();
/// let stopped = server.stop();
/// assert!(stopped.status.success(), "{}", stopped.stderr);
/// assert_eq!((stopped.get("accepted"), stopped.in_order()), (1, 1));
/// ```
pub fn program(path: impl AsRef<Path>) -> Program {
    let mut command = Command::new(path.as_ref());
    command.stdin(Stdio::null());
    Program { command, listen: Vec::new(), model: None }
}

impl Program {
    /// One more argument. Arguments come in the order of these calls, before the model and the
    /// addresses.
    #[must_use]
    pub fn arg(mut self, word: impl AsRef<OsStr>) -> Program {
        self.command.arg(word);
        self
    }

    /// More arguments.
    #[must_use]
    pub fn args(mut self, words: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Program {
        self.command.args(words);
        self
    }

    /// The model, as the command line has it.
    #[must_use]
    pub fn model(mut self, model: impl fmt::Display) -> Program {
        self.model = Some(model.to_string());
        self
    }

    /// Where to listen, as the command line has it; instead of a free port of `127.0.0.1`.
    #[must_use]
    pub fn listen(mut self, address: impl Into<OsString>) -> Program {
        self.listen.push(address.into());
        self
    }

    /// Standard input; nothing unless it is given. What is written to a pipe is said with
    /// [`Running::say`].
    #[must_use]
    pub fn stdin(mut self, input: impl Into<Stdio>) -> Program {
        self.command.stdin(input);
        self
    }

    /// Sets a variable of its environment.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Program {
        self.command.env(name, value);
        self
    }

    /// Starts it and waits for its ready lines: one for each address that it was told to listen on.
    ///
    /// # Panics
    /// If it cannot be started, or is not ready within [`PATIENCE`](super::PATIENCE); the panic has
    /// what it wrote on standard error.
    #[track_caller]
    pub fn start(mut self) -> Running {
        if let Some(model) = &self.model {
            self.command.arg("--model").arg(model);
        }
        if self.listen.is_empty() {
            self.listen.push("127.0.0.1:0".into());
        }
        for address in &self.listen {
            self.command.arg("--listen").arg(address);
        }
        Running::start(self.command, self.listen.len())
    }
}

impl Stopped {
    /// A field of the stop line.
    ///
    /// # Panics
    /// If it has none of that name, or there was no stop line.
    #[track_caller]
    pub fn get(&self, name: &str) -> u64 {
        match self.fields.get(name) {
            Some(number) => *number,
            None => panic!("no `{name}` in the stop line of {self:?}"),
        }
    }

    /// Of the accepted: those that ended as their protocol has it.
    ///
    /// # Panics
    /// If there was no stop line, or it does not add up.
    #[track_caller]
    pub fn in_order(&self) -> u64 {
        let other = self.get("failed") + self.get("timed_out") + self.get("cut_off");
        match self.get("accepted").checked_sub(other) {
            Some(in_order) => in_order,
            None => panic!("more ended than were accepted: {self:?}"),
        }
    }

    fn parse(line: &str) -> BTreeMap<String, u64> {
        let pairs = line.split_whitespace().filter_map(|word| word.split_once('='));
        pairs.filter_map(|(key, value)| Some((key.to_owned(), value.parse().ok()?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::path::PathBuf;
    use std::{fs, process};

    use tempfile::TempDir;

    use super::super::until;
    use super::*;

    /// A program that behaves as a shell script says.
    fn script(text: &str) -> (TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("server");
        fs::write(&path, format!("#!/bin/sh\n{text}")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        (directory, path)
    }

    const READY: &str = "echo listening on 127.0.0.1:9 service=s model=m pid=$$\n";

    #[test]
    fn the_ready_line_and_the_stop_line_are_read_by_key() {
        let (_directory, path) = script(&format!(
            "trap 'echo stopped accepted=5 refused=1 failed=1 timed_out=1 cut_off=0 new=7; exit 0' TERM
             {READY} echo arguments \"$@\" >&2; read forever\nwait"
        ));
        let server = program(&path).args(["-v", "x"]).model("poll").stdin(Stdio::piped()).start();
        assert_eq!(server.address(), "127.0.0.1:9");
        assert_eq!((server.service(), server.model()), ("s", "m"));
        assert_eq!(server.pid().to_string(), server.pid().to_string());
        server.until_stderr("arguments -v x --model poll --listen 127.0.0.1:0");
        let stopped = server.stop();
        assert!(stopped.status.success());
        assert_eq!((stopped.get("accepted"), stopped.get("new"), stopped.in_order()), (5, 7, 3));
    }

    #[test]
    fn a_program_that_does_not_get_ready_is_quoted() {
        let (_directory, path) = script("echo cannot listen here >&2; exit 1");
        let panic = catch_unwind(AssertUnwindSafe(|| program(&path).start())).err().unwrap();
        let text = panic.downcast_ref::<String>().unwrap();
        assert!(text.contains("cannot listen here"), "{text}");
        assert!(text.contains("exit status: 1"), "{text}");
    }

    #[test]
    fn what_is_said_reaches_its_standard_input() {
        let (_directory, path) =
            script(&format!("{READY} read word; echo \"<$word>\" >&2; exit 3"));
        let server = program(&path).stdin(Stdio::piped()).start();
        server.say("stats");
        server.until_stderr("<stats>");
        assert_eq!(server.wait().status.code(), Some(3));
    }

    #[test]
    fn it_is_killed_when_it_is_dropped() {
        let (_directory, path) = script(&format!("trap '' TERM\n{READY} exec sleep 1000"));
        let server = program(&path).start();
        let entry = PathBuf::from(format!("/proc/{}", server.pid()));
        assert!(entry.exists());
        assert_ne!(server.pid(), process::id());
        drop(server);
        until("the process to be gone", || !entry.exists());
    }
}
