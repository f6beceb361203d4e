//! A program that is running: its ready line, its standard error so far, its end.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::super::{Client, PATIENCE};
use super::Stopped;

/// A server in a process of its own, which is killed when this is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdin: Mutex<Option<ChildStdin>>,
    stdout: Lines,
    stderr: Lines,
    ready: Vec<Ready>,
}

/// A ready line.
#[derive(Clone, Debug)]
struct Ready {
    address: String,
    service: String,
    model: String,
    pid: u32,
}

/// What a stream has brought so far.
#[derive(Clone, Debug, Default)]
struct Lines(Arc<(Mutex<Text>, Condvar)>);

#[derive(Debug, Default)]
struct Text {
    lines: String,
    ended: bool,
}

impl Running {
    #[track_caller]
    pub(super) fn start(mut command: Command, listeners: usize) -> Running {
        let spawned = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = match spawned {
            Ok(child) => child,
            Err(error) => panic!("cannot start {command:?}: {error}"),
        };
        let stdout = Lines::of(child.stdout.take().expect("it is a pipe"));
        let stderr = Lines::of(child.stderr.take().expect("it is a pipe"));
        let stdin = Mutex::new(child.stdin.take());
        let mut running = Running { child, stdin, stdout, stderr, ready: Vec::new() };
        let ready = running.stdout.wait(PATIENCE, |text| {
            let ready: Vec<Ready> = text.lines().filter_map(Ready::parse).collect();
            (ready.len() >= listeners).then_some(ready)
        });
        match ready {
            Some(ready) => running.ready = ready,
            None => {
                let Stopped { status, stderr, .. } = running.kill();
                panic!("{command:?} did not get ready ({status})\n{stderr}");
            }
        }
        running
    }

    /// Where it can be reached, as its first ready line has it.
    pub fn address(&self) -> &str {
        &self.ready[0].address
    }

    /// All its addresses, in the order of its ready lines.
    pub fn addresses(&self) -> impl Iterator<Item = &str> {
        self.ready.iter().map(|ready| ready.address.as_str())
    }

    /// The service that it says it serves.
    pub fn service(&self) -> &str {
        &self.ready[0].service
    }

    /// The model that it says it runs under.
    pub fn model(&self) -> &str {
        &self.ready[0].model
    }

    /// Its process id, as its ready line has it.
    pub fn pid(&self) -> u32 {
        self.ready[0].pid
    }

    /// A peer of it, at its first address.
    ///
    /// # Panics
    /// If nobody listens there any more.
    #[track_caller]
    pub fn connect(&self) -> Client {
        self.connect_to(self.address())
    }

    /// A peer of it at one of its addresses.
    ///
    /// # Panics
    /// If nobody listens there any more.
    #[track_caller]
    pub fn connect_to(&self, address: &str) -> Client {
        match Client::connect(address) {
            Ok(client) => client,
            Err(error) => panic!("cannot connect to {address}: {error}\n{}", self.stderr()),
        }
    }

    /// What it has written on standard error so far: whole lines.
    pub fn stderr(&self) -> String {
        self.stderr.lock().lines.clone()
    }

    /// What it has written on standard output so far: whole lines.
    pub fn stdout(&self) -> String {
        self.stdout.lock().lines.clone()
    }

    /// Waits until `text` is somewhere in its standard error.
    ///
    /// # Panics
    /// If it does not come within [`PATIENCE`], or the program ends first.
    #[track_caller]
    pub fn until_stderr(&self, text: &str) {
        let found = self.stderr.wait(PATIENCE, |lines| lines.contains(text).then_some(()));
        assert!(found.is_some(), "no {text:?} on standard error, but\n{}", self.stderr());
    }

    /// Writes a line to its standard input, which has to be a pipe.
    ///
    /// # Panics
    /// If it is none, or nobody reads it.
    #[track_caller]
    pub fn say(&self, line: &str) {
        let mut stdin = self.stdin.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(pipe) = &mut *stdin else { panic!("its standard input is no pipe") };
        if let Err(error) = pipe.write_all(format!("{line}\n").as_bytes()) {
            panic!("cannot say {line:?}: {error}\n{}", self.stderr());
        }
    }

