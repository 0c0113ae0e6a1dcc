//! The room table of a shard: who is a member of what, as dense arrays.
//!
//! A room is an array of members, a socket an array of its places in them, so that a
//! delivery walks one array and a leave is a swap. Each namespace has one unnamed room
//! that every socket of it is in. A socket's private room (named after its id) is not
//! an entry: the id map is.
//!
//! Pure: no I/O, no clock. Publications that wait to be flushed are kept with their room,
//! but what that means is told in [`super::flush`].

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::rc::Rc;

use roomcast_core::room::Room;
use roomcast_core::spare::is_ample;
use slab::Slab;
use smallvec::SmallVec;

use super::item::Item;

/// Index of a room in the table.
pub(crate) type RoomIndex = u32;

/// A socket and the connection that carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) conn: u32,
    pub(crate) socket: u32,
}

/// A socket's place in a room.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) room: RoomIndex,
    position: u32,
}

/// The rooms of one socket: inline while it is in its namespace and one more room.
pub(crate) type Places = SmallVec<[Place; 2]>;

#[derive(Debug)]
pub(crate) struct RoomEntry {
    /// `None`: everybody in the namespace.
    pub(crate) name: Option<Room>,
    pub(crate) namespace: u32,
    pub(crate) members: Vec<Member>,
    /// Publications of this turn, oldest first.
    pub(crate) pending: Vec<Rc<Item>>,
    /// Whether the room waits to be flushed, or is being flushed.
    pub(crate) dirty: bool,
    /// The state of the links in which the adapter said that the room is live; 0: not yet.
    pub(crate) live_in: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Rooms {
    /// By namespace.
    names: Vec<Names>,
    entries: Slab<RoomEntry>,
}

/// The names of one namespace: hashed for deliveries, and in order for lists. Rooms come and
/// go seldom beside deliveries, so that the second map costs where it is cheap.
#[derive(Debug, Default)]
struct Names {
    hashed: HashMap<Room, RoomIndex>,
    /// Without the gateway's own rooms: nobody lists them.
    ordered: BTreeMap<Room, RoomIndex>,
}

impl Rooms {
    /// The room of everybody in a namespace.
    pub(crate) fn open_everybody(&mut self, namespace: u32) -> RoomIndex {
        self.insert(None, namespace)
    }

    fn insert(&mut self, name: Option<Room>, namespace: u32) -> RoomIndex {
        let entry = RoomEntry { name, namespace, members: Vec::new(), pending: Vec::new(), dirty: false, live_in: 0 };
        self.entries.insert(entry) as RoomIndex
    }

    /// The room of that name, if it has members or did a moment ago.
    pub(crate) fn find(&self, namespace: u32, name: &Room) -> Option<RoomIndex> {
        self.names.get(namespace as usize)?.hashed.get(name).copied()
    }

    /// The room of that name, made if need be.
    pub(crate) fn find_or_open(&mut self, namespace: u32, name: &Room) -> RoomIndex {
        if let Some(index) = self.find(namespace, name) {
            return index;
        }
        let index = self.insert(Some(name.clone()), namespace);
        if self.names.len() <= namespace as usize {
            self.names.resize_with(namespace as usize + 1, Names::default);
        }
        if let Some(names) = self.names.get_mut(namespace as usize) {
            names.hashed.insert(name.clone(), index);
            if !name.is_reserved() {
                names.ordered.insert(name.clone(), index);
            }
        }
        index
    }

    pub(crate) fn get(&self, room: RoomIndex) -> Option<&RoomEntry> {
        self.entries.get(room as usize)
    }

    pub(crate) fn get_mut(&mut self, room: RoomIndex) -> Option<&mut RoomEntry> {
        self.entries.get_mut(room as usize)
    }

    /// Makes `member` a member. `places` are its places; `true` if it is the room's first.
    pub(crate) fn join(&mut self, room: RoomIndex, member: Member, places: &mut Places) -> bool {
        let Some(entry) = self.entries.get_mut(room as usize) else {
            return false;
        };
        places.push(Place { room, position: entry.members.len() as u32 });
        entry.members.push(member);
        entry.members.len() == 1
    }

