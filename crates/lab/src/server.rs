//! A server under test: a process of its own, started fresh, and gone afterwards with all that it
//! started.
//!
//! It is the leader of a process group, so that a Ctrl-C on the terminal is not the server's, and
//! that what it forked can be ended with it, however it fares. One that is dropped is killed with its
//! group. One whose starting thread ends is killed, too, but by the kernel, which knows nothing of
//! groups: when somebody kills this process, no server of ours stays behind; of anyone else's, what it
//! was itself started by (a shell, say) is gone, and the rest may stay.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use switchboard::testing::die_with_this_thread;

use crate::counted::Counted;
use crate::target::Target;

/// How long a server may take to listen, to answer on its console, and to stop when it has no peer.
/// Ours take some milliseconds.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks at a process, or at a port that nobody listens on yet.
const LOOK: Duration = Duration::from_millis(2);
/// Between two looks whether somebody wants no server any more.
const GLANCE: Duration = Duration::from_millis(50);
/// What a start says that was stopped.
const STOPPED: &str = "it was stopped before it listened";
/// Lines of standard error that are kept, for the sentence that says why it ended.
const KEPT: usize = 20;

/// A line, and whether it came on standard error.
type Line = (bool, String);

/// A running server.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<Line>,
    said: VecDeque<String>,
    ours: bool,
    /// Where it listens.
    pub address: SocketAddr,
    /// From its start until it listened.
    pub ready_after: Duration,
}

/// How a server stopped.
#[derive(Clone, Debug)]
pub struct Stopped {
    /// What it counted, if it is one of ours.
    pub counted: Option<Counted>,
    /// From SIGTERM until it had been waited for.
    pub took: Duration,
}

impl Running {
    /// Starts `target` and waits until it listens, or `stop` is raised. `service` takes the place of
    /// its own, `flags` are added. The server lives no longer than the thread that calls this.
    ///
    /// # Errors
    /// A sentence, if it does not start, does not listen in time, or ends before.
    pub fn start(
        target: &Target,
        service: Option<&[String]>,
        flags: &[String],
        stop: &AtomicBool,
    ) -> Result<Running, String> {
        let port = if target.is_ours() { 0 } else { free_port()? };
        let words = target.words(port, service, flags);
        let (program, arguments) = words.split_first().ok_or("the command line is empty")?;
        let began = Instant::now();
        let mut command = Command::new(program);
        command.args(arguments).process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = die_with_this_thread(&mut command)
            .spawn()
            .map_err(|error| format!("`{program}` cannot be started: {error}"))?;
        let (tell, lines) = channel();
        listen_to(child.stdout.take().expect("it is a pipe"), false, tell.clone());
        listen_to(child.stderr.take().expect("it is a pipe"), true, tell);
        let stdin = child.stdin.take();
        let ours = target.is_ours();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let (said, ready_after) = (VecDeque::new(), Duration::ZERO);
        let mut running = Running { child, stdin, lines, said, ours, address, ready_after };
        if ours {
            running.await_ready_line(stop)?
        } else {
            running.await_port(stop)?
        }
        running.ready_after = began.elapsed();
        Ok(running)
    }

    /// The number of the process that was started.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What the server has counted so far, by the word `stats` on its console.
    ///
    /// # Errors
    /// A sentence, if it does not answer within `patience`.
    pub fn stats(&mut self, patience: Duration) -> Result<Counted, String> {
        if !self.ours {
            return Err("only servers of switchboard say what they count".into());
        }
        let silent = || "it does not answer `stats` on its console".to_owned();
        let stdin = self.stdin.as_mut().ok_or_else(silent)?;
        stdin.write_all(b"stats\n").and_then(|()| stdin.flush()).map_err(|_| silent())?;
        let line = self.line(patience, |(error, line)| *error && line.starts_with("peers="));
        Counted::of(&line.map_err(|_| silent())?)
    }

    /// Why it has ended, if it has.
    pub fn ended(&mut self) -> Option<String> {
        match self.child.try_wait() {
            Ok(None) => None,
            Ok(Some(status)) => Some(self.about(status)),
            Err(error) => Some(format!("the server cannot be waited for: {error}")),
        }
    }

