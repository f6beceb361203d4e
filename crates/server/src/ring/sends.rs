//! What is sent with the next call: each peer's output, in the room where its session wrote it.

use std::mem;
use std::os::fd::RawFd;

use switchboard_core::Connection;

use crate::mechanism::Key;

/// Bytes of output that leave without waiting for the rest of the batch: a bound on what lies there.
const BATCH: usize = 256 << 10;

/// Rooms that are kept for the next peers.
const ROOMS_MOST: usize = 256;

/// Bytes that they take at most: a room that is given back to the system and taken from it again
/// with each long reply costs more than the reply.
const SPARE_MOST: usize = 4 << 20;

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
    /// Bytes of the rooms among them, or more.
    bytes: usize,
    /// Empty rooms, and the bytes that they take.
    spare: Vec<Vec<u8>>,
    spare_bytes: usize,
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
        self.spare_bytes -= empty.capacity();
        let room = mem::replace(room, empty);
        self.bytes += room.len();
        self.list.push(Sending { key, fd, room, result: None });
        self.list.len() - 1
    }

    /// So many bytes were added to the room of a peer that is among them.
    pub(crate) fn count(&mut self, bytes: usize) {
        self.bytes += bytes;
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

    /// Whether there is something to be sent.
    #[inline]
    pub(crate) fn any(&self) -> bool {
        !self.list.is_empty()
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
        let bytes = self.spare_bytes + room.capacity();
        if room.capacity() > 0 && bytes <= SPARE_MOST && self.spare.len() < ROOMS_MOST {
            debug_assert!(room.is_empty());
            self.spare_bytes = bytes;
            self.spare.push(room);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(sends: &mut Sends) {
        let mut list = sends.take();
        for Sending { mut room, .. } in list.drain(..) {
            room.clear();
            sends.spare(room);
        }
        sends.put_back(list);
    }

    /// Kills: a room that grows on and on, because only what it began with is counted.
    #[test]
    fn what_is_added_to_a_room_counts() {
        let mut sends = Sends::default();
        let number = sends.add(Key::peer(0, 1), 7, &mut vec![0; 16 << 10]);
        assert!(sends.any() && !sends.enough());
        for _ in 1..16 {
            let mut room = Vec::new();
            sends.swap(number, &mut room);
            room.extend_from_slice(&[0; 16 << 10]);
            sends.count(16 << 10);
            sends.swap(number, &mut room);
        }
        assert!(sends.enough());
        sent(&mut sends);
        assert!(!sends.any() && !sends.enough());
    }

    /// Kills: the room of a long reply that is taken from the system each time; rooms that take more
    /// memory the longer the server runs.
    #[test]
    fn rooms_are_used_again_and_take_so_much_at_most() {
        let mut sends = Sends::default();
        let long = 300 << 10;
        for _ in 0..64 {
            sends.add(Key::peer(0, 1), 7, &mut Vec::with_capacity(long));
        }
        sent(&mut sends);
        let kept: usize = sends.spare.iter().map(Vec::capacity).sum();
        assert!(kept > SPARE_MOST - 2 * long && kept <= SPARE_MOST, "{kept}");
        let mut room = Vec::new();
        sends.add(Key::peer(0, 2), 7, &mut room);
        assert!(room.capacity() >= long);
        let kept: usize = sends.spare.iter().map(Vec::capacity).sum();
        assert_eq!(sends.spare_bytes, kept);
    }
}
