//! A station: one loop's place on the site.

use std::cell::RefCell;
use std::sync::Arc;

use super::Letters;
use crate::counters::RowHandle;
use crate::listening::Listener;
use crate::site::Site;
use crate::supervision::staff::Begun;
use crate::workers::Workers;

/// One loop's place on the site: its counters, its listeners, its letters.
pub(crate) struct Station {
    pub(crate) site: Arc<Site>,
    pub(crate) row: RowHandle,
    /// Until the loop begins, which then gives them back when it drains.
    pub(crate) lent: RefCell<Vec<Arc<Listener>>>,
    /// No other loop, of this process or another, has those listeners that are shared.
    pub(crate) alone: bool,
    /// Another thread accepts for it.
    pub(crate) handoff: bool,
    pub(crate) letters: Arc<Letters>,
    pub(crate) begun: Begun,
    /// Who calls its sessions, if it does not do so itself.
    pub(crate) workers: Option<Workers>,
}

impl Station {
    pub(super) fn letters(&self) -> Arc<Letters> {
        Arc::clone(&self.letters)
    }
}
