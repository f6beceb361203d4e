//! The supervisor's crew: forked processes, each of which runs the whole model.
//!
//! The supervisor has one thread for its whole life, so that it may fork at any time. It opens the
//! listeners before the first fork and keeps them: a process that dies leaves its backlog to its
//! replacement, and no peer that waits there is reset.

mod gone;

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use switchboard_core::Ending;

use super::channel::{Channel, Order, Word};
use super::child::Child;
use super::place::{Member, Place};
use super::supervised::{self, Deaf};
use super::{Branch, Crew, Lines, Seen, child};
use crate::layout::Layout;
use crate::model::Model;
use crate::site::Site;
use crate::waiting::{Watch, until_readable};

/// How long a process that was cut off gets: a loop's own grace, and some.
const GRACE: Duration = Duration::from_millis(3500);

/// How soon an order is tried again for which there was no room.
const PAY: Duration = Duration::from_millis(20);

/// How long the operator waits for a process's answer: one that computes is left out.
const REPORT_WAIT: Duration = Duration::from_millis(500);

/// All processes of a server.
pub(crate) struct Processes {
    site: Arc<Site>,
    model: Model,
    layout: Layout,
    places: Vec<Place>,
    /// Watches children and channels; `None` in a child.
    watch: Option<Watch>,
    lines: Lines,
    told_to_drain: bool,
    told_to_cut: bool,
}

impl Processes {
    /// Forks them all, and waits until each of them serves.
    ///
    /// # Errors
    /// If they do not come up.
    pub(crate) fn start(site: &Arc<Site>, model: &Model, layout: Layout) -> io::Result<Processes> {
        child::keep_endings();
        let watch = Watch::new()?;
        let mut processes = Processes {
            site: Arc::clone(site),
            model: model.clone(),
            layout,
            places: (0..layout.processes).map(|_| Place::new(Instant::now())).collect(),
            lines: Lines::of(&site.service, &watch, EXCHANGE)?,
            watch: Some(watch),
            told_to_drain: false,
            told_to_cut: false,
        };
        let result = processes.come_up();
        if result.is_err() {
            processes.kill_all();
        }
        result.map(|()| processes)
    }

    fn come_up(&mut self) -> io::Result<()> {
        while !self.places.iter().all(|place| place.patience.ever_up())
            && !self.site.stop.draining()
        {
            self.fill_places()?;
            let wait = self.next_look().map(|at| at.saturating_duration_since(Instant::now()));
            until_readable(&[self.fd(), self.site.stop.drain_fd()], wait);
            self.look()?;
        }
        Ok(())
    }

    /// Starts whoever is due.
    fn fill_places(&mut self) -> io::Result<()> {
        if self.site.stop.draining() {
            self.places.iter_mut().for_each(|place| place.replace_at = None);
            return Ok(());
        }
        let now = Instant::now();
        for number in 0..self.places.len() {
            if self.places[number].replace_at.is_some_and(|at| at <= now) {
                self.fill(number)?;
            }
        }
        Ok(())
    }

    fn fill(&mut self, number: usize) -> io::Result<()> {
        let place = &mut self.places[number];
        place.replace_at = None;
        place.patience.begin(Instant::now());
        let seat = place.current();
        let mut line = None;
        let started = Channel::pair().and_then(|ends| {
            let (mut ends, deaf) = (Some(ends), Deaf::to_sigterm()?);
            let (number_of_line, mut branch) = self.lines.open()?;
            line = number_of_line;
            let name = child::process_name(&format!("sb-process-{number}"));
            let child = Child::start(&name, || {
                let Some((here, there)) = ends.take() else { return 1 };
                // What is on the supervisor's stack stays open here, unless it is closed.
                drop(here);
                self.serve_as((number, seat), (there, branch.take()), &deaf)
            })?;
            let (channel, _) = ends.take().expect("only the child has taken them");
            Ok(Member::new(child, channel, line))
        });
        let member = match started {
            Ok(member) => member,
            Err(error) => {
                self.lines.hang_up(line);
                return self.died((number, seat), false, &format!("cannot be started: {error}"));
            }
        };
        if let Err(error) = self.watch_over(&member, number, seat) {
            member.child.kill();
            self.lines.hang_up(line);
            return self.died((number, seat), false, &format!("cannot be watched: {error}"));
        }
        self.places[number].fill(member);
        Ok(())
    }

    fn watch_over(&self, member: &Member, number: usize, seat: usize) -> io::Result<()> {
        let Some(watch) = &self.watch else { return Ok(()) };
        watch.add(&member.child, name_of(number, seat, false), false)?;
        watch.add(&member.channel, name_of(number, seat, true), false)
    }

    /// In the child: lets go of all that is the supervisor's, and serves.
    fn serve_as(
        &mut self,
        (number, seat): (usize, usize),
        ends: (Channel, Option<Branch>),
        deaf: &Deaf,
    ) -> i32 {
        self.places.clear();
        self.watch = None;
        self.lines.forget();
        let rows = self.layout.rows_of(number, seat);
        let site = self.site.of_process(number, rows, self.layout.sets);
        supervised::serve(site, &self.model, number, ends, deaf)
    }

    /// Passes on what processes ask of topics. One that cannot hear of them is killed, and replaced.
    fn exchange(&mut self) -> io::Result<()> {
        let given_up = self.lines.look()?;
        for member in self.members() {
            if let Some(why) = given_up.why(member.line) {
                tracing::warn!("process {} {why}: it is killed", member.child.pid());
                member.child.signal(Signal::KILL);
            }
        }
        Ok(())
    }

