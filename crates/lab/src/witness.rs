//! Who watches a load: asks the server what it counts, or has strace count.

use std::thread;
use std::time::Duration;

use switchboard_load::{Interval, Onlooker, Progress, Record, Watch};

use crate::counted::Counted;
use crate::kernel;
use crate::server::{PATIENCE, Running};
use crate::traced::Tracer;

/// How long the answer to `stats` may take before the first message is sent: some 50 ms.
const SOON: Duration = Duration::from_millis(40);
/// How long those who let peers in are given to come to rest.
const REST: Duration = Duration::from_millis(10);

/// What a server said that it counted, or why it did not.
pub(crate) type Heard = Result<Counted, String>;

/// Has strace count from before the first message until after the last.
pub(crate) struct Auditor {
    pid: u32,
    tracer: Option<Result<Tracer, String>>,
    pub(crate) calls: Option<Result<u64, String>>,
}

impl Auditor {
    pub(crate) fn of(pid: u32) -> Auditor {
        Auditor { pid, tracer: None, calls: None }
    }
}

impl Watch for Auditor {
    fn progress(&mut self, _: &Progress<'_>) {}

    fn interval(&mut self, _: &Interval, _: &Record) {}

    fn begins(&mut self, _: Duration, _: Option<Duration>) {
        // Peers have just been let in: a thread that is made while strace attaches is not traced.
        thread::sleep(REST);
        self.tracer = Some(Tracer::attach(self.pid));
    }

    fn ends(&mut self) {
        self.calls = self.tracer.take().map(|tracer| tracer.and_then(Tracer::count));
    }
}

/// Asks the server what it counted, before the first message and after the last.
pub(crate) struct Witness<'a> {
    server: &'a mut Running,
    onlooker: Option<&'a Onlooker>,
    pub(crate) before: Option<Heard>,
    pub(crate) after: Option<Heard>,
    /// Whether to look at what a crowd makes the kernel hold, and at how many are let in.
    crowd: bool,
    pub(crate) kernel: Option<f64>,
    pub(crate) peers: Option<u64>,
}

impl<'a> Witness<'a> {
    pub(crate) fn of(
        server: &'a mut Running,
        onlooker: Option<&'a Onlooker>,
        crowd: bool,
    ) -> Witness<'a> {
        Witness { server, onlooker, before: None, after: None, crowd, kernel: None, peers: None }
    }
}

impl Watch for Witness<'_> {
    fn progress(&mut self, _: &Progress<'_>) {
        // Until the load begins the crowd is not there yet.
        if self.crowd && self.before.is_some() {
            self.kernel = [self.kernel, kernel::bytes()].into_iter().flatten().reduce(f64::max);
            let peers = self.server.stats(SOON).ok().and_then(|counted| counted.number("peers"));
            self.peers = self.peers.max(peers);
        }
    }

    fn interval(&mut self, _: &Interval, _: &Record) {}

    fn begins(&mut self, lead: Duration, lasts: Option<Duration>) {
        if let Some(onlooker) = self.onlooker {
            onlooker.begins(lead, lasts);
        }
        self.before = Some(self.server.stats(SOON));
    }

    fn ends(&mut self) {
        if let Some(onlooker) = self.onlooker {
            onlooker.ends();
        }
        // Only if it answered before: one that hangs has been waited for once.
        if matches!(self.before, Some(Ok(_))) {
            self.after = Some(self.server.stats(PATIENCE));
        }
    }
}
