//! The system calls of a server that does not count them: by strace(1), in a run of its own, because
//! a server that is traced is many times slower.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

/// How long strace may take to write down what it counted.
const PATIENCE: Duration = Duration::from_secs(2);
/// Between two looks whether it has.
const LOOK: Duration = Duration::from_millis(2);

/// strace, attached to a process and its threads and children.
#[derive(Debug)]
pub(crate) struct Tracer {
    strace: Child,
    folder: TempDir,
}

impl Tracer {
    /// Counts from now on.
    ///
    /// # Errors
    /// A sentence, if strace is missing or may not trace.
    pub(crate) fn attach(pid: u32) -> Result<Tracer, String> {
        let folder = TempDir::new().map_err(|error| format!("no temporary folder: {error}"))?;
        let strace = Command::new("strace")
            .args(["-f", "-c", "-p", &pid.to_string(), "-o"])
            .arg(folder.path().join("counts"))
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let mut strace = strace.map_err(|_| {
            "its system calls are counted with strace, which is missing (Debian: apt-get install \
             strace)"
                .to_owned()
        })?;
        let said = strace.stderr.take().expect("it is a pipe");
        let tracer = Tracer { strace, folder };
        // The first line says that it is attached, or why not.
        let mut line = String::new();
        let read = BufReader::new(said).read_line(&mut line);
        match read.is_ok() && line.contains("attached") {
            true => Ok(tracer),
            false => Err(format!("strace may not trace it: {}", line.trim_end())),
        }
    }

    /// How many calls there were since.
    ///
    /// # Errors
    /// A sentence, if strace does not say.
    pub(crate) fn count(mut self) -> Result<u64, String> {
        let silent = || "strace did not say what it counted".to_owned();
        let pid = Pid::from_raw(self.strace.id().cast_signed());
        kill(pid, Signal::SIGINT).map_err(|_| silent())?;
        let until = Instant::now() + PATIENCE;
        while matches!(self.strace.try_wait(), Ok(None)) {
            if Instant::now() > until {
                return Err(silent());
            }
            std::thread::sleep(LOOK);
        }
        let text = fs::read_to_string(self.folder.path().join("counts")).map_err(|_| silent())?;
        total(&text).ok_or_else(silent)
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.strace.kill();
        let _ = self.strace.wait();
    }
}

/// The calls in the last line of a summary: share, seconds, microseconds a call, calls, perhaps
/// errors, `total`.
fn total(text: &str) -> Option<u64> {
    let line = text.lines().rfind(|line| line.ends_with(" total"))?;
    line.split_whitespace().nth(3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_of_a_summary_is_found() {
        let text = "% time     seconds  usecs/call     calls    errors syscall\n\
                    ------ ----------- ----------- --------- --------- ----------------\n \
                    60.00    0.000003           0       200           sendto\n\
                    ------ ----------- ----------- --------- --------- ----------------\n\
                    100.00    0.000005           0       603         4 total\n";
        assert_eq!(total(text), Some(603));
        assert_eq!(total("strace: gone"), None);
    }
}
