//! The places of a supervisor's processes, and who fills them.

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use super::channel::{Channel, Order};
use super::child::Child;
use super::patience::Patience;

/// How long a second wish to leave waits. A signal to the whole group of processes is no wish: by then
/// the supervisor has got it, too, and drains.
const GROUP: Duration = Duration::from_millis(50);

/// A place that is always to be filled, and its two seats: of whoever serves here, and of its
/// predecessor, which has wished to leave and drains.
pub(super) struct Place {
    seats: [Option<Member>; 2],
    /// The seat of whoever is to serve.
    current: usize,
    pub(super) patience: Patience,
    /// When whoever is to serve here is to be started.
    pub(super) replace_at: Option<Instant>,
}

impl Place {
    pub(super) fn new(now: Instant) -> Place {
        Place {
            seats: [None, None],
            current: 0,
            patience: Patience::new(now),
            replace_at: Some(now),
        }
    }

    pub(super) fn current(&self) -> usize {
        self.current
    }

    pub(super) fn is_empty(&self) -> bool {
        self.seats.iter().all(Option::is_none)
    }

    pub(super) fn member(&self, seat: usize) -> Option<&Member> {
        self.seats[seat].as_ref()
    }

    pub(super) fn members(&self) -> impl Iterator<Item = &Member> {
        self.seats.iter().flatten()
    }

    pub(super) fn members_mut(&mut self) -> impl Iterator<Item = &mut Member> {
        self.seats.iter_mut().flatten()
    }

    /// Everyone here is gone.
    pub(super) fn clear(&mut self) {
        self.seats = [None, None];
    }

    /// Someone has been started, who is to serve.
    pub(super) fn fill(&mut self, member: Member) {
        self.seats[self.current] = Some(member);
    }

    /// Whoever has that seat serves: its predecessor can leave.
    pub(super) fn came_up(&mut self, seat: usize) {
        if seat == self.current {
            self.patience.came_up();
            if let Some(predecessor) = &mut self.seats[1 - seat] {
                predecessor.order(Order::Leave);
            }
        }
    }

    /// Whoever has that seat wishes to leave: a successor is to be started, in the other seat.
    ///
    /// A second wish cuts its peers off.
    pub(super) fn wish_to_leave(&mut self, seat: usize, now: Instant) {
        if let Some(member) = &mut self.seats[seat]
            && std::mem::replace(&mut member.has_wished, true)
        {
            member.cut_at = Some(now + GROUP);
            return;
        }
        self.grant_wish(now);
    }

    /// If whoever serves wishes to leave, and its predecessor's seat is free: that is its successor's.
    fn grant_wish(&mut self, now: Instant) {
        let wishes = self.seats[self.current].as_ref().is_some_and(|member| member.has_wished);
        if wishes && self.seats[1 - self.current].is_none() {
            self.current = 1 - self.current;
            self.replace_at = Some(now);
        }
    }

    /// Whoever had that seat is gone.
    pub(super) fn take(&mut self, seat: usize, now: Instant) -> Option<Member> {
        let member = self.seats[seat].take();
        self.grant_wish(now);
        member
    }
}

/// The process that fills a place.
pub(super) struct Member {
    pub(super) child: Child,
    pub(super) channel: Channel,
    /// Its line to the exchange, if there is one.
    pub(super) line: Option<usize>,
    /// Orders for which its channel had no room: a process that is stopped, or computes, reads none.
    pub(super) owed: VecDeque<Order>,
    has_wished: bool,
    /// When its peers are cut off, because it was told twice to end.
    pub(super) cut_at: Option<Instant>,
}

impl Member {
    pub(super) fn new(child: Child, channel: Channel, line: Option<usize>) -> Member {
        Member { child, channel, line, owed: VecDeque::new(), has_wished: false, cut_at: None }
    }

    /// Cuts its peers off, if it is time to; not if the whole server drains, as its drain has it.
    pub(super) fn cut_if_due(&mut self, draining: bool) {
        if self.cut_at.is_some_and(|at| draining || at <= Instant::now()) {
            self.cut_at = None;
            if !draining {
                self.order(Order::Leave);
                self.order(Order::Cut);
            }
        }
    }

    /// Orders come in their order, and none is lost while the process lives.
    pub(super) fn order(&mut self, order: Order) {
        if let (Order::Hold(_), Some(Order::Hold(_))) = (order, self.owed.back()) {
            self.owed.pop_back();
        }
        self.owed.push_back(order);
        self.pay();
    }

    pub(super) fn pay(&mut self) {
        while let Some(order) = self.owed.front() {
            match self.channel.order(*order) {
                Ok(()) => drop(self.owed.pop_front()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // It is gone, or about to be.
                Err(_) => self.owed.clear(),
            }
        }
    }
}
