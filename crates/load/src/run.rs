//! Applies a plan: in threads of this process, each with its share, or of others if need be.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, Scope};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};
use switchboard::Address;

use crate::conduct::Conductor;
use crate::driver::Driver;
use crate::error::LoadError;
use crate::message::Exchange;
use crate::parts::{self, Parts};
use crate::plan::Plan;
use crate::share::Share;
use crate::slices::Slices;
use crate::socket::Target;
use crate::spares::Spares;
use crate::watch::{Outcome, Watch};
use crate::word::{Order, Orders, Word};

/// How a run is stopped early, and how it starts other processes.
#[derive(Clone, Debug, Default)]
pub struct Control {
    stop: Arc<AtomicBool>,
    part: Option<fn() -> io::Result<Command>>,
    slices: Option<Slices>,
    awake: bool,
}

impl Control {
    /// Stopped by a flag that somebody has already, for several runs in turn.
    pub fn stopped_by(stop: Arc<AtomicBool>) -> Control {
        Control { stop, ..Control::default() }
    }

    /// Raised, this ends the run within a tenth of a second, with what it has. A signal handler may.
    pub fn stop_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }

    /// Where one process may not have enough descriptors, `part` starts others. They have to call
    /// [`serve_part`](crate::serve_part), and outlive a Ctrl-C.
    #[must_use]
    pub fn with_parts(self, part: fn() -> io::Result<Command>) -> Control {
        Control { part: Some(part), ..self }
    }

    /// Has `slices` called, by each thread of the load for its own messages; in this process only.
    #[must_use]
    pub fn in_slices(self, slices: Slices) -> Control {
        Control { slices: Some(slices), ..self }
    }

    /// Awaits replies without sleeping, for a load with a processor of its own. Else each reply has to
    /// wake it, which the server's send does: on a virtual machine, where one processor has to ask the
    /// host to wake another, at several times the price of the reply. In this process only.
    #[must_use]
    pub fn awake(self) -> Control {
        Control { awake: true, ..self }
    }
}

/// Which threads a process has, of all threads of the load.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Workers {
    pub(crate) first: u32,
    pub(crate) own: u32,
    pub(crate) all: u32,
}

impl Workers {
    /// Records for these threads: one that is written while another is read, and one that is kept
    /// until a second is over.
    pub(crate) fn spares(self, plan: &Plan) -> Spares {
        Spares::new(3 * self.own as usize, plan.is_open())
    }
}

/// Applies `plan` and says what came of it; `watch` is told how it goes meanwhile.
///
/// The soft limit on descriptors is raised to the hard one.
///
/// # Errors
/// If the plan makes no sense, or its load could not be applied at all.
pub fn run(plan: &Plan, control: &Control, watch: &mut dyn Watch) -> Result<Outcome, LoadError> {
    plan.check()?;
    // Whatever is wrong with messages is said before anybody connects.
    Exchange::new(plan)?;
    let target = look_up(plan)?;
    let parts = parts::needed(plan, raise_descriptors());
    match (parts, control.part) {
        (1, _) => here(plan, &target, control, watch),
        (_, Some(command)) if control.slices.is_none() => {
            elsewhere(plan, &target, (parts, command), control, watch)
        }
        _ => Err(LoadError::NotApplied(format!(
            "so many connections need {parts} processes; raise the limit on descriptors \
             (ulimit -n), or see `Control::with_parts`"
        ))),
    }
}

/// In threads of this process.
fn here(
    plan: &Plan,
    target: &Target,
    control: &Control,
    watch: &mut dyn Watch,
) -> Result<Outcome, LoadError> {
    let orders = Orders::new(Arc::clone(&control.stop)).with(control.slices.clone(), control.awake);
    let (tell, words) = channel();
    thread::scope(|scope| {
        let workers = Workers { first: 0, own: plan.threads, all: plan.threads };
        let spares = workers.spares(plan);
        start_threads(plan, target, workers, (&orders, &spares), tell, scope)?;
        let conductor = Conductor::new(plan, (workers.all, 1), spares, watch);
        let order = |order| match order {
            Order::Start(instant) => orders.start(instant),
            Order::Stop => orders.stop(),
        };
        conductor.conduct(&words, order, &control.stop)
    })
}

