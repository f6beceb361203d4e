//! The server under strace(1): started, asked whether it rests, stopped, never left behind.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;

/// How long a server may take to get ready, and to stop: it is traced, which makes it slow.
const PATIENCE: Duration = Duration::from_secs(20);

/// Between two looks whether it rests.
const LOOK: Duration = Duration::from_millis(3);

/// Why there is nothing to show.
#[derive(Debug)]
pub(super) enum Failure {
    /// This model cannot be shown: a sentence, or what the server said.
    OfModel(String),
    /// Nothing can be.
    OfAll(String),
}

/// A server that is traced. Its processes form a group of their own, which is killed when this is
/// dropped.
pub(super) struct Tracer<'a> {
    strace: Child,
    group: Pid,
    directory: TempDir,
    model: String,
    address: String,
    pid: Option<Pid>,
    stop: &'a AtomicBool,
}

/// The version of strace that is installed.
///
/// # Errors
/// A sentence that says how to get it.
pub(super) fn version() -> Result<String, String> {
    match Command::new("strace").arg("-V").stdin(Stdio::null()).output() {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout);
            let first = text.lines().next().unwrap_or_default();
            Ok(first.rsplit(' ').next().unwrap_or_default().to_owned())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(
            "strace is missing, with which the system calls are seen; install it with your system's \
             package manager (Debian, Ubuntu: sudo apt-get install strace; Fedora: sudo dnf install \
             strace)"
                .into(),
        ),
        Err(error) => Err(format!("cannot run strace: {error}")),
    }
}

impl<'a> Tracer<'a> {
    /// Starts the program under `model` and awaits its ready line.
    pub(super) fn start(
        command: &[OsString],
        model: &str,
        stop: &'a AtomicBool,
    ) -> Result<Tracer<'a>, Failure> {
        let all = |error: io::Error| Failure::OfAll(format!("cannot trace a server: {error}"));
        let directory = TempDir::new().map_err(all)?;
        let said = File::create(directory.path().join("stderr")).map_err(all)?;
        let mut strace = Command::new("strace");
        strace.args(["-f", "-yy", "-s", "32", "--quiet=all", "-o"]);
        strace.arg(directory.path().join("trace")).arg("--");
        strace.args(command.iter().map(|word| filled_in(word, model)));
        strace.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(said).process_group(0);
        let mut strace = strace.spawn().map_err(all)?;
        let group = Pid::from_child(&strace);
        let lines = lines_of(&mut strace);
        let (model, address) = (model.to_owned(), String::new());
        let mut tracer = Tracer { strace, group, directory, model, address, pid: None, stop };
        tracer.await_ready(&lines)?;
        Ok(tracer)
    }

    fn await_ready(&mut self, lines: &Receiver<String>) -> Result<(), Failure> {
        let end = Instant::now() + PATIENCE;
        loop {
            self.go_on()?;
            match lines.recv_timeout(Duration::from_millis(50)) {
                Ok(line) if self.is_ready(&line) => return Ok(()),
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) if Instant::now() < end => {}
                Err(RecvTimeoutError::Timeout) => {
                    let seconds = PATIENCE.as_secs();
                    let sentence = format!("it was not ready after {seconds} s");
                    return Err(Failure::OfModel(self.in_its_words(sentence)));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let words = self.in_its_words("it ended before it was ready".to_owned());
                    // What strace says is not the model's fault.
                    return Err(match words.starts_with("strace: ") {
                        true => Failure::OfAll(format!("strace cannot trace here: {words}")),
                        false => Failure::OfModel(words),
                    });
                }
            }
        }
    }

    /// Takes over what a ready line says.
    fn is_ready(&mut self, line: &str) -> bool {
        let Some(rest) = line.strip_prefix("listening on ") else { return false };
        let mut words = rest.split(' ');
        self.address = words.next().unwrap_or_default().to_owned();
        for (key, value) in words.filter_map(|word| word.split_once('=')) {
            match key {
                "model" => self.model = value.to_owned(),
                "pid" => self.pid = value.trim().parse().ok().and_then(Pid::from_raw),
                _ => {}
            }
        }
        true
    }

    /// What the server, or strace, said last on standard error; `otherwise` if nothing.
    fn in_its_words(&self, otherwise: String) -> String {
        let said = fs::read_to_string(self.directory.path().join("stderr")).unwrap_or_default();
        let last = said.lines().map(str::trim).rfind(|line| !line.is_empty());
        last.map_or(otherwise, |line| line.trim_start_matches("error: ").to_owned())
    }

    /// The model, as the ready line has it.
    pub(super) fn model(&self) -> &str {
        &self.model
    }

    /// Where it listens.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Whether nobody has asked to stop.
    fn go_on(&self) -> Result<(), Failure> {
        match self.stop.load(Relaxed) {
            true => Err(Failure::OfAll("interrupted: nothing is shown".to_owned())),
            false => Ok(()),
        }
    }

    /// Waits until each thread of the server waits in the kernel, twice in a row; `false` if that was
    /// not so `within` this long. What the client does wakes a thread before the client goes on, so
    /// a server that rests has done all that there was to do.
    pub(super) fn rests(&self, within: Duration) -> Result<bool, Failure> {
        let end = Instant::now() + within;
        let mut rested = false;
        while Instant::now() < end {
            self.go_on()?;
            let before = rested;
            rested = self.all_sleep();
            if before && rested {
                return Ok(true);
            }
            thread::sleep(LOOK);
        }
        Ok(false)
    }

    /// Bytes that strace has written so far: each line as soon as it ends.
    pub(super) fn written(&self) -> u64 {
        fs::metadata(self.trace()).map_or(0, |data| data.len())
    }

    fn trace(&self) -> PathBuf {
        self.directory.path().join("trace")
    }

    fn all_sleep(&self) -> bool {
        let members = members(self.group);
        !members.is_empty() && members.iter().all(|pid| threads_sleep(*pid))
    }

    /// Stops the server, and returns what strace has written.
    pub(super) fn finish(mut self) -> Result<String, Failure> {
        if let Some(pid) = self.pid {
            // It may have ended by itself.
            let _ = kill_process(pid, Signal::TERM);
        }
        let end = Instant::now() + PATIENCE;
        while matches!(self.strace.try_wait(), Ok(None)) {
            self.go_on()?;
            if Instant::now() > end {
                return Err(Failure::OfModel("it did not stop when it was told to".into()));
            }
            thread::sleep(LOOK);
        }
        let bytes = fs::read(self.trace())
            .map_err(|error| Failure::OfAll(format!("cannot read what strace wrote: {error}")))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

impl Drop for Tracer<'_> {
    fn drop(&mut self) {
        // Of a group that has ended this finds nobody.
        let _ = kill_process_group(self.group, Signal::KILL);
        let _ = self.strace.wait();
    }
}

