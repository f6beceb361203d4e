//! The commands of the probe, as both styles read them.

use std::hint;
use std::thread;
use std::time::{Duration, Instant};

/// The longest waits and the largest replies that may be asked for: a mistake in a test is to end,
/// not to take the machine.
const WAIT_MAX: u64 = 3_600_000;
const BYTES_MAX: u64 = 256 << 20;
/// In KiB.
const DEPTH_MAX: u64 = 1 << 20;

/// One line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    Echo(String),
    Close,
    Panic,
    Fail,
    Big(usize),
    Sleep(Duration),
    Spin(Duration),
    Timed(Duration),
    Offload(Duration),
    Recurse(usize),
    Draining,
    Id,
    Frame,
    Exact(usize),
    Unknown(String),
}

impl Command {
    pub(super) fn of(line: &str) -> Command {
        let (word, value) = line.split_once(' ').unwrap_or((line, ""));
        let number = |most| value.parse().ok().filter(|number| *number <= most);
        let wait = || number(WAIT_MAX).map(Duration::from_millis);
        let bytes = || number(BYTES_MAX).map(|count| count as usize);
        let command = match word {
            "echo" => Some(Command::Echo(value.into())),
            "big" => bytes().map(Command::Big),
            "sleep" => wait().map(Command::Sleep),
            "spin" => wait().map(Command::Spin),
            "timed" => wait().map(Command::Timed),
            "offload" => wait().map(Command::Offload),
            "recurse" => number(DEPTH_MAX).map(|kib| Command::Recurse(kib as usize)),
            "exact" => bytes().map(Command::Exact),
            _ => plain(line),
        };
        command.unwrap_or_else(|| Command::Unknown(line.into()))
    }
}

/// The commands that take no value.
fn plain(line: &str) -> Option<Command> {
    Some(match line {
        "close" => Command::Close,
        "panic" => Command::Panic,
        "fail" => Command::Fail,
        "draining" => Command::Draining,
        "id" => Command::Id,
        "frame" => Command::Frame,
        _ => return None,
    })
}

/// The answer to [`Command::Big`].
pub(super) fn big(count: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = b"0123456789".iter().copied().cycle().take(count).collect();
    bytes.push(b'\n');
    bytes
}

/// Computes for this long, without waiting for anything.
pub(super) fn spin(time: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < time {
        hint::spin_loop();
    }
}

/// Calls itself until its stack is so much deeper than here.
pub(super) fn recurse(kib: usize) {
    let here = 0_u8;
    deeper(std::ptr::from_ref(&here).addr(), kib << 10);
}

#[inline(never)]
fn deeper(begin: usize, most: usize) -> u64 {
    let frame = hint::black_box([0_u64; 32]);
    match begin.abs_diff(frame.as_ptr().addr()) < most {
        true => deeper(begin, most) + hint::black_box(frame)[0],
        false => 0,
    }
}

/// The job of [`Command::Offload`], which blocks: which thread did it, without its number.
pub(super) fn job(time: Duration) -> String {
    thread::sleep(time);
    let thread = thread::current();
    let name = thread.name().unwrap_or("no name");
    name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_a_command_or_as_unknown() {
        assert_eq!(Command::of("echo a  b "), Command::Echo("a  b ".into()));
        assert_eq!(Command::of("echo"), Command::Echo(String::new()));
        assert_eq!(Command::of("sleep 20"), Command::Sleep(Duration::from_millis(20)));
        assert_eq!(Command::of("exact 0"), Command::Exact(0));
        for line in ["", "close now", "sleep", "sleep -1", "sleep 99999999", "big 99999999999"] {
            assert_eq!(Command::of(line), Command::Unknown(line.into()));
        }
    }

    #[test]
    fn a_big_answer_has_its_size_and_a_line_feed() {
        assert_eq!(big(12), b"012345678901\n");
        assert_eq!(big(0), b"\n");
    }
}
