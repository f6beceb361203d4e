//! A service, a model and an address make a server.

use std::fmt;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use switchboard_core::{Endpoint, Idle, Limits, Peer, PeerInfo, Service, Session, State, Style};

use crate::admission::{Gate, WhenFull};
use crate::counters::{Counters, Stats};
use crate::future::{self, Stream};
use crate::layout::Layout;
use crate::listening::{ListenOptions, Listeners};
use crate::model::settings::cores;
use crate::model::{self, Model};
use crate::offload::Jobs;
use crate::running::{Prepared, must_be_alone};
use crate::site::Site;
use crate::stacks::{self, Sessions};
use crate::stopping::{Drain, Stop};
use crate::{Address, command};

/// A service and how it is to be served. Made by [`Server::handler`],
/// [`Server::sessions`] or [`Server::future`], run
/// by [`main`](Server::main), [`run`](Server::run) or [`spawn`](Server::spawn).
pub struct Server {
    service: Arc<Service>,
    addresses: Vec<Address>,
    model: Option<Model>,
    pub(crate) options: Options,
}

/// Everything about a server that is neither its service nor its model nor its addresses.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) limits: Limits,
    /// `None`: the service's own, or the default.
    pub(crate) idle: Option<Option<Duration>>,
    pub(crate) peers_max: Option<usize>,
    pub(crate) when_full: WhenFull,
    pub(crate) drain: Drain,
    pub(crate) listen: ListenOptions,
    pub(crate) console: bool,
    /// Threads for jobs that are offloaded, in each process; at least 1.
    pub(crate) offload_threads: usize,
    /// Someone watches standard error, who is told why a stop takes its time.
    pub(crate) attended: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            limits: Limits::default(),
            idle: None,
            peers_max: None,
            when_full: WhenFull::Refuse,
            drain: Drain::default(),
            listen: ListenOptions::default(),
            console: false,
            offload_threads: offload_threads_here(),
            attended: false,
        }
    }
}

impl Options {
    /// The bounds of one peer: who is asked, the operator first, then the service.
    fn limits_for(&self, service: &Service) -> Limits {
        let mut limits = self.limits;
        limits.idle = match (self.idle, service.declared_idle()) {
            (Some(asked), _) => asked,
            (None, Idle::Default) => limits.idle,
            (None, Idle::After(limit)) => Some(limit),
            (None, Idle::Never) => None,
        };
        limits
    }
}

/// Why a server could not start, or could not go on. The message is a sentence for whoever
/// started it.
#[derive(Debug)]
pub enum ServeError {
    /// The model cannot run this service.
    Refused(String),
    /// The model cannot run on this system.
    Unavailable(String),
    /// An address cannot be listened on, or the system failed the server.
    Io(io::Error),
}

impl Server {
    /// A straight-line service: `handler` serves one peer from its arrival to its leaving. See
    /// [`Service::handler`].
    pub fn handler(
        name: impl Into<String>,
        handler: impl Fn(&mut Peer<'_>) -> io::Result<()> + Send + Sync + 'static,
    ) -> Server {
        Server::new(Service::handler(name, handler))
    }

    /// An event-style service: `open` makes the session of each new peer. See
    /// [`Service::sessions`].
    pub fn sessions<S: Session + 'static>(
        name: impl Into<String>,
        open: impl Fn(&PeerInfo) -> S + Send + Sync + 'static,
    ) -> Server {
        Server::new(Service::sessions(name, open))
    }

