//! Lines on standard output, one write each, from a thread of their own: whoever prints never
//! waits, and when the reader of standard output does not keep up, lines are dropped and counted.
//!
//! The thread starts with the first line and never before, so that a process may fork until its
//! first peer has come. What is queued when a process ends is lost unless it calls [`flush`].

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Write};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// The most bytes in a line, its line feed included: what a pipe takes in one piece even when
/// other processes write to it too (`PIPE_BUF`, pipe(7)).
pub const LINE_MAX: usize = 4096;

/// Lines that wait at most: 4 MiB of them if all are of the greatest length.
const QUEUE_MAX: usize = 1024;
/// How long [`flush`] waits for a reader that takes nothing.
const PATIENCE: Duration = Duration::from_secs(1);

static PRINTER: Printer = Printer::new(QUEUE_MAX);

/// Queues a line, which ends with a line feed, for standard output. Never waits.
pub fn print(line: String) {
    PRINTER.print(line, io::stdout);
}

/// Waits until all that was queued has been written, or until standard output has taken nothing
/// for a second. Every process that serves peers calls it before it ends, as the hook that `discard`
/// gives to [`Service::at_exit`](switchboard_core::Service::at_exit); it costs nothing if nothing
/// was printed. Says whether all was written.
pub fn flush() -> bool {
    PRINTER.flush(PATIENCE)
}

/// A queue of lines and the thread that writes them.
struct Printer {
    queue: Mutex<Queue>,
    /// For the thread: there is a line.
    filled: Condvar,
    /// For those who flush: a line was written.
    emptied: Condvar,
    lines_max: usize,
}

struct Queue {
    lines: VecDeque<String>,
    /// Lines that found the queue full since the last one that did not.
    dropped: u64,
    started: bool,
    /// A line has left the queue and is not written yet.
    writing: bool,
    written: u64,
}

impl Printer {
    const fn new(lines_max: usize) -> Printer {
        let queue = Queue {
            lines: VecDeque::new(),
            dropped: 0,
            started: false,
            writing: false,
            written: 0,
        };
        Printer {
            queue: Mutex::new(queue),
            filled: Condvar::new(),
            emptied: Condvar::new(),
            lines_max,
        }
    }

    /// Queues a line; `open` gives what the thread writes to, when it starts.
    fn print<W: Write>(&'static self, line: String, open: impl FnOnce() -> W + Send + 'static) {
        let mut queue = self.lock();
        if !queue.started {
            // If there can be no thread now, the lines wait for one until the queue is full.
            let thread = thread::Builder::new().name("printer".into());
            queue.started = thread.spawn(move || self.run(&mut open())).is_ok();
        }
        let full = queue.lines.len() + usize::from(queue.dropped > 0) >= self.lines_max;
        if full {
            queue.dropped += 1;
            return;
        }
        queue.note_dropped();
        queue.lines.push_back(line);
        self.filled.notify_one();
    }

    fn run(&self, out: &mut impl Write) {
        loop {
            let line = self.next();
            // There is nobody to tell that standard output is gone.
            let _ = write_line(out, line.as_bytes());
            let mut queue = self.lock();
            queue.writing = false;
            queue.written += 1;
            self.emptied.notify_all();
        }
    }

