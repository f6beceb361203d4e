//! A program that does not outlive whoever starts it, however that ends: prctl(2),
//! `PR_SET_PDEATHSIG`.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};

/// Has the kernel kill what `command` starts when the thread that starts it ends: the thread, and not
/// the process, is what the kernel takes for its parent. What that program starts itself is not
/// killed, unless it does the same, as servers with several processes here do.
pub fn die_with_this_thread(command: &mut Command) -> &mut Command {
    let parent = getpid();
    let bind = move || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        match getppid() == Some(parent) {
            true => Ok(()),
            // It died before that, and nobody would be told any more.
            false => Err(io::ErrorKind::BrokenPipe.into()),
        }
    };
    // SAFETY: between fork and exec, where only async-signal-safe calls are sound (signal-safety(7)),
    // this makes two system calls; it takes no lock and no memory.
    unsafe { command.pre_exec(bind) }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::process::Stdio;
    use std::thread;

    use super::*;

    /// Kills: a program that goes on when nobody is left to end it.
    #[test]
    fn a_program_dies_with_the_thread_that_started_it() {
        let start = || {
            let mut command = Command::new("sleep");
            command.arg("60").stdout(Stdio::piped());
            die_with_this_thread(&mut command).spawn().unwrap()
        };
        let mut child = thread::spawn(start).join().unwrap();
        // Its output ends when it does.
        child.stdout.take().unwrap().read_to_end(&mut Vec::new()).unwrap();
        assert!(!child.wait().unwrap().success());
    }
}
