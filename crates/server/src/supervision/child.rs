//! Child processes: forked, named, watched by a descriptor, never left as zombies, and gone when
//! their parent is.

use std::ffi::{CStr, CString};
use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::panic::{self, AssertUnwindSafe};
use std::time::{Duration, Instant};
use std::{fs, process, thread};

use nix::unistd::{ForkResult, fork};
use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, getpid, getppid, pidfd_open, pidfd_send_signal,
    set_parent_process_death_signal, waitid,
};
use rustix::thread::set_name;

use crate::counter;
use crate::waiting::until_readable;

/// How long a process that was killed takes to be gone, at most.
const KILLED: Duration = Duration::from_secs(1);

/// How long the kernel lists a thread that has been joined, at most, and how often it is asked.
const JOINED: Duration = Duration::from_millis(50);
const JOINED_LOOK: Duration = Duration::from_micros(100);

/// A child that has not been waited for. Only by its own descriptor: other children of this process
/// are none of our business.
pub(crate) struct Child {
    pid: Pid,
    pidfd: OwnedFd,
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// By itself, with this status.
    Status(i32),
    /// By this signal.
    Signal(i32),
}

impl Child {
    /// Forks. The child does `task`, ends with the status that it returns, and never comes back from
    /// here: nothing that the parent has on its stack is dropped there. It is killed when its parent
    /// dies (prctl(2), `PR_SET_PDEATHSIG`).
    ///
    /// This process must have no other thread (signal-safety(7)): see [`alone`].
    ///
    /// # Errors
    /// As fork(2): `EAGAIN` beyond what this user, or the system, may run.
    pub(crate) fn start(name: &CStr, task: impl FnOnce() -> i32) -> io::Result<Child> {
        debug_assert!(alone());
        counter::about_to_fork();
        let parent = getpid();
        // SAFETY: there is no other thread, so no lock is held that nobody would release in the
        // child, which may do what any process may.
        match unsafe { fork() }? {
            ForkResult::Parent { child } => {
                let pid = Pid::from_raw(child.as_raw()).expect("a child has a positive id");
                // Until it is waited for, its id is nobody else's, even if it has ended already.
                let pidfd = pidfd_open(pid, PidfdFlags::empty());
                let pidfd = pidfd.inspect_err(|_| {
                    let _ = rustix::process::kill_process(pid, Signal::KILL);
                    let _ = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED);
                })?;
                Ok(Child { pid, pidfd })
            }
            ForkResult::Child => {
                let task = AssertUnwindSafe(|| {
                    let bound = set_parent_process_death_signal(Some(Signal::KILL));
                    // The parent may have died before that.
                    if bound.is_err() || getppid() != Some(parent) {
                        return 1;
                    }
                    let _ = set_name(name);
                    task()
                });
                end_now(panic::catch_unwind(task).unwrap_or(101))
            }
        }
    }

    pub(crate) fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// How it ended, if it has; from then on it is no zombie.
    pub(crate) fn ended(&self) -> Option<Exit> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
        loop {
            return match waitid(WaitId::PidFd(self.pidfd.as_fd()), options) {
                Ok(None) => None,
                Ok(Some(status)) => Some(match status.terminating_signal() {
                    Some(signal) => Exit::Signal(signal),
                    None => Exit::Status(status.exit_status().unwrap_or(1)),
                }),
                Err(Errno::INTR) => continue,
                // Someone else has waited for it: it is gone, and nobody knows how.
                Err(_) => Some(Exit::Status(1)),
            };
        }
    }

    /// Kills it, and waits until it is gone.
    pub(crate) fn kill(&self) {
        self.signal(Signal::KILL);
        until_readable(&[self.as_fd()], Some(KILLED));
        let _ = self.ended();
    }

    pub(crate) fn signal(&self, signal: Signal) {
        // One that has ended gets no signal, and neither does anybody else.
        let _ = pidfd_send_signal(&self.pidfd, signal);
    }
}

/// Readable once it has ended (pidfd_open(2)).
impl AsFd for Child {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Exit::Status(status) => write!(f, "ended with status {status}"),
            Exit::Signal(signal) => match signal_hook::low_level::signal_name(*signal) {
                Some(name) => write!(f, "was killed by signal {signal} ({name})"),
                None => write!(f, "was killed by signal {signal}"),
            },
        }
    }
}

/// Ends this process, a child, at once: destructors and exit handlers are its parent's.
pub(super) fn end_now(status: i32) -> ! {
    // SAFETY: takes any status, and runs nothing of this program (_exit(2)).
    unsafe { libc::_exit(status) }
}

/// A name for a child, made before the fork: a child had better allocate nothing.
pub(crate) fn process_name(name: &str) -> CString {
    CString::new(name).unwrap_or_default()
}

/// Sees to it that children that have ended can be waited for: whoever started this process may have
/// told it to ignore SIGCHLD, and then the kernel does not keep how they ended (waitid(2)). A handler
/// of the program's own stays.
pub(crate) fn keep_endings() {
    // SAFETY: both calls get a valid signal and a valid, initialised structure; the disposition that
    // is set is the one that a process has by default.
    unsafe {
        let mut now: libc::sigaction = std::mem::zeroed();
        if libc::sigaction(libc::SIGCHLD, std::ptr::null(), &raw mut now) == 0
            && now.sa_sigaction == libc::SIG_IGN
        {
            libc::signal(libc::SIGCHLD, libc::SIG_DFL);
        }
    }
}

/// Whether this process has one thread only, so that it may fork. The kernel lists a thread for a
/// moment longer than it takes to join it: whoever is not alone at once is asked again.
pub(crate) fn alone() -> bool {
    let tasks = format!("/proc/{}/task", process::id());
    let end = Instant::now() + JOINED;
    while fs::read_dir(&tasks).is_ok_and(|tasks| tasks.count() > 1) {
        if Instant::now() >= end {
            return false;
        }
        thread::sleep(JOINED_LOOK);
    }
    true
}
