//! What /proc says about one process. A process that has gone has nothing: `None`, or zero.

use std::fs;
use std::io;
use std::time::Duration;

use nix::time::ClockId;
use nix::unistd::Pid;
use rustix::io::Errno;

/// A process among all that there ever are: numbers are used again, with another start.
pub(crate) type Id = (u32, u64);

/// What is needed to find a family and add up its processor time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) id: Id,
    pub(crate) parent: u32,
    pub(crate) threads: u64,
    /// Whether it has ended, and its parent does not know yet.
    pub(crate) ended: bool,
    /// Processor time of itself, and of the children that it waited for with theirs; both in steps
    /// of a tick, rounded down.
    pub(crate) own_ns: u64,
    pub(crate) children_ns: u64,
}

/// How often the threads of a process stopped running.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Switches {
    pub(crate) voluntary: u64,
    pub(crate) involuntary: u64,
}

/// All processes of this machine.
pub(crate) fn all() -> io::Result<Vec<Stat>> {
    Ok(numbers("/proc")?.filter_map(stat).collect())
}

/// One process.
pub(crate) fn stat(pid: u32) -> Option<Stat> {
    parsed(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The name comes second, in parentheses, and may hold anything, parentheses too.
fn parsed(pid: u32, text: &str) -> Option<Stat> {
    let (_, rest) = text.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    // Fields are numbered from 1 in proc_pid_stat(5); the state is the third.
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    let tick = 1_000_000_000 / rustix::param::clock_ticks_per_second();
    Some(Stat {
        id: (pid, field(22)?),
        parent: u32::try_from(field(4)?).ok()?,
        threads: field(20)?,
        ended: matches!(*fields.first()?, "Z" | "X"),
        own_ns: (field(14)? + field(15)?) * tick,
        children_ns: (field(16)? + field(17)?) * tick,
    })
}

/// The processor time of all threads of a process, those that have ended too, to the nanosecond.
pub(crate) fn processor_time(pid: u32) -> Option<Duration> {
    let clock = ClockId::pid_cpu_clock_id(Pid::from_raw(i32::try_from(pid).ok()?)).ok()?;
    clock.now().ok().map(Duration::from)
}

/// Memory, what is shared divided by those who share it (PSS).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) all: u64,
    /// Of it what is no page of a file: programs and libraries are, and weigh less the more
    /// processes run them.
    pub(crate) own: u64,
}

/// The memory of a process.
pub(crate) fn memory(pid: u32) -> io::Result<Memory> {
    let text = match fs::read_to_string(format!("/proc/{pid}/smaps_rollup")) {
        Ok(text) => text,
        Err(error) if is_gone(&error) => return Ok(Memory::default()),
        Err(error) => return Err(error),
    };
    let part = |name| {
        let missing = || io::Error::new(io::ErrorKind::Unsupported, "this needs Linux 5.4");
        named(&text, name).map(|kib| kib * 1024).ok_or_else(missing)
    };
    // One that has ended, and was not waited for, has none.
    if text.is_empty() {
        return Ok(Memory::default());
    }
    Ok(Memory { all: part("Pss:")?, own: part("Pss_Anon:")? + part("Pss_Shmem:")? })
}

/// How many descriptors a process has open.
pub(crate) fn descriptors(pid: u32) -> io::Result<u64> {
    match numbers(&format!("/proc/{pid}/fd")) {
        Ok(numbers) => Ok(numbers.count() as u64),
        Err(error) if is_gone(&error) => Ok(0),
        Err(error) => Err(error),
    }
}

/// What is known of a thread for as long as it lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Thread {
    pub(crate) switches: Switches,
    /// Processor time; 0 where the kernel keeps no account of it.
    pub(crate) own_ns: u64,
}

/// The threads of a process.
pub(crate) fn threads(pid: u32) -> Vec<(u32, Thread)> {
    let Ok(threads) = numbers(&format!("/proc/{pid}/task")) else { return Vec::new() };
    let of = |thread: u32| {
        let file = |name| fs::read_to_string(format!("/proc/{pid}/task/{thread}/{name}")).ok();
        let text = file("status")?;
        let voluntary = named(&text, "voluntary_ctxt_switches:")?;
        let involuntary = named(&text, "nonvoluntary_ctxt_switches:")?;
        let time = file("schedstat").and_then(|text| text.split(' ').next()?.parse().ok());
        let switches = Switches { voluntary, involuntary };
        Some((thread, Thread { switches, own_ns: time.unwrap_or(0) }))
    };
    threads.filter_map(of).collect()
}

/// The process that a thread belongs to; of a process that is itself.
pub(crate) fn process_of(thread: u32) -> io::Result<u32> {
    let text = fs::read_to_string(format!("/proc/{thread}/status"))?;
    named(&text, "Tgid:")
        .and_then(|pid| u32::try_from(pid).ok())
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "its status names no process"))
}

/// Whether what was asked about has ended meanwhile.
fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || Errno::from_io_error(error) == Some(Errno::SRCH)
}

/// The number in the line that begins with `name`.
fn named(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The entries of a directory that are numbers.
fn numbers(directory: &str) -> io::Result<impl Iterator<Item = u32> + use<>> {
    let entries = fs::read_dir(directory)?;
    Ok(entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kills: a field that is off by one; a name that is taken for fields.
    #[test]
    fn a_process_with_an_odd_name_is_read() {
        let text = "12 (a) R 7 (b) S 3 12 12 0 -1 4194304 97 0 0 0 1 2 3 4 20 0 5 0 1411193 313";
        let tick = 1_000_000_000 / rustix::param::clock_ticks_per_second();
        let expected = Stat {
            id: (12, 1_411_193),
            parent: 3,
            threads: 5,
            ended: false,
            own_ns: 3 * tick,
            children_ns: 7 * tick,
        };
        assert_eq!(parsed(12, text), Some(expected));
        assert_eq!(parsed(12, "12 (a"), None);
    }

    /// Kills: a prefix of a name that is taken for it (voluntary, nonvoluntary).
    #[test]
    fn a_line_is_found_by_its_whole_name() {
        let text = "nonvoluntary_ctxt_switches:\t3\nvoluntary_ctxt_switches:\t2\n";
        assert_eq!(named(text, "voluntary_ctxt_switches:"), Some(2));
        assert_eq!(named(text, "Pss:"), None);
    }

    #[test]
    fn this_process_can_be_read() {
        let pid = std::process::id();
        let stat = stat(pid).unwrap();
        assert!(stat.threads > 0 && !stat.ended);
        assert!(all().unwrap().iter().any(|other| other.id == stat.id));
        assert!(processor_time(pid).unwrap() > Duration::ZERO);
        let memory = memory(pid).unwrap();
        assert!(memory.own > 4096 && memory.all > memory.own, "{memory:?}");
        assert!(descriptors(pid).unwrap() >= 1);
        assert!(threads(pid).iter().any(|(_, thread)| thread.own_ns > 0));
        assert_eq!(process_of(pid).unwrap(), pid);
    }
}
