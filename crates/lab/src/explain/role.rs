//! What a system call is there for, found in its name, its arguments and its result.
//!
//! A call that is none of these has no role: nothing is made up for it.

use serde::Serialize;

use super::trace::Call;

/// What a call is there for, in the order of a peer's life: what is waited for, who is let in, who
/// serves it, its bytes, its end, and what threads and processes need for themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Role {
    /// Waits for sockets.
    Wait,
    /// Waits for sockets, and hands the kernel the whole list of them.
    WaitOnList,
    /// Asks the ring's kernel side to do what was written down, and waits.
    Enter,
    /// Waits, but for none of the peers.
    WaitAside,
    /// Looks, and does not wait.
    Look,
    /// Takes a peer in.
    Accept,
    /// Looks for a further peer, and there is none.
    AcceptNone,
    /// Asks who the peer is.
    PeerAddress,
    /// Forks.
    Fork,
    /// Starts a thread.
    StartThread,
    /// Begins to watch a socket.
    Watch,
    /// Renews what is watched.
    Rewatch,
    /// Sets a timer.
    Timer,
    /// Sets or asks for a socket's property.
    Option,
    /// Makes a bell.
    MakeBell,
    /// Rings another thread's bell.
    RingBell,
    /// Quiets its own bell.
    QuietBell,
    /// Wakes a thread that waits for a lock or a queue.
    Wake,
    /// Waits for a lock or a queue.
    Sleep,
    /// Makes a line to another thread or process of the server.
    MakeChannel,
    /// Tells another process of the server, or is told.
    Channel,
    /// Receives.
    Receive,
    /// Finds nothing to receive.
    ReceiveNone,
    /// Receives the end.
    ReceiveEnd,
    /// Sends.
    Send,
    /// Finds no room to send.
    SendFull,
    /// Stops watching a socket.
    Unwatch,
    /// Closes the peer's socket, or a copy of it.
    Close,
    /// Ends one direction of the peer's socket.
    Shutdown,
    /// Ends a thread.
    EndThread,
    /// Ends a process.
    EndProcess,
    /// Learns that a child has ended.
    Reap,
    /// Watches a child.
    WatchChild,
    /// Closes another descriptor.
    CloseOther,
    /// Makes a forked process its own.
    OwnProcess,
    /// Makes a thread ready to run, or takes it down.
    OwnThread,
    /// Gets or returns memory.
    Memory,
    /// Writes lines for people.
    Tell,
    /// Asks for the time or for random numbers.
    Ask,
    /// Asks whether a descriptor is open.
    Check,
}

/// What a descriptor is, as `-yy` tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Descriptor {
    Listener,
    Peer,
    Channel,
    Bell,
    Timer,
    Child,
    Standard,
    Other,
}

/// What the C library looks up before it gives back memory of a thread's own arena (glibc,
/// `check_may_shrink_heap`).
const OVERCOMMIT: &str = "/proc/sys/vm/overcommit_memory";

