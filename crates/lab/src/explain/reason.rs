//! Each role in words: two or three for a row of the table, and a sentence.

use super::role::Role;

/// A role in words.
#[derive(Clone, Copy, Debug)]
pub struct Reason {
    /// Beside the call's name, in at most 20 characters.
    pub short: &'static str,
    /// Why the call is there.
    pub why: &'static str,
    /// Whether the calls of this role share a row in tables: they are many, and of no interest one by
    /// one.
    pub shared: bool,
}

const fn reason(short: &'static str, why: &'static str) -> Reason {
    Reason { short, why, shared: false }
}

/// The role in words.
pub const fn of(role: Role) -> Reason {
    match role {
        Role::Wait | Role::WaitOnList | Role::Enter | Role::WaitAside | Role::Look => waiting(role),
        Role::Accept | Role::AcceptNone | Role::PeerAddress | Role::Fork | Role::StartThread => {
            arriving(role)
        }
        Role::Watch | Role::Rewatch | Role::Timer | Role::Option | Role::Unwatch => watching(role),
        Role::MakeBell
        | Role::RingBell
        | Role::QuietBell
        | Role::Wake
        | Role::Sleep
        | Role::MakeChannel
        | Role::Channel => telling(role),
        Role::Receive | Role::ReceiveNone | Role::ReceiveEnd | Role::Send | Role::SendFull => {
            moving(role)
        }
        _ => ending(role),
    }
}

const fn waiting(role: Role) -> Reason {
    match role {
        Role::Wait => reason(
            "waits",
            "sleeps until a socket or bell that is watched can go on; the kernel keeps the list, so \
             silent peers cost nothing here",
        ),
        Role::WaitOnList => reason(
            "waits, with the list",
            "sleeps until a socket can go on; every watched descriptor goes to the kernel and back at \
             each call, silent ones too",
        ),
        Role::Enter => reason(
            "submits, waits",
            "hands over what was written to the ring since the last call (replies, what to receive), \
             and sleeps until something is done; what has come lies in memory then, so no call reads it",
        ),
        Role::WaitAside => reason(
            "waits aside",
            "a thread that serves no bytes sleeps until one of the server's own bells rings: a stop, \
             or a thread or process that has ended",
        ),
        _ => reason("looks", "asks what is ready and comes back at once"),
    }
}

const fn arriving(role: Role) -> Reason {
    match role {
        Role::Accept => reason("takes the peer", "takes the peer out of the listener's backlog"),
        Role::AcceptNone => reason(
            "nobody else",
            "looks for one more, since many may have come at once; there is none, so it goes on",
        ),
        Role::PeerAddress => reason(
            "who it is",
            "asks for the peer's address, which an accept that the kernel repeats by itself does not tell",
        ),
        Role::Fork => reason("forks", "a process of its own for this peer: a copy of the server"),
        _ => reason("starts a thread", "a thread of its own for this peer"),
    }
}

const fn watching(role: Role) -> Reason {
    match role {
        Role::Watch => reason("watches", "adds the descriptor to the list that the kernel keeps"),
        Role::Rewatch => reason(
            "watches again",
            "changes what the descriptor is watched for, or arms it anew where it is told of only once",
        ),
        Role::Unwatch => {
            reason("stops watching", "takes the descriptor off the list before it is closed")
        }
        Role::Timer => {
            reason("sets a timer", "the next deadline, the peer's idle limit here, ends the wait")
        }
        _ => reason("a socket's option", "sets or asks for a property of the peer's socket"),
    }
}

const fn telling(role: Role) -> Reason {
    match role {
        Role::MakeBell => {
            reason("makes a bell", "an eventfd by which others wake this thread or process")
        }
        Role::RingBell => {
            reason("rings a bell", "wakes another thread, which has been given something")
        }
        Role::QuietBell => {
            reason("quiets the bell", "the bell that woke it is reset, so that it can ring again")
        }
        Role::Wake => reason(
            "wakes a thread",
            "a lock or a queue is free, or has something for another thread",
        ),
        Role::Sleep => {
            reason("awaits its turn", "sleeps until a lock is free or a queue has something")
        }
        Role::MakeChannel => reason(
            "makes a line",
            "two ends, over which threads or processes of the server tell each other",
        ),
        _ => reason("tells a process", "a word between the supervisor and one of its processes"),
    }
}

const fn moving(role: Role) -> Reason {
    match role {
        Role::Receive => {
            reason("receives", "takes what the peer has sent; a blocking model waits in it")
        }
        Role::ReceiveNone => {
            reason("receives nothing", "nothing has come: it was only tried, or all has been read")
        }
        Role::ReceiveEnd => {
            reason("receives the end", "the peer has closed: a receive of no bytes")
        }
        Role::Send => reason("sends", "hands the reply to the kernel"),
        _ => reason(
            "no room to send",
            "the kernel's buffer is full: the rest has to wait for the peer to read",
        ),
    }
}

const fn ending(role: Role) -> Reason {
    let (short, why, shared) = match role {
        Role::Close => {
            ("closes the peer", "gives the peer's socket back, or a process its copy of it", false)
        }
        Role::Shutdown => {
            ("ends one direction", "tells the peer that nothing more will be sent or read", false)
        }
        Role::EndThread => ("ends the thread", "the peer's thread has nothing more to do", false),
        Role::EndProcess => {
            ("ends the process", "the peer's process is done; the kernel closes its socket", false)
        }
        Role::Reap => {
            ("takes leave of it", "fetches how the child ended, so that it leaves no zombie", false)
        }
        Role::WatchChild => {
            ("watches the child", "a descriptor that tells when the child ends", false)
        }
        Role::CloseOther => ("closes another", "a descriptor that is none of the peer's", false),
        Role::OwnProcess => (
            "makes it its own",
            "a forked process drops what it must not share with its parent, and ends when that ends",
            true,
        ),
        Role::OwnThread => (
            "prepares a thread",
            "name, signal mask and a stack for signals: what the C library and the runtime do when a \
             thread begins or ends, or a first stack is guarded",
            true,
        ),
        Role::Memory => (
            "memory",
            "stacks and the allocator's own: got, protected, given back, and what is asked first",
            true,
        ),
        Role::Tell => ("tells people", "a line on standard output or standard error", false),
        Role::Check => {
            ("checks it is open", "only a debug build asks, before it closes a descriptor", false)
        }
        _ => ("asks the system", "the time, or random numbers", false),
    };
    Reason { short, why, shared }
}
