//! What `strace -f -yy` wrote, read back as calls: with what each was made, and where it stands.
//!
//! Places in the file take the part of times: what is written when everything rests stands before what
//! comes later, whatever the clocks say, which are read at one moment and printed at another.
//!
//! Source: strace(1). A call during which another thread's was written comes in two lines, the first
//! of which ends with `<unfinished ...>`; the second begins with `<... NAME resumed>`.

use std::collections::HashMap;

/// One system call that returned.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Call {
    /// As strace has it: `recvfrom`.
    pub(super) name: String,
    /// What is between the parentheses.
    pub(super) args: String,
    /// What it returned, as strace has it: `6`, `-1 EAGAIN (...)`, `?`.
    pub(super) result: String,
    /// The place of its first byte and of its last, from the beginning of the file.
    pub(super) began: u64,
    pub(super) ended: u64,
}

/// The calls in `written`, in the order in which they ended. One that never returned is not among
/// them, unless that is its nature, as it is of exit(2); nor is one that the kernel begins anew by
/// itself, which the program never sees return (`ERESTARTSYS` and its like): it comes once more.
pub(super) fn calls(written: &str) -> Vec<Call> {
    let mut begun: HashMap<&str, (u64, &str)> = HashMap::new();
    let mut calls: Vec<Call> = Vec::new();
    let mut place = 0;
    for line in written.split_inclusive('\n') {
        let began = place;
        place += line.len() as u64;
        let Some((thread, rest)) = line.trim_end().split_once(' ') else { continue };
        let rest = rest.trim_start();
        let (began, whole) = if let Some(first) = rest.strip_suffix("<unfinished ...>") {
            begun.insert(thread, (began, first));
            continue;
        } else if let Some(resumed) = rest.strip_prefix("<... ") {
            let second = resumed.split_once(" resumed>").map(|(_, second)| second);
            let Some(((began, first), second)) = begun.remove(thread).zip(second) else { continue };
            (began, format!("{first}{second}"))
        } else {
            (began, rest.to_owned())
        };
        calls.extend(call(&whole, began, place - 1));
    }
    calls
}

fn call(text: &str, began: u64, ended: u64) -> Option<Call> {
    let (name, rest) = text.split_once('(')?;
    if !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') {
        return None;
    }
    let end = rest.rfind(") = ").or_else(|| padded_end(rest))?;
    let (args, result) = rest.split_at(end);
    let result = result.trim_start_matches(')').trim_start().trim_start_matches('=').trim();
    if result.starts_with("? ERESTART") {
        return None;
    }
    let [name, args, result] = [name, args.trim(), result].map(str::to_owned);
    Some(Call { name, args, result, began, ended })
}

/// Where the arguments end when spaces follow: results stand in a column of their own.
fn padded_end(rest: &str) -> Option<usize> {
    let before = rest.rfind(" = ")?;
    let end = rest[..before].trim_end();
    end.ends_with(')').then(|| end.len() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITTEN: &str = "\
7 accept4(3<TCP:[127.0.0.1:1]>, {sa_family=AF_INET}, [128 => 16], 0) = 4<TCP:[127.0.0.1:1->127.0.0.1:2]>
8 epoll_pwait(5<anon_inode:[eventpoll]>,  <unfinished ...>
7     getpid()                  = 7
7 recvfrom(4<TCP:[127.0.0.1:1->127.0.0.1:2]>, \"a) = 1\\n\", 2048, 0, NULL, NULL) = 7
8 <... epoll_pwait resumed>[{events=EPOLLIN}], 64, -1, NULL, 8) = 1
7 exit(0)                   = ?
7 +++ exited with 0 +++
7 --- SIGCHLD {si_signo=SIGCHLD} ---
7 ppoll([{fd=7, events=POLLIN}], 1, NULL, NULL, 8) = ? ERESTARTNOHAND (To be restarted if no handler)
9 read(4,  <unfinished ...>
";

    /// Kills: a wait that is counted where it began; one in two lines that is lost or counted twice;
    /// a signal taken for a call; a call that never returned, or that the kernel begins anew.
    #[test]
    fn calls_are_in_the_order_in_which_they_ended() {
        let calls = calls(WRITTEN);
        let names: Vec<&str> = calls.iter().map(|call| call.name.as_str()).collect();
        assert_eq!(names, ["accept4", "getpid", "recvfrom", "epoll_pwait", "exit"]);
        let place = |text: &str| WRITTEN.find(text).unwrap() as u64;
        assert_eq!(calls[3].began, place("8 epoll_pwait"));
        assert_eq!(calls[3].ended, place("7 exit") - 1);
        assert_eq!((calls[0].began, calls[0].ended), (0, place("8 epoll_pwait") - 1));
    }

    /// Kills: a result that is looked for in what was received; one that padding hides.
    #[test]
    fn arguments_and_results_are_told_apart() {
        let calls = calls(WRITTEN);
        assert_eq!(calls[2].result, "7");
        assert!(calls[2].args.ends_with("2048, 0, NULL, NULL"), "{:?}", calls[2]);
        assert_eq!((calls[1].args.as_str(), calls[1].result.as_str()), ("", "7"));
        assert_eq!(
            calls[3].args,
            "5<anon_inode:[eventpoll]>,  [{events=EPOLLIN}], 64, -1, NULL, 8"
        );
        assert_eq!((calls[4].args.as_str(), calls[4].result.as_str()), ("0", "?"));
        assert_eq!(calls[0].result, "4<TCP:[127.0.0.1:1->127.0.0.1:2]>");
    }
}
