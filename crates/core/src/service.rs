//! A service: what is answered, whatever the model that runs it.

use std::any::Any;
use std::fmt;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::time::Duration;

use crate::{Peer, PeerInfo, Session, Topics};

type Open = dyn Fn(&PeerInfo) -> Box<dyn Session> + Send + Sync;
type Handle = dyn Fn(&mut Peer<'_>) -> io::Result<()> + Send + Sync;
type Hook = dyn Fn() + Send + Sync;

/// What a program offers to each of its peers, and what it needs to be run faithfully.
///
/// A service is `Send + Sync`: one value serves all peers, from whichever threads the model has.
pub struct Service {
    name: String,
    state: State,
    idle: Idle,
    style: Style,
    topics: Option<Topics>,
    exit_hooks: Vec<Box<Hook>>,
}

/// How a service is written.
pub enum Style {
    /// An object per peer, called when something came: see [`Session`].
    Event(Box<Open>),
    /// A function per peer that reads and writes in straight lines: see [`Peer`].
    StraightLine(Box<Handle>),
    /// A future per peer, of a runtime's own. What makes it is of a type that only a server with that
    /// runtime knows: whoever writes such a service has chosen the runtime with it, and this crate
    /// depends on none.
    Future(Box<dyn Any + Send + Sync>),
}

/// Which state the peers of a service have in common.
///
/// Under a model whose peers share no memory, a `Shared` service would silently have one state for
/// each process; such a pair is refused instead, unless the state is in [`Service::topics`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Each request is answered from itself alone.
    #[default]
    None,
    /// Each peer has state of its own.
    PerPeer,
    /// All peers see one state.
    Shared,
}

/// How long a peer may be silent before the server closes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Idle {
    /// The server's default (10 minutes).
    #[default]
    Default,
    /// This long.
    After(Duration),
    /// Silence is no reason to close.
    Never,
}

impl Service {
    /// An event-style service: `open` makes the session of each new peer.
    pub fn sessions<S: Session + 'static>(
        name: impl Into<String>,
        open: impl Fn(&PeerInfo) -> S + Send + Sync + 'static,
    ) -> Service {
        Service::new(name, Style::Event(Box::new(move |peer| Box::new(open(peer)))))
    }

    /// A straight-line service: `handler` serves one peer from its arrival to its leaving.
    ///
    /// An error that the handler passes on with `?` from its peer is counted as what it is (a
    /// reset, a deadline, the peer's leaving); any other error is logged and counted as a failure.
    pub fn handler(
        name: impl Into<String>,
        handler: impl Fn(&mut Peer<'_>) -> io::Result<()> + Send + Sync + 'static,
    ) -> Service {
        Service::new(name, Style::StraightLine(Box::new(handler)))
    }

    /// A service of futures: `serve` is what a runtime makes the future of each peer from, of the type
    /// that its crate says. See `switchboard::future`.
    pub fn future(name: impl Into<String>, serve: impl Any + Send + Sync) -> Service {
        Service::new(name, Style::Future(Box::new(serve)))
    }

    fn new(name: impl Into<String>, style: Style) -> Service {
        Service {
            name: name.into(),
            state: State::None,
            idle: Idle::Default,
            style,
            topics: None,
            exit_hooks: Vec::new(),
        }
    }

    /// Declares the state that peers have in common.
    #[must_use]
    pub fn state(mut self, state: State) -> Service {
        self.state = state;
        self
    }

    /// Declares that all that its peers share goes through these topics, which reach every process of
    /// a server: a service with [`State::Shared`] runs under models whose peers share no memory, too.
    #[must_use]
    pub fn topics(mut self, topics: &Topics) -> Service {
        self.topics = Some(topics.clone());
        self
    }

    /// Declares how long a peer of this service may be silent, unless the server is told otherwise.
    #[must_use]
    pub fn idle(mut self, idle: Idle) -> Service {
        self.idle = idle;
        self
    }

    /// Called once in each process that served peers, after the last of them has gone and before the
    /// process ends (or, under `spawn`, before `join` returns): the place to flush what the service
    /// wrote behind its peers' backs. Hooks of one service are called in the order in which they
    /// were given.
    #[must_use]
    pub fn at_exit(mut self, hook: impl Fn() + Send + Sync + 'static) -> Service {
        self.exit_hooks.push(Box::new(hook));
        self
    }

    /// Calls what was given to [`at_exit`](Service::at_exit); for servers. A hook that panics ends
    /// neither the server nor the hooks after it: the panic hook's message is all that is seen.
    pub fn exit(&self) {
        for hook in &self.exit_hooks {
            let _ = panic::catch_unwind(AssertUnwindSafe(hook));
        }
    }

    /// The name shown in the ready line.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The state that was declared.
    pub fn declared_state(&self) -> State {
        self.state
    }

    /// The topics that were declared.
    pub fn declared_topics(&self) -> Option<&Topics> {
        self.topics.as_ref()
    }

    /// The idle limit that was declared.
    pub fn declared_idle(&self) -> Idle {
        self.idle
    }

    /// How the service is written, and its code.
    pub fn style(&self) -> &Style {
        &self.style
    }
}

impl Style {
    /// The word for this style on the command line and in `models --json`.
    pub fn name(&self) -> &'static str {
        match self {
            Style::Event(_) => "event",
            Style::StraightLine(_) => "straight-line",
            Style::Future(_) => "async",
        }
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("name", &self.name)
            .field("state", &self.state)
            .field("idle", &self.idle)
            .field("style", &self.style.name())
            .finish()
    }
}

const _: () = {
    const fn shared_by_threads<T: Send + Sync>() {}
    shared_by_threads::<Service>();
};

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Kills: a later hook in place of an earlier one; a panic that ends the server or skips the
    /// hooks after it; a hook that is called before the exit.
    #[test]
    fn calls_every_exit_hook_in_order_although_one_panics() {
        let called = Arc::new(Mutex::new(Vec::new()));
        let note = |word: &'static str| {
            let called = called.clone();
            move || called.lock().unwrap().push(word)
        };
        let service = Service::handler("quiet", |_peer| Ok(()))
            .at_exit(note("first"))
            .at_exit(|| panic!("this hook panics"))
            .at_exit(note("last"));
        assert!(called.lock().unwrap().is_empty());
        service.exit();
        assert_eq!(*called.lock().unwrap(), ["first", "last"]);
    }

    #[test]
    fn an_exit_without_hooks_does_nothing() {
        Service::handler("quiet", |_peer| Ok(())).exit();
    }
}