fn filled_in(word: &OsStr, model: &str) -> OsString {
    match word.to_str() {
        Some(text) => text.replace("{model}", model).replace("{address}", "127.0.0.1:0").into(),
        None => word.to_owned(),
    }
}

/// The lines of the server's standard output, which somebody has to read for as long as it runs.
fn lines_of(child: &mut Child) -> Receiver<String> {
    let (sender, lines) = channel();
    let out = child.stdout.take().expect("standard output is piped");
    thread::spawn(move || {
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            // Nobody wants them any more once it is ready.
            let _ = sender.send(line);
        }
    });
    lines
}

/// The processes of a group.
fn members(group: Pid) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let group = group.as_raw_nonzero().get().to_string();
    pids.filter(|pid: &u32| stat(&format!("/proc/{pid}/stat")).is_some_and(|(_, of)| of == group))
        .collect()
}

/// Whether each thread of a process waits in the kernel, or has ended.
fn threads_sleep(pid: u32) -> bool {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/task")) else { return true };
    entries.flatten().all(|entry| {
        // One that has gone meanwhile made no call that is still to be seen.
        let stat = stat(&entry.path().join("stat").to_string_lossy());
        stat.is_none_or(|(state, _)| matches!(state, 'S' | 'Z' | 'X'))
    })
}

/// A process's or thread's state and group: proc_pid_stat(5).
fn stat(path: &str) -> Option<(char, String)> {
    let text = fs::read_to_string(path).ok()?;
    // Its name stands in parentheses and may hold anything.
    let mut fields = text.get(text.rfind(')')? + 1..)?.split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.nth(1)?.to_owned()))
}
