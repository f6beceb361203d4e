//! A process for each peer: the parent only accepts, and forks.
//!
//! Parent and children share the rows of the counters and nothing else. The parent keeps no copy of
//! a peer's socket; a child keeps nothing but it. A child learns of the stop by a signal: it waits in
//! recv(2), and has no thread that could wake it.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use switchboard_core::{Ending, PeerInfo, Terms};

use super::answering::answer;
use super::presence::Presence;
use super::{Kind, Model, Run, blocking_model, settings, tasks};
use crate::admission::{Accepted, Acceptor, Newcomer};
use crate::carrier::blocking::READ_LEAST;
use crate::carrier::delivered;
use crate::counters::{RowHandle, Stats};
use crate::listening::Listener;
use crate::offload::Desk;
use crate::shared::Shared;
use crate::site::Site;
use crate::stopping::Stop;
use crate::supervision::child::{Child, Exit};
use crate::supervision::{Crew, Seen};
use crate::waiting::Watch;

/// The model.
pub(super) const MODEL: Kind = Kind {
    name: "process",
    summary: "a forked process for each peer, waiting for it in recv",
    source: "fork per connection",
    settings: &[&settings::CHILDREN],
    peers_max: |model| Some(model.number("children")),
    shares_memory: false,
    parallel: true,
    isolates_crashes: true,
    threads: |_| tasks(&[("main", "accepts and forks"), ("sb-peer-N", "a process: serves peer N")]),
    rows: |model| model.count("children") + 1,
    run: Run::Crew(start),
    ..blocking_model()
};

/// How long children get to notice that they were cut off, before they are killed.
const GRACE: Duration = Duration::from_secs(1);

/// How often children are told again to let go, at first and at last.
const TELL_LEAST: Duration = Duration::from_millis(20);
const TELL_MOST: Duration = Duration::from_secs(1);

/// What a child is to do when it gets SIGTERM; the first: nobody has told it.
const SERVE: u64 = 0;
const DRAIN: u64 = 1;
const CUT: u64 = 2;

/// Names in the watch: listeners first, then the gate's bell, then children by their rows.
const LEFT: u64 = 1 << 32;
const CHILDREN: u64 = 1 << 33;

/// The parent: its children are its crew.
struct Parent {
    site: Arc<Site>,
    lent: Vec<Arc<Listener>>,
    acceptor: Option<Acceptor>,
    children: BTreeMap<usize, Kid>,
    /// Rows that no child writes.
    free: Vec<usize>,
    /// `None` in a child.
    watch: Option<Watch>,
    /// The listeners are watched.
    watched: bool,
    held: bool,
    /// Nobody is accepted until then, or until a peer leaves.
    pause: Option<Option<Instant>>,
    /// How many may still be taken out of the backlogs, once the drain has begun.
    left: usize,
    own: Arc<Own>,
    /// Where a child reads to: to allocate it costs more than to find it.
    buffer: Vec<u8>,
    tell_again: Option<Instant>,
    tell_pause: Duration,
}

/// What a child finds ready when it is forked: each page that it need not write to is one that it
/// shares with its parent, and one fault less.
struct Own {
    /// What SIGTERM means, for all children at once: [`DRAIN`] or [`CUT`].
    stage: Shared<AtomicU64>,
    /// The child's peer; in the parent there is none.
    presence: OnceLock<Arc<Presence>>,
    desk: Arc<Desk>,
    terms: Arc<Terms>,
    /// The lowest descriptor that the parent opened for itself.
    first_fd: RawFd,
}

/// One child, and whom it serves.
struct Kid {
    child: Child,
    info: PeerInfo,
    /// What its row had counted before it.
    before: (u64, u64),
}

fn start(site: &Arc<Site>, model: &Model) -> io::Result<Box<dyn Crew>> {
    let capacity = model.count("children");
    let watch = Watch::new()?;
    let own = Own::new(site, watch.as_fd().as_raw_fd())?;
    obey_signals(&own, &site.stop)?;
    watch.add(site.gate.left.fd(), LEFT, false)?;
    let parent = Parent {
        site: Arc::clone(site),
        lent: site.listeners.lend(0),
        acceptor: Some(Acceptor::new(false, site.row(0))),
        children: BTreeMap::new(),
        free: (1..=capacity).rev().collect(),
        watch: Some(watch),
        watched: false,
        held: false,
        pause: None,
        left: site.listeners.backlog(),
        own,
        buffer: Vec::with_capacity(READ_LEAST),
        tell_again: None,
        tell_pause: TELL_LEAST,
    };
    let mut parent = Box::new(parent);
    parent.listen()?;
    Ok(parent)
}

