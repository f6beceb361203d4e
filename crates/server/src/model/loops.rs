//! The loop models' threads: so many loops, and who accepts for them.

use std::cell::RefCell;
use std::io;
use std::mem;
use std::os::fd::BorrowedFd;
use std::sync::{Arc, Weak, mpsc};
use std::time::{Duration, Instant};

use switchboard_core::Ending;

use super::entrance::{ENTRANCE_DESCRIPTORS, Entrance};
use super::handoff::{Hand, hand_off};
use super::lobby::Lobby;
use super::{DESCRIPTORS, Model, Task};
use crate::admission::Acceptor;
use crate::counters::Stats;
use crate::listening::Listener;
use crate::reactor::{Letter, Letters, Report, Station};
use crate::site::Site;
use crate::stopping::Bell;
use crate::supervision::{Crew, Seen, Staff};
use crate::workers::Workers;

/// How long a loop that was cut off gets to notice; one that computes on is left behind.
const GRACE: Duration = Duration::from_secs(2);

/// How long the operator waits for the loops' answers: those that compute are left out, and counted.
const REPORT_WAIT: Duration = Duration::from_millis(200);

/// Why a loop model's settings make no sense together, if they do not.
pub(crate) fn check(model: &Model) -> Result<(), String> {
    let (loops, accept) = (model.count("threads"), model.word("accept"));
    let name = model.kind().name;
    match accept.as_str() {
        "handoff" if loops == 1 => Err(format!(
            "`accept=handoff` hands peers to the least busy of several loops; say how many: \
             {name}:accept=handoff,threads=N"
        )),
        _ if loops == 1 && model.processes().is_none() && model.is_given("accept") => Err(format!(
            "`accept=` says how several loops come by their peers, and there is one loop; say how \
             many: {name}:accept={accept},threads=N"
        )),
        _ => Ok(()),
    }
}

/// The threads of a process.
pub(super) fn threads(model: &Model) -> Vec<Task> {
    let mut tasks = vec![("main".to_owned(), "waits for the stop".to_owned())];
    if hands_off(model) {
        tasks.push(("sb-accept".to_owned(), "accepts for the least busy loop".to_owned()));
    }
    let loops = model.count("threads");
    tasks.extend((0..loops).map(|number| {
        let whose = if loops == 1 { "all peers" } else { "its own peers" };
        let does = if model.given("workers").is_some() { "moves the bytes of" } else { "serves" };
        (format!("sb-loop-{number}"), format!("{does} {whose}"))
    }));
    if let Some(last) = model.given("workers").map(|count| count - 1) {
        tasks.push((format!("sb-worker-0 to {last}"), "call sessions".to_owned()));
    }
    tasks
}

/// A row for each loop, and one for the thread that accepts for them.
pub(super) fn rows(model: &Model) -> usize {
    model.count("threads") + usize::from(hands_off(model))
}

/// Descriptors that a process of loops opens for itself; `mechanism`: those of each loop's mechanism.
pub(crate) fn descriptors(model: &Model, mechanism: usize) -> usize {
    // The bell of its letters, the reserve of its acceptor.
    let loops = model.count("threads") * (2 + mechanism);
    // One more entrance, and the reserve of the lobby.
    let handoff = if hands_off(model) { ENTRANCE_DESCRIPTORS + 1 } else { 0 };
    DESCRIPTORS + loops + handoff
}

fn hands_off(model: &Model) -> bool {
    model.word("accept") == "handoff"
}

/// Starts the loops of this process.
pub(super) fn start(
    site: &Arc<Site>,
    model: &Model,
    run: fn(&Station, &Model) -> io::Result<()>,
) -> io::Result<Box<dyn Crew>> {
    let (loops, handoff) = (model.count("threads"), hands_off(model));
    let bell = Arc::new(Bell::new()?);
    let mut crew = LoopCrew {
        site: Arc::clone(site),
        staff: Staff::new(&bell, &site.stop),
        bell,
        letters: Vec::new(),
        lent: Vec::new(),
        entrance: None,
    };
    if handoff {
        let (row, begun) = (site.row(loops), crew.staff.begun());
        let lobby = Lobby::new(site, row.clone(), true);
        crew.entrance = Some((Arc::new(Entrance::new(site, row, true, begun, &lobby)?), lobby));
    }
    let workers = match model.given("workers") {
        Some(_) => Some(Workers::start(&mut crew.staff, site, model.count("workers"))?),
        None => None,
    };
    for number in 0..loops {
        let accepts = crew.entrance.as_ref().map_or(&crew.bell, |(entrance, _)| entrance.bell());
        let letters = Letters::new(accepts)?;
        crew.letters.push(Arc::clone(&letters));
        let (site, model, workers) = (Arc::clone(site), model.clone(), workers.clone());
        let (mut again, begun) = (false, crew.staff.begun());
        crew.lent.extend(site.listeners.lend(number).iter().map(Arc::downgrade));
        crew.staff.start(format!("sb-loop-{number}"), move || {
            if mem::replace(&mut again, true) {
                close_row(&site, number);
            }
            let lent = if handoff { Vec::new() } else { site.listeners.lend(number) };
            let station = Station {
                site: Arc::clone(&site),
                row: site.row(number),
                lent: RefCell::new(lent),
                alone: loops == 1 && !site.gate.has_others(),
                handoff,
                letters: Arc::clone(&letters),
                begun: begun.clone(),
                workers: workers.clone(),
            };
            run(&station, &model)
        })?;
    }
    crew.hand_off()?;
    crew.staff.await_begun(loops + usize::from(handoff))?;
    Ok(Box::new(crew))
}

