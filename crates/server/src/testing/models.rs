//! A server under each model that shares memory with its test.

use std::net::{Ipv4Addr, SocketAddr};
use std::panic::{self, AssertUnwindSafe};

use switchboard_core::{Endpoint, Service};

use super::Client;
use crate::model::MODELS;
use crate::{Handle, Model, Server, Stats};

/// A running server, in this process, under one model.
pub struct Served {
    handle: Handle,
    model: Model,
}

/// Runs `test` once under each model that can run the service here and shares memory with it, each
/// time with a server of its own.
///
/// `server` makes that server, which gets a free port of `127.0.0.1`, besides wherever else it is to
/// listen. A model that is left out is named on standard error with the reason. All models are
/// tried even when one fails; the panic at the end names those that did.
///
/// ```
/// use std::io::Write;
/// use switchboard::{Server, testing::every_model};
///
/// let greeter = || Server::handler("greeter", |peer| writeln!(peer, "hello {}", peer.address()));
/// every_model(greeter, |server| {
///     let mut peer = server.connect();
///     let line = peer.line();
///     assert!(line.starts_with("hello 127.0.0.1:"), "{line}");
///     peer.expect_end();
/// });
/// ```
///
/// Some models serve few peers at a time ([`Served::peers_max`]): there, a test that connects more
/// at once waits for itself.
///
/// # Panics
/// If `test` panicked under a model, or a server could not start.
#[track_caller]
pub fn every_model(server: impl Fn() -> Server, test: impl Fn(&Served)) {
    let mut failures = Vec::new();
    let mut tried = 0;
    for kind in MODELS {
        let model = Model::from(*kind);
        let server = server();
        if let Some(reason) = left_out(&model, server.service()) {
            eprintln!("every_model: not under `{model}`: {reason}");
            continue;
        }
        tried += 1;
        let result = panic::catch_unwind(AssertUnwindSafe(|| {
            let served = Served::start(server, model.clone());
            test(&served);
            served.stop();
        }));
        if let Err(panic) = result {
            failures.push(format!("under `{model}`: {}", message(&*panic)));
        }
    }
    assert!(tried > 0, "no model can run this service here");
    if !failures.is_empty() {
        panic!("failed under {} of {tried} models\n{}", failures.len(), failures.join("\n"));
    }
}

/// Why a model is no place for this test, if it is none.
fn left_out(model: &Model, service: &Service) -> Option<String> {
    let kind = model.kind();
    if !kind.runs(service.style()) {
        return Some(format!("it does not run {} services", service.style().name()));
    }
    if !kind.shares_memory {
        return Some("its peers share no memory with the test".to_owned());
    }
    (kind.unavailable)()
}

fn message(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without a text")
}

impl Served {
    fn start(server: Server, model: Model) -> Served {
        let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        match server.model(model.clone()).listen(free).spawn() {
            Ok(handle) => Served { handle, model },
            Err(error) => panic!("the server did not start: {error}"),
        }
    }

    /// The model that it runs under.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Where it can be reached: its free port of `127.0.0.1`.
    pub fn address(&self) -> Endpoint {
        self.handle.addresses().last().expect("it has been given one").clone()
    }

    /// The most peers at a time that the model itself can have; `None`: no limit of its own.
    pub fn peers_max(&self) -> Option<u64> {
        (self.model.kind().peers_max)(&self.model)
    }

    /// A peer of it.
    ///
    /// # Panics
    /// If it does not listen any more.
    #[track_caller]
    pub fn connect(&self) -> Client {
        let address = self.address().to_string();
        match Client::connect(&address) {
            Ok(client) => client,
            Err(error) => panic!("cannot connect to {address}: {error}"),
        }
    }

    /// The running server itself: its counters, its stop.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Drains and joins it.
    fn stop(self) -> Stats {
        self.handle.stop();
        match self.handle.join() {
            Ok(stats) => stats,
            Err(error) => panic!("the server failed: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Mutex;

    use switchboard_core::{Context, Flow, Session};

    use super::*;

    struct Echo;

    impl Session for Echo {
        fn received(&mut self, peer: &mut Context<'_>) -> Flow {
            peer.output.write(peer.input.take_all());
            Flow::Continue
        }
    }

    fn echo() -> Server {
        Server::sessions("echo", |_| Echo)
    }

    #[test]
    fn every_model_that_runs_the_style_is_tried_once() {
        let tried = Mutex::new(Vec::new());
        every_model(echo, |server| {
            server.connect().send("a").expect("a").end().expect_end();
            tried.lock().unwrap().push(server.model().to_string());
        });
        let all = MODELS.iter().filter(|kind| kind.shares_memory);
        let all: Vec<String> = all.map(|kind| Model::from(*kind).to_string()).collect();
        assert_eq!(*tried.lock().unwrap(), all);
    }

    #[test]
    fn a_handler_runs_under_those_models_that_can() {
        let tried = Mutex::new(Vec::new());
        let hello = || Server::handler("hello", |peer| writeln!(peer, "hello"));
        every_model(hello, |server| {
            let mut peer = server.connect();
            peer.expect("hello\n").expect_end();
            tried.lock().unwrap().push(server.model().to_string());
        });
        let runs = MODELS.iter().filter(|kind| kind.shares_memory);
        let runs: Vec<String> = runs.map(|kind| Model::from(*kind).to_string()).collect();
        assert_eq!(*tried.lock().unwrap(), runs);
    }

    #[test]
    fn a_failure_names_its_model_and_no_other() {
        let failed = panic::catch_unwind(|| {
            every_model(echo, |server| {
                let mut peer = server.connect();
                peer.send("a").expect(if server.model().to_string() == "poll" { "b" } else { "a" });
            });
        });
        let panic = failed.unwrap_err();
        let text = message(&*panic);
        assert!(text.starts_with("failed under 1 of "), "{text}");
        assert!(text.contains("under `poll`: the server sent other bytes"), "{text}");
        assert!(text.contains("expected: \"b\"\n    came: \"a\""), "{text}");
    }
}
