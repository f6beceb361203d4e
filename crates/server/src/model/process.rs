//! A process for each peer: the parent only accepts, and forks.
//!
//! Parent and children share the rows of the counters and nothing else. The parent keeps no copy of
//! a peer's socket; a child keeps nothing but it. A child learns of the stop by a signal: it waits in
//! recv(2), and has no thread that could wake it.

mod own;

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use slab::Slab;
use switchboard_core::{Ending, PeerInfo};

use super::lobby::Lobby;
use super::presence::Presence;
use super::{Kind, Model, Run, blocking_model, settings, tasks};
use crate::admission::{Accepted, Acceptor, Newcomer, Whose};
use crate::carrier::blocking::Buffers;
use crate::counters::{RowHandle, Stats};
use crate::listening::Listener;
use crate::obedience::Handler;
use crate::site::Site;
use crate::supervision::child::{self, Child, Exit, process_name};
use crate::supervision::{Crew, Lines, Seen, lines};
use crate::waiting::Watch;

use own::{CUT, DRAIN, Own};

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

/// Names in the watch: listeners first, then the gate's bell, the exchange, and children by their rows.
const LEFT: u64 = 1 << 32;
const EXCHANGE: u64 = LEFT + 1;
const CHILDREN: u64 = 1 << 33;

/// The parent: its children are its crew.
struct Parent {
    site: Arc<Site>,
    lent: Vec<Arc<Listener>>,
    acceptor: Acceptor,
    /// At most so many.
    capacity: usize,
    /// By their rows, less one: the parent's own comes first.
    children: Slab<Kid>,
    /// `None` in a child.
    watch: Option<Watch>,
    /// The listeners are watched.
    watched: bool,
    /// Nobody is accepted until then, or until a peer leaves.
    pause: Option<Option<Instant>>,
    /// Who waited in the backlogs when the drain began, until there is room for a child.
    lobby: Lobby,
    own: Arc<Own>,
    lines: Lines,
    /// What children do at SIGTERM.
    _heeds: Handler,
    /// A child's: to allocate them costs more than to find them.
    buffers: Buffers,
    tell_again: Option<Instant>,
    tell_pause: Duration,
}

/// One child, and whom it serves.
struct Kid {
    child: Child,
    /// Its line to the exchange, if there is one.
    line: lines::Number,
    info: PeerInfo,
    /// What its row had counted before it.
    before: (u64, u64),
}

fn start(site: &Arc<Site>, model: &Model) -> io::Result<Box<dyn Crew>> {
    child::keep_endings();
    let capacity = model.count("children");
    let own = Own::new(site)?;
    let watch = Watch::new()?;
    let heeds = own::obey_signals(&own, &site.stop)?;
    watch.add(site.gate.left(Whose::Servers), LEFT, false)?;
    let lines = Lines::of(&site.service, &watch, EXCHANGE)?;
    let parent = Parent {
        site: Arc::clone(site),
        lent: site.listeners.lend(0),
        acceptor: Acceptor::new(false, site.row(0)),
        capacity,
        children: Slab::new(),
        watch: Some(watch),
        watched: false,
        pause: None,
        lobby: Lobby::new(site, site.row(0), false),
        own,
        lines,
        _heeds: heeds,
        buffers: Buffers::ready(),
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
        let wanted = !self.site.listeners.held()
            && self.pause.is_none()
            && self.has_room()
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

    /// Accepts from one listener, once, and forks.
    ///
    /// No listener is held here while it forks: the child closes them all.
    fn accept(&mut self, place: usize) {
        if self.has_room()
            && let Some(listener) = self.lent.get(place)
        {
            let accepted = self.acceptor.accept(&self.site.gate, listener);
            self.receive(accepted);
        }
    }

    /// The drain has begun: takes in who waits in the backlogs, and forks for those for whom there is
    /// room. When there is something to do again.
    fn serve_rest(&mut self) -> Option<Duration> {
        self.lent.clear();
        let again = self.lobby.fill();
        while self.has_room()
            && self.pause.is_none()
            && let Some(newcomer) = self.lobby.waiting().take_now()
        {
            self.fork(newcomer);
        }
        again
    }

    fn receive(&mut self, accepted: Accepted) {
        let row = self.site.row(0);
        match accepted {
            Accepted::Peer(newcomer) => self.fork(newcomer),
            Accepted::Refused => row.gather(&mut Stats { refused: 1, ..Stats::default() }),
            Accepted::Nobody => {}
            Accepted::Full | Accepted::Left => self.pause = Some(None),
            Accepted::Exhausted { refused, pause } => {
                row.gather(&mut Stats { refused: u64::from(refused), ..Stats::default() });
                self.pause = Some(Some(Instant::now() + pause));
            }
        }
    }

    fn has_room(&self) -> bool {
        self.children.len() < self.capacity
    }

    /// A child for a newcomer. If there can be none, the peer is closed, and accepting pauses.
    fn fork(&mut self, newcomer: Newcomer) {
        let number = self.children.vacant_key() + 1;
        let row = self.site.row(number);
        // Before the child can count its end.
        row.gather(&mut Stats { accepted: 1, ..Stats::default() });
        if self.children.len() + 1 == self.capacity {
            self.site.row(0).gather(&mut Stats { full: 1, ..Stats::default() });
        }
        let (info, before) = (newcomer.info.clone(), row.traffic());
        let name = process_name(&format!("sb-peer-{}", info.id));
        // On the stack, to which a child writes in any case.
        let presence = Presence::new(newcomer, row.clone());
        let mut line = None;
        let started = self.lines.open().and_then(|(number, mut branch)| {
            line = number;
            let (site, buffers) = (&self.site, &mut self.buffers);
            Child::start(&name, || self.own.serve(site, &presence, branch.take(), buffers))
        });
        drop(presence);
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
            Ok(child) => {
                self.children.insert(Kid { child, line, info, before });
            }
            Err(error) => {
                self.lines.hang_up(line);
                self.not_forked(&row, &error);
            }
        }
    }

    fn not_forked(&mut self, row: &RowHandle, error: &io::Error) {
        // A child that was killed at once may have been done with its peer by then.
        let refused = row.present() > 0;
        if refused {
            row.not_accepted();
            self.site.row(0).gather(&mut Stats { refused: 1, ..Stats::default() });
        }
        self.site.gate.withdraw(&self.site.row(0));
        let what = match error.raw_os_error() {
            Some(libc::EMFILE | libc::ENFILE) => "no descriptor left for the process of a peer",
            _ => "no process for a peer",
        };
        let paused = self.acceptor.exhausted(refused, || format!("{what}: {error}"));
        if let Accepted::Exhausted { pause, .. } = paused {
            self.pause = Some(Some(Instant::now() + pause));
        }
    }

    /// Waits for a child that has ended. One that did not say how its peer ended has failed it.
    fn bury(&mut self, number: usize) {
        let Some(kid) = self.children.get(number - 1) else { return };
        let Some(exit) = kid.child.ended() else { return };
        let kid = self.children.remove(number - 1);
        if let Some(watch) = &self.watch {
            watch.remove(&kid.child);
        }
        self.lines.hang_up(kid.line);
        let rows = self.site.rows.start + number..self.site.rows.start + number + 1;
        let ending = if self.own.cuts() { Ending::CutOff } else { Ending::Panicked };
        if self.site.counters.close(rows, ending) > 0 || exit != Exit::Status(0) {
            let PeerInfo { id, address, .. } = &kid.info;
            tracing::warn!("the process {} of peer {id} {address} {exit}", kid.child.pid());
        }
        self.site.gate.leave(&self.site.row(0));
        if self.pause == Some(None) {
            self.pause = None;
        }
    }

    /// Passes on what children ask of topics. One that cannot hear of them is killed.
    fn exchange(&mut self) -> io::Result<()> {
        let given_up = self.lines.look()?;
        if given_up.is_empty() {
            return Ok(());
        }
        for (_, kid) in &self.children {
            if let Some(why) = given_up.why(kid.line) {
                let PeerInfo { id, address, .. } = &kid.info;
                tracing::warn!("the process of peer {id} {address} {why}: it is killed");
                kid.child.signal(Signal::KILL);
            }
        }
        Ok(())
    }

    fn tell_all(&self, stage: u64) {
        self.own.set_stage(stage);
        self.children.iter().for_each(|(_, kid)| kid.child.signal(Signal::TERM));
    }
}