/// A loop panicked outside its sessions: its peers went with it.
fn close_row(site: &Site, number: usize) {
    let row = site.rows.start + number;
    let lost = site.counters.close(row..row + 1, Ending::Panicked);
    (0..lost).for_each(|_| site.gate.leave(&site.row(number)));
    tracing::warn!("{lost} peers of the loop count as failed");
}

/// The loops of this process.
struct LoopCrew {
    site: Arc<Site>,
    staff: Staff,
    bell: Arc<Bell>,
    letters: Vec<Arc<Letters>>,
    /// What loops listen at, some of it several times. Not held.
    lent: Vec<Weak<Listener>>,
    /// If a thread accepts for all loops.
    entrance: Option<(Arc<Entrance>, Lobby)>,
}

impl LoopCrew {
    /// Closes those who wait in the backlogs of loops that compute; how many there were. Whoever
    /// waits at listeners that were left to other processes is theirs. Another process that shares a
    /// backlog may do the same: each peer is taken out of it once.
    fn refuse_rest(&mut self) -> u64 {
        let listeners = &self.site.listeners;
        let mut most = listeners.backlog();
        let mut acceptor = Acceptor::new(true, self.site.row(0));
        let open = mem::take(&mut self.lent).into_iter().filter_map(|lent| lent.upgrade());
        let refused = open.map(|listener| acceptor.refuse_all(&listener, &mut most)).sum();
        listeners.close();
        refused
    }

    /// Tells the operator that only so many loops have `answered`, who were asked for their `peers`,
    /// or for what they have counted.
    fn say_silent(&self, answered: usize, peers: bool) {
        let (all, silent) = (self.letters.len(), self.letters.len() - answered);
        let silent = match (silent, all) {
            (1, 1) => "the loop computes and does".to_owned(),
            (1, all) => format!("1 of {all} loops computes and does"),
            (silent, all) => format!("{silent} of {all} loops compute and do"),
        };
        let lacks = match (peers, all - answered) {
            (true, 1) => "its peers are left out",
            (true, _) => "their peers are left out",
            (false, 1) => "its counters may lag",
            (false, _) => "their counters may lag",
        };
        tracing::warn!("{silent} not answer: {lacks}");
    }

    /// Starts the thread that accepts for all loops, if there is to be one.
    fn hand_off(&mut self) -> io::Result<()> {
        let Some((entrance, _)) = &self.entrance else { return Ok(()) };
        let (site, entrance) = (Arc::clone(&self.site), Arc::clone(entrance));
        let letters = self.letters.clone();
        self.staff.start("sb-accept".to_owned(), move || {
            let hand = |(number, letters)| Hand::to(site.row(number), Arc::clone(letters));
            hand_off(&site, &entrance, letters.iter().enumerate().map(hand).collect())
        })
    }
}

impl Crew for LoopCrew {
    fn fd(&self) -> BorrowedFd<'_> {
        self.staff.fd()
    }

    fn look(&mut self) -> io::Result<()> {
        self.bell.quiet();
        self.staff.failure()
    }

    fn ended(&mut self) -> bool {
        self.staff.ended()
    }

    /// The loops see to it themselves; but nobody else takes in whom one thread accepts for them.
    fn let_go(&mut self) -> Option<Duration> {
        self.entrance.as_mut().and_then(|(_, lobby)| lobby.fill())
    }

    fn cut_off(&mut self) {
        self.entrance.iter_mut().for_each(|(_, lobby)| lobby.clear());
    }

    fn grace(&self) -> Duration {
        GRACE
    }

    /// A session computes on and holds its loop up: its peers count as cut off, and those who wait at
    /// its listeners as refused.
    fn leave_behind(&mut self) {
        for name in self.staff.running() {
            tracing::warn!("left behind: the thread {name} still computes for one of its peers");
        }
        let lost = self.site.counters.close(self.site.rows.clone(), Ending::CutOff);
        // Accepted for a loop that never read of them.
        let coming: u64 = self.letters.iter().map(|letters| letters.coming()).sum();
        let row = self.site.row(0);
        let refused = coming + self.refuse_rest();
        row.gather(&mut Stats { refused, ..Stats::default() });
        (0..lost + coming).for_each(|_| self.site.gate.leave(&row));
    }

    fn hold(&mut self, held: bool) {
        match &self.entrance {
            Some((entrance, _)) => entrance.heed_hold(),
            None => self.letters.iter().for_each(|letters| letters.put(Letter::Hold(held))),
        }
    }

    fn report(&mut self, mut each: Option<&mut dyn FnMut(Seen)>) {
        let (answer, answers) = mpsc::channel();
        for letters in &self.letters {
            letters.put(Letter::Report(Report { peers: each.is_some(), answer: answer.clone() }));
        }
        drop(answer);
        let end = Instant::now() + REPORT_WAIT;
        for answered in 0..self.letters.len() {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(peers) = answers.recv_timeout(left) else {
                return self.say_silent(answered, each.is_some());
            };
            if let Some(each) = &mut each {
                peers.into_iter().for_each(&mut **each);
            }
        }
    }

    fn join(&mut self) -> io::Result<()> {
        self.cut_off();
        self.staff.join()
    }
}
