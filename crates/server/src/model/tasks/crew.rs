//! Those who serve under `tokio`: a thread that accepts, and the runtimes that it starts tasks on.

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use switchboard_core::Style;

use super::future;
use super::peer::{self, Place};
use super::roster::Roster;
use super::runtimes::Runtimes;
use crate::admission::Newcomer;
use crate::carrier::asynchronous::News;
use crate::model::Model;
use crate::model::entrance::Entrance;
use crate::model::lobby::Lobby;
use crate::site::Site;
use crate::stopping::Bell;
use crate::supervision::{Crew, Seen, Staff};

/// How long a task that was cut off gets to notice; one that computes on is left behind.
const GRACE: Duration = Duration::from_secs(2);

/// How long threads that a service has started through the runtime get to end, after all peers have.
const CLOSING_GRACE: Duration = Duration::from_secs(1);

/// The crew of a process.
struct TaskCrew {
    roster: Arc<Roster>,
    runtimes: Arc<Runtimes>,
    staff: Staff,
    bell: Arc<Bell>,
    entrance: Arc<Entrance>,
    lobby: Lobby,
    /// The thread that accepts has nobody else to start a task for.
    all_came: Arc<AtomicBool>,
    /// The tasks know that the server drains.
    told: bool,
    /// Somebody computes on, and nobody waits any longer.
    left_behind: bool,
}

/// Starts the runtimes of this process, and who accepts for them.
pub(super) fn start(site: &Arc<Site>, model: &Model) -> io::Result<Box<dyn Crew>> {
    let (threads, bell) = (model.count("threads"), Arc::new(Bell::new()?));
    let mut staff = Staff::new(&bell, &site.stop);
    // What lives on a stack of its own stays on its thread.
    let moves = threads > 1 && !site.sessions.stay_on_their_thread();
    let runtimes = match moves {
        true => Runtimes::shared(&staff, site, threads)?,
        false => Runtimes::single(&mut staff, site, threads)?,
    };
    let places = runtimes.count();
    let row = site.row(threads);
    let lobby = Lobby::new(site, row.clone(), true);
    let mut crew = TaskCrew {
        roster: Arc::new(Roster::new(site, &bell, places, threads / places)),
        runtimes: Arc::new(runtimes),
        entrance: Arc::new(Entrance::new(site, row, true, staff.begun(), &lobby)?),
        lobby,
        staff,
        bell,
        all_came: Arc::default(),
        told: false,
        left_behind: false,
    };
    crew.accept()?;
    crew.staff.await_begun(threads + 1)?;
    Ok(Box::new(crew))
}

impl TaskCrew {
    fn accept(&mut self) -> io::Result<()> {
        let (roster, runtimes) = (Arc::clone(&self.roster), Arc::clone(&self.runtimes));
        let (entrance, all_came) = (Arc::clone(&self.entrance), Arc::clone(&self.all_came));
        self.staff.start("sb-accept".to_owned(), move || {
            let result = entrance.admit(|newcomer| {
                serve(&roster, &runtimes, newcomer);
                Ok(())
            });
            all_came.store(true, SeqCst);
            result
        })
    }
}

fn serve(roster: &Arc<Roster>, runtimes: &Runtimes, newcomer: Newcomer) {
    let Newcomer { socket, info, .. } = newcomer;
    let entry = roster.enter(info);
    let place = Place::of(roster, &entry);
    match roster.site.service.style() {
        Style::Future(_) => runtimes.start(entry.place, future::serve(place, socket)),
        _ => runtimes.start(entry.place, peer::serve(place, socket)),
    }
}

impl Crew for TaskCrew {
    fn fd(&self) -> BorrowedFd<'_> {
        self.staff.fd()
    }

    fn look(&mut self) -> io::Result<()> {
        self.bell.quiet();
        self.staff.failure()
    }

    fn ended(&mut self) -> bool {
        let over = self.all_came.load(SeqCst) && self.roster.is_empty();
        if over {
            self.runtimes.end();
        }
        over && self.staff.ended()
    }

    fn let_go(&mut self) -> Option<Duration> {
        let again = self.lobby.fill();
        // Those who come later look for themselves.
        if !std::mem::replace(&mut self.told, true) {
            self.roster.drain();
        }
        again
    }

    fn cut_off(&mut self) {
        self.lobby.clear();
        self.roster.tell_all(News::CUT);
    }

    fn grace(&self) -> Duration {
        GRACE
    }

    fn leave_behind(&mut self) {
        for name in self.runtimes.computing() {
            tracing::warn!("left behind: the thread {name} still computes for one of its peers");
        }
        self.roster.give_up();
        self.left_behind = true;
    }

    fn hold(&mut self, _: bool) {
        self.entrance.heed_hold();
    }

    /// A thread that rests has told all that it has counted, and one that does not tells it often.
    fn report(&mut self, each: Option<&mut dyn FnMut(Seen)>) {
        if let Some(each) = each {
            self.roster.show(each);
        }
    }

    fn join(&mut self) -> io::Result<()> {
        self.cut_off();
        self.runtimes.end();
        let result = self.staff.join();
        // Nobody else has them any more, unless the thread that accepts was left behind.
        if let Some(runtimes) = Arc::get_mut(&mut self.runtimes) {
            runtimes.close(if self.left_behind { Duration::ZERO } else { CLOSING_GRACE });
        }
        result
    }
}
