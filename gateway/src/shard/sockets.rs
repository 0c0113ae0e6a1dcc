//! Sockets of a shard: made, joined, found again, closed.

use std::sync::Arc;

use roomcast_core::close::CloseReason;
use roomcast_core::id::SocketId;

use super::rooms::{Member, Places, RoomIndex};
use super::state::{Socket, State};
use crate::metrics::{AckResult, Counter, Gauge};

impl State {
    /// Makes a socket, not joined yet.
    pub(crate) fn open_socket(&mut self, conn: u32, namespace: u32) -> u32 {
        let id = SocketId::new(self.node.tag, self.index, Self::entropy());
        let generation = self.generation();
        let connected_at = self.node.clock.unix();
        let socket =
            Socket { generation, conn, namespace, id: id.clone(), places: Places::new(), joined: false, connected_at };
        let index = self.sockets.insert(socket) as u32;
        self.ids.insert(id, index);
        index
    }

    /// The socket may be reached from now on: by its id and as one of everybody.
    pub(crate) fn join_everybody(&mut self, socket: u32) {
        let Some((conn, namespace)) = self.sockets.get(socket as usize).map(|s| (s.conn, s.namespace)) else {
            return;
        };
        self.settle(conn);
        let Some(room) = self.everybody.get(namespace as usize).copied() else {
            return;
        };
        let Some(entry) = self.sockets.get_mut(socket as usize) else {
            return;
        };
        entry.joined = true;
        self.rooms.join(room, Member { conn, socket }, &mut entry.places);
        if let Some(declared) = self.node.namespaces.get(namespace as usize) {
            self.node.interest.add_private(&declared.name, &entry.id);
        }
    }

    /// Ends a socket: out of its rooms, and unknown from now on.
    pub(crate) fn close_socket(&mut self, socket: u32, reason: CloseReason) {
        let Some((conn, joined)) = self.sockets.get(socket as usize).map(|s| (s.conn, s.joined)) else {
            return;
        };
        self.settle(conn);
        let rooms: Vec<RoomIndex> =
            self.sockets.get(socket as usize).map_or_else(Vec::new, |s| s.places.iter().map(|p| p.room).collect());
        for room in rooms {
            self.leave(socket, room);
        }
        if joined {
            if let Some(entry) = self.sockets.get(socket as usize)
                && let Some(declared) = self.node.namespaces.get(entry.namespace as usize)
            {
                self.node.interest.remove_private(&declared.name, &entry.id);
            }
            // Told once, also when the telling itself closes the connection.
            if let Some(entry) = self.sockets.get_mut(socket as usize) {
                entry.joined = false;
            }
            self.tell(socket, |events, client| events.disconnected(client, reason));
        }
        let owed = self.acks.forget_socket(socket);
        self.cells.add(Counter::Acks(AckResult::TimedOut), owed);
        self.cells.gauge_sub(Gauge::AcksPending, owed);
        if let Some(kept) = self.conns.get_mut(conn as usize).and_then(|connection| connection.kept.as_mut()) {
            kept.forget(socket);
        }
        if let Some(gone) = self.sockets.try_remove(socket as usize) {
            self.ids.remove(&gone.id);
        }
    }

    /// Ends one membership, if it is one.
    pub(crate) fn leave(&mut self, socket: u32, room: RoomIndex) {
        let Some(entry) = self.sockets.get_mut(socket as usize) else {
            return;
        };
        let Some(left) = self.rooms.leave(room, &mut entry.places) else {
            return;
        };
        if let Some(moved) = left.moved
            && let Some(other) = self.sockets.get_mut(moved.member.socket as usize)
        {
            super::rooms::moved(&moved, &mut other.places);
        }
        let named = self.rooms.get(room).is_some_and(|entry| entry.name.is_some());
        if named {
            self.cells.gauge_sub(Gauge::Subscriptions, 1);
        }
        if left.empty {
            self.close_room_if_idle(room);
        }
    }

    /// Forgets a room without members, unless it is being flushed.
    pub(crate) fn close_room_if_idle(&mut self, room: RoomIndex) {
        if let Some(gone) = self.rooms.close_if_idle(room) {
            self.cells.gauge_sub(Gauge::Rooms, 1);
            let (Some(name), Some(namespace)) = (gone.name, self.node.namespaces.get(gone.namespace as usize)) else {
                return;
            };
            self.node.interest.remove(self.index, &namespace.name, &name);
        }
    }

    /// The handle that embedding programs hold.
    pub(crate) fn client(&self, socket: u32) -> Option<crate::client_events::Client> {
        let entry = self.sockets.get(socket as usize)?;
        let key = crate::mail::SocketKey { index: socket, generation: entry.generation };
        let mailbox = Arc::clone(self.node.mailbox(self.index));
        Some(crate::client_events::Client::new(mailbox, key, entry.id.clone(), self.namespace(entry.namespace)))
    }
}
