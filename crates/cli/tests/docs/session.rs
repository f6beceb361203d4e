//! A shell that runs a page's commands, one after the other.
//!
//! Each command writes to a file of its own, also while it runs in the background, so that what a
//! page says is compared source by source: the order inside one is exact, and how two of them mix
//! (a server's line and its client's) is left open.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

use crate::programs::cargo_script;
use crate::varying::{PORTS, alike};

/// How long the last line of an output is awaited. Machines are slow, pages are right.
const PATIENCE: Duration = Duration::from_secs(30);

/// When pages are written: nothing more comes after this long without a line.
const QUIET: Duration = Duration::from_millis(500);

/// Output that is wrong after this long without another line stays wrong.
const LATE: Duration = Duration::from_secs(3);

pub(crate) struct Session {
    bash: Child,
    stdin: Option<ChildStdin>,
    directory: TempDir,
    ports: Vec<(&'static str, String)>,
    sources: Vec<Source>,
    patience: Duration,
    /// The page is being written: what comes is taken for right.
    writes: bool,
}

/// What one command has written, and how much of that was compared already.
struct Source {
    path: PathBuf,
    read: u64,
    partial: String,
    lines: Vec<String>,
}

impl Session {
    /// `writes`: the page is to be written, not compared; `programs`: where there are programs
    /// beside `switchboard`.
    pub(crate) fn start(writes: bool, programs: &[PathBuf]) -> Session {
        Session::new(PATIENCE, writes, programs)
    }

    /// A session that awaits outputs for no longer than `patience`.
    pub(crate) fn new(patience: Duration, writes: bool, programs: &[PathBuf]) -> Session {
        let directory = TempDir::new().unwrap();
        let work = directory.path().join("work");
        fs::create_dir(&work).unwrap();
        let ports: Vec<_> = PORTS.map(|port| (port, free_port().to_string())).into();
        put_programs_in(directory.path(), &ports[0].1);
        let path = std::env::var_os("PATH").unwrap_or_default();
        // The scripts in the session's own directory come before the programs that they start.
        let own = [directory.path().to_owned()];
        let others = std::env::split_paths(&path);
        let path = std::env::join_paths(own.into_iter().chain(programs.to_vec()).chain(others));
        let mut bash = Command::new("bash")
            .args(["--norc", "--noprofile"])
            .current_dir(&work)
            .env("PATH", path.unwrap())
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::piped())
            .process_group(0)
            .spawn()
            .expect("bash, which runs the pages' commands");
        let stdin = bash.stdin.take();
        Session { bash, stdin, directory, ports, sources: Vec::new(), patience, writes }
    }

    /// Runs a command. `Err` has what was printed instead of `output`.
    pub(crate) fn run(&mut self, command: &str, output: &[String]) -> Result<(), Vec<String>> {
        let own = self.sources.len();
        let out = self.directory.path().join(format!("{own}.out"));
        let status = self.directory.path().join(format!("{own}.status"));
        File::create(&out).unwrap();
        let command = self
            .ports
            .iter()
            .fold(command.to_owned(), |command, (named, real)| command.replace(*named, real));
        let (out_name, status_name) = (out.display(), status.display());
        // The status of the command before is restored for `$?`, that of this one is written whole.
        let script = format!(
            "{{ (exit ${{__status:-0}})\n{command}\n}} >'{out_name}' 2>&1 </dev/null\n\
             __status=$?; echo $__status >'{status_name}.part'; \
             mv '{status_name}.part' '{status_name}'\n"
        );
        let stdin = self.stdin.as_mut().expect("the session goes on");
        stdin.write_all(script.as_bytes()).and_then(|()| stdin.flush()).unwrap();
        self.sources.push(Source { path: out, read: 0, partial: String::new(), lines: vec![] });
        self.compare(own, &status, output)
    }