impl Crew for Parent {
    fn fd(&self) -> BorrowedFd<'_> {
        self.watch.as_ref().expect("only a child has none").as_fd()
    }

    fn next_look(&self) -> Option<Instant> {
        self.pause.flatten().into_iter().chain(self.lines.next_look()).min()
    }

    fn look(&mut self) -> io::Result<()> {
        let Some(watch) = &mut self.watch else { return Ok(()) };
        let ready = watch.ready_now()?;
        if !ready.is_empty() {
            self.site.row(0).waited();
        }
        for name in ready {
            if name >= CHILDREN {
                self.bury((name - CHILDREN) as usize);
            } else if name == EXCHANGE {
                // After this.
            } else if name == LEFT {
                self.acceptor.answer(&self.site.gate, Whose::Servers);
                self.pause = None;
            } else {
                // One: on a busy core its child comes first, and another look costs no more than
                // an accept(2) that finds nobody.
                self.accept(name as usize);
            }
        }
        self.exchange()?;
        self.listen()
    }

    fn ended(&mut self) -> bool {
        self.lobby.is_closed() && self.children.is_empty()
    }

    fn let_go(&mut self) -> Option<Duration> {
        let now = Instant::now();
        let _ = self.listen();
        self.lines.hush();
        self.pause = None;
        let again = self.serve_rest().map_or(TELL_LEAST, |again| again.min(TELL_LEAST));
        if self.tell_again.is_none_or(|at| at <= now) {
            self.tell_all(DRAIN);
            self.tell_again = Some(now + self.tell_pause);
            self.tell_pause = (self.tell_pause * 2).min(TELL_MOST);
        }
        Some(again)
    }

    fn cut_off(&mut self) {
        self.lent.clear();
        self.lobby.clear();
        self.tell_all(CUT);
    }

    fn grace(&self) -> Duration {
        GRACE
    }

    fn leave_behind(&mut self) {
        for (_, kid) in &self.children {
            let PeerInfo { id, address, .. } = &kid.info;
            let pid = kid.child.pid();
            tracing::warn!("process {pid} still computes for peer {id} {address}: it is killed");
            kid.child.signal(Signal::KILL);
        }
        for key in self.children.iter().map(|(key, _)| key).collect::<Vec<_>>() {
            if let Some(kid) = self.children.get(key) {
                crate::waiting::until_readable(&[kid.child.as_fd()], Some(GRACE));
            }
            self.bury(key + 1);
        }
    }

    fn hold(&mut self, _: bool) {
        if let Err(error) = self.listen() {
            tracing::warn!("the listeners cannot be watched: {error}");
        }
    }

    fn report(&mut self, each: Option<&mut dyn FnMut(Seen)>) {
        let Some(each) = each else { return };
        for (key, kid) in &self.children {
            let (received, sent) = self.site.row(key + 1).traffic();
            let traffic = (received - kid.before.0, sent - kid.before.1);
            each(Seen { id: kid.info.id, address: kid.info.address.to_string(), traffic });
        }
    }

    fn join(&mut self) -> io::Result<()> {
        Ok(())
    }
}
