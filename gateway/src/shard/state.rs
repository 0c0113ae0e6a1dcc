//! The state of a shard, owned by its thread: connections, sockets, rooms, the turn.
//!
//! Everything here is synchronous; nothing blocks and nothing is awaited. Tasks that wait
//! (the read tasks, the flusher, the timer) live in [`super::tasks`] and borrow this for
//! the length of one step.

use std::collections::HashMap;
use std::io::IoSlice;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use bytes::Bytes;
use roomcast_core::close::CloseReason;
use roomcast_core::id::{Entropy, ShardIndex, Sid, SocketId};
use roomcast_core::publication::UnixMillis;
use roomcast_core::room::Namespace;
use roomcast_core::session::Millis;
use slab::Slab;

use super::Shard;
use super::acks::Acks;
use super::connection::{ConnKey, Connection, Speech, Transport};
use super::flush::Turn;
use super::outbox::Packet;
use super::rooms::{Member, Places, RoomIndex, Rooms};
use super::rules::Rules;
use super::wheel::Wheel;
use crate::metrics::{AckResult, Cells, Counter, Gauge};
use crate::node::Node;

/// Slices of one `writev`.
const SLICES_MAX: usize = 64;
/// Entries up to this many bytes in all are joined and written as one slice.
const JOIN_BYTES_MAX: usize = 16 * 1024;
/// How long a peer may take to close after our close frame.
const CLOSING_MS: Millis = 2_000;
/// Bytes of the one read buffer of a shard.
pub(crate) const SCRATCH_BYTES: usize = 64 * 1024;

/// A socket: one namespace of a Socket.IO connection, or one plain WebSocket.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) generation: u32,
    pub(crate) conn: u32,
    pub(crate) namespace: u32,
    pub(crate) id: SocketId,
    pub(crate) places: Places,
    /// Whether its CONNECT was answered.
    pub(crate) joined: bool,
    pub(crate) connected_at: UnixMillis,
}

pub(crate) struct State {
    pub(crate) me: Weak<Shard>,
    pub(crate) index: ShardIndex,
    pub(crate) node: Arc<Node>,
    pub(crate) rules: Rules,
    pub(crate) cells: Cells,
    pub(crate) conns: Slab<Connection>,
    pub(crate) sockets: Slab<Socket>,
    pub(crate) ids: HashMap<SocketId, u32>,
    pub(crate) sids: HashMap<Sid, u32>,
    pub(crate) rooms: Rooms,
    /// By namespace: the room of everybody in it.
    pub(crate) everybody: Vec<RoomIndex>,
    pub(crate) acks: Acks,
    pub(crate) turn: Turn,
    pub(crate) wheel: Wheel,
    pub(crate) scratch: Vec<u8>,
    generations: u32,
}

impl State {
    pub(crate) fn new(me: Weak<Shard>, index: ShardIndex, node: Arc<Node>) -> Self {
        let mut rooms = Rooms::default();
        let namespaces = 0..node.namespaces.len() as u32;
        let everybody = namespaces
            .map(|namespace| rooms.open_everybody(namespace))
            .collect();
        let rules = Rules::new(&node.settings);
        let cells = node.metrics.cells();
        let wheel = Wheel::new(node.clock.now());
        Self {
            me,
            index,
            rules,
            cells,
            conns: Slab::new(),
            sockets: Slab::new(),
            ids: HashMap::new(),
            sids: HashMap::new(),
            rooms,
            everybody,
            acks: Acks::default(),
            turn: Turn::default(),
            wheel,
            scratch: vec![0; SCRATCH_BYTES],
            generations: 0,
            node,
        }
    }

    pub(crate) fn now(&self) -> Millis {
        self.node.clock.now()
    }

    pub(crate) fn entropy() -> Entropy {
        let mut entropy = [0; 12];
        // The kernel's generator does not fail once it is seeded, which it is before we run.
        let _ = getrandom::fill(&mut entropy);
        entropy
    }

    fn generation(&mut self) -> u32 {
        self.generations = self.generations.wrapping_add(1);
        self.generations
    }