    /// Ends its standard input.
    pub fn say_no_more(&self) {
        *self.stdin.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Sends it a SIGTERM, and does not wait: it drains; a second one cuts that short.
    ///
    /// # Panics
    /// If the process is not ours any more.
    #[track_caller]
    pub fn terminate(&self) {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw);
        let sent = kill_process(pid.expect("a process id"), Signal::TERM);
        assert!(sent.is_ok(), "no SIGTERM can be sent: {sent:?}\n{}", self.stderr());
    }

    /// Sends it a SIGTERM and waits until it has ended.
    ///
    /// # Panics
    /// If it does not end within [`PATIENCE`].
    #[track_caller]
    pub fn stop(self) -> Stopped {
        self.terminate();
        self.wait()
    }

    /// Whether it is still running.
    pub fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits until it ends by itself.
    ///
    /// # Panics
    /// If it does not end within [`PATIENCE`].
    #[track_caller]
    pub fn wait(mut self) -> Stopped {
        let begun = Instant::now();
        // Its end closes the pipe; a reading thread tells sooner than asking again would.
        self.stdout.wait(PATIENCE, |_| None::<()>);
        while self.runs() {
            assert!(begun.elapsed() < PATIENCE, "it did not end\n{}", self.stderr());
            thread::sleep(Duration::from_millis(1));
        }
        self.ended(begun)
    }

    /// Kills it (SIGKILL) and waits until it is gone.
    pub fn kill(mut self) -> Stopped {
        let begun = Instant::now();
        let _ = self.child.kill();
        self.ended(begun)
    }

    fn ended(mut self, begun: Instant) -> Stopped {
        let status = self.child.wait().expect("the child is ours to wait for");
        let took = begun.elapsed();
        // Another process may have inherited the pipes; what it writes is not waited for.
        let short = Duration::from_secs(1);
        self.stdout.wait(short, |_| None::<()>);
        self.stderr.wait(short, |_| None::<()>);
        let stdout = self.stdout();
        let line = stdout.lines().find_map(|line| line.strip_prefix("stopped "));
        let fields = Stopped::parse(line.unwrap_or_default());
        Stopped { status, took, stderr: self.stderr(), fields }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ready {
    fn parse(line: &str) -> Option<Ready> {
        let (address, rest) = line.strip_prefix("listening on ")?.split_once(" service=")?;
        let (service, rest) = rest.split_once(" model=")?;
        let (model, rest) = rest.split_once(" pid=")?;
        let pid = rest.split_whitespace().next()?.parse().ok()?;
        let [address, service, model] = [address, service, model].map(str::to_owned);
        Some(Ready { address, service, model, pid })
    }
}

impl Lines {
    /// Gathers a stream, on a thread that ends with it.
    fn of(stream: impl Read + Send + 'static) -> Lines {
        let lines = Lines::default();
        let own = lines.clone();
        thread::spawn(move || {
            let mut stream = BufReader::new(stream);
            let mut line = Vec::new();
            while stream.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
                own.lock().lines.push_str(&String::from_utf8_lossy(&line));
                own.0.1.notify_all();
                line.clear();
            }
            own.lock().ended = true;
            own.0.1.notify_all();
        });
        lines
    }

    fn lock(&self) -> MutexGuard<'_, Text> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `find` finds something; `None` after `limit` or at the end.
    fn wait<T>(&self, limit: Duration, find: impl Fn(&str) -> Option<T>) -> Option<T> {
        let end = Instant::now() + limit;
        let mut text = self.lock();
        loop {
            let found = find(&text.lines);
            let left = end.saturating_duration_since(Instant::now());
            if found.is_some() || text.ended || left.is_zero() {
                return found;
            }
            let waited = self.0.1.wait_timeout(text, left);
            text = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