    fn compare(&mut self, own: usize, status: &Path, said: &[String]) -> Result<(), Vec<String>> {
        let mut order: Vec<usize> = Vec::new();
        let (begun, mut news) = (Instant::now(), Instant::now());
        loop {
            let over = status.exists();
            if self.collect(&mut order, over.then_some(own)) {
                news = Instant::now();
            }
            let own_left = self.sources[own].lines.len();
            let mut taken = vec![0; self.sources.len()];
            let right = over && self.merges(said, &mut taken) && taken[own] == own_left;
            // A page that is being written has no output yet, or an old one.
            let settled = over && news.elapsed() > QUIET && begun.elapsed() > 4 * QUIET;
            if right && (!said.is_empty() || !self.writes || settled && order.is_empty()) {
                for (source, taken) in self.sources.iter_mut().zip(taken) {
                    source.lines.drain(..taken);
                }
                return Ok(());
            }
            let here: usize = self.sources.iter().map(|source| source.lines.len()).sum();
            let hopeless = over && news.elapsed() > LATE && here >= said.len();
            if hopeless || self.writes && settled || begun.elapsed() > self.patience {
                return Err(self.take_all(&order));
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Whether `said` is made of the next lines of the sources, each in its own order; `taken`
    /// counts the lines of each.
    fn merges(&self, said: &[String], taken: &mut Vec<usize>) -> bool {
        let Some((first, rest)) = said.split_first() else { return true };
        for index in (0..self.sources.len()).rev() {
            let next = self.sources[index].lines.get(taken[index]);
            if next.is_some_and(|line| alike(first, line)) {
                taken[index] += 1;
                if self.merges(rest, taken) {
                    return true;
                }
                taken[index] -= 1;
            }
        }
        false
    }

    /// Reads what was written since; `order` notes which source each line came from. The source
    /// `over` gets no more: what has no line end is a line too.
    fn collect(&mut self, order: &mut Vec<usize>, over: Option<usize>) -> bool {
        let mut any = false;
        for (index, source) in self.sources.iter_mut().enumerate() {
            let before = source.lines.len();
            source.read_on(over == Some(index));
            for line in &mut source.lines[before..] {
                for (named, real) in &self.ports {
                    *line = with_port(line, real, named);
                }
            }
            order.extend(std::iter::repeat_n(index, source.lines.len() - before));
            any |= source.lines.len() > before;
        }
        any
    }

    /// All lines that were not compared, as they came.
    fn take_all(&mut self, order: &[usize]) -> Vec<String> {
        let new = |index| order.iter().filter(|source| **source == index).count();
        let mut lines = Vec::new();
        let mut queues = Vec::new();
        for (index, source) in self.sources.iter_mut().enumerate() {
            let mut all = std::mem::take(&mut source.lines);
            let queue = all.split_off(all.len() - new(index));
            lines.extend(all);
            queues.push(queue.into_iter());
        }
        lines.extend(order.iter().filter_map(|index| queues[*index].next()));
        lines
    }

    /// Ends the session. `Some`: what the page should have ended, or shown.
    pub(crate) fn finish(mut self) -> Option<String> {
        // A server writes its last line before its process ends.
        let jobs = "for i in {1..50}; do [ -z \"$(jobs -pr)\" ] && break; sleep 0.1; done";
        let running = self.run(&format!("{jobs}; jobs -pr | wc -l"), &["0".to_owned()]);
        self.collect(&mut Vec::new(), None);
        let unseen: Vec<String> =
            self.sources.iter_mut().flat_map(|source| std::mem::take(&mut source.lines)).collect();
        match (running, unseen.is_empty()) {
            (Err(_), _) => Some("a background command still runs; end it with `kill $!`".into()),
            (Ok(()), false) => Some(format!("there was more output:\n{}", unseen.join("\n"))),
            (Ok(()), true) => None,
        }
    }
}

impl Source {
    fn read_on(&mut self, over: bool) {
        let mut file = File::open(&self.path).unwrap();
        file.seek(SeekFrom::Start(self.read)).unwrap();
        let mut bytes = Vec::new();
        self.read += file.read_to_end(&mut bytes).unwrap() as u64;
        self.partial += &String::from_utf8_lossy(&bytes);
        while let Some(end) = self.partial.find('\n') {
            let line: String = self.partial.drain(..=end).collect();
            self.lines.push(line.trim_end_matches('\n').to_owned());
        }
        if over && !self.partial.is_empty() {
            self.lines.push(std::mem::take(&mut self.partial));
        }
    }
}

/// Nothing outlives a page, also not one that failed.
impl Drop for Session {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let group = i32::try_from(self.bash.id()).ok().and_then(Pid::from_raw);
        if let Some(group) = group {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.bash.wait();
    }
}

/// The default port belongs to whoever runs the tests. A script of the program's name says another
/// one where the page leaves it out. `cargo` runs in the repository, as it would for the reader.
fn put_programs_in(directory: &Path, port: &str) {
    let script = format!(
        "#!/bin/bash\n\
         case \" $* \" in\n\
         *\" --listen \"* | *\" --help \"*) ;;\n\
         \" connect \"*:*) ;;\n\
         \" serve \"[a-z]*) set -- \"$@\" --listen 127.0.0.1:{port} ;;\n\
         \" connect \"*) set -- \"$@\" 127.0.0.1:{port} ;;\n\
         esac\n\
         exec '{}' \"$@\"\n",
        env!("CARGO_BIN_EXE_switchboard")
    );
    let cargo = cargo_script(&crate::root());
    for (name, script) in [("switchboard", script), ("cargo", cargo)] {
        put_program(&directory.join(name), &script);
    }
}

/// Writes a script that can be run. A process of its own opens it: what this one has open for
/// writing, another thread's child may have, too, until it is somebody else (execve(2), `ETXTBSY`).
fn put_program(path: &Path, script: &str) {
    let mut writer = Command::new("sh")
        .args(["-c", "cat >\"$0\" && chmod 755 \"$0\""])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .expect("sh, which writes the scripts of a page");
    // Dropped at once, so that it ends.
    writer.stdin.take().expect("it is a pipe").write_all(script.as_bytes()).unwrap();
    assert!(writer.wait().unwrap().success(), "no script at {}", path.display());
}

/// `line` with the number `real` as `named`; longer numbers that hold it stay.
fn with_port(line: &str, real: &str, named: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find(real) {
        let (before, after) = (&rest[..at], &rest[at + real.len()..]);
        let alone = !before.ends_with(|c: char| c.is_ascii_digit())
            && !after.starts_with(|c: char| c.is_ascii_digit());
        out += before;
        out += if alone { named } else { real };
        rest = after;
    }
    out + rest
}

/// A port that nobody has, outside the range from which the kernel and other tests take theirs.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() * 64 % 20_000).unwrap();
    loop {
        let port = 10_000 + (start + NEXT.fetch_add(1, Ordering::SeqCst)) % 20_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