    /// A service of futures, which runs under `tokio` and no other model: `serve` makes the future of
    /// each new peer. See [`future`](crate::future).
    pub fn future<F>(
        name: impl Into<String>,
        serve: impl Fn(Stream, PeerInfo) -> F + Send + Sync + 'static,
    ) -> Server
    where
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        Server::new(future::service(name, serve))
    }

    /// A service that was made before.
    pub fn new(service: Service) -> Server {
        Server {
            service: Arc::new(service),
            addresses: Vec::new(),
            model: None,
            options: Options::default(),
        }
    }

    /// Adds an address to listen on; without any, `127.0.0.1:7788`.
    #[must_use]
    pub fn listen(mut self, address: impl Into<Address>) -> Server {
        self.addresses.push(address.into());
        self
    }

    /// The model; without it, on Linux `epoll`, and `coroutine` for a straight-line service;
    /// elsewhere `portable` and `thread`.
    #[must_use]
    pub fn model(mut self, model: Model) -> Server {
        self.model = Some(model);
        self
    }

    /// How long a peer may be silent; `None`: for ever. Overrides the service's own.
    #[must_use]
    pub fn idle(mut self, limit: Option<Duration>) -> Server {
        self.options.idle = Some(limit);
        self
    }

    /// The most peers at a time; without it, as many as there are descriptors for.
    #[must_use]
    pub fn peers_max(mut self, most: usize) -> Server {
        self.options.peers_max = Some(most);
        self
    }

    /// What happens to one more.
    #[must_use]
    pub fn when_full(mut self, when_full: WhenFull) -> Server {
        self.options.when_full = when_full;
        self
    }

    /// How long a stop waits for peers that are in the midst of something.
    #[must_use]
    pub fn drain(mut self, drain: Drain) -> Server {
        self.options.drain = drain;
        self
    }

    /// Bounds of one peer: its largest request, its marks. The idle limit in it counts only if
    /// neither [`idle`](Server::idle) nor the service says otherwise.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Server {
        self.options.limits = limits;
        self
    }

    /// How many threads each process has for jobs that are offloaded (at least 1); without it, one
    /// for each core, and at least 2. They are started with the first job.
    #[must_use]
    pub fn offload_threads(mut self, most: usize) -> Server {
        self.options.offload_threads = most.max(1);
        self
    }

    /// Turns the service into a program: the flags of `switchboard serve`, its ready and stop
    /// lines, signals, exit statuses.
    pub fn main(self) -> ExitCode {
        command::main(self)
    }

    /// Serves until SIGTERM or SIGINT comes, drains, and returns what was counted. A second signal
    /// cuts the drain short. Afterwards signals do what they did before. (A program that handles these
    /// two with signal_hook does so before its first server.)
    ///
    /// # Errors
    /// If the model cannot run the service, or an address cannot be listened on; if the model forks
    /// and this process has other threads.
    pub fn run(self) -> Result<Stats, ServeError> {
        let prepared = self.prepare()?;
        must_be_alone(&prepared.model)?;
        let _obedience = prepared.obey_signals()?;
        prepared.start()?.keep()
    }

    /// Serves on threads of its own, and returns when peers can connect. Installs no signal
    /// handlers.
    ///
    /// # Errors
    /// As [`run`](Server::run); models that fork are refused.
    pub fn spawn(self) -> Result<Handle, ServeError> {
        let prepared = self.prepare()?;
        if prepared.model.forks() {
            return Err(ServeError::Refused(format!(
                "`{}` forks, which a program that goes on beside its server must not do; use run(), \
                 or a model whose peers share memory: {}",
                prepared.model,
                model::names(|kind| kind.shares_memory)
            )));
        }
        let site = Arc::clone(&prepared.site);
        let thread = thread::Builder::new()
            .name("switchboard".to_owned())
            .spawn(move || prepared.start()?.keep())
            .map_err(ServeError::Io)?;
        Ok(Handle { site, thread: Some(thread) })
    }

    pub(crate) fn service(&self) -> &Service {
        &self.service
    }

    /// Checks what was asked for and opens the listeners.
    pub(crate) fn prepare(self) -> Result<Prepared, ServeError> {
        let style = self.service.style();
        let model = self.model.unwrap_or_else(|| model::default_for(style).into());
        let kind = model.kind();
        if !kind.runs(style) {
            return Err(ServeError::Refused(format!(
                "`{}` is written as a future, which needs a runtime that `{}` is not; models that \
                 can run it: {}",
                self.service.name(),
                kind.name,
                model::names(|kind| kind.runs(style))
            )));
        }
        if matches!(style, Style::Event(_)) && !kind.stacks && model.is_given(stacks::SETTING) {
            return Err(ServeError::Refused(format!(
                "`{}` is written in event style, and under `{}` its sessions have no stacks of their \
                 own; leave `stack=` out",
                self.service.name(),
                kind.name,
            )));
        }
        let spans = self.service.declared_topics().is_some();
        if self.service.declared_state() == State::Shared && !spans && !model.shares_memory() {
            return Err(ServeError::Refused(unshared(&self.service, &model)));
        }
        if let Some(reason) = (kind.unavailable)() {
            return Err(ServeError::Unavailable(format!(
                "`{}` cannot run here: {reason}",
                kind.name
            )));
        }
        let options = self.options;
        let limits = options.limits_for(&self.service);
        let addresses = match self.addresses.is_empty() {
            true => vec![Address::default()],
            false => self.addresses,
        };
        let layout = Layout::of(&model);
        let others = layout.processes > 1;
        let listen = ListenOptions { wait: limits.idle, others, ..options.listen };
        let listeners =
            Listeners::open(&addresses, listen, layout.all_sets()).map_err(ServeError::Io)?;
        let sessions = Sessions::new(Arc::clone(&self.service), &model);
        let own_most = layout.peers_that_fit(&model, spans).min(sessions.peers_that_fit());
        let most = options.peers_max.unwrap_or(own_most.saturating_mul(layout.processes));
        let gate = Gate::new(most, own_most, others, options.when_full).map_err(ServeError::Io)?;
        let site = Site {
            service: self.service,
            sessions: Arc::new(sessions),
            terms: Arc::new(limits.into()),
            jobs: Arc::new(Jobs::new(options.offload_threads)),
            listeners: Arc::new(listeners),
            gate: Arc::new(gate),
            counters: Counters::new(layout.all_rows()).map_err(ServeError::Io)?,
            rows: 0..layout.all_rows(),
            shown: layout.shown(&model),
            stop: Stop::new().map_err(ServeError::Io)?,
            drain: options.drain,
            attended: options.attended,
        };
        Ok(Prepared { site: Arc::new(site), model, layout, console: options.console })
    }
}

