//! The places of a supervisor's processes, and who fills them.

use std::collections::VecDeque;
use std::io;
use std::time::Instant;

use super::channel::{Channel, Order};
use super::child::Child;
use super::patience::Patience;

/// A place that is always to be filled.
pub(super) struct Place {
    pub(super) member: Option<Member>,
    pub(super) patience: Patience,
    /// When its dead member is to be replaced.
    pub(super) replace_at: Option<Instant>,
}

/// The process that fills a place.
pub(super) struct Member {
    pub(super) child: Child,
    pub(super) channel: Channel,
    /// Orders for which its channel had no room: a process that is stopped, or computes, reads none.
    pub(super) owed: VecDeque<Order>,
}

impl Member {
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
