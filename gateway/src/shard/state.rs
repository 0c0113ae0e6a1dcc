//! The state of a shard, owned by its thread: connections, sockets, rooms, the turn.
//!
//! Everything here is synchronous; nothing blocks and nothing is awaited. Tasks that wait
//! (the read tasks, the flusher, the timer) live in [`super::tasks`] and borrow this for
//! the length of one step.

use std::cell::RefCell;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::{Rc, Weak};
use std::sync::Arc;

use roomcast_core::close::CloseReason;
use roomcast_core::id::{Entropy, ShardIndex, Sid, SocketId};
use roomcast_core::publication::UnixMillis;
use roomcast_core::room::Namespace;
use roomcast_core::session::Millis;
use slab::Slab;
use tokio::sync::Notify;

use super::acks::Acks;
use super::connection::{ConnKey, Connection, Speech};
use super::handshake::Handshakes;
use super::rooms::{Places, RoomIndex, Rooms};
use super::rules::Rules;
use super::turn::Turn;
use super::wheel::Wheel;
use crate::client_events::{Client, ClientEvents};
use crate::mailbox::Mailbox;
use crate::metrics::{Cells, Counter, Gauge};
use crate::node::Node;
use crate::public::Waiting;

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

/// A shard, shared by the tasks of its thread.
pub(crate) struct Shard {
    pub(crate) index: ShardIndex,
    pub(crate) node: Arc<Node>,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) state: RefCell<State>,
    pub(crate) waiting: RefCell<Waiting>,
    pub(crate) flusher: Notify,
    pub(crate) timer: Notify,
}

impl Shard {
    pub(crate) fn new(index: ShardIndex, node: Arc<Node>) -> Rc<Self> {
        let mailbox = Arc::clone(node.mailbox(index));
        Rc::new_cyclic(|me| Self {
            index,
            mailbox,
            state: RefCell::new(State::new(me.clone(), index, Arc::clone(&node))),
            waiting: RefCell::new(Waiting::new(node.http_connections_max.div_ceil(node.mailboxes().len().max(1)))),
            node,
            flusher: Notify::new(),
            timer: Notify::new(),
        })
    }
}

/// What the tasks of a shard borrow, one at a time.
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
    /// `None`: there are no other servers that could be told.
    pub(crate) handshakes: Option<Handshakes>,
    generations: u32,
}

impl State {
    pub(crate) fn new(me: Weak<Shard>, index: ShardIndex, node: Arc<Node>) -> Self {
        let mut rooms = Rooms::default();
        let namespaces = 0..node.namespaces.len() as u32;
        let everybody = namespaces.map(|namespace| rooms.open_everybody(namespace)).collect();
        let rules = Rules::new(&node.settings());
        let handshakes = Handshakes::new(&node.settings(), node.adapter.capabilities().cluster);
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
            handshakes,
            generations: 0,
            node,
        }
    }

    /// Follows settings that have changed, at once: every rule is looked up when it is applied.
    pub(crate) fn reload(&mut self) {
        self.rules = Rules::new(&self.node.settings());
        // What waits or is unfinished already is judged by the new times.
        let rules = self.rules.plain;
        let timed = |c: &Connection| c.outbox.is_some() || c.message_deadline(&rules).is_some();
        let timed = self.conns.iter().filter(|(_, connection)| timed(connection));
        let keys: Vec<ConnKey> = timed.filter_map(|(index, _)| self.key(index as u32)).collect();
        for key in keys {
            self.look(key);
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
        let key = ConnKey { index: self.conns.insert(connection) as u32, generation };
        if let Some(sid) = sid {
            self.sids.insert(sid, key.index);
        }
        self.schedule(key);
        key
    }

    pub(crate) fn get(&self, key: ConnKey) -> Option<&Connection> {
        self.conns.get(key.index as usize).filter(|connection| connection.generation == key.generation)
    }

    pub(crate) fn get_mut(&mut self, key: ConnKey) -> Option<&mut Connection> {
        self.conns.get_mut(key.index as usize).filter(|connection| connection.generation == key.generation)
    }

    pub(crate) fn key(&self, conn: u32) -> Option<ConnKey> {
        let generation = self.conns.get(conn as usize)?.generation;
        Some(ConnKey { index: conn, generation })
    }

    pub(crate) fn namespace(&self, index: u32) -> Namespace {
        self.node.namespaces.get(index as usize).map_or_else(Namespace::root, |entry| entry.name.clone())
    }

    pub(crate) fn shard(&self) -> Option<Rc<Shard>> {
        self.me.upgrade()
    }

    /// Goes on with a socket when `future` is done, unless the socket is gone by then. A later one in
    /// its place is another socket.
    pub(crate) fn later<T: 'static>(
        &self,
        socket: u32,
        future: impl Future<Output = T> + 'static,
        then: impl FnOnce(&mut Self, T) + 'static,
    ) {
        let generation = self.sockets.get(socket as usize).map(|entry| entry.generation);
        let (Some(shard), Some(generation)) = (self.shard(), generation) else { return };
        tokio::task::spawn_local(async move {
            let outcome = future.await;
            let mut state = shard.state.borrow_mut();
            if state.sockets.get(socket as usize).is_some_and(|entry| entry.generation == generation) {
                then(&mut state, outcome);
            }
        });
    }

    /// Tells the backend in process of a socket. `None`: there is no backend, or it panicked, which ends
    /// that connection and no other.
    pub(crate) fn tell<T>(&mut self, socket: u32, what: impl FnOnce(&dyn ClientEvents, &Client) -> T) -> Option<T> {
        let events = self.node.events.clone()?;
        let (client, conn) = (self.client(socket)?, self.sockets.get(socket as usize)?.conn);
        let told = catch_unwind(AssertUnwindSafe(|| what(&*events, &client)));
        if told.is_err() {
            self.cells.inc(Counter::ConnectionPanics);
            self.close_index(conn, CloseReason::Internal);
        }
        told.ok()
    }
}