    /// Takes a connection in and starts its timer.
    pub(crate) fn insert(&mut self, mut connection: Connection) -> ConnKey {
        let generation = self.generation();
        connection.generation = generation;
        connection.settled = self.turn.number;
        self.node.transport_opened();
        let (protocol, transport) = (connection.protocol(), connection.transport_label());
        self.cells.inc(Counter::ConnectionsOpened(protocol, transport));
        self.cells.gauge_add(Gauge::Connections(protocol, transport), 1);
        let sid = match &connection.speech {
            Speech::SocketIo { sid, .. } => Some(*sid),
            _ => None,
        };
        let key = ConnKey {
            index: self.conns.insert(connection) as u32,
            generation,
        };
        if let Some(sid) = sid {
            self.sids.insert(sid, key.index);
        }
        self.schedule(key);
        key
    }

    pub(crate) fn get(&self, key: ConnKey) -> Option<&Connection> {
        self.conns
            .get(key.index as usize)
            .filter(|connection| connection.generation == key.generation)
    }

    pub(crate) fn get_mut(&mut self, key: ConnKey) -> Option<&mut Connection> {
        self.conns
            .get_mut(key.index as usize)
            .filter(|connection| connection.generation == key.generation)
    }

    pub(crate) fn key(&self, conn: u32) -> Option<ConnKey> {
        let generation = self.conns.get(conn as usize)?.generation;
        Some(ConnKey {
            index: conn,
            generation,
        })
    }

    /// Makes a socket, not joined yet.
    pub(crate) fn open_socket(&mut self, conn: u32, namespace: u32) -> u32 {
        let id = SocketId::new(self.node.tag, self.index, Self::entropy());
        let generation = self.generation();
        let connected_at = self.node.clock.unix();
        let socket = Socket {
            generation,
            conn,
            namespace,
            id: id.clone(),
            places: Places::new(),
            joined: false,
            connected_at,
        };
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
    }

    /// Ends a socket: out of its rooms, and unknown from now on.
    pub(crate) fn close_socket(&mut self, socket: u32, reason: CloseReason) {
        let Some((conn, joined)) = self.sockets.get(socket as usize).map(|s| (s.conn, s.joined)) else {
            return;
        };
        self.settle(conn);
        let rooms: Vec<RoomIndex> = self
            .sockets
            .get(socket as usize)
            .map_or_else(Vec::new, |s| s.places.iter().map(|p| p.room).collect());
        for room in rooms {
            self.leave(socket, room);
        }
        if joined {
            if let (Some(events), Some(client)) = (self.node.events.clone(), self.client(socket)) {
                events.disconnected(&client, reason);
            }
        }
        let owed = self.acks.forget_socket(socket);
        self.cells.add(Counter::Acks(AckResult::TimedOut), owed);
        self.cells.gauge_sub(Gauge::AcksPending, owed);
        if let Some(gone) = self.sockets.try_remove(socket as usize) {
            self.ids.remove(&gone.id);
        }
    }

    /// Ends one membership.
    pub(crate) fn leave(&mut self, socket: u32, room: RoomIndex) {
        let Some(entry) = self.sockets.get_mut(socket as usize) else {
            return;
        };
        let left = self.rooms.leave(room, &mut entry.places);
        if let Some(moved) = left.moved {
            if let Some(other) = self.sockets.get_mut(moved.member.socket as usize) {
                super::rooms::moved(&moved, &mut other.places);
            }
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
            let (Some(name), Some(namespace)) =
                (gone.name, self.node.namespaces.get(gone.namespace as usize))
            else {
                return;
            };
            self.node.interest.remove(self.index, &namespace.name, &name);
        }
    }

    pub(crate) fn namespace(&self, index: u32) -> Namespace {
        self.node
            .namespaces
            .get(index as usize)
            .map_or_else(Namespace::root, |entry| entry.name.clone())
    }

    /// Queues a packet of our own behind all that is pending, to be flushed this turn.
    pub(crate) fn send(&mut self, conn: u32, packet: Packet) {
        self.settle(conn);
        let bytes_max = self.rules.outbox_bytes_max;
        let Some(connection) = self.conns.get_mut(conn as usize) else {
            return;
        };
        if matches!(connection.transport, Transport::Closing { .. }) {
            return;
        }
        let outbox = connection.outbox();
        let before = outbox.bytes();
        let fits = outbox.put_own(packet, bytes_max);
        let after = outbox.bytes();
        self.outbox_bytes_changed(before, after);
        if fits {
            self.mark_dirty(conn);
        } else {
            self.close_index(conn, CloseReason::SlowConsumer);
        }
    }