    /// Reads what a process has said.
    fn hear(&mut self, number: usize, seat: usize) {
        while let Some(member) = self.places[number].member(seat) {
            let Ok(Some(word)) = member.channel.next_word() else { return };
            self.heed(number, seat, &word);
        }
    }

    fn tell_all(&mut self, order: Order) {
        self.members().for_each(|member| member.order(order));
    }

    fn members(&mut self) -> impl Iterator<Item = &mut Member> {
        self.places.iter_mut().flat_map(Place::members_mut)
    }

    fn kill_all(&mut self) {
        for place in &mut self.places {
            place.members().for_each(|member| member.child.kill());
            place.clear();
        }
    }

    fn heed(&mut self, number: usize, seat: usize, word: &Word) {
        let place = &mut self.places[number];
        match word {
            Word::Ready => place.came_up(seat),
            Word::Leaving if !self.site.stop.draining() => {
                tracing::info!("process {number} wishes to leave");
                place.wish_to_leave(seat, Instant::now());
            }
            Word::Leaving | Word::Peer(_) | Word::Reported => {}
        }
    }

    /// What one process says of its peers, until it has said all, or takes too long.
    fn report_of(
        &mut self,
        (number, seat): (usize, usize),
        end: Instant,
        each: &mut dyn FnMut(Seen),
    ) {
        while let Some(member) = self.places[number].member(seat) {
            match member.channel.next_word() {
                Ok(Some(Word::Peer(seen))) => each(seen),
                Ok(Some(Word::Reported)) => return,
                Ok(Some(word)) => self.heed(number, seat, &word),
                Ok(None) => {
                    let left = end.saturating_duration_since(Instant::now());
                    if until_readable(&[member.channel.as_fd()], Some(left)).is_empty() {
                        tracing::warn!(
                            "process {} does not answer: it is left out",
                            member.child.pid()
                        );
                        return;
                    }
                }
                Err(_) => return,
            }
        }
    }

    fn seats(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        (0..self.places.len()).flat_map(|number| [(number, 0), (number, 1)])
    }
}

impl Crew for Processes {
    fn fd(&self) -> BorrowedFd<'_> {
        self.watch.as_ref().expect("only a child has none").as_fd()
    }

    fn next_look(&self) -> Option<Instant> {
        let owes = |place: &Place| place.members().any(|member| !member.owed.is_empty());
        let pay = self.places.iter().any(owes).then(|| Instant::now() + PAY);
        let cuts = self.places.iter().flat_map(Place::members).filter_map(|member| member.cut_at);
        let lines = self.lines.next_look();
        let starts = self.places.iter().filter_map(|place| place.replace_at);
        starts.chain(pay).chain(cuts).chain(lines).min()
    }

    fn look(&mut self) -> io::Result<()> {
        let Some(watch) = &mut self.watch else { return Ok(()) };
        for name in watch.ready_now()? {
            if name == EXCHANGE {
                continue;
            }
            let (number, seat) = ((name >> 2) as usize, (name >> 1 & 1) as usize);
            match name & 1 == 1 {
                // One that closed its end has ended, or is about to.
                true => self.hear(number, seat),
                false => self.bury(number, seat)?,
            }
        }
        self.exchange()?;
        let draining = self.site.stop.draining();
        for member in self.members() {
            member.cut_if_due(draining);
            member.pay();
        }
        self.fill_places()
    }

    fn ended(&mut self) -> bool {
        self.site.stop.draining() && self.places.iter().all(Place::is_empty)
    }

    fn let_go(&mut self) -> Option<Duration> {
        if !std::mem::replace(&mut self.told_to_drain, true) {
            // Each process has its own copies, and accepts whoever waits there.
            self.site.listeners.close();
            self.lines.hush();
            self.tell_all(Order::Drain);
        }
        None
    }

    fn cut_off(&mut self) {
        self.let_go();
        if !std::mem::replace(&mut self.told_to_cut, true) {
            self.tell_all(Order::Cut);
        }
    }

    fn grace(&self) -> Duration {
        GRACE
    }

    fn leave_behind(&mut self) {
        for (number, place) in self.places.iter().enumerate() {
            for member in place.members() {
                tracing::warn!(
                    "process {number} (pid {}) still computes for one of its peers: it is killed",
                    member.child.pid()
                );
            }
        }
        self.kill_all();
        for (number, seat) in self.seats() {
            self.close_rows(number, seat, Ending::CutOff);
        }
    }

    fn hold(&mut self, held: bool) {
        self.tell_all(Order::Hold(held));
    }

    fn report(&mut self, mut each: Option<&mut dyn FnMut(Seen)>) {
        self.tell_all(Order::Report(each.is_some()));
        let end = Instant::now() + REPORT_WAIT;
        for one in self.seats() {
            self.report_of(one, end, &mut |seen| {
                if let Some(each) = &mut each {
                    each(seen);
                }
            });
        }
    }

    fn join(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What the watch calls the exchange.
const EXCHANGE: u64 = u64::MAX;

/// What the watch calls a child, or its channel.
fn name_of(number: usize, seat: usize, channel: bool) -> u64 {
    (number as u64) << 2 | (seat as u64) << 1 | u64::from(channel)
}
