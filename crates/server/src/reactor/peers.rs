//! A loop's peers, by key.

use std::os::fd::OwnedFd;

use slab::Slab;
use switchboard_core::Connection;

use crate::deadlines::Tick;
use crate::mechanism::{Interest, Key};
use crate::supervision::Seen;
use crate::workers::Home;

/// One peer of a loop.
pub(crate) struct Slot {
    generation: u32,
    /// What the mechanism watches its socket for.
    pub(super) interest: Interest,
    /// It is on the list of those that have more to do.
    pub(super) queued: bool,
    /// The mechanism does not watch it for a while.
    pub(super) unwatched: bool,
    /// Whose queue its session's calls go to, where workers make them.
    pub(super) home: Home,
    /// The earliest entry that it has among the loop's deadlines.
    pub(super) armed: Option<Tick>,
    pub(super) socket: OwnedFd,
    pub(super) connection: Connection,
}

impl Slot {
    /// What the operator sees of it.
    pub(super) fn seen(&self) -> Seen {
        let (id, address) = self.connection.identity();
        Seen { id, address: address.to_string(), traffic: self.connection.traffic() }
    }
}

/// All peers of a loop. A key outlives its peer without harm: it finds nobody.
#[derive(Default)]
pub(crate) struct Peers {
    slots: Slab<Slot>,
    generation: u32,
}

impl Peers {
    /// No peers; the first one's generation comes after that of the beginning.
    pub(super) fn of_generation(generation: u32) -> Peers {
        Peers { slots: Slab::new(), generation }
    }

    /// The key that the next [`insert`](Peers::insert) will use.
    pub(super) fn next_key(&mut self) -> Key {
        let index = u32::try_from(self.slots.vacant_key()).expect("fewer than 2^32 peers");
        Key::peer(index, self.generation.wrapping_add(1).max(1))
    }

    pub(super) fn insert(&mut self, key: Key, socket: OwnedFd, connection: Connection) {
        self.generation = key.generation();
        let slot = Slot {
            generation: key.generation(),
            interest: Interest::READ,
            queued: false,
            unwatched: false,
            home: Home::default(),
            armed: None,
            socket,
            connection,
        };
        let index = self.slots.insert(slot);
        debug_assert_eq!(index, key.index());
    }

    #[inline]
    pub(super) fn get(&mut self, key: Key) -> Option<&mut Slot> {
        self.slots.get_mut(key.index()).filter(|slot| slot.generation == key.generation())
    }

    #[inline]
    pub(super) fn find(&self, key: Key) -> Option<&Slot> {
        self.slots.get(key.index()).filter(|slot| slot.generation == key.generation())
    }

    pub(super) fn has(&self, key: Key) -> bool {
        self.find(key).is_some()
    }

    pub(super) fn remove(&mut self, key: Key) -> Option<Slot> {
        if self.has(key) { Some(self.slots.remove(key.index())) } else { None }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn keys(&self) -> Vec<Key> {
        let key = |(index, slot): (usize, &Slot)| {
            Key::peer(u32::try_from(index).expect("fewer than 2^32 peers"), slot.generation)
        };
        self.slots.iter().map(key).collect()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().map(|(_, slot)| slot)
    }
}