impl Parent {
    /// Watches the listeners while there is room for another child.
    fn listen(&mut self) -> io::Result<()> {
        if self.pause.flatten().is_some_and(|until| until <= Instant::now()) {
            self.pause = None;
        }
        let wanted = !self.held
            && self.pause.is_none()
            && !self.free.is_empty()
            && !self.site.stop.draining();
        if wanted == self.watched {
            return Ok(());
        }
        self.watched = wanted;
        let Some(watch) = &self.watch else { return Ok(()) };
        for (listener, name) in self.lent.iter().zip(0..) {
            match wanted {
                true => watch.add(&**listener, name, false)?,
                false => watch.remove(&**listener),
            }
        }
        Ok(())
    }

    /// Accepts from one listener and forks, up to `most` times, each of which counts it down; whether
    /// somebody may still wait there.
    ///
    /// No listener is held here while it forks: the child closes them all.
    fn accept(&mut self, place: usize, most: &mut usize) -> bool {
        while *most > 0 {
            if self.free.is_empty() {
                return true;
            }
            let (Some(acceptor), Some(listener)) = (&mut self.acceptor, self.lent.get(place))
            else {
                return false;
            };
            *most -= 1;
            let row = self.site.row(0);
            match acceptor.accept(&self.site.gate, listener) {
                Accepted::Peer(newcomer) => self.fork(newcomer),
                Accepted::Refused => row.gather(&mut Stats { refused: 1, ..Stats::default() }),
                Accepted::Nobody => return false,
                Accepted::Full => {
                    *most += 1;
                    self.pause = Some(None);
                }
                Accepted::Exhausted { refused, pause } => {
                    row.gather(&mut Stats { refused: u64::from(refused), ..Stats::default() });
                    self.pause = Some(Some(Instant::now() + pause));
                }
            }
            if self.pause.is_some() {
                return true;
            }
        }
        true
    }

    /// A child for a newcomer. If there can be none, the peer is closed, and accepting pauses.
    fn fork(&mut self, newcomer: Newcomer) {
        let Some(number) = self.free.pop() else { return };
        let row = self.site.row(number);
        // Before the child can count its end.
        row.gather(&mut Stats { accepted: 1, ..Stats::default() });
        if self.free.is_empty() {
            self.site.row(0).gather(&mut Stats { full: 1, ..Stats::default() });
        }
        let (info, before) = (newcomer.info.clone(), row.traffic());
        let name = format!("sb-peer-{}", info.id);
        let mut newcomer = Some(newcomer);
        let started = Child::start(&name, || {
            newcomer.take().map_or(1, |newcomer| self.serve_alone(newcomer, &row))
        });
        drop(newcomer);
        let started = started.and_then(|child| {
            let watch = self.watch.as_ref().expect("only a child has none");
            match watch.add(&child, CHILDREN + number as u64, false) {
                Ok(()) => Ok(child),
                Err(error) => {
                    child.kill();
                    Err(error)
                }
            }
        });
        match started {
            Ok(child) => drop(self.children.insert(number, Kid { child, info, before })),
            Err(error) => self.not_forked(number, &row, &error),
        }
    }

    fn not_forked(&mut self, number: usize, row: &RowHandle, error: &io::Error) {
        // A child that was killed at once may have been done with its peer by then.
        let refused = row.present() > 0;
        if refused {
            row.not_accepted();
            self.site.row(0).gather(&mut Stats { refused: 1, ..Stats::default() });
        }
        self.free.push(number);
        self.site.gate.withdraw(&self.site.row(0));
        if let Some(acceptor) = &mut self.acceptor {
            let what = match error.raw_os_error() {
                Some(libc::EMFILE | libc::ENFILE) => "no descriptor left for the process of a peer",
                _ => "no process for a peer",
            };
            let paused = acceptor.exhausted(refused, || format!("{what}: {error}"));
            if let Accepted::Exhausted { pause, .. } = paused {
                self.pause = Some(Some(Instant::now() + pause));
            }
        }
    }

