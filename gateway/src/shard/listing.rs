//! What the API asks about who is here, answered in small parts.
//!
//! A part ends when it has what was wanted or when the shard has spent its steps on it: other
//! connections wait for no longer than that, however many there are, however many rooms each
//! is in.

use roomcast_core::cluster::{RoomInfo, SocketInfo};
use roomcast_core::room::Room;

use super::connection::Speech;
use super::rooms::{Member, RoomIndex};
use super::state::{Socket, State};
use crate::lists::{ConnectionsPart, ConnectionsQuery, Part, Query, RoomsPart, RoomsQuery};
use crate::metrics::Transport;

/// What a part may cost in steps. One step is one entry of a table that is looked at: a
/// socket, a room, a membership.
const STEPS_MAX: usize = 1024;
/// Members that are gone through to find the next ones of a room. They lie side by side, so
/// that this costs about as much as the steps.
const MEMBERS_MAX: usize = 16 * 1024;

/// What is left to spend on a part.
struct Budget {
    steps: usize,
    members_max: usize,
}

impl Budget {
    fn new() -> Self {
        Self { steps: STEPS_MAX, members_max: MEMBERS_MAX }
    }

    fn spend(&mut self, steps: usize) {
        self.steps = self.steps.saturating_sub(steps);
    }

    fn is_spent(&self) -> bool {
        self.steps == 0
    }
}

impl State {
    /// Answers a question of the API.
    pub(crate) fn look_up(&self, query: Query) {
        if query.is_abandoned() {
            return;
        }
        let mut budget = Budget::new();
        // Who asked may be gone by now: there is nobody to tell.
        match query {
            Query::Connections(query, reply) => drop(reply.send(self.list_connections(&query, &mut budget))),
            Query::Rooms(query, reply) => drop(reply.send(self.list_rooms(&query, &mut budget))),
            Query::Members(namespace, room, reply) => drop(reply.send(self.count_members(namespace, &room))),
            Query::Connection(namespace, id, reply) => {
                let private = self.private_member(namespace, &Room::of_socket(&id));
                drop(reply.send(private.and_then(|member| self.describe(member.socket))));
            }
        }
    }

    fn list_rooms(&self, query: &RoomsQuery, budget: &mut Budget) -> RoomsPart {
        let mut items = Vec::new();
        let after = query.after.as_ref().map(Room::as_str);
        for (room, members) in self.rooms.in_order(query.namespace, after, &query.prefix) {
            budget.spend(1);
            if members > 0 {
                items.push(RoomInfo { room: room.clone(), members });
            }
            if items.len() >= query.items_max || budget.is_spent() {
                return Part { items, next: Some(room.clone()) };
            }
        }
        Part { items, next: None }
    }

    fn list_connections(&self, query: &ConnectionsQuery, budget: &mut Budget) -> ConnectionsPart {
        let room = match &query.room {
            Some(room) if self.ids.contains_key(room.as_str()) => {
                let member = self.private_member(query.namespace, room).map(|member| member.socket);
                let member = member.into_iter().filter(|socket| *socket >= query.from);
                return self.describe_those(member, query, budget, |_| true);
            }
            Some(room) => self.rooms.find(query.namespace, room),
            None => self.everybody.get(query.namespace as usize).copied(),
        };
        let Some((room, entry)) = room.and_then(|room| Some((room, self.rooms.get(room)?))) else {
            return Part { items: Vec::new(), next: None };
        };
        if entry.members.len() <= budget.members_max {
            let (sockets, rest) = first_from(&entry.members, query.from, query.items_max);
            let part = self.describe_those(sockets.into_iter(), query, budget, |_| true);
            return Part { next: part.next.or(rest), ..part };
        }
        // So many are many among all sockets too: going through those finds the next one soon.
        let sockets = query.from..self.sockets.capacity() as u32;
        let everybody = query.room.is_none();
        self.describe_those(sockets, query, budget, |socket| {
            if everybody { is_one_of(socket, query.namespace) } else { is_in(socket, room) }
        })
    }

    /// Describes those of `sockets`, which come in order, that are meant.
    fn describe_those(
        &self,
        sockets: impl Iterator<Item = u32>,
        query: &ConnectionsQuery,
        budget: &mut Budget,
        is_meant: impl Fn(&Socket) -> bool,
    ) -> ConnectionsPart {
        let mut items = Vec::new();
        for index in sockets {
            if items.len() >= query.items_max || budget.is_spent() {
                return Part { items, next: Some(index) };
            }
            let socket = self.sockets.get(index as usize);
            budget.spend(1 + socket.map_or(0, |socket| socket.places.len()));
            if socket.is_some_and(&is_meant)
                && let Some(info) = self.describe(index)
            {
                items.push((index, info));
            }
        }
        Part { items, next: None }
    }

    fn count_members(&self, namespace: u32, room: &Room) -> usize {
        if self.ids.contains_key(room.as_str()) {
            return usize::from(self.private_member(namespace, room).is_some());
        }
        let entry = self.rooms.find(namespace, room).and_then(|index| self.rooms.get(index));
        entry.map_or(0, |entry| entry.members.len())
    }

    /// The socket whose private room it is, if it is in the namespace by now.
    pub(crate) fn private_member(&self, namespace: u32, room: &Room) -> Option<Member> {
        let socket = self.ids.get(room.as_str()).copied()?;
        let entry = self.sockets.get(socket as usize).filter(|entry| is_one_of(entry, namespace))?;
        Some(Member { conn: entry.conn, socket })
    }

    /// A socket as the API shows it.
    pub(crate) fn describe(&self, socket: u32) -> Option<SocketInfo> {
        let (index, socket) = (socket, self.sockets.get(socket as usize)?);
        let connection = self.conns.get(socket.conn as usize)?;
        let rooms = socket.places.iter().filter_map(|place| self.rooms.get(place.room)?.name.clone());
        let plain = matches!(connection.speech, Speech::Plain { .. });
        let handshakes = self.handshakes.as_ref();
        Some(SocketInfo {
            id: socket.id.clone(),
            namespace: self.namespace(socket.namespace),
            rooms: rooms.collect(),
            protocol: if plain { "plain" } else { "socketio" },
            transport: if connection.transport_label() == Transport::Polling { "polling" } else { "websocket" },
            address: connection.address.to_string(),
            connected_at: socket.connected_at,
            shard: self.index.get(),
            handshake: handshakes.map(|handshakes| handshakes.of(connection.kept.as_deref(), index, plain)),
        })
    }
}

/// Whether a socket takes part in a namespace.
fn is_one_of(socket: &Socket, namespace: u32) -> bool {
    socket.namespace == namespace && socket.joined
}

fn is_in(socket: &Socket, room: RoomIndex) -> bool {
    socket.places.iter().any(|place| place.room == room)
}

/// The first `count` members from a place on, in order, and the place of the one behind them.
fn first_from(members: &[Member], from: u32, count: usize) -> (Vec<u32>, Option<u32>) {
    let mut sockets: Vec<u32> = members.iter().map(|member| member.socket).filter(|socket| *socket >= from).collect();
    let mut rest = None;
    if sockets.len() > count {
        rest = Some(*sockets.select_nth_unstable(count).1);
        sockets.truncate(count);
    }
    sockets.sort_unstable();
    (sockets, rest)
}

#[cfg(test)]
mod tests;