    pub(crate) fn mark_dirty(&mut self, conn: u32) {
        let Some(connection) = self.conns.get_mut(conn as usize) else {
            return;
        };
        if !connection.dirty {
            connection.dirty = true;
            self.turn.conns.push(conn);
            self.wake_flusher();
        }
    }

    pub(crate) fn wake_flusher(&self) {
        if let Some(shard) = self.me.upgrade() {
            shard.flusher.notify_one();
        }
    }

    pub(crate) fn outbox_bytes_changed(&self, before: usize, after: usize) {
        if after >= before {
            self.cells.gauge_add(Gauge::OutboxBytes, (after - before) as u64);
        } else {
            self.cells.gauge_sub(Gauge::OutboxBytes, (before - after) as u64);
        }
    }

    /// A connection became blocked: its read task is to wait for writability too.
    pub(crate) fn backpressured(&mut self, conn: u32) {
        self.cells.gauge_add(Gauge::ConnectionsBackpressured, 1);
        if let Some(connection) = self.conns.get(conn as usize) {
            connection.wake();
        }
        if let Some(key) = self.key(conn) {
            self.wheel_insert(key, self.now() + self.rules.outbox_age_max);
        }
    }

    /// Hands the transport what waits for it, as far as it takes it.
    pub(crate) fn write_outbox(&mut self, conn: u32) {
        let Some(connection) = self.conns.get_mut(conn as usize) else {
            return;
        };
        match &connection.transport {
            Transport::Polling(_) => self.answer_poll(conn),
            Transport::Closing { .. } => {}
            Transport::WebSocket { .. } => self.write_websocket(conn),
        }
    }

    fn write_websocket(&mut self, conn: u32) {
        let now = self.now();
        loop {
            let Some(connection) = self.conns.get_mut(conn as usize) else {
                return;
            };
            let protocol = connection.protocol();
            let (Transport::WebSocket { io, .. }, Some(outbox)) =
                (&connection.transport, &mut connection.outbox)
            else {
                return;
            };
            if outbox.blocked_since().is_some() {
                return;
            }
            let front = outbox.front(connection.variant, SLICES_MAX);
            let total: usize = front.iter().map(Bytes::len).sum();
            let before = outbox.bytes();
            let result = write_front(io, &front, total);
            let Ok(written) = result else {
                self.close_index(conn, CloseReason::TransportError);
                return;
            };
            outbox.advance(&front, written);
            let (after, done) = (outbox.bytes(), outbox.is_empty());
            if written < total {
                outbox.set_blocked(now);
            }
            if done {
                connection.outbox = None;
            }
            self.cells.add(Counter::SentBytes(protocol), written as u64);
            self.outbox_bytes_changed(before, after);
            if written < total {
                self.backpressured(conn);
                return;
            }
            if done {
                return;
            }
        }
    }

    /// The socket takes bytes again.
    pub(crate) fn writable(&mut self, conn: u32) {
        if let Some(outbox) = self.conns.get_mut(conn as usize).and_then(|c| c.outbox.as_mut()) {
            if outbox.blocked_since().is_some() {
                outbox.set_writable();
                self.cells.gauge_sub(Gauge::ConnectionsBackpressured, 1);
                self.write_outbox(conn);
            }
        }
    }

    pub(crate) fn close(&mut self, key: ConnKey, reason: CloseReason) {
        if self.get(key).is_some() {
            self.close_index(key.index, reason);
        }
    }

    /// Ends a connection: its sockets leave, what is queued goes out as far as it can, a
    /// close frame or a last poll answer follows.
    pub(crate) fn close_index(&mut self, conn: u32, reason: CloseReason) {
        let Some(connection) = self.conns.get(conn as usize) else {
            return;
        };
        if matches!(connection.speech, Speech::Silent) {
            return;
        }
        for socket in connection.sockets() {
            self.close_socket(socket, reason);
        }
        let Some(connection) = self.conns.get_mut(conn as usize) else {
            return;
        };
        let (protocol, transport) = (connection.protocol(), connection.transport_label());
        let speech = std::mem::replace(&mut connection.speech, Speech::Silent);
        connection.permit = None;
        self.cells.gauge_sub(Gauge::Connections(protocol, transport), 1);
        self.cells.inc(Counter::ConnectionsClosed(protocol, reason));
        let Some(connection) = self.conns.get_mut(conn as usize) else {
            return;
        };
        if matches!(connection.transport, Transport::Polling(_)) {
            if let Speech::SocketIo { sid, .. } = speech {
                self.close_polling(conn, sid, reason);
            }
            return;
        }
        if let Speech::SocketIo { sid, .. } = &speech {
            self.sids.remove(sid);
        }
        let code = (!matches!(speech, Speech::SocketIo { .. }) || reason.line().code_on_socket_io)
            .then(|| (reason.line().code, reason.line().text));
        self.farewell(conn, reason, code);
    }

