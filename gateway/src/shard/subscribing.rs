//! Memberships that a client or a backend asks for: all of the named rooms, or none of
//! them. A client's answer comes when every room is live on the backend, or says that it is not after
//! a while: the membership stands all the same, and becomes live when the backend does.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use roomcast_core::adapter::{AdapterError, BoxFuture, Live};
use roomcast_core::room::Room;

use super::refusal::Refused;
use super::rooms::{Member, RoomIndex};
use super::state::State;
use crate::limits::SUBSCRIBE_LIVE_MS;
use crate::metrics::{Counter, Gauge, SubscribeResult};

/// Resolves when a room is live on the backend.
pub(crate) type Soon = BoxFuture<'static, Result<(), AdapterError>>;

/// Rooms that were joined, and what still has to become live.
pub(crate) struct Subscribed {
    pub(crate) rooms: Vec<Room>,
    pub(crate) soon: Vec<Soon>,
}

impl State {
    /// Makes a socket a member of all `rooms`, or of none: of none also where their names are at fault.
    pub(crate) fn subscribe(&mut self, socket: u32, rooms: Result<Vec<Room>, Refused>) -> Result<Subscribed, Refused> {
        let outcome = rooms.and_then(|rooms| self.may_subscribe(socket, &rooms).map(|()| rooms));
        let result = if outcome.is_ok() { SubscribeResult::Ok } else { SubscribeResult::Refused };
        self.cells.inc(Counter::Subscribes(result));
        let rooms = outcome?;
        let soon = rooms.iter().filter_map(|room| self.join(socket, room)).collect();
        Ok(Subscribed { rooms, soon })
    }

    fn may_subscribe(&self, socket: u32, rooms: &[Room]) -> Result<(), Refused> {
        let Some(entry) = self.sockets.get(socket as usize) else {
            return Ok(());
        };
        let allowed = self.node.may_subscribe(entry.namespace);
        for room in rooms {
            if room.is_reserved() {
                return Err(Refused::reserved(room.as_str()));
            }
            if !allowed {
                return Err(Refused::forbidden(room.as_str(), "subscribe"));
            }
        }
        self.may_join(socket, rooms)
    }

    /// What holds for whoever wants the socket to join: all of the rooms, or none.
    fn may_join(&self, socket: u32, rooms: &[Room]) -> Result<(), Refused> {
        let Some(entry) = self.sockets.get(socket as usize) else {
            return Ok(());
        };
        let own = |room: &&Room| room.as_str() == entry.id.as_str();
        if let Some(room) = rooms.iter().find(|room| !own(room) && self.node.is_private(room)) {
            return Err(Refused::forbidden(room.as_str(), "join another socket's private room"));
        }
        let (held, max) = (self.rooms_of_connection(entry.conn), self.rules.rooms_per_connection_max);
        if held + rooms.len() <= max {
            return Ok(());
        }
        let new: HashSet<&Room> = rooms.iter().filter(|room| !own(room) && !self.is_member(socket, room)).collect();
        if !new.is_empty() && held + new.len() > max { Err(Refused::too_many_rooms(max)) } else { Ok(()) }
    }

    /// A backend makes a socket a member of all `rooms`, or of none; `false` means of none. What is not live
    /// yet is added to `soon`.
    pub(crate) fn join_all(&mut self, socket: u32, rooms: &[Room], soon: &mut HashMap<Room, Soon>) -> bool {
        let allowed = self.may_join(socket, rooms).is_ok();
        let result = if allowed { SubscribeResult::Ok } else { SubscribeResult::Refused };
        self.cells.inc(Counter::Subscribes(result));
        if allowed {
            for room in rooms {
                if let Some(live) = self.join(socket, room) {
                    soon.entry(room.clone()).or_insert(live);
                }
            }
        }
        allowed
    }

    /// Ends memberships; naming a room one is not in is no error.
    pub(crate) fn unsubscribe(&mut self, socket: u32, rooms: &[Room]) -> Result<Vec<Room>, Refused> {
        if let Some(reserved) = rooms.iter().find(|room| room.is_reserved()) {
            return Err(Refused::reserved(reserved.as_str()));
        }
        for room in rooms {
            self.part(socket, room);
        }
        Ok(rooms.to_vec())
    }

