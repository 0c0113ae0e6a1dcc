//! What reaches a shard from elsewhere on the node: deliveries, and requests of backends
//! and other nodes about the sockets that live here.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use roomcast_core::adapter::Responder;
use roomcast_core::close::CloseReason;
use roomcast_core::cluster::{Answer, Request, RoomInfo, Select, SocketInfo};
use roomcast_core::delivery::Delivery;
use roomcast_core::publication::{Audience, Publication};
use roomcast_core::room::Room;
use roomcast_core::socket_io;

use super::connection::Speech;
use super::item::Item;
use super::outbox::Packet;
use super::rooms::{Member, RoomIndex};
use super::state::State;
use super::subscribing::{Soon, live_in_time};
use crate::mail::{SocketKey, ToSocket};
use crate::metrics::{AckResult, Counter, DropReason, Gauge};

/// Entries of one part of a list.
const PART: usize = 256;

impl State {
    /// Takes a delivery that is charged `bytes` in the mailbox.
    pub(crate) fn deliver(&mut self, delivery: Arc<Delivery>, bytes: usize) {
        let publication = &delivery.publication;
        let namespace = self.node.namespace_index(publication.namespace.as_str());
        let (Some(namespace), false) = (namespace, self.is_expired(publication)) else {
            return self.node.mailbox(self.index).release(bytes);
        };
        self.turn.number += 1;
        let item = Rc::new(Item { number: self.turn.number, delivery, bytes });
        let audience = &item.delivery.publication.audience;
        let room = match (audience.rooms.as_slice(), audience.except.as_slice()) {
            ([], []) => self.everybody.get(namespace as usize).copied(),
            ([room], []) if !self.ids.contains_key(room.as_str()) => match self.rooms.find(namespace, room) {
                Some(index) => Some(index),
                None => return self.node.mailbox(self.index).release(bytes),
            },
            _ => None,
        };
        match room {
            Some(room) => self.pend(room, item),
            None => self.deliver_each(namespace, &item),
        }
    }

    /// Whether its time is over; then it is counted as dropped.
    fn is_expired(&self, publication: &Publication) -> bool {
        let now = || self.node.clock.unix();
        let expired = publication.expires_at.is_some_and(|at| now() > at);
        if expired {
            self.cells.inc(Counter::MessagesDropped(DropReason::Expired));
        }
        expired
    }

    /// The common case: one room. It waits with the room for the flusher.
    fn pend(&mut self, room: RoomIndex, item: Rc<Item>) {
        let Some(entry) = self.rooms.get_mut(room) else {
            return;
        };
        entry.pending.push(item);
        if !entry.dirty {
            entry.dirty = true;
            self.turn.rooms.push_back(room);
            self.wake_flusher();
        }
    }

    /// Several rooms, exceptions, a private room: each receiver once, by its outbox.
    fn deliver_each(&mut self, namespace: u32, item: &Rc<Item>) {
        let receivers = self.select(namespace, &item.delivery.publication.audience);
        for member in &receivers {
            // This publication is not pending anywhere: what is settled here is what came before it.
            self.settle(member.conn);
            self.put(member.conn, item);
            self.mark_dirty(member.conn);
        }
        self.node.mailbox(self.index).release(item.bytes);
    }

    /// The sockets of an audience, each once.
    pub(crate) fn select(&self, namespace: u32, audience: &Audience) -> Vec<Member> {
        let mut except: HashSet<u32> = HashSet::new();
        for room in &audience.except {
            except.extend(self.members(namespace, room).iter().map(|member| member.socket));
        }
        let mut seen = HashSet::new();
        let mut selected = Vec::new();
        let mut take = |members: &[Member]| {
            for member in members {
                if !except.contains(&member.socket) && seen.insert(member.socket) {
                    selected.push(*member);
                }
            }
        };
        if audience.rooms.is_empty() {
            let everybody = self.everybody.get(namespace as usize).and_then(|room| self.rooms.get(*room));
            take(everybody.map_or(&[], |entry| &entry.members));
        }
        for room in &audience.rooms {
            take(&self.members(namespace, room));
        }
        selected
    }