    /// The WebSocket's end: a close frame if the other side can still read one.
    fn farewell(&mut self, conn: u32, reason: CloseReason, code: Option<(u16, &str)>) {
        let until = self.now() + CLOSING_MS;
        let Some(connection) = self.conns.get_mut(conn as usize) else {
            return;
        };
        let broken = matches!(reason, CloseReason::TransportError);
        let blocked = connection
            .outbox
            .as_ref()
            .is_some_and(|outbox| outbox.blocked_since().is_some());
        let mut rest = connection.outbox.take();
        if let Some(outbox) = &rest {
            self.outbox_bytes_changed(outbox.bytes(), 0);
            if blocked {
                self.cells.gauge_sub(Gauge::ConnectionsBackpressured, 1);
            }
        }
        let Some(connection) = self.conns.get_mut(conn as usize) else {
            return;
        };
        if let (Transport::WebSocket { io, .. }, false, false) = (&connection.transport, broken, blocked) {
            let mut bytes = Vec::new();
            while let Some(outbox) = rest.as_mut().filter(|outbox| !outbox.is_empty()) {
                let front = outbox.front(connection.variant, SLICES_MAX);
                front.iter().for_each(|part| bytes.extend_from_slice(part));
                outbox.advance(&front, front.iter().map(Bytes::len).sum());
            }
            roomcast_core::websocket::encode_close(code, &mut bytes);
            // What the socket does not take now is lost with the connection.
            let _ = io.try_write(&bytes);
            io.shutdown_write();
            let connection = self.conns.get_mut(conn as usize);
            if let Some(connection) = connection {
                let transport =
                    std::mem::replace(&mut connection.transport, Transport::Polling(Box::default()));
                if let Transport::WebSocket { io, .. } = transport {
                    connection.transport = Transport::Closing { io, until };
                }
                connection.wake();
                if let Some(key) = self.key(conn) {
                    self.wheel_insert(key, until);
                }
            }
        } else {
            self.remove(conn);
        }
    }

    /// Forgets a connection; its read task ends, the socket closes.
    pub(crate) fn remove(&mut self, conn: u32) {
        if let Some(gone) = self.conns.try_remove(conn as usize) {
            self.node.transport_gone();
            if let Some(outbox) = &gone.outbox {
                self.outbox_bytes_changed(outbox.bytes(), 0);
            }
            if let Some(waker) = gone.waker {
                waker.wake();
            }
        }
    }

    /// The handle that embedding programs hold.
    pub(crate) fn client(&self, socket: u32) -> Option<crate::client_events::Client> {
        let entry = self.sockets.get(socket as usize)?;
        let key = super::SocketKey {
            index: socket,
            generation: entry.generation,
        };
        let mailbox = Arc::clone(self.node.mailbox(self.index));
        Some(crate::client_events::Client::new(
            mailbox,
            key,
            entry.id.clone(),
            self.namespace(entry.namespace),
        ))
    }

    pub(crate) fn shard(&self) -> Option<Rc<Shard>> {
        self.me.upgrade()
    }
}

fn write_front(io: &super::io::Io, front: &[Bytes], total: usize) -> std::io::Result<usize> {
    match front {
        [] => Ok(0),
        [one] => io.try_write(one),
        many if total <= JOIN_BYTES_MAX => {
            let mut joined = Vec::with_capacity(total);
            many.iter().for_each(|part| joined.extend_from_slice(part));
            io.try_write(&joined)
        }
        many => {
            let slices: Vec<IoSlice<'_>> = many.iter().map(|part| IoSlice::new(part)).collect();
            io.try_write_vectored(&slices)
        }
    }
}