    /// SIGTERM, the stop line, and the end.
    ///
    /// # Errors
    /// A sentence, if it ended before, does not stop in time, or not in order. It is gone then, too.
    pub fn stop(mut self) -> Result<Stopped, String> {
        if let Some(ended) = self.ended() {
            return Err(ended);
        }
        let began = Instant::now();
        let pid = Pid::from_raw(self.child.id().cast_signed());
        kill(pid, Signal::SIGTERM).map_err(|error| format!("cannot be told to stop: {error}"))?;
        let status = self
            .await_end(PATIENCE)
            .ok_or_else(|| format!("does not stop within {} s of SIGTERM", PATIENCE.as_secs()))?;
        let took = began.elapsed();
        if !self.ours {
            return Ok(Stopped { counted: None, took });
        }
        if !status.success() {
            return Err(self.about(status));
        }
        let line = self.line(PATIENCE, |(error, line)| !error && line.starts_with("stopped "));
        let counted = Counted::of(&line.map_err(|_| "it wrote no stop line".to_owned())?)?;
        Ok(Stopped { counted: Some(counted), took })
    }

    fn await_end(&mut self, patience: Duration) -> Option<ExitStatus> {
        let until = Instant::now() + patience;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if Instant::now() < until => thread::sleep(LOOK),
                _ => return None,
            }
        }
    }

    fn await_ready_line(&mut self, stop: &AtomicBool) -> Result<(), String> {
        let until = Instant::now() + PATIENCE;
        let line = loop {
            let ready = |(error, line): &Line| !error && line.starts_with("listening on ");
            match self.line(GLANCE, ready) {
                Ok(line) => break line,
                Err(_) if stop.load(Ordering::Acquire) => return Err(STOPPED.to_owned()),
                Err(RecvTimeoutError::Timeout) if Instant::now() < until => {}
                Err(_) => {
                    return Err(self.ended_soon().unwrap_or_else(|| {
                        format!("does not say that it listens within {} s", PATIENCE.as_secs())
                    }));
                }
            }
        };
        let word = line.split(' ').nth(2).unwrap_or_default();
        self.address = word
            .parse()
            .map_err(|_| format!("says `{line}`, which has no address to connect to"))?;
        Ok(())
    }

    /// Anyone's server: it listens when somebody can connect.
    fn await_port(&mut self, stop: &AtomicBool) -> Result<(), String> {
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(self.address).is_err() {
            if let Some(ended) = self.ended() {
                return Err(ended);
            }
            if stop.load(Ordering::Acquire) {
                return Err(STOPPED.to_owned());
            }
            if Instant::now() > until {
                let (port, seconds) = (self.address.port(), PATIENCE.as_secs());
                return Err(format!("does not listen on 127.0.0.1:{port} within {seconds} s"));
            }
            thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Why it ended, if it does soon: its output ends a little before.
    fn ended_soon(&mut self) -> Option<String> {
        self.await_end(LOOK * 50).map(|status| self.about(status))
    }

    fn about(&mut self, status: ExitStatus) -> String {
        while let Ok(line) = self.lines.recv_timeout(LOOK * 10) {
            self.keep(line);
        }
        let telling = |line: &&String| line.contains("error") || line.contains("panicked");
        // Whoever fails in words of its own fails in the last ones.
        match self.said.iter().rev().find(telling).or_else(|| self.said.back()) {
            Some(line) => format!("the server ended ({status}): {line}"),
            None => format!("the server ended ({status})"),
        }
    }

    /// The next line that is wanted; others of standard error are kept.
    fn line(
        &mut self,
        patience: Duration,
        wanted: impl Fn(&Line) -> bool,
    ) -> Result<String, RecvTimeoutError> {
        let until = Instant::now() + patience;
        loop {
            let line = self.lines.recv_timeout(until.saturating_duration_since(Instant::now()))?;
            if wanted(&line) {
                return Ok(line.1);
            }
            self.keep(line);
        }
    }

    fn keep(&mut self, (error, line): Line) {
        if error {
            self.said.push_back(line);
            if self.said.len() > KEPT {
                self.said.pop_front();
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The group outlives its leader if that left others behind; without any it is gone.
        let _ = killpg(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGKILL);
        // It may have been waited for.
        let _ = self.child.wait();
    }
}

/// Passes on lines until the stream ends.
fn listen_to(stream: impl Read + Send + 'static, error: bool, tell: Sender<Line>) {
    thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n') {
            let Ok(line) = line else { break };
            // What nobody waits for any more is still read: a server must not wait for us.
            let _ = tell.send((error, String::from_utf8_lossy(&line).into_owned()));
        }
    });
}

/// A port that was free a moment ago.
fn free_port() -> Result<u16, String> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|error| format!("no free port can be found: {error}"))
}
