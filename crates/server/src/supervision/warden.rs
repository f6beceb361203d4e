//! The warden: the main thread of each process of a server. It watches over the crew, from the start
//! to the last join, and does what it is told: by the stop, by the operator, by the supervisor.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use super::crew::Crew;
use crate::console::{Console, Word};
use crate::site::Site;
use crate::waiting::until_readable;

/// How often those are looked after who were cut off, or who are being let go.
const LOOK: Duration = Duration::from_millis(20);

/// Where orders come from, besides the stop.
pub(crate) trait Orders {
    /// Readable when there is one; `None`: no more will come.
    fn fd(&self) -> Option<BorrowedFd<'_>>;

    /// Reads once, and does what it says.
    fn obey(&mut self, site: &Site, crew: &mut dyn Crew);
}

/// How far the server is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Serving,
    Draining { since: Instant, announced: bool },
    Cutting { until: Instant },
}

/// Watches over `crew` until it has ended, or is left behind.
///
/// # Errors
/// If the crew cannot go on.
pub(crate) fn keep(
    site: &Site,
    crew: &mut dyn Crew,
    orders: &mut [&mut dyn Orders],
) -> io::Result<()> {
    let mut stage = Stage::Serving;
    let mut result = Ok(());
    while !crew.ended() {
        let now = Instant::now();
        let mut wait = crew.next_look().map(|at| at.saturating_duration_since(now));
        stage = match stage {
            Stage::Serving if site.stop.draining() => {
                Stage::Draining { since: now, announced: false }
            }
            Stage::Draining { .. } if site.stop.cutting() || drained_long_enough(site, now) => {
                site.stop.cut();
                Stage::Cutting { until: now + crew.grace() }
            }
            stage => stage,
        };
        match &mut stage {
            Stage::Serving => {}
            Stage::Draining { since, announced } => {
                let again = crew.let_go();
                // Those who were between requests are gone by then.
                if !*announced && now - *since >= LOOK {
                    *announced = true;
                    site.say_draining();
                }
                let look = if *announced { again } else { Some(LOOK) };
                let end = site.drain_deadline().map(|end| end.saturating_duration_since(now));
                wait = [wait, look, end].into_iter().flatten().min();
            }
            Stage::Cutting { until } if *until <= now => {
                crew.leave_behind();
                break;
            }
            Stage::Cutting { .. } => {
                crew.cut_off();
                wait = Some(LOOK);
            }
        }
        result = result.and(attend(site, crew, orders, stage, wait));
        if result.is_err() {
            site.stop.cut();
        }
    }
    result.and(crew.join())
}

/// Waits once, and looks after whatever came.
fn attend(
    site: &Site,
    crew: &mut dyn Crew,
    orders: &mut [&mut dyn Orders],
    stage: Stage,
    wait: Option<Duration>,
) -> io::Result<()> {
    let ready = {
        let mut fds = vec![crew.fd()];
        fds.extend(match stage {
            Stage::Serving => Some(site.stop.drain_fd()),
            Stage::Draining { .. } => Some(site.stop.cut_fd()),
            Stage::Cutting { .. } => None,
        });
        let first = fds.len();
        fds.extend(orders.iter().filter_map(|from| from.fd()));
        let ready = until_readable(&fds, wait);
        ready.into_iter().map(|place| (place, place.checked_sub(first))).collect::<Vec<_>>()
    };
    if ready.iter().any(|(place, _)| *place == 0) || crew.next_look().is_some() {
        crew.look()?;
    }
    let mut open = orders.iter_mut().filter(|from| from.fd().is_some()).collect::<Vec<_>>();
    for (_, order) in ready {
        if let Some(from) = order.and_then(|index| open.get_mut(index)) {
            from.obey(site, crew);
        }
    }
    Ok(())
}

fn drained_long_enough(site: &Site, now: Instant) -> bool {
    site.drain_deadline().is_some_and(|end| end <= now)
}

/// The operator at standard input.
pub(crate) struct Operator {
    console: Option<Console>,
}

impl Operator {
    /// With `console`, names the words; without, nobody is listened to.
    pub(crate) fn new(console: bool) -> Operator {
        Operator { console: console.then(Console::open) }
    }
}

impl Orders for Operator {
    fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.console.as_ref().map(Console::fd)
    }

    fn obey(&mut self, site: &Site, crew: &mut dyn Crew) {
        let Some(console) = &mut self.console else { return };
        match console.read() {
            Some(words) => words.into_iter().for_each(|word| do_as_told(word, site, crew)),
            None => self.console = None,
        }
    }
}

/// Stops or resumes accepting, also for whoever begins to serve later.
pub(super) fn hold(site: &Site, crew: &mut dyn Crew, held: bool) {
    site.listeners.hold(held);
    crew.hold(held);
}

fn do_as_told(word: Word, site: &Site, crew: &mut dyn Crew) {
    match word {
        Word::Stats => {
            crew.report(None);
            Console::say(&site.describe());
        }
        Word::Peers => {
            let mut count = 0;
            crew.report(Some(&mut |seen| {
                count += 1;
                Console::say_peer(&seen);
            }));
            Console::say_count(count);
        }
        Word::Pause => {
            hold(site, crew, true);
            Console::say_paused();
        }
        Word::Resume => {
            hold(site, crew, false);
            Console::say_resumed();
        }
        Word::Quit => site.stop.drain(),
    }
}
