//! What is sent with the next call: each peer's output, in the room where its session wrote it.

use std::mem;
use std::os::fd::RawFd;

use switchboard_core::Connection;

use crate::mechanism::Key;

/// A room that has grown beyond this is not used again.
const ROOM_KEPT: usize = 64 << 10;

/// Bytes of output that leave without waiting for the rest of the batch: a bound on what lies there.
const BATCH: usize = 256 << 10;

/// Rooms that are kept for the next peers.
const ROOMS_MOST: usize = 256;

/// The output of one peer.
pub(crate) struct Sending {
    pub(crate) key: Key,
    pub(crate) fd: RawFd,
    /// Empty: it is what the connection has kept.
    pub(crate) room: Vec<u8>,
    /// What came of it; `None`: all was sent.
    pub(crate) result: Option<i32>,
}

impl Sending {
    /// What is sent: what the session wrote, or what its `connection` has kept.
    #[inline]
    pub(crate) fn output<'a>(&'a self, connection: &'a Connection) -> &'a [u8] {
        match self.room.is_empty() {
            true => connection.unsent(&[]),
            false => &self.room,
        }
    }
}

/// The outputs of all who have some.
#[derive(Default)]
pub(crate) struct Sends {
    list: Vec<Sending>,
    /// Bytes of the rooms among them, or fewer.
    bytes: usize,
    /// Empty rooms.
    spare: Vec<Vec<u8>>,
    /// Somebody goes on as soon as all is sent, so nobody must be waited for.
    pub(crate) urgent: bool,
    /// Those who go on.
    pub(crate) follow: Vec<Key>,
    /// How much of the room that is lent was written before.
    pub(crate) before: usize,
}

impl Sends {
    /// Adds a peer's output: takes the room, and leaves an empty one. If it is empty, the output is
    /// what the connection has kept. Its number.
    #[inline]
    pub(super) fn add(&mut self, key: Key, fd: RawFd, room: &mut Vec<u8>) -> usize {
        let empty = self.spare.pop().unwrap_or_default();
        let room = mem::replace(room, empty);
        self.bytes += room.len();
        self.list.push(Sending { key, fd, room, result: None });
        self.list.len() - 1
    }

    /// Lends the room of a peer that is among them, or takes it back.
    pub(crate) fn swap(&mut self, number: usize, room: &mut Vec<u8>) {
        mem::swap(&mut self.list[number].room, room);
    }

    /// Sends nothing of this one: its room.
    pub(crate) fn withdraw(&mut self, number: usize) -> Vec<u8> {
        // No peer has this key.
        self.list[number].key = Key::STOP;
        mem::take(&mut self.list[number].room)
    }

    /// Whether there is enough to be sent at once.
    #[inline]
    pub(crate) fn enough(&self) -> bool {
        self.bytes >= BATCH
    }

    /// Whether there are as many as there are rooms for: more would be allocated, and others evicted
    /// from the caches before they are sent.
    pub(crate) fn are_many(&self) -> bool {
        self.list.len() >= ROOMS_MOST
    }

    /// Whether somebody goes on without anything else having to happen.
    pub(crate) fn hurries(&self) -> bool {
        self.urgent || !self.follow.is_empty()
    }

    /// Takes all of them.
    pub(crate) fn take(&mut self) -> Vec<Sending> {
        self.urgent = false;
        self.bytes = 0;
        mem::take(&mut self.list)
    }

    /// Takes the list's memory back, which is empty.
    pub(crate) fn put_back(&mut self, list: Vec<Sending>) {
        debug_assert!(list.is_empty() && self.list.is_empty());
        self.list = list;
    }

    /// A room is empty again.
    #[inline]
    pub(crate) fn spare(&mut self, room: Vec<u8>) {
        if room.capacity() > 0 && room.capacity() <= ROOM_KEPT && self.spare.len() < ROOMS_MOST {
            debug_assert!(room.is_empty());
            self.spare.push(room);
        }
    }
}
