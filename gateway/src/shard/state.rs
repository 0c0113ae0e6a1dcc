//! The state of a shard, owned by its thread: connections, sockets, rooms, the turn.
//!
//! Everything here is synchronous; nothing blocks and nothing is awaited. Tasks that wait
//! (the read tasks, the flusher, the timer) live in [`super::tasks`] and borrow this for
//! the length of one step.

use std::collections::HashMap;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use roomcast_core::id::{Entropy, ShardIndex, Sid, SocketId};
use roomcast_core::publication::UnixMillis;
use roomcast_core::room::Namespace;
use roomcast_core::session::Millis;
use slab::Slab;

use super::Shard;
use super::acks::Acks;
use super::connection::{ConnKey, Connection, Speech};
use super::flush::Turn;
use super::rooms::{Places, RoomIndex, Rooms};
use super::rules::Rules;
use super::wheel::Wheel;
use crate::metrics::{Cells, Counter, Gauge};
use crate::node::Node;

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

    pub(crate) fn generation(&mut self) -> u32 {
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

    pub(crate) fn namespace(&self, index: u32) -> Namespace {
        self.node
            .namespaces
            .get(index as usize)
            .map_or_else(Namespace::root, |entry| entry.name.clone())
    }

    pub(crate) fn shard(&self) -> Option<Rc<Shard>> {
        self.me.upgrade()
    }
}
