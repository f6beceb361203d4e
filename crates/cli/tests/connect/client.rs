//! The program under test, run with pipes or on a terminal, and everything that it writes.

use std::io::{ErrorKind, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// For whatever a test waits for.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// The running program. What it writes is gathered as it comes.
pub(crate) struct Client {
    child: Child,
    input: Option<ChildStdin>,
    pub(crate) output: Stream,
    notices: Stream,
}

pub(crate) struct Stream {
    chunks: Receiver<Vec<u8>>,
    pub(crate) seen: Vec<u8>,
}

impl Client {
    pub(crate) fn start(arguments: &[&str]) -> Client {
        let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
        command.arg("connect").args(arguments).stdin(Stdio::piped());
        Client::run(command)
    }

    /// On a terminal of its own, made by script(1); the status is printed at the end, and whether
    /// the terminal is as it was before. None, said aloud, where there is no script.
    pub(crate) fn on_terminal(arguments: &str) -> Option<Client> {
        if Command::new("script").arg("--version").output().is_err() {
            eprintln!("skipped: needs script(1) of util-linux for a terminal");
            return None;
        }
        let program = env!("CARGO_BIN_EXE_switchboard");
        let session = format!(
            "before=$(stty -g); '{program}' connect {arguments}; status=$?; \
             test \"$before\" = \"$(stty -g)\" && echo restored status=$status"
        );
        let mut command = Command::new("script");
        command.args(["-qec", &session, "/dev/null"]).env("TERM", "xterm").stdin(Stdio::piped());
        Some(Client::run(command))
    }

    pub(crate) fn run(mut command: Command) -> Client {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let output = Stream::of(child.stdout.take().unwrap());
        let notices = Stream::of(child.stderr.take().unwrap());
        Client { input: child.stdin.take(), child, output, notices }
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.input.as_mut().unwrap().write_all(bytes).unwrap();
    }

    /// Sends from a thread, so that the test can read meanwhile, and ends the input.
    pub(crate) fn send_all(&mut self, bytes: Vec<u8>) {
        let mut input = self.input.take().unwrap();
        thread::spawn(move || match input.write_all(&bytes) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => panic!("{error}"),
            _ => {}
        });
    }

    /// Waits for the end: the status, and all of standard output and error.
    pub(crate) fn finish(mut self) -> (i32, Vec<u8>, String) {
        self.output.read_to_end();
        self.notices.read_to_end();
        let status = self.child.wait().unwrap().code().unwrap();
        let notices = std::mem::take(&mut self.notices.seen);
        (status, std::mem::take(&mut self.output.seen), String::from_utf8(notices).unwrap())
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Stream {
    pub(crate) fn of(mut from: impl Read + Send + 'static) -> Stream {
        let (sender, chunks): (Sender<Vec<u8>>, _) = channel();
        thread::spawn(move || {
            let mut chunk = vec![0; 65536];
            while let Ok(taken @ 1..) = from.read(&mut chunk) {
                if sender.send(chunk[..taken].to_vec()).is_err() {
                    return;
                }
            }
        });
        Stream { chunks, seen: Vec::new() }
    }

    /// Waits until `text` has appeared after the place where the last wait ended, and returns what
    /// came before it.
    pub(crate) fn until(&mut self, text: &str) -> String {
        let give_up = Instant::now() + DEADLINE;
        loop {
            let found = self.seen.windows(text.len()).position(|part| part == text.as_bytes());
            if let Some(at) = found {
                let rest = self.seen.split_off(at + text.len());
                let before = std::mem::replace(&mut self.seen, rest);
                return String::from_utf8_lossy(&before[..at]).into_owned();
            }
            let left = give_up.saturating_duration_since(Instant::now());
            match self.chunks.recv_timeout(left) {
                Ok(chunk) => self.seen.extend(chunk),
                Err(error) => {
                    let seen = String::from_utf8_lossy(&self.seen);
                    panic!("waited for {text:?}, saw {seen:?}: {error}");
                }
            }
        }
    }

    pub(crate) fn read_to_end(&mut self) {
        let give_up = Instant::now() + DEADLINE;
        loop {
            match self.chunks.recv_timeout(give_up.saturating_duration_since(Instant::now())) {
                Ok(chunk) => self.seen.extend(chunk),
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => panic!("the program does not end"),
            }
        }
    }
}