    /// Makes a socket a member. What is pending goes to it first: it was not a member for that.
    /// Returns what to wait for, if the room is not live yet.
    pub(crate) fn join(&mut self, socket: u32, room: &Room) -> Option<Soon> {
        let entry = self.sockets.get(socket as usize)?;
        let (conn, namespace) = (entry.conn, entry.namespace);
        if entry.id.as_str() == room.as_str() {
            return None;
        }
        let known = self.rooms.find(namespace, room);
        if let Some(index) = known.filter(|_| self.is_member(socket, room)) {
            return self.not_live(index, namespace, room);
        }
        self.settle(conn);
        let index = self.rooms.find_or_open(namespace, room);
        let entry = self.sockets.get_mut(socket as usize)?;
        self.rooms.join(index, Member { conn, socket }, &mut entry.places);
        self.cells.gauge_add(Gauge::Subscriptions, 1);
        if known.is_none() {
            self.cells.gauge_add(Gauge::Rooms, 1);
        }
        self.not_live(index, namespace, room)
    }

    /// What to wait for until a room is live. The adapter is asked by its first member here, and by further
    /// ones only until it has said once that the room is live, or a link has changed since.
    fn not_live(&mut self, index: RoomIndex, namespace: u32, room: &Room) -> Option<Soon> {
        let links = self.node.links.changes();
        if self.rooms.get(index).is_some_and(|entry| entry.live_in == links) {
            return None;
        }
        match self.node.interest.add(self.index, &self.namespace(namespace), room) {
            Live::Now => {
                if let Some(entry) = self.rooms.get_mut(index) {
                    entry.live_in = links;
                }
                None
            }
            Live::Soon(future) => Some(future),
        }
    }

    /// Ends a membership. What is pending still goes to the socket: it was a member for that.
    pub(crate) fn part(&mut self, socket: u32, room: &Room) {
        let Some(entry) = self.sockets.get(socket as usize) else {
            return;
        };
        let (conn, namespace) = (entry.conn, entry.namespace);
        if let Some(index) = self.rooms.find(namespace, room)
            && entry.places.iter().any(|place| place.room == index)
        {
            self.settle(conn);
            self.leave(socket, index);
        }
    }

    pub(crate) fn is_member(&self, socket: u32, room: &Room) -> bool {
        let Some(entry) = self.sockets.get(socket as usize) else {
            return false;
        };
        let index = self.rooms.find(entry.namespace, room);
        index.is_some_and(|index| entry.places.iter().any(|place| place.room == index))
    }

    /// Memberships of all sockets of a connection, in named rooms.
    fn rooms_of_connection(&self, conn: u32) -> usize {
        let Some(connection) = self.conns.get(conn as usize) else {
            return 0;
        };
        let places = |socket: &u32| self.sockets.get(*socket as usize).map_or(0, |s| s.places.len().saturating_sub(1));
        connection.sockets().iter().map(places).sum()
    }

    /// Answers a subscribe once all of its rooms are live, or have had their time.
    pub(crate) fn when_live(&mut self, socket: u32, ack: Option<u64>, subscribed: Subscribed) {
        let Subscribed { rooms, soon } = subscribed;
        if soon.is_empty() {
            return self.answer_rooms(socket, ack, &rooms, true);
        }
        self.later(socket, live_in_time(soon), move |state, live| {
            state.count_degraded(live);
            state.answer_rooms(socket, ack, &rooms, live);
        });
    }

    pub(crate) fn count_degraded(&self, live: bool) {
        if !live {
            self.cells.inc(Counter::SubscribesDegraded);
        }
    }
}

/// Waits for all of them, as long as rooms may take; `false`: not all are live. The wishes stand.
pub(crate) async fn live_in_time(soon: impl IntoIterator<Item = Soon>) -> bool {
    let all = async {
        for future in soon {
            future.await?;
        }
        Ok::<(), AdapterError>(())
    };
    let within = Duration::from_millis(SUBSCRIBE_LIVE_MS);
    tokio::time::timeout(within, all).await.is_ok_and(|outcome| outcome.is_ok())
}