    fn next(&self) -> String {
        let mut queue = self.lock();
        loop {
            if queue.lines.is_empty() {
                queue.note_dropped();
            }
            if let Some(line) = queue.lines.pop_front() {
                queue.writing = true;
                return line;
            }
            queue = self.filled.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn flush(&self, patience: Duration) -> bool {
        let mut queue = self.lock();
        while queue.busy() {
            let before = queue.written;
            let waited = self.emptied.wait_timeout(queue, patience);
            let (now, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            queue = now;
            if timeout.timed_out() && queue.written == before {
                return !queue.busy();
            }
        }
        true
    }

    /// Held for a few instructions only, never while writing.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn busy(&self) -> bool {
        self.writing || self.dropped > 0 || !self.lines.is_empty()
    }

    /// Puts the count of dropped lines where those lines would have been.
    fn note_dropped(&mut self) {
        match std::mem::take(&mut self.dropped) {
            0 => {}
            1 => self.lines.push_back("… 1 line dropped\n".into()),
            count => self.lines.push_back(format!("… {count} lines dropped\n")),
        }
    }
}

/// Writes a whole line, also where standard output is shared with someone who made it
/// non-blocking.
fn write_line(out: &mut impl Write, mut line: &[u8]) -> io::Result<()> {
    while !line.is_empty() {
        match out.write(line) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => line = &line[count..],
            Err(error) => wait_or_fail(error)?,
        }
    }
    while let Err(error) = out.flush() {
        wait_or_fail(error)?;
    }
    Ok(())
}

fn wait_or_fail(error: io::Error) -> io::Result<()> {
    match error.kind() {
        ErrorKind::Interrupted => Ok(()),
        ErrorKind::WouldBlock => {
            thread::sleep(Duration::from_millis(5));
            Ok(())
        }
        _ => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

    use super::*;

    /// Sends each write on; waits for a permit before it if it has a gate.
    struct Recorder(Sender<Vec<u8>>, Option<Receiver<()>>);

    impl Write for Recorder {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if let Some(gate) = &self.1 {
                gate.recv().map_err(io::Error::other)?;
            }
            self.0.send(bytes.to_vec()).map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn printer(lines_max: usize) -> &'static Printer {
        Box::leak(Box::new(Printer::new(lines_max)))
    }

    #[test]
    fn each_line_is_one_write_and_flush_waits_for_all() {
        let (sender, written) = channel();
        let printer = printer(1000);
        for n in 0..500 {
            let sender = sender.clone();
            printer.print(format!("line {n}\n"), || Recorder(sender, None));
        }
        assert!(printer.flush(Duration::from_secs(10)));
        let writes: Vec<Vec<u8>> = written.try_iter().collect();
        assert_eq!(writes.len(), 500);
        assert_eq!(writes[499], b"line 499\n");
    }

    #[test]
    fn a_stuck_reader_costs_lines_and_never_the_caller() {
        let (sender, written) = channel();
        let (permit, gate): (SyncSender<()>, _) = sync_channel(100);
        let printer = printer(3);
        printer.print("0\n".into(), || Recorder(sender, Some(gate)));
        while !printer.lock().writing {
            thread::yield_now();
        }
        assert!(!printer.flush(Duration::from_millis(1)), "a line is being written");
        for n in 1..=8 {
            printer.print(format!("{n}\n"), || Recorder(channel().0, None));
        }
        assert!(!printer.flush(Duration::from_millis(1)), "nothing can have been written");
        for _ in 0..100 {
            permit.send(()).unwrap();
        }
        assert!(printer.flush(Duration::from_secs(10)));
        printer.print("9\n".into(), || Recorder(channel().0, None));
        assert!(printer.flush(Duration::from_secs(10)));
        let all: Vec<u8> = written.try_iter().flatten().collect();
        assert_eq!(String::from_utf8(all).unwrap(), "0\n1\n2\n3\n… 5 lines dropped\n9\n");
    }

    #[test]
    fn the_note_stands_where_the_lines_are_missing() {
        let (sender, written) = channel();
        let (permit, gate): (SyncSender<()>, _) = sync_channel(100);
        let printer = printer(3);
        printer.print("0\n".into(), || Recorder(sender, Some(gate)));
        while !printer.lock().writing {
            thread::yield_now();
        }
        for n in 1..=5 {
            printer.print(format!("{n}\n"), || Recorder(channel().0, None));
        }
        let wait_for = |left: usize| {
            permit.send(()).unwrap();
            written.recv().unwrap();
            while printer.lock().lines.len() > left {
                thread::yield_now();
            }
        };
        // Room for the note, and none for a line behind it.
        wait_for(2);
        printer.print("6\n".into(), || Recorder(channel().0, None));
        wait_for(1);
        printer.print("7\n".into(), || Recorder(channel().0, None));
        for _ in 0..90 {
            permit.send(()).unwrap();
        }
        assert!(printer.flush(Duration::from_secs(10)));
        let rest: Vec<u8> = written.try_iter().flatten().collect();
        assert_eq!(String::from_utf8(rest).unwrap(), "2\n3\n… 3 lines dropped\n7\n");
    }

    #[test]
    fn a_broken_pipe_is_borne() {
        struct Broken;
        impl Write for Broken {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Err(ErrorKind::BrokenPipe.into())
            }
        }
        let printer = printer(10);
        printer.print("a\n".into(), || Broken);
        assert!(printer.flush(Duration::from_secs(10)));
        printer.print("b\n".into(), || Broken);
        assert!(printer.flush(Duration::from_secs(10)));
        assert_eq!(printer.lock().written, 2);
    }

    #[test]
    fn nothing_starts_before_the_first_line() {
        let mut options = crate::Options::new();
        options.set("print", "true");
        let service = crate::find("discard").map(|entry| (entry.build)(&options));
        assert!(matches!(service, Some(Ok(_))));
        assert!(flush());
        assert!(!PRINTER.lock().started);
    }
}