    /// The members of a room, or the socket whose private room it is.
    fn members(&self, namespace: u32, room: &Room) -> Vec<Member> {
        if self.ids.contains_key(room.as_str()) {
            return self.private_member(namespace, room).into_iter().collect();
        }
        let entry = self.rooms.find(namespace, room).and_then(|index| self.rooms.get(index));
        entry.map_or_else(Vec::new, |entry| entry.members.clone())
    }

    /// Carries out a request and answers it. `delivery`: the publication to acknowledge.
    pub(crate) fn order(&mut self, request: &Request, delivery: Option<Arc<Delivery>>, responder: Responder) {
        match request {
            Request::BroadcastWithAcks { timeout, .. } => {
                if let Some(delivery) = delivery {
                    self.deliver_with_acks(delivery, *timeout, responder);
                }
            }
            Request::Join(select, rooms) => {
                let (mut refused, mut soon) = (0, HashMap::new());
                let matched = self.for_each_selected(select, |state, socket| {
                    refused += usize::from(!state.join_all(socket, rooms, &mut soon));
                });
                respond_when_live(&responder, soon);
                respond(responder, vec![Answer::Matched(matched), Answer::Refused(refused)]);
            }
            Request::Leave(select, rooms) => {
                let matched = self.for_each_selected(select, |state, socket| {
                    for room in rooms {
                        state.part(socket, room);
                    }
                });
                respond(responder, vec![Answer::Matched(matched)]);
            }
            Request::Disconnect { select, reconnect } => {
                let matched = self.for_each_selected(select, |state, socket| state.disconnect(socket, *reconnect));
                respond(responder, vec![Answer::Matched(matched)]);
            }
            Request::FetchSockets { select, .. } => respond(responder, self.fetch(select)),
            Request::ListRooms { namespace, .. } => {
                let Some(index) = self.node.namespace_index(namespace.as_str()) else {
                    return;
                };
                let rooms: Vec<RoomInfo> =
                    self.rooms.named(index).map(|(room, members)| RoomInfo { room: room.clone(), members }).collect();
                respond(responder, rooms.chunks(PART).map(|part| Answer::Rooms(part.to_vec())).collect());
            }
            Request::ServerSideEmit { .. } => respond(responder, vec![Answer::Emitted("null".into())]),
        }
    }

    fn for_each_selected(&mut self, select: &Select, mut each: impl FnMut(&mut Self, u32)) -> usize {
        let Some(namespace) = self.node.namespace_index(select.namespace.as_str()) else {
            return 0;
        };
        let selected = self.select(namespace, &select.audience);
        for member in &selected {
            each(self, member.socket);
        }
        selected.len()
    }

    fn deliver_with_acks(&mut self, delivery: Arc<Delivery>, timeout: Duration, responder: Responder) {
        let publication = &delivery.publication;
        let (Some(id), Some(namespace)) = (publication.ack, self.node.namespace_index(publication.namespace.as_str()))
        else {
            return;
        };
        if self.is_expired(publication) {
            return respond(responder, vec![Answer::Asked(0)]);
        }
        let receivers = self.select(namespace, &publication.audience);
        let answering = |member: &&Member| {
            let speech = self.conns.get(member.conn as usize).map(|connection| &connection.speech);
            matches!(speech, Some(Speech::SocketIo { .. }))
        };
        let asked: HashSet<u32> = receivers.iter().filter(answering).map(|member| member.socket).collect();
        let deadline = self.now() + timeout.as_millis() as u64;
        let answers = vec![Answer::Asked(asked.len())];
        if self.acks.owed() + asked.len() > self.rules.acks_pending_max {
            // Delivered, but the answers have no place to go: the asking side sees them time out.
            self.cells.add(Counter::Acks(AckResult::TimedOut), asked.len() as u64);
        } else {
            self.cells.gauge_add(Gauge::AcksPending, asked.len() as u64);
            self.acks.expect(namespace, id, asked, responder.clone(), deadline);
        }
        respond(responder, answers);
        if let Some(shard) = self.shard() {
            shard.timer.notify_one();
        }
        self.turn.number += 1;
        let item = Rc::new(Item { number: self.turn.number, delivery, bytes: 0 });
        self.deliver_each(namespace, &item);
    }