    /// In the child: lets go of all that is the parent's, and serves its peer.
    fn serve_alone(&mut self, newcomer: Newcomer, row: &RowHandle) -> i32 {
        for listener in &self.lent {
            close_range(listener.as_fd().as_raw_fd(), listener.as_fd().as_raw_fd());
        }
        let socket = newcomer.socket.as_raw_fd();
        close_range(self.own.first_fd, socket - 1);
        close_range(socket.max(self.own.first_fd - 1) + 1, RawFd::MAX);
        let buffer = std::mem::take(&mut self.buffer);
        let (site, own) = (&self.site, &self.own);
        let presence = Arc::new(Presence::new(newcomer, row.clone()));
        if let Err(error) = site.stop.renew() {
            tracing::warn!("peer {}: {error}", presence.info.id);
            return 1;
        }
        let _ = own.presence.set(Arc::clone(&presence));
        // One that came before that has done nothing.
        if own.stage[0].load(SeqCst) != SERVE {
            own.heed(&site.stop);
        }
        site.say_opened(&presence.info);
        let (ending, error) = answer(site, &presence, &own.desk, &own.terms, buffer);
        let (info, traffic) = (&presence.info, presence.traffic());
        site.say_closed((info.id, &info.address), ending, traffic, error.as_ref());
        let mut stats = Stats::default();
        stats.ended(ending);
        row.gather(&mut stats);
        own.desk.forget(info.id);
        site.jobs.close();
        site.service.exit();
        0
    }

    /// Waits for a child that has ended. One that did not say how its peer ended has failed it.
    fn bury(&mut self, number: usize) {
        let Some(kid) = self.children.get(&number) else { return };
        let Some(exit) = kid.child.ended() else { return };
        let Some(kid) = self.children.remove(&number) else { return };
        if let Some(watch) = &self.watch {
            watch.remove(&kid.child);
        }
        let rows = self.site.rows.start + number..self.site.rows.start + number + 1;
        let ending =
            if self.own.stage[0].load(SeqCst) == CUT { Ending::CutOff } else { Ending::Panicked };
        if self.site.counters.close(rows, ending) > 0 || exit != Exit::Status(0) {
            let PeerInfo { id, address, .. } = &kid.info;
            tracing::warn!("the process {} of peer {id} {address} {exit}", kid.child.pid());
        }
        self.free.push(number);
        self.site.gate.leave(&self.site.row(0));
        if self.pause == Some(None) {
            self.pause = None;
        }
    }

    fn tell_all(&self, stage: u64) {
        self.own.stage[0].store(stage, SeqCst);
        self.children.values().for_each(|kid| kid.child.signal(Signal::TERM));
    }
}