/// Its role, if it is one that is known.
pub(super) fn of(call: &Call) -> Option<Role> {
    let fd = descriptor(&call.args);
    Some(match call.name.as_str() {
        "openat" | "read" | "close" if call.args.contains(OVERCOMMIT) => Role::Memory,
        "epoll_wait" | "epoll_pwait" | "epoll_pwait2" | "poll" | "ppoll" | "select"
        | "pselect6" => waits(call),
        "io_uring_enter" => Role::Enter,
        "accept" | "accept4" if call.failed_with("EAGAIN") => Role::AcceptNone,
        "accept" | "accept4" => Role::Accept,
        "fork" | "vfork" => Role::Fork,
        "clone" | "clone3" if call.args.contains("CLONE_THREAD") => Role::StartThread,
        "clone" | "clone3" => Role::Fork,
        "epoll_ctl" if call.args.contains("EPOLL_CTL_DEL") => Role::Unwatch,
        "epoll_ctl" if child_in(&call.args) => Role::WatchChild,
        "epoll_ctl" if call.args.contains("EPOLL_CTL_ADD") => Role::Watch,
        "epoll_ctl" => Role::Rewatch,
        "read" | "readv" | "recv" | "recvfrom" | "recvmsg" => return receives(call, fd?),
        "write" | "writev" | "send" | "sendto" | "sendmsg" => return sends(call, fd?),
        "close" if fd == Some(Descriptor::Peer) => Role::Close,
        "close" => Role::CloseOther,
        "shutdown" => Role::Shutdown,
        "fcntl" if call.args.ends_with("F_GETFD") => Role::Check,
        "getpeername" if fd == Some(Descriptor::Peer) => Role::PeerAddress,
        "setsockopt" | "getsockopt" | "getsockname" | "ioctl" | "fcntl"
            if fd == Some(Descriptor::Peer) =>
        {
            Role::Option
        }
        "timerfd_settime" | "timer_settime" | "setitimer" => Role::Timer,
        "futex" if call.args.contains("FUTEX_WAKE") => Role::Wake,
        "futex" if call.args.contains("FUTEX_WAIT") => Role::Sleep,
        "exit" => Role::EndThread,
        "exit_group" => Role::EndProcess,
        "wait4" | "waitid" => Role::Reap,
        "pidfd_open" => Role::WatchChild,
        "eventfd" | "eventfd2" => Role::MakeBell,
        "socketpair" | "pipe" | "pipe2" => Role::MakeChannel,
        "close_range" | "dup" | "dup2" | "dup3" | "getpid" | "getppid" => Role::OwnProcess,
        "prctl" if call.args.contains("PR_SET_PDEATHSIG") => Role::OwnProcess,
        "prctl" | "rseq" | "set_robust_list" | "set_tid_address" | "sigaltstack" | "gettid"
        | "rt_sigprocmask" | "rt_sigaction" | "sched_getaffinity" => Role::OwnThread,
        "mmap" | "munmap" | "mprotect" | "madvise" | "mremap" | "brk" => Role::Memory,
        "getrandom" | "clock_gettime" | "gettimeofday" => Role::Ask,
        _ => return None,
    })
}

/// A call that waits for descriptors, or would.
fn waits(call: &Call) -> Role {
    let args: Vec<&str> = call.args.split(", ").collect();
    let at_once = match call.name.as_str() {
        // The fourth argument, after the events: they are in brackets, so counted from the end.
        "epoll_pwait" => args.len() > 3 && args[args.len() - 3] == "0",
        "epoll_wait" | "poll" => args.last() == Some(&"0"),
        _ => call.args.contains("{tv_sec=0, tv_nsec=0}"),
    };
    // A set among the descriptors that are polled: the set's sockets are waited for.
    let of_list =
        !call.name.starts_with("epoll") && !call.args.contains("<anon_inode:[eventpoll]>");
    match (at_once, of_list) {
        (true, _) => Role::Look,
        (false, true) if call.args.contains("<TCP") => Role::WaitOnList,
        (false, true) => Role::WaitAside,
        (false, false) => Role::Wait,
    }
}

fn receives(call: &Call, fd: Descriptor) -> Option<Role> {
    Some(match fd {
        Descriptor::Peer if call.result == "0" => Role::ReceiveEnd,
        Descriptor::Peer if call.failed_with("EAGAIN") => Role::ReceiveNone,
        Descriptor::Peer => Role::Receive,
        Descriptor::Bell | Descriptor::Timer => Role::QuietBell,
        Descriptor::Channel => Role::Channel,
        _ => return None,
    })
}

fn sends(call: &Call, fd: Descriptor) -> Option<Role> {
    Some(match fd {
        Descriptor::Peer if call.failed_with("EAGAIN") => Role::SendFull,
        Descriptor::Peer => Role::Send,
        Descriptor::Bell => Role::RingBell,
        Descriptor::Channel => Role::Channel,
        Descriptor::Standard => Role::Tell,
        _ => return None,
    })
}

impl Call {
    fn failed_with(&self, error: &str) -> bool {
        self.result.strip_prefix("-1 ").is_some_and(|rest| rest.starts_with(error))
    }
}

