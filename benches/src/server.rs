//! A server under test: a process of its own that is started fresh, used, and stopped by SIGTERM.
//!
//! Nothing waits for a length of time: the server is up when its line says so, and down when it
//! has been reaped. One that is dropped instead of stopped is killed.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::Result;
use crate::console::Console;
use crate::programs::Subject;

/// Generous, because a server under callgrind starts fifty times slower.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server.
pub(crate) struct Server {
    name: String,
    ours: bool,
    child: Child,
    lines: Receiver<String>,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts `subject`, behind the words of `wrapper` if there are any, and waits until it listens.
    pub(crate) fn start(subject: &Subject, wrapper: &[OsString]) -> Result<Server> {
        let words: Vec<&OsString> = wrapper.iter().chain(&subject.command).collect();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).stdin(Stdio::null());
        Server::spawn(subject, command)
    }

    /// Starts `subject` with its console: what it is told and what it says there is piped.
    pub(crate) fn start_with_console(subject: &Subject) -> Result<(Server, Console)> {
        let mut command = Command::new(&subject.command[0]);
        command.args(&subject.command[1..]).stdin(Stdio::piped()).stderr(Stdio::piped());
        let mut server = Server::spawn(subject, command)?;
        let console = Console::of(&mut server.child);
        Ok((server, console))
    }

    fn spawn(subject: &Subject, mut command: Command) -> Result<Server> {
        let program = command.get_program().display().to_string();
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start {program}: {error}"))?;
        let output = child.stdout.take().expect("standard output is piped");
        let unknown = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut server = Server {
            name: subject.name.clone(),
            ours: subject.ours,
            child,
            lines: lines_of(output),
            address: unknown,
        };
        let line = server.line("listens")?;
        let address = line.strip_prefix("listening on ").and_then(|rest| rest.split(' ').next());
        server.address = address
            .and_then(|text| text.parse().ok())
            .filter(|address: &SocketAddr| {
                address.ip().is_loopback() || address.ip().is_unspecified()
            })
            .ok_or_else(|| format!("{} says `{line}`, no address to reach it by", server.name))?;
        if server.address.ip().is_unspecified() {
            server.address.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        Ok(server)
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    /// Sends SIGTERM and reaps. `peers` is how many were connected: ours must have counted as many,
    /// lost none, and exit with status 0. A reference just dies of the signal.
    pub(crate) fn stop(self, peers: usize) -> Result<()> {
        let name = self.name.clone();
        let Some(line) = self.end()? else { return Ok(()) };
        let expected = [format!("accepted={peers}"), "refused=0".into(), "failed=0".into()];
        if expected.iter().all(|word| line.split(' ').any(|said| said == word)) {
            return Ok(());
        }
        Err(format!("{name} says `{line}`, not `{}`", expected.join(" ")))
    }

    /// The same, whatever was counted: the stop line of ours.
    pub(crate) fn end(mut self) -> Result<Option<String>> {
        let name = self.name.clone();
        kill(self.pid(), Signal::SIGTERM)
            .map_err(|error| format!("cannot stop {name}: {error}"))?;
        let line = if self.ours { Some(self.line("has stopped")?) } else { None };
        // Ends when standard output is closed: without it, `wait` could wait for ever.
        let silent = loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(_) => {}
                Err(error) => break error == mpsc::RecvTimeoutError::Disconnected,
            }
        };
        if !silent {
            return Err(format!("{name} did not stop in {PATIENCE:?} after SIGTERM"));
        }
        let status = self.child.wait().map_err(|error| format!("cannot reap {name}: {error}"))?;
        let fine = status.success() || !self.ours && died_of_it(status);
        if fine { Ok(line) } else { Err(format!("{name} ended with {status}")) }
    }

    fn line(&mut self, doing: &str) -> Result<String> {
        self.lines.recv_timeout(PATIENCE).map_err(|error| match error {
            mpsc::RecvTimeoutError::Timeout => {
                format!("{} does not say that it {doing} in {PATIENCE:?}", self.name)
            }
            mpsc::RecvTimeoutError::Disconnected => {
                format!("{} ended without saying that it {doing}", self.name)
            }
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // It may end by itself in between; it is reaped either way.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn died_of_it(status: ExitStatus) -> bool {
    status.signal() == Some(Signal::SIGTERM as i32)
}

/// The thread ends when the server closes its end.
pub(crate) fn lines_of(output: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines() {
            let Ok(line) = line else { break };
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    lines
}