impl Crew for Parent {
    fn fd(&self) -> BorrowedFd<'_> {
        self.watch.as_ref().expect("only a child has none").as_fd()
    }

    fn next_look(&self) -> Option<Instant> {
        self.pause.flatten()
    }

    fn look(&mut self) -> io::Result<()> {
        let mut ready = Vec::new();
        if let Some(watch) = &mut self.watch
            && watch.wait(Some(Duration::ZERO))?
        {
            self.site.row(0).waited();
            ready.extend(watch.ready());
        }
        for name in ready {
            if name >= CHILDREN {
                self.bury((name - CHILDREN) as usize);
            } else if name == LEFT {
                self.site.gate.left.answer();
                self.pause = None;
            } else {
                // One: on a busy core its child comes first, and another look costs no more than
                // an accept(2) that finds nobody.
                let mut most = 1;
                self.accept(name as usize, &mut most);
            }
        }
        self.listen()
    }

    fn ended(&mut self) -> bool {
        self.site.stop.draining() && self.lent.is_empty() && self.children.is_empty()
    }

    fn let_go(&mut self) -> Option<Duration> {
        let now = Instant::now();
        let _ = self.listen();
        self.pause = None;
        // Takes in who waits in the backlogs, in all no more than one holds; those for whom there is
        // no room wait until another has left.
        while let Some(last) = self.lent.len().checked_sub(1) {
            let mut left = self.left;
            let more = self.accept(last, &mut left);
            self.left = left;
            if more && left > 0 {
                break;
            }
            self.lent.pop();
        }
        if self.lent.is_empty() {
            self.site.listeners.close();
        }
        if self.tell_again.is_none_or(|at| at <= now) {
            self.tell_all(DRAIN);
            self.tell_again = Some(now + self.tell_pause);
            self.tell_pause = (self.tell_pause * 2).min(TELL_MOST);
        }
        Some(TELL_LEAST)
    }

    fn cut_off(&mut self) {
        for listener in std::mem::take(&mut self.lent) {
            if let Some(acceptor) = &mut self.acceptor {
                let refused = acceptor.refuse_all(&listener, &mut self.left);
                self.site.row(0).gather(&mut Stats { refused, ..Stats::default() });
            }
        }
        self.site.listeners.close();
        self.tell_all(CUT);
    }

    fn grace(&self) -> Duration {
        GRACE
    }

    fn leave_behind(&mut self) {
        for kid in self.children.values() {
            let PeerInfo { id, address, .. } = &kid.info;
            let pid = kid.child.pid();
            tracing::warn!("process {pid} still computes for peer {id} {address}: it is killed");
            kid.child.signal(Signal::KILL);
        }
        for number in self.children.keys().copied().collect::<Vec<_>>() {
            if let Some(kid) = self.children.get(&number) {
                crate::waiting::until_readable(&[kid.child.as_fd()], Some(GRACE));
            }
            self.bury(number);
        }
    }

    fn hold(&mut self, held: bool) {
        self.held = held;
        if let Err(error) = self.listen() {
            tracing::warn!("the listeners cannot be watched: {error}");
        }
    }

    fn report(&mut self, each: Option<&mut dyn FnMut(Seen)>) {
        let Some(each) = each else { return };
        for (number, kid) in &self.children {
            let (received, sent) = self.site.row(*number).traffic();
            let traffic = (received - kid.before.0, sent - kid.before.1);
            each(Seen { id: kid.info.id, address: kid.info.address.to_string(), traffic });
        }
    }

    fn join(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Own {
    fn new(site: &Arc<Site>, first_fd: RawFd) -> io::Result<Arc<Own>> {
        let stage = Shared::new(1)?;
        Ok(Arc::new_cyclic(|own: &Weak<Own>| {
            let own = Weak::clone(own);
            let desk = Arc::new(Desk::new(&site.jobs, move |_| {
                let own = own.upgrade();
                let presence = own.as_ref().and_then(|own| own.presence.get());
                presence.into_iter().for_each(|presence| presence.job_done());
            }));
            let terms = desk.terms(site.terms.limits);
            Own { stage, presence: OnceLock::new(), desk, terms, first_fd }
        }))
    }

    /// What a draining thread does for the peers of other models, a child does for its own, as often
    /// as it is told. Async-signal-safe.
    fn heed(&self, stop: &Stop) {
        let Some(presence) = self.presence.get() else { return };
        if self.stage[0].load(SeqCst) == CUT {
            stop.cut();
            presence.cut_off();
            return;
        }
        stop.drain();
        if presence.between.load(SeqCst)
            && !presence.shut.load(SeqCst)
            && delivered(&presence.socket)
        {
            presence.shut_reading();
        }
    }
}

/// SIGTERM to a child, from its parent or from whoever stops the whole group. Registered once, before
/// the first fork; in the parent it does nothing.
fn obey_signals(own: &Arc<Own>, stop: &Stop) -> io::Result<()> {
    let (own, stop) = (Arc::clone(own), stop.clone());
    // SAFETY: all of that is atomics and system calls that are async-signal-safe: write(2),
    // clock_gettime(2), shutdown(2), getsockopt(2), ioctl(2). Nothing is locked or allocated.
    let heed = move || own.heed(&stop);
    unsafe { signal_hook::low_level::register(signal_hook::consts::SIGTERM, heed) }.map(drop)
}

/// In a child: closes descriptors of the parent's, without a look at the values that they belong to,
/// each of which would be another page to write to.
fn close_range(first: RawFd, last: RawFd) {
    if first <= last {
        // SAFETY: the values are neither used nor dropped in this process: it ends by _exit(2), and
        // never returns to where they belong. (Sockets of peers that were not closed are not among
        // them, nor is anything that a service has opened: that was before the parent began.)
        unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
    }
}
