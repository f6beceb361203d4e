//! A station: one loop's place on the site.

use std::cell::RefCell;
use std::sync::Arc;

use super::Letters;
use crate::counters::RowHandle;
use crate::listening::Listener;
use crate::site::Site;
use crate::workers::Workers;

/// One loop's place on the site: its counters, its listeners, its letters.
pub(crate) struct Station {
    pub(super) site: Arc<Site>,
    pub(super) row: RowHandle,
    /// Until the loop begins, which then gives them back when it drains.
    pub(super) lent: RefCell<Vec<Arc<Listener>>>,
    /// Another thread accepts for it.
    pub(super) handoff: bool,
    pub(super) letters: Arc<Letters>,
    /// Who calls its sessions, if it does not do so itself.
    pub(super) workers: Option<Workers>,
}

impl Station {
    /// The loop of that `number` in this process.
    pub(crate) fn new(
        site: &Arc<Site>,
        number: usize,
        lent: Vec<Arc<Listener>>,
        handoff: bool,
        letters: &Arc<Letters>,
        workers: Option<Workers>,
    ) -> Station {
        let (site, row, letters) = (Arc::clone(site), site.row(number), Arc::clone(letters));
        Station { site, row, lent: RefCell::new(lent), handoff, letters, workers }
    }

    pub(super) fn letters(&self) -> Arc<Letters> {
        Arc::clone(&self.letters)
    }
}
