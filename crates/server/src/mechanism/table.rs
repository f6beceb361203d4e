//! What is watched under each descriptor, for mechanisms whose kernel does not remember it.

use std::os::fd::{AsRawFd, BorrowedFd};

use super::{Interest, Key};

/// Keys and interests by descriptor. Descriptors are small numbers: the kernel gives the lowest
/// free one (open(2)).
#[derive(Default)]
pub(super) struct Table {
    rows: Vec<Option<(Key, Interest)>>,
}

impl Table {
    pub(super) fn set(&mut self, fd: BorrowedFd<'_>, key: Key, interest: Interest) {
        let row = index(fd);
        if row >= self.rows.len() {
            self.rows.resize(row + 1, None);
        }
        self.rows[row] = Some((key, interest));
    }

    pub(super) fn unset(&mut self, fd: BorrowedFd<'_>) {
        if let Some(row) = self.rows.get_mut(index(fd)) {
            *row = None;
        }
    }

    pub(super) fn get(&self, fd: usize) -> Option<(Key, Interest)> {
        self.rows.get(fd).copied().flatten()
    }
}

/// Where each descriptor stands in a list without gaps. Whoever keeps such a list does to it what
/// is done here: push at the end, `swap_remove` at the place given.
#[derive(Default)]
pub(super) struct Places {
    places: Vec<Option<usize>>,
    owners: Vec<usize>,
}

impl Places {
    pub(super) fn push(&mut self, fd: BorrowedFd<'_>) {
        let index = index(fd);
        if index >= self.places.len() {
            self.places.resize(index + 1, None);
        }
        self.places[index] = Some(self.owners.len());
        self.owners.push(index);
    }

    pub(super) fn get(&self, fd: BorrowedFd<'_>) -> Option<usize> {
        self.places.get(index(fd)).copied().flatten()
    }

    pub(super) fn swap_remove(&mut self, fd: BorrowedFd<'_>) -> Option<usize> {
        let place = self.places.get_mut(index(fd))?.take()?;
        self.owners.swap_remove(place);
        if let Some(moved) = self.owners.get(place) {
            self.places[*moved] = Some(place);
        }
        Some(place)
    }
}

/// A descriptor's number, for indexing.
pub(super) fn index(fd: BorrowedFd<'_>) -> usize {
    usize::try_from(fd.as_raw_fd()).expect("an open descriptor is not negative")
}