    /// Counts the answers that will not come any more.
    pub(crate) fn expire_acks(&mut self) {
        let missing = self.acks.expire(self.now());
        self.cells.add(Counter::Acks(AckResult::TimedOut), missing);
        self.cells.gauge_sub(Gauge::AcksPending, missing);
    }

    /// Ends one socket: by a DISCONNECT packet, after which it stays away, or by its
    /// transport, after which it comes back.
    pub(crate) fn disconnect(&mut self, socket: u32, reconnect: bool) {
        let Some((conn, namespace)) = self.sockets.get(socket as usize).map(|s| (s.conn, s.namespace)) else {
            return;
        };
        if reconnect {
            return self.close_index(conn, CloseReason::Reconnect);
        }
        let text = socket_io::encode_disconnect(self.namespace(namespace).as_str());
        let Some(connection) = self.conns.get(conn as usize) else {
            return;
        };
        if matches!(connection.speech, Speech::SocketIo { .. }) {
            // While the session still knows the socket: what is pending for it goes out first.
            self.close_socket(socket, CloseReason::Kicked);
            if let Some(Speech::SocketIo { session, .. }) = self.conns.get_mut(conn as usize).map(|c| &mut c.speech) {
                session.namespaces.remove(socket);
            }
            self.send(conn, Packet::Message(text, Vec::new()));
        } else {
            self.close_index(conn, CloseReason::Kicked);
        }
    }

    fn fetch(&self, select: &Select) -> Vec<Answer> {
        let Some(namespace) = self.node.namespace_index(select.namespace.as_str()) else {
            return Vec::new();
        };
        let sockets: Vec<SocketInfo> =
            self.select(namespace, &select.audience).iter().filter_map(|member| self.describe(member.socket)).collect();
        sockets.chunks(PART).map(|part| Answer::Sockets(part.to_vec())).collect()
    }

    /// Ends the connections of sockets that may have missed something: they come back, and fetch what they need.
    pub(crate) fn start_afresh(&mut self, select: &Select) {
        self.for_each_selected(select, |state, socket| {
            if let Some(conn) = state.sockets.get(socket as usize).map(|socket| socket.conn) {
                state.close_index(conn, CloseReason::Gap);
            }
        });
    }

    /// What an embedding program does to one socket.
    pub(crate) fn socket_order(&mut self, key: SocketKey, what: ToSocket) {
        if self.sockets.get(key.index as usize).is_none_or(|socket| socket.generation != key.generation) {
            return;
        }
        match what {
            ToSocket::Emit(payload) => self.emit(key.index, &payload),
            ToSocket::Ack { id, args, attachments } => self.answer(key.index, id, &args, attachments),
            ToSocket::Disconnect { reconnect } => self.disconnect(key.index, reconnect),
        }
    }
}

/// Holds on to the responder until all rooms are live, and answers if they are not in time.
fn respond_when_live(responder: &Responder, soon: HashMap<Room, Soon>) {
    if soon.is_empty() {
        return;
    }
    let (responder, rooms) = (responder.clone(), soon.len());
    tokio::task::spawn_local(async move {
        if !live_in_time(soon.into_values()).await {
            responder.send(Answer::Degraded(rooms)).await;
        }
    });
}

/// Sends answers without holding the shard up: a full channel is waited for in a task.
fn respond(responder: Responder, answers: Vec<Answer>) {
    let mut answers = answers.into_iter();
    while let Some(answer) = answers.next() {
        if let Err(answer) = responder.try_send(answer) {
            tokio::task::spawn_local(async move {
                responder.send(answer).await;
                for answer in answers {
                    responder.send(answer).await;
                }
            });
            return;
        }
    }
}

#[cfg(test)]
mod tests;
