//! A service, a model and an address make a server.

use std::fmt;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use switchboard_core::{Endpoint, Idle, Limits, Peer, PeerInfo, Service, Session};

use crate::admission::{Gate, WhenFull};
use crate::counters::{Counters, Stats};
use crate::listening::{ListenOptions, Listeners};
use crate::model::{self, Family, Model};
use crate::site::Site;
use crate::stopping::{Drain, Flag, RaiseAtEnd, Stop};
use crate::{Address, command, descriptors, waiting};

/// How long a loop that was cut off gets to notice; one that computes on is left behind.
const LOOP_GRACE: Duration = Duration::from_secs(2);

/// A service and how it is to be served. Made by [`Server::handler`] or [`Server::sessions`], run
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
            listen: ListenOptions {
                backlog: 1024,
                reuse_port: false,
                receive_buffer: None,
                send_buffer: None,
            },
            console: false,
            attended: false,
        }
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

    /// The model; without it, `epoll` on Linux and `portable` elsewhere, and `thread` for a
    /// straight-line service.
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

    /// Turns the service into a program: the flags of `switchboard serve`, its ready and stop
    /// lines, signals, exit statuses.
    pub fn main(self) -> ExitCode {
        command::main(self)
    }

    /// Serves until SIGTERM or SIGINT comes, drains, and returns what was counted. A second signal
    /// cuts the drain short. Afterwards signals do what they do by default.
    ///
    /// # Errors
    /// If the model cannot run the service, or an address cannot be listened on.
    pub fn run(self) -> Result<Stats, ServeError> {
        let prepared = self.prepare()?;
        let _obedience = prepared.obey_signals()?;
        prepared.serve()
    }

    /// Serves on threads of its own, and returns when peers can connect. Installs no signal
    /// handlers.
    ///
    /// # Errors
    /// As [`run`](Server::run).
    pub fn spawn(self) -> Result<Handle, ServeError> {
        let prepared = self.prepare()?;
        let site = Arc::clone(&prepared.site);
        let thread = thread::Builder::new()
            .name("switchboard".to_owned())
            .spawn(move || prepared.serve())
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
                "`{}` is written in straight lines, which `{}` cannot run yet; models that can: {}",
                self.service.name(),
                kind.name,
                model::names(|kind| kind.straight_line)
            )));
        }
        if let Some(reason) = (kind.unavailable)() {
            return Err(ServeError::Unavailable(format!(
                "`{}` cannot run here: {reason}",
                kind.name
            )));
        }
        let options = self.options;
        let mut limits = options.limits;
        limits.idle = match (options.idle, self.service.declared_idle()) {
            (Some(asked), _) => asked,
            (None, Idle::Default) => limits.idle,
            (None, Idle::After(limit)) => Some(limit),
            (None, Idle::Never) => None,
        };
        let addresses = match self.addresses.is_empty() {
            true => vec![Address::default()],
            false => self.addresses,
        };
        let listeners = Listeners::open(&addresses, options.listen).map_err(ServeError::Io)?;
        let most = options.peers_max.unwrap_or_else(descriptors::peers_that_fit);
        let site = Site {
            service: self.service,
            terms: Arc::new(limits.into()),
            listeners,
            gate: Gate::new(most, options.when_full).map_err(ServeError::Io)?,
            counters: Counters::default(),
            stop: Stop::new().map_err(ServeError::Io)?,
            drain: options.drain,
            console: options.console,
            attended: options.attended,
        };
        Ok(Prepared { site: Arc::new(site), model })
    }
}

/// A server whose listeners are open: peers can connect.
pub(crate) struct Prepared {
    pub(crate) site: Arc<Site>,
    pub(crate) model: Model,
}

impl Prepared {
    /// SIGTERM and SIGINT begin the drain; the second of them ends it. Once what this returns has
    /// gone, they do to the process what they do by default.
    pub(crate) fn obey_signals(&self) -> Result<Obedience, ServeError> {
        let over = Arc::new(AtomicBool::new(false));
        for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
            signal_hook::flag::register_conditional_default(signal, Arc::clone(&over))
                .map_err(ServeError::Io)?;
            let stop = self.site.stop.clone();
            // SAFETY: `Stop::advance` is async-signal-safe: atomics, a monotonic clock reading
            // and write(2) (signal-safety(7)).
            unsafe { signal_hook::low_level::register(signal, move || stop.advance()) }
                .map_err(ServeError::Io)?;
        }
        Ok(Obedience(over))
    }

    /// Serves until the stop, and until everything has been joined.
    pub(crate) fn serve(self) -> Result<Stats, ServeError> {
        let run = self.model.kind().run;
        match self.model.kind().family {
            Family::Blocking => run(&self.site, &self.model).map_err(ServeError::Io)?,
            Family::Loop => self.serve_loop().map_err(ServeError::Io)?,
        }
        Ok(self.site.counters.read())
    }

    /// A loop has a thread of its own, so that one that a session holds up can be left behind.
    fn serve_loop(&self) -> io::Result<()> {
        let over = Arc::new(Flag::new()?);
        let (site, model) = (Arc::clone(&self.site), self.model.clone());
        let ended = RaiseAtEnd(Arc::clone(&over));
        let thread = thread::Builder::new().name("sb-loop-0".to_owned()).spawn(move || {
            let _ended = ended;
            (model.kind().run)(&site, &model)
        })?;
        let stop = &self.site.stop;
        waiting::until_readable(&[over.fd(), stop.drain_fd()], None);
        if let Some(end) = stop.deadline(self.site.drain) {
            let left = end.saturating_duration_since(Instant::now());
            waiting::until_readable(&[over.fd(), stop.cut_fd()], Some(left));
        } else {
            waiting::until_readable(&[over.fd(), stop.cut_fd()], None);
        }
        if !over.raised() {
            waiting::until_readable(&[over.fd()], Some(LOOP_GRACE));
        }
        if !over.raised() {
            self.leave_behind();
            return Ok(());
        }
        thread.join().unwrap_or_else(|_| Err(io::Error::other("the loop panicked")))
    }

    /// A session computes on and holds its loop up: its peers count as cut off.
    fn leave_behind(&self) {
        tracing::warn!("left behind: the thread sb-loop-0 still computes for one of its peers");
        let present = self.site.counters.read().present();
        self.site.counters.gather(&mut Stats { cut_off: present, ..Stats::default() });
    }
}

/// While it lives, SIGTERM and SIGINT stop a server.
pub(crate) struct Obedience(Arc<AtomicBool>);

impl Drop for Obedience {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
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