    /// Ends a membership. Returns the member that was moved into its place, with the
    /// place it came from, for [`moved`]; and whether the room is empty now. `None`: it was
    /// no member.
    pub(crate) fn leave(&mut self, room: RoomIndex, places: &mut Places) -> Option<Left> {
        let at = places.iter().position(|place| place.room == room)?;
        let place = places.swap_remove(at);
        if places.spilled() && is_ample(places.len(), places.capacity()) {
            places.shrink_to_fit();
        }
        let entry = self.entries.get_mut(room as usize)?;
        let from = entry.members.len() as u32 - 1;
        entry.members.swap_remove(place.position as usize);
        if is_ample(entry.members.len(), entry.members.capacity()) {
            entry.members.shrink_to(entry.members.len() * 2);
        }
        let moved = entry.members.get(place.position as usize).copied();
        Some(Left {
            moved: moved.map(|member| Moved { member, room, from, to: place.position }),
            empty: entry.members.is_empty(),
        })
    }

    /// Forgets a room that is empty and clean. `true` if it was forgotten.
    pub(crate) fn close_if_idle(&mut self, room: RoomIndex) -> Option<RoomEntry> {
        let entry = self.entries.get(room as usize)?;
        if !entry.members.is_empty() || entry.dirty {
            return None;
        }
        let name = entry.name.as_ref()?;
        let names = self.names.get_mut(entry.namespace as usize)?;
        names.hashed.remove(name);
        names.ordered.remove(name);
        self.entries.try_remove(room as usize)
    }

    /// Gives back the room of rooms that are gone.
    pub(crate) fn give_back(&mut self) {
        for Names { hashed, .. } in &mut self.names {
            if is_ample(hashed.len(), hashed.capacity()) {
                hashed.shrink_to(hashed.len() * 2);
            }
        }
        if is_ample(self.entries.len(), self.entries.capacity()) {
            self.entries.shrink_to_fit();
        }
    }

    /// Entries, and names, for which there is room.
    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.entries.capacity() + self.names.iter().map(|names| names.hashed.capacity()).sum::<usize>()
    }

    /// Named rooms with their entries.
    pub(crate) fn named(&self, namespace: u32) -> impl Iterator<Item = (&Room, usize)> {
        let entries = self.entries.iter().map(|(_, entry)| entry);
        entries
            .filter(move |entry| entry.namespace == namespace && !entry.members.is_empty())
            .filter_map(|entry| entry.name.as_ref().map(|name| (name, entry.members.len())))
    }

    /// Rooms in the order of their names, which begin with `prefix` and come behind `after`, with
    /// how many members they have: none, for a moment, if their last deliveries are still to be
    /// flushed. The gateway's own are left out. What comes before is not looked at.
    pub(crate) fn in_order<'a>(
        &'a self,
        namespace: u32,
        after: Option<&'a str>,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a Room, usize)> {
        let from = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        let names = self.names.get(namespace as usize).into_iter();
        let rooms = names.flat_map(move |names| names.ordered.range::<str, _>((from, Bound::Unbounded)));
        rooms
            .take_while(move |(name, _)| name.as_str().starts_with(prefix))
            .map(|(name, index)| (name, self.get(*index).map_or(0, |entry| entry.members.len())))
    }
}

/// What a leave did.
#[derive(Debug)]
pub(crate) struct Left {
    pub(crate) moved: Option<Moved>,
    pub(crate) empty: bool,
}

/// A member that took the place of one that left.
#[derive(Debug)]
pub(crate) struct Moved {
    pub(crate) member: Member,
    room: RoomIndex,
    from: u32,
    to: u32,
}

/// Corrects the places of a member that was moved.
pub(crate) fn moved(moved: &Moved, places: &mut Places) {
    for place in places.iter_mut() {
        if place.room == moved.room && place.position == moved.from {
            place.position = moved.to;
        }
    }
}