/// One for each core, and at least 2: a single long job is to hold up no other.
pub(crate) fn offload_threads_here() -> usize {
    usize::try_from(cores()).unwrap_or(usize::MAX).max(2)
}

/// Why a service whose peers share one state cannot run under a model whose processes do not.
fn unshared(service: &Service, model: &Model) -> String {
    let out = if model.processes().is_some() { "leave `processes=` out, or " } else { "" };
    format!(
        "all peers of `{}` share one state, and under `{model}` each process would have a state of \
         its own; {out}take a model whose peers share memory: {}",
        service.name(),
        model::names(|kind| kind.shares_memory && kind.runs(service.style()))
    )
}

/// A server that runs beside its caller.
pub struct Handle {
    site: Arc<Site>,
    thread: Option<JoinHandle<Result<Stats, ServeError>>>,
}

impl Handle {
    /// Where it can be reached: the first of its addresses, with the port that was chosen.
    pub fn address(&self) -> Endpoint {
        self.addresses()[0].clone()
    }

    /// All its addresses.
    pub fn addresses(&self) -> &[Endpoint] {
        self.site.listeners.addresses()
    }

    /// Begins to drain; a second call cuts off whoever is left. Does not wait.
    pub fn stop(&self) {
        self.site.stop.advance();
    }

    /// What was counted so far; of a loop, up to its last wait, and of a thread's peer the bytes
    /// when it has left.
    pub fn stats(&self) -> Stats {
        self.site.counters.read()
    }

    /// Waits until it has stopped and everything has been joined.
    ///
    /// # Errors
    /// If the model failed.
    pub fn join(mut self) -> Result<Stats, ServeError> {
        let thread = self.thread.take().expect("joined once: this takes the handle");
        thread.join().unwrap_or_else(|_| {
            Err(ServeError::Io(io::Error::other("the server's thread panicked")))
        })
    }
}

/// A handle that is dropped stops its server, cutting peers off.
impl Drop for Handle {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.site.stop.cut();
            let _ = thread.join();
        }
    }
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServeError::Refused(sentence) | ServeError::Unavailable(sentence) => {
                f.write_str(sentence)
            }
            ServeError::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ServeError {}