/// In other processes.
fn elsewhere(
    plan: &Plan,
    target: &Target,
    (count, command): (u32, fn() -> io::Result<Command>),
    control: &Control,
    watch: &mut dyn Watch,
) -> Result<Outcome, LoadError> {
    let (tell, words) = channel();
    // Looked up once: all are to load the same server.
    let found = match target {
        Target::Tcp(address) => (*address).into(),
        Target::Unix(path) => Address::Unix(path.clone()),
    };
    let task = Plan { target: found, ..plan.clone() };
    thread::scope(|scope| {
        let mut parts = Parts::start(command, &task, count, &tell, scope)?;
        drop(tell);
        // Records come as text here, and nobody of this process writes into one.
        let spares = Spares::new(0, plan.is_open());
        let conductor = Conductor::new(plan, (count * plan.threads, count), spares, watch);
        conductor.conduct(&words, |order| parts.order(order), &control.stop)
    })
}

/// Starts the threads of this process.
pub(crate) fn start_threads<'scope>(
    plan: &'scope Plan,
    target: &Target,
    workers: Workers,
    (orders, spares): (&Orders, &Spares),
    tell: Sender<Word>,
    scope: &'scope Scope<'scope, '_>,
) -> Result<(), LoadError> {
    for own in 0..workers.own {
        let share = Share { worker: workers.first + own, workers: workers.all };
        let (target, tell, orders) = (target.clone(), tell.clone(), orders.clone());
        let (stop, spares) = (orders.clone(), spares.clone());
        thread::Builder::new()
            .name(format!("load-{}", share.worker))
            .spawn_scoped(scope, move || work(plan, target, share, (orders, spares), &tell))
            .map_err(|error| {
                stop.stop();
                LoadError::system("start a thread", error)
            })?;
    }
    Ok(())
}

/// What a thread does.
fn work(
    plan: &Plan,
    target: Target,
    share: Share,
    (orders, spares): (Orders, Spares),
    tell: &Sender<Word>,
) {
    let _witness = Witness(tell);
    let driver = Driver::new(plan, target, share, orders, tell.clone(), spares);
    if let Err(error) = driver.and_then(Driver::run) {
        // If nobody listens any more, the run is over anyway.
        let _ = tell.send(Word::Failed(error.to_string()));
    }
}

/// Tells if a thread dies, so that nobody waits for it.
struct Witness<'a>(&'a Sender<Word>);

impl Drop for Witness<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            let _ =
                self.0.send(Word::Failed("a thread of the load panicked; that is a bug".into()));
        }
    }
}

/// Where to connect. Of several addresses of a name, the first that takes a connection, and that the
/// sources can reach: an address is of IPv4 or of IPv6, and so is its peer's.
pub(crate) fn look_up(plan: &Plan) -> Result<Target, LoadError> {
    if let Address::Unix(path) = &plan.target {
        return Ok(Target::Unix(path.clone()));
    }
    let mut candidates = plan.target.to_connect().map_err(|error| {
        LoadError::NotApplied(format!(
            "cannot find the host of {} ({error}); check its spelling or give its number",
            plan.target
        ))
    })?;
    let found = candidates.first().copied();
    candidates.retain(|target| plan.sources.iter().all(|ip| ip.is_ipv4() == target.is_ipv4()));
    match candidates.as_slice() {
        [] if found.is_some() => Err(LoadError::Plan(format!(
            "{} cannot be reached from every --source; give addresses of {}",
            plan.target,
            if found.is_some_and(|target| target.is_ipv4()) { "IPv4" } else { "IPv6" }
        ))),
        [] => Err(LoadError::NotApplied(format!("{} has no address to connect to", plan.target))),
        [only] => Ok(Target::Tcp(*only)),
        [first, ..] => Ok(Target::Tcp(answering(&candidates, plan).unwrap_or(*first))),
    }
}

fn answering(candidates: &[SocketAddr], plan: &Plan) -> Option<SocketAddr> {
    let answers = |address: &&SocketAddr| TcpStream::connect_timeout(address, plan.timeout).is_ok();
    candidates.iter().find(answers).copied()
}

/// The soft limit on descriptors becomes the hard one; the limit in force.
pub(crate) fn raise_descriptors() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    // Where it may not be raised, it stays, and whoever runs into it is counted.
    let _: Result<(), io::Error> = setrlimit(Resource::Nofile, raised).map_err(Into::into);
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}
