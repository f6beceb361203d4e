//! A server from its start to its end, in the process that was started.

use std::sync::Arc;

use crate::ServeError;
use crate::counters::Stats;
use crate::layout::Layout;
use crate::model::{self, Model};
use crate::obedience::Obedience;
use crate::site::Site;
use crate::supervision::processes::Processes;
use crate::supervision::warden::{self, Operator};
use crate::supervision::{Crew, child};

/// A server whose listeners are open: peers can connect.
pub(crate) struct Prepared {
    pub(crate) site: Arc<Site>,
    pub(crate) model: Model,
    pub(crate) layout: Layout,
    pub(crate) console: bool,
}

/// A server whose crew serves.
pub(crate) struct Serving {
    site: Arc<Site>,
    crew: Box<dyn Crew>,
    console: bool,
}

impl Prepared {
    /// SIGTERM and SIGINT begin the drain; the second of them ends it. Once what this returns has
    /// gone, they do to the process what they did before.
    pub(crate) fn obey_signals(&self) -> Result<Obedience, ServeError> {
        Obedience::to(&self.site.stop).map_err(ServeError::Io)
    }

    /// Starts those who serve: threads, or processes, which have come up when this returns.
    pub(crate) fn start(self) -> Result<Serving, ServeError> {
        let Prepared { site, model, layout, console } = self;
        let crew: Box<dyn Crew> = match model.processes() {
            Some(_) => Box::new(Processes::start(&site, &model, layout).map_err(ServeError::Io)?),
            // Those who have begun already are to end.
            None => model::start(&site, &model)
                .inspect_err(|_| site.stop.cut())
                .map_err(ServeError::Io)?,
        };
        Ok(Serving { site, crew, console })
    }
}

impl Serving {
    /// Watches over them until the stop, and until everything has been joined.
    pub(crate) fn keep(mut self) -> Result<Stats, ServeError> {
        let mut operator = Operator::new(self.console);
        warden::keep(&self.site, &mut *self.crew, &mut [&mut operator]).map_err(ServeError::Io)?;
        self.site.jobs.close();
        self.site.service.exit();
        Ok(self.site.counters.read())
    }
}

/// A process that forks has one thread for its whole life.
pub(crate) fn must_be_alone(model: &Model) -> Result<(), ServeError> {
    match model.forks() && !child::alone() {
        true => Err(ServeError::Refused(format!(
            "`{model}` forks, which a process must do before it starts its first thread, and this \
             one has several; call run() earlier, or take a model whose peers share memory"
        ))),
        false => Ok(()),
    }
}