/// How many requests a call handed to a ring: the second argument of io_uring_enter(2).
pub(super) fn handed_over(call: &Call) -> u64 {
    let requests = call.args.split(", ").nth(1).filter(|_| call.name == "io_uring_enter");
    requests.and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// What the first argument is: `4<TCP:[127.0.0.1:1->127.0.0.1:2]>`.
fn descriptor(args: &str) -> Option<Descriptor> {
    let (number, rest) = args.split_once('<')?;
    let number: u32 = number.parse().ok()?;
    Some(match rest {
        _ if rest.starts_with("TCP") => match rest.split(']').next() {
            // Of one that was reset only an inode is known, which a listener never is reduced to.
            Some(ends) if ends.contains("->") || !ends.contains('.') => Descriptor::Peer,
            _ => Descriptor::Listener,
        },
        _ if rest.starts_with("UNIX") => Descriptor::Channel,
        _ if rest.starts_with("anon_inode:[eventfd]") => Descriptor::Bell,
        _ if rest.starts_with("anon_inode:[timerfd]") => Descriptor::Timer,
        _ if rest.starts_with("pid:") || rest.starts_with("anon_inode:[pidfd]") => {
            Descriptor::Child
        }
        _ if number == 1 || number == 2 => Descriptor::Standard,
        _ => Descriptor::Other,
    })
}

/// Whether what is watched is a child's descriptor.
fn child_in(args: &str) -> bool {
    args.contains("<pid:") || args.contains("<anon_inode:[pidfd]>")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(name: &str, args: &str, result: &str) -> Option<Role> {
        let (name, args, result) = (name.to_owned(), args.to_owned(), result.to_owned());
        of(&Call { name, args, result, began: 0, ended: 0 })
    }

    const PEER: &str = "4<TCP:[127.0.0.1:1->127.0.0.1:2]>";
    const BELL: &str = "7<anon_inode:[eventfd]>";

    /// Kills: the end, or nothing at all, taken for a message; a bell taken for a peer.
    #[test]
    fn what_is_read_tells_what_it_was_for() {
        let read = |fd: &str, result: &str| role("read", &format!("{fd}, ..., 65536"), result);
        assert_eq!(read(PEER, "6"), Some(Role::Receive));
        assert_eq!(read(PEER, "0"), Some(Role::ReceiveEnd));
        assert_eq!(
            read(PEER, "-1 EAGAIN (Resource temporarily unavailable)"),
            Some(Role::ReceiveNone)
        );
        // Reset: the kernel no longer knows whose it was.
        assert_eq!(read("4<TCP:[91214089]>", "-1 ECONNRESET (reset)"), Some(Role::Receive));
        assert_eq!(read(BELL, "8"), Some(Role::QuietBell));
        assert_eq!(read("7<UNIX:[1->2]>", "2"), Some(Role::Channel));
        assert_eq!(read("4</etc/passwd>", "6"), None);
    }

    /// Kills: a look that is said to wait; the main thread's wait taken for one for peers.
    #[test]
    fn what_is_waited_for_is_seen() {
        let epoll = |time: &str| {
            let args =
                format!("7<anon_inode:[eventpoll]>, [{{events=EPOLLIN}}], 64, {time}, NULL, 0");
            role("epoll_pwait", &args, "1")
        };
        assert_eq!([epoll("-1"), epoll("0")], [Some(Role::Wait), Some(Role::Look)]);
        let poll = |fd: &str, time: &str| {
            role("ppoll", &format!("[{{fd={fd}, events=POLLIN}}], 1, {time}, NULL, 8"), "1")
        };
        assert_eq!(poll(PEER, "NULL"), Some(Role::WaitOnList));
        assert_eq!(poll(BELL, "NULL"), Some(Role::WaitAside));
        assert_eq!(poll(BELL, "{tv_sec=0, tv_nsec=0}"), Some(Role::Look));
    }

    #[test]
    fn threads_and_processes_are_told_apart() {
        let flags = "{flags=CLONE_VM|CLONE_THREAD}, 88";
        assert_eq!(role("clone3", flags, "8"), Some(Role::StartThread));
        assert_eq!(role("clone", "child_stack=NULL, flags=SIGCHLD", "8"), Some(Role::Fork));
    }

    /// Kills: a question of the allocator's that nobody can account for.
    #[test]
    fn what_the_allocator_asks_is_memory() {
        let fd = format!("9<{OVERCOMMIT}>");
        let opened = format!("AT_FDCWD</tmp>, \"{OVERCOMMIT}\", O_RDONLY|O_CLOEXEC");
        assert_eq!(role("openat", &opened, &fd), Some(Role::Memory));
        assert_eq!(role("read", &format!("{fd}, \"0\", 1"), "1"), Some(Role::Memory));
        assert_eq!(role("close", &fd, "0"), Some(Role::Memory));
        assert_eq!(role("openat", "AT_FDCWD, \"/etc/passwd\", O_RDONLY", "4"), None);
    }

    /// Kills: a reason that is made up.
    #[test]
    fn an_unknown_call_has_no_role() {
        assert_eq!(role("mincore", "0x7f, 4096, 0x7f", "0"), None);
        assert_eq!(role("close", "9</etc/passwd>", "0"), Some(Role::CloseOther));
        assert_eq!(role("sendto", "4<socket:[1]>, 1", "1"), None);
    }
}
