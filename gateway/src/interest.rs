//! Which shards have a member of which room: one 64-bit mask a room, so that a
//! publication goes to the shards concerned and to no other; and what the adapter
//! is told to want.
//!
//! Consulted once a publication and at the first and last member of a room on a
//! shard, never once a receiver.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use roomcast_core::adapter::{Adapter, Live};
use roomcast_core::id::{NodeTag, ShardIndex, SocketId};
use roomcast_core::publication::Audience;
use roomcast_core::room::{Namespace, Room};
use roomcast_core::spare::is_ample;

/// The node's table of rooms with members.
pub struct Interest {
    tag: NodeTag,
    everywhere: u64,
    adapter: Arc<dyn Adapter>,
    private_rooms_wanted: bool,
    rooms: Mutex<HashMap<Namespace, HashMap<Room, u64>>>,
}

impl Interest {
    /// No members anywhere, on a node with `shards` shards.
    pub fn new(tag: NodeTag, shards: usize, adapter: Arc<dyn Adapter>) -> Self {
        let everywhere = if shards >= 64 { u64::MAX } else { (1 << shards) - 1 };
        let private_rooms_wanted = adapter.capabilities().private_rooms_wanted;
        Self { tag, everywhere, adapter, private_rooms_wanted, rooms: Mutex::default() }
    }

    /// A shard has its first member of a room, or another one while the room may not be live. Resolves when
    /// the room is live on the backend.
    pub fn add(&self, shard: ShardIndex, namespace: &Namespace, room: &Room) -> Live {
        let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        *rooms.entry(namespace.clone()).or_default().entry(room.clone()).or_default() |= shard.bit();
        self.adapter.want(namespace, room)
    }

    /// A shard has lost its last member of a room.
    pub fn remove(&self, shard: ShardIndex, namespace: &Namespace, room: &Room) {
        let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(named) = rooms.get_mut(namespace) else {
            return;
        };
        let Some(mask) = named.get_mut(room) else { return };
        *mask &= !shard.bit();
        if *mask == 0 {
            named.remove(room);
            if is_ample(named.len(), named.capacity()) {
                named.shrink_to(named.len() * 2);
            }
            self.adapter.unwant(namespace, room);
        }
    }

    /// The shards that may have a receiver.
    pub fn mask(&self, namespace: &Namespace, audience: &Audience) -> u64 {
        if audience.rooms.is_empty() {
            return self.everywhere;
        }
        let rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let named = rooms.get(namespace);
        audience.rooms.iter().fold(0, |mask, room| {
            let members = named.and_then(|named| named.get(room)).copied().unwrap_or(0);
            mask | members | self.private(room)
        })
    }

    /// The shards that may have a member of one room.
    pub fn mask_of(&self, namespace: &Namespace, room: &Room) -> u64 {
        let rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let members = rooms.get(namespace).and_then(|named| named.get(room)).copied().unwrap_or(0);
        members | self.private(room)
    }

    /// Deliveries to a socket's private room are wanted from now on, where the adapter has to be told.
    pub fn add_private(&self, namespace: &Namespace, id: &SocketId) {
        if self.private_rooms_wanted {
            // It is live in its own time, as on Node servers: nothing waits for it.
            drop(self.adapter.want(namespace, &Room::of_socket(id)));
        }
    }

    /// They no longer are.
    pub fn remove_private(&self, namespace: &Namespace, id: &SocketId) {
        if self.private_rooms_wanted {
            self.adapter.unwant(namespace, &Room::of_socket(id));
        }
    }

    /// The one shard where a socket of this id would live.
    fn private(&self, room: &Room) -> u64 {
        match SocketId::home_of(room.as_str()) {
            Some((tag, shard)) if tag == self.tag => shard.bit() & self.everywhere,
            _ => 0,
        }
    }

    /// Every shard.
    pub fn everywhere(&self) -> u64 {
        self.everywhere
    }
}

impl std::fmt::Debug for Interest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Interest").field("tag", &self.tag).finish_non_exhaustive()
    }
}
